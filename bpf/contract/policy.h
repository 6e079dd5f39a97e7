/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy.h - the state of a policy and of an attached cgroup, and the counters. */
#ifndef CGG_CONTRACT_POLICY_H
#define CGG_CONTRACT_POLICY_H

#include "index.h"
#include "names.h"
#include "sets.h"

/*
 * One state of a policy: an index, if it has many rules, and a few entries beside it, in order.
 * The first match wins: of the entries, and of the index by what the entry says in before.
 */
struct cgg_image {
	__u32 count;
	__u32 next_id;
	__u32 heap_used; /* units of 8 bytes */
	__u32 hooks; /* 1 << enum cgg_hook, those that need a program */
	struct cgg_defaults defaults;
	__u8 audit; /* refuse nothing; report each would-be denial */
	__u8 timed; /* an entry expires */
	__u8 by_name; /* a rule has CGG_BY_NAME */
	__u8 sets; /* places of set: used ones, or free between such */
	__u8 limited, zero[3]; /* limited: a rule has a limit */
	struct cgg_naming naming;
	struct cgg_index index;
	struct cgg_used_set set[CGG_SETS_OF];
	struct cgg_entry entry[CGG_ENTRIES];
	char heap[CGG_HEAP];
};

/*
 * A policy has two images: number generation & 1 is in force, the other is the one before. Image i
 * of the policy at place p has the number n = 2 * p + i: element n % (2 * CGG_CHUNK) of the map in
 * element n / (2 * CGG_CHUNK) of images. Its index is element index.number - 1 of indexes.
 *
 * The two counters are a sequence lock. A writer stores the next generation in writing, writes the
 * image, and then raises generation. The image that a reader uses does not change until writing is
 * two ahead of the generation that the reader began with; then the reader begins again. After four
 * torn reads, which take four changes within microseconds, the decision is deny. An index is freed,
 * or given away, only after writing announced a generation that overwrites the last image with it.
 *
 * A name of "" is a free place. Place 0 is the policy "default". The tag is what events, filters
 * and programs know: the name, or the short form of a long one that name_tag() makes.
 */
#define CGG_TAG_FRONT 19 /* letters of a long name; behind them comes a ~ */
struct cgg_policy {
	char name[CGG_POLICY_NAME];
	char tag[CGG_NAME];
	__u32 generation;
	__u32 writing;
	__u32 unconfirmed; /* the generation that revert_at is about */
	__u32 born; /* how many policies had this place */
	__u32 unclean; /* a free place: the last one left something */
	__u32 index[2]; /* the elements of indexes that it has + 1, in any order; 0: none */
	__u32 made; /* when: CLOCK_BOOTTIME >> CGG_MADE_SHIFT, its lower bits */
	__u64 revert_at; /* 0, or when the image before is in force again */
};

/*
 * An upper bound of the unread records of a cgroup in a ring: before + written, for the window
 * before this one and for this one, which began at record mark. Once mark was read, so was before.
 */
struct cgg_share {
	__u64 mark;
	__u32 written, before;
};

/*
 * The storage of an attached cgroup, as its programs read it. The kernel makes it all zero, which
 * means: no policy yet, allow.
 */
struct cgg_attached {
	__u64 cgroup;
	__u32 policy; /* place in policies + 1 */
	__u32 names; /* place in name_owners, bindings and known + 1; 0: it has no names */
	__u64 netns; /* cookie of the network namespace of the command that attached; 0: unknown */
	__u64 above[CGG_LEVELS]; /* its id, its parent's, and so on up, then 0 */
	struct cgg_share share[CGG_RINGS];
	__u64 denied[CGG_ARRAY_MOST]; /* operations, by hook; struct cgg_packets has the packets */
};

/* The allowed and denied packets of a cgroup: the value of packets, by enum cgg_way. */
enum cgg_way { CGG_OUT, CGG_IN, CGG_WAYS };
struct cgg_packets {
	__u64 allowed[CGG_WAYS], allowed_bytes[CGG_WAYS];
	__u64 denied[CGG_WAYS], denied_bytes[CGG_WAYS];
};

/* Key and value of counts: the hits of a rule. */
struct cgg_count_key {
	__u32 policy, rule;
};

struct cgg_count {
	__u64 hits, bytes; /* bytes: of packets */
	__u64 last; /* when it was hit last, to the kernel's tick; 0: never */
	__u64 tick; /* jiffies then */
};

/*
 * What was decided for one hook of a policy, by enum cgg_verdict. It is element CGG_HOOKS *
 * (place % CGG_CHUNK) + hook of the map that element place / CGG_CHUNK of tallies holds.
 */
struct cgg_tally {
	__u64 by_default[CGG_VERDICTS];
	__u64 by_rule[CGG_VERDICTS];
	__u64 bytes, last, tick; /* as in struct cgg_count, for the default */
	__u64 unread; /* packets of which not all is known: enum cgg_known */
};

CGG_SAME(sizeof(struct cgg_image) == 24 + sizeof(struct cgg_defaults) + sizeof(struct cgg_naming) +
					     sizeof(struct cgg_index) +
					     CGG_SETS_OF * sizeof(struct cgg_used_set) +
					     CGG_ENTRIES * sizeof(struct cgg_entry) + CGG_HEAP);
CGG_SAME(sizeof(struct cgg_policy) == 328);
CGG_SAME(sizeof(struct cgg_attached) == 24 + 8 * (CGG_LEVELS + CGG_ARRAY_MOST) + 16 * CGG_RINGS);
CGG_SAME(sizeof(struct cgg_tally) == 32 + 16 * CGG_VERDICTS_MOST);
CGG_SAME(sizeof(struct cgg_count_key) == 8);
#endif
