/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit.h - how often a rule with a limit may still match.
 *
 * A walk also meets rules that do not decide in the end. So limit_open() only looks for a token,
 * and limit_take() takes one for the rule that decides. If another processor took the last one in
 * between, the program decides again. A lock is exact, and Linux 5.10 has no exchange instruction.
 */
#ifndef CGG_LIMIT_H
#define CGG_LIMIT_H

#include "kinds.h"

/* The buckets of rules with a limit, made and deleted by user space with the rule. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGG_LIMITS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgg_count_key);
	__type(value, struct cgg_bucket);
} limits MAP;

static __always_inline struct cgg_bucket *bucket_of(__u32 policy, __u32 rule)
{
	struct cgg_count_key key = {};

	key.policy = policy;
	key.rule = rule;
	return bpf_map_lookup_elem(&limits, &key);
}

/* limit_open - Tell whether a rule has a token; without a bucket, only a denial has. */
__noinline __weak int limit_open(__u32 policy, __u32 rule, __u32 deny)
{
	const volatile struct cgg_bucket *bucket = bucket_of(policy, rule);

	if (!bucket)
		return deny & 1;
	return (__s64)(bucket->full - bpf_ktime_get_boot_ns()) <= (__s64)bucket->depth;
}

/* limit_take - Take a token, or with `force' owe one; return 0: there is none. */
__noinline __weak int limit_take(__u32 policy, __u32 rule, __u32 force)
{
	struct cgg_bucket *bucket = bucket_of(policy, rule);
	__u64 now = bpf_ktime_get_boot_ns(), full;
	int taken = 0;

	if (!bucket)
		return 1;
	bpf_spin_lock(&bucket->lock);
	full = bucket->full;
	if (full < now)
		full = now;
	if (force || full - now <= bucket->depth) {
		bucket->full = full + bucket->interval;
		taken = 1;
	}
	bpf_spin_unlock(&bucket->lock);
	return taken;
}

#endif
