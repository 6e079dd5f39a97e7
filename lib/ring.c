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
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgg.h"

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

static int no_map(const char *name)
{
	return set_error(CGG_FAILED, CGG_DIR "/maps/%s: %s", name, strerror(errno));
}

/* map_pin - a map's values; *keep is its descriptor, where that is wanted */
static void *map_pin(const char *name, size_t size, int *keep)
{
	char path[64];
	void *at;
	int fd;

	snprintf(path, sizeof(path), "maps/%s", name);
	fd = pin_get(path);
	at = fd < 0 ? MAP_FAILED : mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED && fd < 0)
		pin_refusal(path);
	else if (at == MAP_FAILED)
		no_map(name);
	if (keep)
		*keep = fd;
	else if (fd >= 0)
		close(fd);
	return at == MAP_FAILED ? 0 : at;
}

/* ---- reader slots: who reads, and who no longer does ---- */

#define READER_SLOTS CGG_DIR "/readers"

/* reader_slot_lock - the locked directory of a reader slot, -1: somebody sits there. The lock dies with its owner. */
static int reader_slot_lock(__u32 reader_slot, bool make)
{
	char path[64];
	int dir;

	snprintf(path, sizeof(path), READER_SLOTS "/%u", reader_slot);
	if (make && ((mkdir(READER_SLOTS, 0700) && errno != EEXIST) ||
		     (mkdir(path, 0700) && errno != EEXIST)))
		return -1;
	dir = pin_directory(path);
	if (dir >= 0 && flock(dir, LOCK_EX | LOCK_NB)) {
		close(dir);
		errno = EWOULDBLOCK;
		return -1;
	}
	return dir;
}

/* map_empty - true: there is nothing for that reader slot any more. To look is cheap, to delete is not. */
static bool map_empty(int outer, __u32 reader_slot)
{
	__u32 id;

	if (bpf_map_lookup_elem(outer, &reader_slot, &id) && errno == ENOENT)
		return true;
	return !bpf_map_delete_elem(outer, &reader_slot) || errno == ENOENT;
}

/*
 * reader_slot_clear - of a reader slot that is locked: what its last reader left
 *
 * What could not be taken away keeps the reader slot's process id, for readers_sweep() to find.
 */
static void reader_slot_clear(struct cgg_reader *reader, __u32 reader_slot)
{
	bool rings, wakeups;

	__atomic_and_fetch(&reader->ring[0].filters, ~(1ULL << reader_slot), __ATOMIC_SEQ_CST);
	rings = map_empty(reader->rings, reader_slot);
	wakeups = map_empty(reader->wakeups, reader_slot);
	if (rings && wakeups)
		memset(&reader->reader_slots[reader_slot], 0,
		       sizeof(reader->reader_slots[reader_slot]));
}

/* readers_sweep - clears the reader slots of the dead; gives how many readers live */
unsigned readers_sweep(struct cgg_reader *reader)
{
	unsigned live = 0;

	for (__u32 reader_slot = 1; reader_slot < CGG_RINGS; reader_slot++) {
		int dir = reader_slot == reader->reader_slot ? -1
							     : reader_slot_lock(reader_slot, false);

		if (dir >= 0) {
			if (reader->reader_slots[reader_slot].pid)
				reader_slot_clear(reader, reader_slot);
			close(dir);
		} else if (reader_slot == reader->reader_slot || errno == EWOULDBLOCK) {
			live++;
		}
	}
	return live;
}

/* reader_slot_take - a reader of everything finds room even where there is no reader slot left */
static int reader_slot_take(struct cgg_reader *reader, bool needed)
{
	for (__u32 reader_slot = 1; reader_slot < CGG_RINGS; reader_slot++) {
		reader->lock = reader_slot_lock(reader_slot, true);
		if (reader->lock < 0)
			continue;
		reader_slot_clear(reader, reader_slot);
		reader->reader_slot = reader_slot;
		reader->reader_slots[reader_slot].filters = needed;
		reader->reader_slots[reader_slot].pid = (__u32)getpid();
		return 0;
	}
	return needed ? set_error(CGG_FAILED, "%d readers are at work, no more with a filter fit",
				  CGG_RINGS - 1)
		      : 0;
}

/* ---- opening ---- */

static int wakeup_watch(struct cgg_reader *reader, int wakeup)
{
	struct epoll_event wake = { .events = EPOLLIN | EPOLLET };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	reader->wakeup_consumer = mmap(0, page, PROT_READ | PROT_WRITE, MAP_SHARED, wakeup, 0);
	reader->wakeup_producer = mmap(0, page, PROT_READ, MAP_SHARED, wakeup, (off_t)page);
	reader->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (reader->wakeup_consumer == MAP_FAILED || reader->wakeup_producer == MAP_FAILED ||
	    reader->epoll < 0 || epoll_ctl(reader->epoll, EPOLL_CTL_ADD, wakeup, &wake))
		return no_map("wakeup");
	return 0;
}

