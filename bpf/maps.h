/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - every map, pinned under maps/ by the name it has here.
 *
 * Weak, so that each hook's file may include this and the linker keeps one.
 * Only user space writes policies, images and attachments; only programs write events.
 */
#ifndef CGG_MAPS_H
#define CGG_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "cgguard.h"

#define MAP SEC(".maps") __weak

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGG_POLICIES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_policy);
} policies MAP;

/*
 * The images of a chunk of policies lie in one map, pinned under images/ while one has a
 * name. It holds bytes: clang writes no BTF for a structure that only an inner map names.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
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

/* Made for a policy of many rules, each as large as it needs; pinned under indexes/. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2 * CGG_POLICIES);
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

/* cgroup id -> place in policies, and perhaps CGG_FORCED: what cgg-attach was told. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} attachments MAP;

/* The same as a program of that cgroup finds it. Exists while one is linked. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct cgg_attached);
} attached MAP;

/* What a cgroup's packets came to. User space only reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct cgg_packets);
} packets MAP;

/* Made by the programs at the first hit; no entry means none yet. When it is full, hits go by. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, CGG_COUNTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgg_count_key);
	__type(value, struct cgg_count);
} counts MAP;

/* The tallies of a chunk of policies lie in one map, pinned under tallies/. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
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

/* Ring 0. max_entries is set by cgg-load from --events-size; every ring has as many. */
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

/* The slots of the other rings, as their readers bring them. Element 0 is empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
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

/*
 * What sleeping readers of ring 0 wait on. Its records mean nothing and one always
 * stays unread, so that every waker reaches every reader (edge triggered epoll).
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CGG_WAKEUP);
} wakeup MAP;

/* The same for the other rings. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CGG_RINGS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, CGG_WAKEUP);
		});
} wakeups MAP;

/* Whose events were suppressed, how many; the oldest give way. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct cgg_suppressed);
	__type(value, __u64);
} suppressed MAP;

/* How many of them some reader has told, likewise. User space's alone, as are readers. */
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

/* The question that `cgg-rule test' asks, behind the lock of the pin directory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgg_ask);
} asked MAP;

char cgg_license[] SEC("license") = "GPL";

#endif
