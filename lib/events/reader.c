// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reader.c - open and close a reader of events: its reader slot, its rings, its wake-up.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader.h"

static int no_map(const char *name)
{
	return set_error(CGG_FAILED, CGG_DIR "/maps/%s: %s", name, strerror(errno));
}

/* Map the values of a pinned map into memory, or return 0; unless keep is 0, return its fd too. */
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

#define READER_SLOTS CGG_DIR "/readers"

/*
 * Lock the directory of a reader slot and return its descriptor, or -1.
 *
 * errno is EWOULDBLOCK when a live reader has it: the kernel drops the lock when that one dies.
 */
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

/* Delete the inner map of a reader slot; look first, because deleting is slow; return success. */
static bool map_empty(int outer, __u32 reader_slot)
{
	__u32 id;

	if (bpf_map_lookup_elem(outer, &reader_slot, &id) && errno == ENOENT)
		return true;
	return !bpf_map_delete_elem(outer, &reader_slot) || errno == ENOENT;
}

/*
 * Remove what the last reader of a locked reader slot left.
 *
 * If something could not be removed, the slot keeps its process id, so that readers_sweep()
 * tries again.
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

/* Clear the reader slots of dead readers, and return the number of live readers. */
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

/* Take a free reader slot; refuse when there is none and it is needed, which is for a filter. */
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
	return needed ? set_error(CGG_FAILED,
				  "%d readers are at work: no room for another with a filter",
				  CGG_RINGS - 1)
		      : 0;
}

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

/*
 * Make a ring and a wake-up ring buffer for the filter of this reader.
 *
 * Records are numbered on from the last reader of the slot.
 */
static int own_open(struct cgg_reader *reader, const struct cgg_filter *filter)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	struct cgg_ring *ring = &reader->ring[reader->reader_slot];
	__u32 slots = (__u32)reader->slots;
	size_t size = slots * sizeof(struct cgg_event);
	int map, wakeup;

	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "filtered", 4, sizeof(struct cgg_event), slots,
			     &options);
	wakeup = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "wakeup", 0, 0, (__u32)sysconf(_SC_PAGESIZE),
				0); /* the least that there is */
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
	reader_join(reader, reader->start);
	return wakeup_watch(reader, wakeup);
}

static void *unmapped(void *at, size_t size)
{
	if (at)
		munmap(at, size);
	return 0;
}

/*
 * Open the counters of the rings and the reader slots, but be no reader; cgg-status needs this.
 *
 * What is open stays so until the process ends. After a failure nothing is, and slots is 0.
 */
int reader_look(struct cgg_reader *reader)
{
	const size_t rings = CGG_RINGS * sizeof(*reader->ring);
	const size_t slots = CGG_RINGS * sizeof(*reader->reader_slots);
	int status;

	memset(reader, 0, sizeof(*reader));
	reader->lock = reader->rings = -1;
	reader->ring = map_pin("ring", rings, 0);
	reader->reader_slots = map_pin("readers", slots, 0);
	status = reader->ring && reader->reader_slots ? 0 : CGG_FAILED;
	reader->slots = status ? 0 : reader->ring[0].slots;
	if (!status && !reader->slots)
		status = set_error(CGG_FAILED, CGG_DIR "/maps/ring: has no room; "
						       "run cgg-unload -f and cgg-load");
	if (!status)
		status = map_open("rings", &reader->rings);
	if (!status)
		status = map_open("wakeups", &reader->wakeups);
	if (!status)
		return 0;
	if (reader->rings >= 0)
		close(reader->rings);
	reader->ring = unmapped(reader->ring, rings);
	reader->reader_slots = unmapped(reader->reader_slots, slots);
	reader->slots = 0;
	return status;
}

int ring_map(struct cgg_reader *reader)
{
	if (!reader->all.events)
		reader->all.events =
			map_pin("events", (size_t)reader->slots * sizeof(*reader->all.events), 0);
	return reader->all.events ? 0 : CGG_FAILED;
}

/* Become a reader of events: of all if the filter is all zero, else of those that match it. */
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
	status = ring_map(reader);
	if (status)
		return status;
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