/* join - the programs hand over from now on; ring 0 holds what came until then */
static void join(struct cgg_reader *reader, __u64 from)
{
	reader->from = from;
	reader->all.next = from;
	__atomic_store_n(&reader->own.ring->lease, time_now() + LEASE, __ATOMIC_SEQ_CST);
	__atomic_or_fetch(&reader->ring[0].filters, 1ULL << reader->reader_slot, __ATOMIC_SEQ_CST);
	reader->until = __atomic_load_n(&reader->ring[0].head, __ATOMIC_SEQ_CST);
	reader->suppressed_then = reader->ring[0].suppressed;
}

/* own_open - a ring and a wake-up ring for this reader; numbers go on where the last one's ended */
static int own_open(struct cgg_reader *reader, const struct cgg_filter *filter)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	struct cgg_ring *ring = &reader->ring[reader->reader_slot];
	__u32 slots = (__u32)reader->slots;
	size_t size = slots * sizeof(struct cgg_event);
	int map, wakeup;

	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "filtered", 4, sizeof(struct cgg_event), slots,
			     &options);
	wakeup = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "wakeup", 0, 0, CGG_WAKEUP, 0);
	if ((map < 0 || wakeup < 0) && errno == EPERM)
		return set_error(CGG_FAILED, "a ring for the filter: needs root, or CAP_BPF");
	if (map < 0 || wakeup < 0)
		return set_error(CGG_FAILED, "a ring for the filter: %s", strerror(errno));
	reader->own.events = mmap(0, size, PROT_READ, MAP_SHARED, map, 0);
	if (reader->own.events == MAP_FAILED)
		return set_error(CGG_FAILED, "a ring for the filter: %s", strerror(errno));
	ring->slots = slots;
	ring->waiting = 0;
	ring->filter = *filter;
	ring->seen = ring->head;
	reader->own.ring = ring;
	reader->own.next = ring->head;
	if (bpf_map_update_elem(reader->rings, &reader->reader_slot, &map, 0))
		return no_map("rings");
	if (bpf_map_update_elem(reader->wakeups, &reader->reader_slot, &wakeup, 0))
		return no_map("wakeups");
	close(map);
	join(reader, reader->start);
	return wakeup_watch(reader, wakeup);
}

static int map_open(const char *name, int *fd)
{
	char path[64];

	snprintf(path, sizeof(path), "maps/%s", name);
	*fd = pin_get(path);
	return *fd < 0 ? pin_refusal(path) : 0;
}

/* reader_look - what cgg-status needs: the rings' words, and who reads */
int reader_look(struct cgg_reader *reader)
{
	int status;

	memset(reader, 0, sizeof(*reader));
	reader->lock = -1;
	reader->ring = map_pin("ring", CGG_RINGS * sizeof(*reader->ring), 0);
	reader->reader_slots = map_pin("readers", CGG_RINGS * sizeof(*reader->reader_slots), 0);
	if (!reader->ring || !reader->reader_slots)
		return CGG_FAILED;
	reader->slots = reader->ring[0].slots;
	if (!reader->slots)
		return set_error(CGG_FAILED, CGG_DIR "/maps/ring: has no room; "
						     "run cgg-unload -f and cgg-load");
	status = map_open("rings", &reader->rings);
	if (!status)
		status = map_open("wakeups", &reader->wakeups);
	return status;
}

int reader_open(struct cgg_reader *reader, const struct cgg_filter *filter,
		const struct cgg_policy *policies)
{
	static const struct cgg_filter everything;
	bool filters = memcmp(filter, &everything, sizeof(*filter));
	int status = reader_look(reader), wakeup;

	if (status)
		return status;
	reader->filter = *filter;
	reader->policies = policies;
	reader->all.ring = &reader->ring[0];
	reader->all.events = map_pin("events", reader->slots * sizeof(*reader->all.events), 0);
	if (!reader->all.events)
		return CGG_FAILED;
	readers_sweep(reader);
	status = reader_slot_take(reader, filters);
	if (!status)
		status = suppressed_open(reader);
	if (status)
		return status;
	reader->start = __atomic_load_n(&reader->ring[0].seen, __ATOMIC_ACQUIRE);
	reader->backlog = __atomic_load_n(&reader->ring[0].head, __ATOMIC_ACQUIRE);
	if (filters)
		return own_open(reader, filter);
	reader->all.next = reader->start;
	status = map_open("wakeup", &wakeup);
	return status ? status : wakeup_watch(reader, wakeup);
}

void reader_close(struct cgg_reader *reader)
{
	if (reader->lock < 0)
		return;
	reader_slot_clear(reader, reader->reader_slot);
	close(reader->lock);
	reader->lock = -1;
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
		join(reader, reader->last > reader->until ? reader->last : reader->until);
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
