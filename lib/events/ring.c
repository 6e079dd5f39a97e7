// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ring.c - read events from the rings, and wait for new ones.
 *
 * Each reader keeps its own position in a ring that programs overwrite. So no reader waits for
 * another, and a killed reader leaves nothing behind. Readers without a filter share ring 0. Its
 * word seen is the position where the next such reader starts.
 *
 * A reader with a filter has a ring of its own. Programs write to it while the reader's bit in
 * filters is set and its lease runs. The reader first sets its bit. Then it filters the records
 * of ring 0 up to the head at that time itself; later records come in its own ring. It does the
 * same when its lease expired, because it had been stopped. It does not change the word seen of
 * ring 0. It marks the records there that it printed, so that no later reader prints them again.
 */
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "reader.h"

#define WAKEUP_RECORD 16 /* bytes of a record in the wake-up ring buffer: a header, and 8 bytes */
#define PATIENCE 100000000 /* ns to wait for a record that is being written */
#define LEASE 4000000000ULL /* ns; renewed when half of it has passed */
#define NAP 1000 /* ms; a reader with a lease sleeps no longer, so that it can renew it */

static __s64 clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/*
 * Let the programs write to the reader's own ring from now on, and start its lease.
 *
 * The reader filters the records of ring 0 between from and the head (until) itself.
 */
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

/* Return whether the next record has been incomplete for PATIENCE, and so counts as lost. */
static bool too_late(struct cgg_lane *lane)
{
	__s64 t = clock_ns();

	if (lane->stuck_at != lane->next + 1) {
		lane->stuck_at = lane->next + 1;
		lane->stuck_since = t;
	}
	return t - lane->stuck_since > PATIENCE;
}

/*
 * Copy a record and return the number that its slot has afterwards.
 *
 * The copy is complete and consistent if that is number; otherwise it must not be used.
 */
__u64 record_copy(struct cgg_event *event, const struct cgg_event *slot, __u64 number)
{
	__u64 there = __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE);

	if (there != number)
		return there;
	memcpy(event, slot, sizeof(*event));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&slot->number, __ATOMIC_RELAXED);
}

/*
 * Copy the next record of a ring and return 1, or return 0.
 *
 * 0 means that the head or limit is reached, or that the record is still being written. Records
 * that were overwritten or never completed are added to *lost.
 */
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

/* Return whether a record of ring 0 passes the reader's filter, as bpf/report.h decides it. */
static bool is_wanted(struct cgg_reader *reader, const struct cgg_event *e)
{
	const struct cgg_filter *f = &reader->filter;

	if (!cgg_filter_wants(f, e->program, e->verdict, e->policy))
		return false;
	return !f->cgroup || cgroup_is_below(e->cgroup, f->cgroup);
}

/* Return 1 with the next record of ring 0, up to limit, that this reader must print, or 0. */
static int from_all(struct cgg_reader *reader, __u64 limit, struct cgg_event *event, __u64 *lost)
{
	while (lane_next(&reader->all, reader->slots, limit, event, lost)) {
		/* Of the backlog, skip the records that readers with a filter have printed. */
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

/* Extend the lease when half of it has passed, unless programs have dropped the reader's bit. */
static void lease_renew(struct cgg_reader *reader)
{
	__u64 now = time_now();

	if (!is_joined(reader))
		return;
	if (reader->own.ring->lease < now + LEASE / 2)
		__atomic_store_n(&reader->own.ring->lease, now + LEASE, __ATOMIC_SEQ_CST);
	reader->suppressed_then = reader->ring[0].suppressed;
}

/*
 * Return 1 with the next record of the reader's own ring, or 0.
 *
 * When the lease has expired, join again and go on in ring 0 behind the last known record.
 */
static int from_own(struct cgg_reader *reader, struct cgg_event *event, __u64 *lost)
{
	for (;;) {
		while (lane_next(&reader->own, reader->slots, ~0ULL, event, lost)) {
			if (event->serial > reader->from && event->serial <= reader->until)
				continue; /* it was read from ring 0 */
			if (event->serial > reader->last)
				reader->last = event->serial;
			return 1;
		}
		if (reader->own.next != __atomic_load_n(&reader->own.ring->head, __ATOMIC_ACQUIRE))
			return 0;
		if (is_joined(reader))
			return 0;
		/* Count events that ring 0 suppressed meanwhile as lost: the filter may match. */
		*lost += reader->ring[0].suppressed - reader->suppressed_then;
		reader_join(reader, reader->last > reader->until ? reader->last : reader->until);
		if (from_all(reader, reader->until, event, lost))
			return 1;
		if (reader->all.next < reader->until)
			return 0;
	}
}

/* Return 1 with the next event, or 0 when there is none yet; add missed records to *lost. */
int reader_next(struct cgg_reader *reader, struct cgg_event *event, __u64 *lost)
{
	if (!reader->own.ring)
		return from_all(reader, ~0ULL, event, lost);
	if (from_all(reader, reader->until, event, lost))
		return 1;
	return reader->all.next < reader->until ? 0 : from_own(reader, event, lost);
}

/* Note that an event will be printed; return false when reader_seen() must be called next. */
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

/* Record that all events taken so far were printed, and that lost ones were reported. */
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

/*
 * Consume all wake-up records but the last.
 *
 * epoll wakes the other readers only while the wake-up ring buffer is not empty.
 */
static void wakeup_silence(struct cgg_reader *reader)
{
	unsigned long rung = *(const volatile unsigned long *)reader->wakeup_producer;
	unsigned long *heard = reader->wakeup_consumer;

	if (rung - __atomic_load_n(heard, __ATOMIC_ACQUIRE) > WAKEUP_RECORD)
		__atomic_store_n(heard, rung - WAKEUP_RECORD, __ATOMIC_RELEASE);
}

/* Let reader_wait() also end when the other end of fd is closed; files cannot be watched. */
void reader_watch(struct cgg_reader *reader, int fd)
{
	struct epoll_event closed = { .data.u32 = 1 };

	epoll_ctl(reader->epoll, EPOLL_CTL_ADD, fd, &closed);
}

/* Return whether there may be records, perhaps incomplete ones, or suppressed counts to read. */
bool reader_is_behind(const struct cgg_reader *reader)
{
	const struct cgg_lane *lane = reader->own.ring ? &reader->own : &reader->all;

	return __atomic_load_n(&lane->ring->head, __ATOMIC_SEQ_CST) != lane->next ||
	       __atomic_load_n(&lane->ring->suppressed, __ATOMIC_SEQ_CST) !=
		       reader->suppressed_seen ||
	       (reader->own.ring && (reader->all.next < reader->until || !is_joined(reader)));
}

/*
 * Wait for events, up to milliseconds unless that is below 0; a lease may end the wait earlier.
 *
 * Return 1 when there may be events, 0 after that time or a signal, -1 when the watched
 * descriptor was closed.
 */
int reader_wait(struct cgg_reader *reader, int milliseconds)
{
	struct cgg_ring *ring = reader->own.ring ? reader->own.ring : reader->all.ring;
	struct timespec instant = { .tv_nsec = 50000 };
	struct epoll_event wake;
	int count;

	if (reader_is_behind(reader)) {
		nanosleep(&instant, 0); /* the record is still being written */
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
	return count > 0 && wake.data.u32 ? -1 : count > 0;
}
