// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ring.c - a reader of events.
 *
 * Readers keep their own place in a ring that programs overwrite, so none waits
 * for another, and one that is killed leaves nothing behind. Readers of everything
 * share ring 0 and its word seen, from which the next one to come starts.
 *
 * One that filters has a ring of its own, filled by the programs while its bit in
 * filters is set and its lease runs. It begins in ring 0: it sets its bit, and then
 * what ring 0 holds up to its head at that time it looks through itself, and what
 * comes behind that it is handed. The same way back is taken when the lease was
 * over, because the reader had been stopped. It takes nothing from ring 0, but
 * marks there what it has printed, so that the next reader does not print it again.
 */
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "reader.h"

#define WAKEUP_RECORD 16 /* the header that the kernel puts before 8 bytes, and these */
#define PATIENCE 100000000 /* ns that a record may take from its beginning to its end */
#define LEASE 4000000000ULL /* ns; renewed when half of it is over */
#define NAP 1000 /* ms that a reader with a lease may sleep at once */

static __s64 clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* reader_join - the programs hand over from now on; ring 0 holds what came until then */
void reader_join(struct cgg_reader *reader, __u64 from)
{
	reader->from = from;
	reader->all.next = from;
	__atomic_store_n(&reader->own.ring->lease, time_now() + LEASE, __ATOMIC_SEQ_CST);
	__atomic_or_fetch(&reader->ring[0].filters, 1ULL << reader->reader_slot, __ATOMIC_SEQ_CST);
	reader->until = __atomic_load_n(&reader->ring[0].head, __ATOMIC_SEQ_CST);
	reader->suppressed_then = reader->ring[0].suppressed;
}

/* ---- reading ---- */

/* too_late - the record waited for was not there for longer than one takes to write */
static bool too_late(struct cgg_lane *lane)
{
	__s64 t = clock_ns();

	if (lane->stuck_at != lane->next + 1) {
		lane->stuck_at = lane->next + 1;
		lane->stuck_since = t;
	}
	return t - lane->stuck_since > PATIENCE;
}

/* record_copy - gives the number of what the slot holds; it was copied, whole, if that is number */
__u64 record_copy(struct cgg_event *event, const struct cgg_event *slot, __u64 number)
{
	__u64 there = __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE);

	if (there != number)
		return there;
	memcpy(event, slot, sizeof(*event));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&slot->number, __ATOMIC_RELAXED);
}

/* lane_next - the next record of a ring below its head or limit; 1, or 0: none yet */
static int lane_next(struct cgg_lane *lane, __u64 slots, __u64 limit, struct cgg_event *event,
		     __u64 *lost)
{
	for (;;) {
		__u64 head = __atomic_load_n(&lane->ring->head, __ATOMIC_ACQUIRE), number;
		const struct cgg_event *slot = &lane->events[lane->next % slots];

		if (lane->next >= limit || lane->next == head)
			return 0;
		if (head - lane->next > slots) {
			__u64 first = head - slots < limit ? head - slots : limit;

			*lost += first - lane->next;
			lane->next = first;
			continue;
		}
		number = record_copy(event, slot, lane->next + 1);
		if (number == lane->next + 1) {
			lane->next++;
			return 1;
		}
		if ((number == CGG_BUSY || number <= lane->next) && !too_late(lane))
			return 0;
		++*lost;
		lane->next++;
	}
}

/* is_wanted - what the programs ask (bpf/report.h), for records that they were not asked about */
static bool is_wanted(struct cgg_reader *reader, const struct cgg_event *e)
{
	const struct cgg_filter *f = &reader->filter;

	if (f->programs && !(f->programs >> (e->program & 31) & 1))
		return false;
	if (f->verdicts && !(f->verdicts >> (e->verdict & 31) & 1))
		return false;
	if (*f->policy && strncmp(f->policy, e->policy, CGG_NAME))
		return false;
	return !f->cgroup || cgroup_is_below(e->cgroup, f->cgroup);
}

/* from_all - the next record of ring 0 that this reader prints */
static int from_all(struct cgg_reader *reader, __u64 limit, struct cgg_event *event, __u64 *lost)
{
	while (lane_next(&reader->all, reader->slots, limit, event, lost)) {
		/* Its start is what nobody has printed; some of it filtering readers may have. */
		if (event->number <= reader->backlog && event->serial == event->number)
			continue;
		if (reader->own.ring && !is_wanted(reader, event))
			continue;
		event->serial = event->number;
		return 1;
	}
	return 0;
}

static bool is_joined(const struct cgg_reader *reader)
{
	return __atomic_load_n(&reader->ring[0].filters, __ATOMIC_SEQ_CST) >> reader->reader_slot &
	       1;
}

static void lease_renew(struct cgg_reader *reader)
{
	__u64 now = time_now();

	if (!is_joined(reader))
		return;
	if (reader->own.ring->lease < now + LEASE / 2)
		__atomic_store_n(&reader->own.ring->lease, now + LEASE, __ATOMIC_SEQ_CST);
	reader->suppressed_then = reader->ring[0].suppressed;
}

