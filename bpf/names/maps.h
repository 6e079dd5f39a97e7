/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - the maps of the programs for names; cgg-load makes them with these programs.
 *
 * Each attachment has a map of bindings and one of names of its own, so that a cgroup with
 * countless names evicts only its own. They are pinned as bindings/ID and known/ID. Both have the
 * key in the outer maps at which name_owners has the id of the cgroup.
 */
#ifndef CGG_NAMES_MAPS_H
#define CGG_NAMES_MAPS_H

#include "../maps.h"

/* The id of the cgroup whose names are at a place; 0: the place is free. Only commands write it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGG_NAMES_CGROUPS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} name_owners MAP;

struct {
	__uint(type, CGG_OF_MAPS);
	__uint(max_entries, CGG_NAMES_CGROUPS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_LRU_HASH);
			__uint(max_entries, 1);
			__uint(key_size, sizeof(struct cgg_where));
			__uint(value_size, sizeof(struct cgg_bound));
		});
} bindings MAP;

struct {
	__uint(type, CGG_OF_MAPS);
	__uint(max_entries, CGG_NAMES_CGROUPS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_LRU_HASH);
			__uint(max_entries, 1);
			__uint(key_size, sizeof(__u64)); /* names_hash() */
			__uint(value_size, sizeof(struct cgg_known_name));
		});
} known MAP;

/* The seed of names_hash(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} seed MAP;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct cgg_names_count);
} name_counts MAP;

/* Held while a name is written to an address; by a part of the address. */
#define BIND_LOCKS 64
struct bind_lock {
	struct bpf_spin_lock lock;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BIND_LOCKS);
	__type(key, __u32);
	__type(value, struct bind_lock);
} bind_locks MAP;

#define OPEN_QUESTIONS 32 /* of a socket: some resolvers' libraries ask 16 at once */
struct question {
	__u64 hash; /* of the name */
	__u64 resolver[2];
	__u16 id, type;
	__u32 open;
};

/* How far the messages of a TCP stream were read. */
struct stream {
	__u32 next; /* sequence number of what is to be read next */
	__u32 known; /* 0: nothing is known of the stream */
	__u32 size; /* of the message that has begun */
	__u32 have; /* bytes of it that were read already, and of its length before it */
	__u64 waits; /* since when a gap in front of a segment is waited for; 0: there is none */
};

/* What a socket asked, and was not answered yet; freed with it. Nobody else can evict it. */
struct asking {
	struct question question[OPEN_QUESTIONS];
	struct stream out, in;
	__u32 turn, zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct asking);
} questions MAP;

#endif
