/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event_maps.h - the maps of events; maps.h describes the maps in general. */
#ifndef CGG_EVENT_MAPS_H
#define CGG_EVENT_MAPS_H

#include "map.h"

/* The slots of ring 0. cgg-load sets max_entries from --events-size; every ring has as many. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_event);
} events MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGG_RINGS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_ring);
} ring MAP;

/* The slots of the other rings; each reader creates its own. Element 0 is empty. */
struct {
	__uint(type, CGG_OF_MAPS);
	__uint(max_entries, CGG_RINGS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__uint(map_flags, BPF_F_MMAPABLE);
			__type(key, __u32);
			__type(value, struct cgg_event);
		});
} rings MAP;

/* slot_of - Return a slot of a ring, or 0. */
static inline __attribute__((always_inline)) struct cgg_event *slot_of(__u32 which, __u32 slot)
{
	void *own;

	if (!which)
		return bpf_map_lookup_elem(&events, &slot);
	own = bpf_map_lookup_elem(&rings, &which);
	return own ? bpf_map_lookup_elem(own, &slot) : 0;
}

/*
 * Sleeping readers of ring 0 wait for this ring buffer. Its records have no meaning. One record
 * always stays unread, so that each wake-up reaches every reader (edge-triggered epoll).
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CGG_WAKEUP);
} wakeup MAP;

/* The wake-up ring buffers of the other rings. */
struct {
	__uint(type, CGG_OF_MAPS);
	__uint(max_entries, CGG_RINGS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, CGG_WAKEUP);
		});
} wakeups MAP;

/* How many events were suppressed, by cgroup and rule. The oldest entries are dropped. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct cgg_suppressed);
	__type(value, __u64);
} suppressed MAP;

/* How many of these a reader has reported. Only user space uses this map and readers. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct cgg_suppressed);
	__type(value, __u64);
} told MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGG_RINGS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_reader_slot);
} readers MAP;

#endif