static int from_own(struct cgg_reader *reader, struct cgg_event *event, __u64 *lost)
{
	for (;;) {
		while (lane_next(&reader->own, reader->slots, ~0ULL, event, lost)) {
			if (event->serial > reader->from && event->serial <= reader->until)
				continue; /* ring 0 had it */
			if (event->serial > reader->last)
				reader->last = event->serial;
			return 1;
		}
		if (reader->own.next != __atomic_load_n(&reader->own.ring->head, __ATOMIC_ACQUIRE))
			return 0;
		if (is_joined(reader))
			return 0;
		/* What was suppressed from ring 0 meanwhile may have been for this reader. */
		*lost += reader->ring[0].suppressed - reader->suppressed_then;
		reader_join(reader, reader->last > reader->until ? reader->last : reader->until);
		if (from_all(reader, reader->until, event, lost))
			return 1;
		if (reader->all.next < reader->until)
			return 0;
	}
}

int reader_next(struct cgg_reader *reader, struct cgg_event *event, __u64 *lost)
{
	if (!reader->own.ring)
		return from_all(reader, ~0ULL, event, lost);
	if (from_all(reader, reader->until, event, lost))
		return 1;
	return reader->all.next < reader->until ? 0 : from_own(reader, event, lost);
}

/* reader_took - an event that reader_next() gave is about to be printed; false: not before reader_seen() */
bool reader_took(struct cgg_reader *reader, const struct cgg_event *event)
{
	reader->printed++;
	if (reader->own.ring && event->serial)
		reader->marks[reader->marked++] = event->serial;
	return reader->marked < CGG_MARKS;
}

static void raise_to(__u64 *word, __u64 to)
{
	__u64 now = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (now < to && !__atomic_compare_exchange_n(word, &now, to, true, __ATOMIC_RELEASE,
							__ATOMIC_RELAXED))
		;
}

void reader_seen(struct cgg_reader *reader, __u64 lost)
{
	struct cgg_reader_slot *reader_slot = &reader->reader_slots[reader->reader_slot];

	for (unsigned i = 0; i < reader->marked; i++) {
		struct cgg_event *e = &reader->all.events[(reader->marks[i] - 1) % reader->slots];

		if (__atomic_load_n(&e->number, __ATOMIC_RELAXED) == reader->marks[i])
			__atomic_store_n(&e->serial, reader->marks[i], __ATOMIC_RELAXED);
	}
	reader->marked = 0;
	if (reader->own.ring) {
		raise_to(&reader->own.ring->seen, reader->own.next);
		lease_renew(reader);
	} else {
		raise_to(&reader->ring[0].seen, reader->all.next);
	}
	if (lost)
		__atomic_add_fetch(&reader->ring[0].lost, lost, __ATOMIC_RELAXED);
	if (!reader->reader_slot)
		return;
	reader_slot->printed = reader->printed;
	reader_slot->lost += lost;
	reader_slot->next = reader->own.ring ? reader->own.next : reader->all.next;
}

/* ---- waiting ---- */

/* A record stays unread in the wake-up ring, or epoll would find nothing to wake the others for. */
static void wakeup_silence(struct cgg_reader *reader)
{
	unsigned long rung = *(const volatile unsigned long *)reader->wakeup_producer;
	unsigned long *heard = reader->wakeup_consumer;

	if (rung - __atomic_load_n(heard, __ATOMIC_ACQUIRE) > WAKEUP_RECORD)
		__atomic_store_n(heard, rung - WAKEUP_RECORD, __ATOMIC_RELEASE);
}

/* reader_watch - reader_wait() also ends when nobody reads what is written to fd, if that can be told */
void reader_watch(struct cgg_reader *reader, int fd)
{
	struct epoll_event closed = { .data.u32 = 1 };

	epoll_ctl(reader->epoll, EPOLL_CTL_ADD, fd, &closed);
}

/* reader_is_behind - there is something to look at; in ring 0 it may still be being written */
bool reader_is_behind(const struct cgg_reader *reader)
{
	const struct cgg_lane *lane = reader->own.ring ? &reader->own : &reader->all;

	return __atomic_load_n(&lane->ring->head, __ATOMIC_SEQ_CST) != lane->next ||
	       __atomic_load_n(&lane->ring->suppressed, __ATOMIC_SEQ_CST) !=
		       reader->suppressed_seen ||
	       (reader->own.ring && (reader->all.next < reader->until || !is_joined(reader)));
}

int reader_wait(struct cgg_reader *reader, int milliseconds)
{
	struct cgg_ring *ring = reader->own.ring ? reader->own.ring : reader->all.ring;
	struct timespec instant = { .tv_nsec = 50000 };
	struct epoll_event wake;
	int count;

	if (reader_is_behind(reader)) {
		nanosleep(&instant, 0); /* it is being written */
		return 1;
	}
	if (reader->own.ring)
		lease_renew(reader);
	__atomic_store_n(&ring->waiting, 1, __ATOMIC_SEQ_CST);
	if (reader_is_behind(reader))
		return 1;
	if (reader->own.ring && (milliseconds < 0 || milliseconds > NAP))
		milliseconds = NAP;
	count = epoll_wait(reader->epoll, &wake, 1, milliseconds);
	wakeup_silence(reader);
	return count > 0 && wake.data.u32
		       ? -1
		       : count > 0; /* a signal: look again, it is no time that went by */
}
