/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count.h - counts decisions, in a counter for each processor.
 *
 * Defaults decide most often, so their counters are in an array. There may be a million rules, so
 * theirs are in a hash. Counter failures are ignored: they must not change a verdict.
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

/* stamp - Set *last to the time. Reading the clock is slow, so do it once a tick. */
static __always_inline void stamp(__u64 *last, __u64 *tick)
{
	__u64 now = bpf_jiffies64();

	if (*tick != now) {
		*tick = now;
		*last = bpf_ktime_get_boot_ns();
	}
}

/* Count a hit of a rule. This is a function because its caller has no stack left. */
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

/* count - Count a decision. rule 0: the default. verdict: after mode audit. */
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
