/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count.h - what was decided is counted, each processor for itself.
 *
 * The default decides most, so its counts lie in an array; rules, of which there
 * may be a million, have theirs in a hash. What cannot be counted is let be.
 */
#ifndef CGG_COUNT_H
#define CGG_COUNT_H

#include "maps.h"

static __always_inline struct cgg_tally *tally_of(__u32 policy, __u32 hook)
{
	__u32 chunk = policy / CGG_CHUNK, place = policy % CGG_CHUNK * CGG_HOOKS + hook;
	void *own = bpf_map_lookup_elem(&tallies, &chunk);

	return own ? bpf_map_lookup_elem(own, &place) : 0;
}

/* stamp - the clock is dear, so it is read once a tick */
static __always_inline void stamp(__u64 *last, __u64 *tick)
{
	__u64 now = bpf_jiffies64();

	if (*tick != now) {
		*tick = now;
		*last = bpf_ktime_get_boot_ns();
	}
}

/* A function, for the stack of the one that calls it is full enough. */
__attribute__((noinline)) __weak int count_rule(__u32 policy, __u32 rule, __u64 bytes)
{
	struct cgg_count_key key = {};
	struct cgg_count *there, first = {};

	key.policy = policy;
	key.rule = rule;
	there = bpf_map_lookup_elem(&counts, &key);
	if (!there) {
		bpf_map_update_elem(&counts, &key, &first, BPF_NOEXIST);
		there = bpf_map_lookup_elem(&counts, &key);
	}
	if (there) {
		there->hits++;
		there->bytes += bytes;
		stamp(&there->last, &there->tick);
	}
	return 0;
}

/* count - one decision; rule 0 is the default, verdict the one that counts in the end */
static __always_inline void count(__u32 policy, __u32 hook, __u32 rule, __u32 verdict, __u64 bytes)
{
	struct cgg_tally *tally = tally_of(policy, hook);

	if (tally && rule) {
		tally->by_rule[verdict % CGG_VERDICTS]++;
	} else if (tally) {
		tally->by_default[verdict % CGG_VERDICTS]++;
		tally->bytes += bytes;
		stamp(&tally->last, &tally->tick);
	}
	if (rule)
		count_rule(policy, rule, bytes);
}

/* Count a packet of which not all is known; its decision is counted, too. */
static __always_inline void count_unread(__u32 policy, __u32 hook)
{
	struct cgg_tally *tally = tally_of(policy, hook);

	if (tally)
		tally->unread++;
}

#endif
