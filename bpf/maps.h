/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - defines every map. Each is pinned under maps/ by its name here.
 *
 * The maps are weak: the file of each hook includes them, and the linker keeps one copy.
 * Only user space writes policies, images and attachments. Only programs write events.
 */
#ifndef CGG_MAPS_H
#define CGG_MAPS_H

#include "map.h"
#include "event_maps.h"
#include "set_maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGG_POLICIES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_policy);
} policies MAP;

/*
 * The images of CGG_CHUNK policies share one inner map. It is pinned under images/ while one of
 * these policies has a name. Its value type is bytes, because clang writes no BTF for a
 * structure that only an inner map uses.
 */
struct {
	__uint(type, CGG_OF_MAPS);
	__uint(max_entries, CGG_CHUNKS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 2 * CGG_CHUNK);
			__uint(map_flags, BPF_F_MMAPABLE);
			__type(key, __u32);
			__type(value, char[sizeof(struct cgg_image)]);
		});
} images MAP;

/* The indexes of policies with many rules, and spare ones; pinned under indexes/. */
struct {
	__uint(type, CGG_OF_MAPS);
	__uint(max_entries, CGG_INDEXES);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
			__type(key, __u32);
			__type(value, char[CGG_PAGE]);
		});
} indexes MAP;

/* Cgroup id -> place in policies, with CGG_FORCED if cgg-attach -f made it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} attachments MAP;

/* The same fact where the programs of the cgroup read it; exists while one is linked. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct cgg_attached);
} attached MAP;

/* How many packets and bytes of a cgroup were allowed and denied. User space only reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct cgg_packets);
} packets MAP;

/* Hits of rules. The first hit makes an entry; if the map is full, hits are not counted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, CGG_COUNTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgg_count_key);
	__type(value, struct cgg_count);
} counts MAP;

/* The tallies of CGG_CHUNK policies share one inner map, pinned under tallies/. */
struct {
	__uint(type, CGG_OF_MAPS);
	__uint(max_entries, CGG_CHUNKS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
			__uint(max_entries, CGG_CHUNK * CGG_HOOKS);
			__type(key, __u32);
			__type(value, char[sizeof(struct cgg_tally)]);
		});
} tallies MAP;

/* The question of `cgg-rule test', which holds the lock of the pin directory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgg_ask);
} asked MAP;

char cgg_license[] SEC("license") = "GPL";

#endif
