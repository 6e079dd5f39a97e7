/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* conclude.h - counts and reports a decision about a call, with a stack of its own. */
#ifndef CGG_NAMES_CONCLUDE_H
#define CGG_NAMES_CONCLUDE_H

#include "../report.h"

/* What goes with the rule that was found, in the bits of a reference that are free. */
#define FOUND_GENERATION(generation) ((__u64)((generation)&3) << 56)
#define FOUND_ODD (1ULL << 58) /* the number of the image is odd */
#define FOUND_WITH (15ULL << 56)
#define DISTURBED (~0ULL) /* no rule: ask again */

/* host_of - Return the length of a name that the address has, now in the buffer; 0: it has none. */
static __always_inline __u32 host_of(struct bpf_sock_addr *ctx, __u64 high, __u64 low)
{
	__u64 begun = host_begin(high, low, bpf_get_netns_cookie(ctx));

	return begun ? host_any() : 0;
}

/* found_rule - Return the rule and take its token; ASK_AGAIN: it was found in another image. */
static __always_inline __u64 found_rule(const struct cgg_image *image, __u32 number,
					__u32 generation, __u64 found)
{
	if (!image || (found & FOUND_GENERATION(3)) != FOUND_GENERATION(generation) ||
	    !!(found & FOUND_ODD) != (number & 1))
		return ASK_AGAIN;
	return rule_take(number, image, found & ~FOUND_WITH, 0);
}

/* refuse - Count a denial for the cgroup, and choose its errno. */
static __always_inline void refuse(__u32 hook, __u32 error)
{
	count_denial(hook);
	errno_choose(error, CGG_CONNECT4);
}

/*
 * conclude_as - Count the decision and report it; return 1: go on, 0: refuse, 2: ask again, for the
 * policy was changed meanwhile.
 */
static __always_inline int conclude_as(struct bpf_sock_addr *ctx, __u64 high, __u64 low,
				       __u64 query, __u64 found, int six)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	__u32 place = at->policy - 1, number, generation;
	const struct cgg_policy *policy = bpf_map_lookup_elem(&policies, &place);
	struct cgg_decision out = {};
	const struct cgg_image *image;

	if (!policy)
		return 0;
	generation = NOW(policy->generation);
	number = image_now(policy, place, generation);
	image = image_at(number);
	found = found_rule(image, number, generation, found);
	if (found == ASK_AGAIN || !image)
		return 2;
	decision_of(&out, image, QUERY_HOOK(query), found);
	out.image = number & 1;
	if (!in_force(policy, generation))
		return 2;
	if (out.verdict == CGG_DENY && image->audit)
		out.verdict = CGG_AUDIT;
	IN_MEMORY(&out);
	count(place, QUERY_HOOK(query), out.rule, out.verdict, 0);
	if (out.verdict != CGG_ALLOW && !out.quiet) {
		union cgg_subject subject = {};
		struct operation o = {};

		this_end(&subject.net, ctx, six);
		*(__u64 *)subject.net.addr = high;
		*(__u64 *)(subject.net.addr + 8) = low;
		subject.net.port = QUERY_PORT(query);
		subject.net.proto = QUERY_SELECT(query);
		subject.net.host = host_of(ctx, high, low);
		o.who = sock_address(ctx->sk);
		report(place, &out,
		       six + (QUERY_HOOK(query) == CGG_CONNECT ? CGG_CONNECT4 : CGG_SENDMSG4), &o,
		       &subject);
	}
	if (out.verdict == CGG_DENY)
		refuse(QUERY_HOOK(query), out.error);
	return out.verdict != CGG_DENY;
}

/* The two differ in what a program may read of its context. */
__noinline __weak int PER_CALL(conclude4)(struct bpf_sock_addr *ctx, __u64 high, __u64 low,
					  __u64 query, __u64 found)
{
	return conclude_as(ctx, high, low, query, found, 0);
}

__noinline __weak int PER_CALL(conclude6)(struct bpf_sock_addr *ctx, __u64 high, __u64 low,
					  __u64 query, __u64 found)
{
	return conclude_as(ctx, high, low, query, found, 1);
}

#endif
