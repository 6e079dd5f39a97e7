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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * CGG_POLICIES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_image);
} images MAP;

/* Made for a policy of many rules, each as large as it needs; pinned under bases/. */
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
} bases MAP;

/* cgroup id -> place in policies: what cgg-attach was told. */
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

/* Made by the programs at the first hit; no entry means none yet. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1 << 20);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgg_count_key);
	__type(value, struct cgg_count);
} counts MAP;

/* max_entries is set by cgg-load from --events-size. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_event);
} events MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_ring);
} ring MAP;

/*
 * What sleeping readers wait on. Its records mean nothing and one always stays
 * unread, so that every waker reaches every reader (edge triggered epoll).
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} bell MAP;

/* The question that `cgg-rule test' asks, behind the lock of the pin directory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgg_ask);
} asked MAP;

char cgg_license[] SEC("license") = "GPL";

#endif
