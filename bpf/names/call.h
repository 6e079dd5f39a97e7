/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * call.h - judges connect and sendmsg by address and by name.
 *
 * It decides what judge_both() decides, and by names, too. It is divided otherwise, because all
 * of it in one function would need more stack than there is: the program makes the query,
 * first_named() finds the rule, and conclude_as() counts and reports.
 */
#ifndef CGG_NAMES_CALL_H
#define CGG_NAMES_CALL_H

#include "conclude.h"

/* first_named - Return the first rule that matches the address or a name of it, or DISTURBED. */
__noinline __weak __u64 first_named(struct bpf_sock_addr *ctx, __u32 number, __u64 high, __u64 low,
				    __u64 query)
{
	const struct cgg_image *image = image_at(number);
	__u64 who = sock_address(ctx->sk), found, begun;
	__u32 at;

	if (!image)
		return DISTURBED;
	found = image->index.number ? index_find(number, image, high, low, query, who) : 0;
	at = image->count ? front_find_socket(number, high, low, query, who) : 0;
	found = with_sets(number, image, high, low, query, who, first_of(image, found, at));
	if (!image->by_name)
		return found;
	begun = host_begin(high, low, bpf_get_netns_cookie(ctx));
	if (!begun)
		return found;
	found = first_by_name(number, image, found, query, who);
	return turn_kept(FOR_HOST, begun) ? found : DISTURBED;
}

/* judge_named - Judge one address of a call. */
static __always_inline int judge_named(struct bpf_sock_addr *ctx, struct cgg_attached *at,
				       const struct cgg_query *q, int six)
{
	const struct cgg_policy *policy;
	__u32 place = at->policy - 1;

	if (!at->policy)
		return 1;
	policy = bpf_map_lookup_elem(&policies, &place);
	if (!policy)
		return 0;
	for (__u64 try = 0; try < 4; try++) {
		__u32 generation = NOW(policy->generation);
		__u32 number = image_now(policy, place, generation);
		__u64 found;
		int go;

		IN_MEMORY(q);
		found = first_named(ctx, number, q->word[0], q->word[1], QUERY(q, 1));

		if (found == DISTURBED || !in_force(policy, generation))
			continue;
		found |= FOUND_GENERATION(generation) | (number & 1 ? FOUND_ODD : 0);
		IN_MEMORY(q);
		go = six ? PER_CALL(conclude6)(ctx, q->word[0], q->word[1], QUERY(q, 1), found)
			 : PER_CALL(conclude4)(ctx, q->word[0], q->word[1], QUERY(q, 1), found);
		barrier_var(go); /* clang knows what it can be, the verifier does not */
		if (go != 2)
			return go & 1;
	}
	return 0;
}

/* judge_call - Judge a call that may have a second address; both must be allowed. */
static __always_inline int judge_call(struct bpf_sock_addr *ctx, struct cgg_attached *at,
				      struct operation *o, __u32 program, int six,
				      union cgg_subject *subject)
{
	(void)program;
	(void)subject;
	forget_query(&o->q, at->cgroup);
	if (!judge_named(ctx, at, &o->q, six))
		return 0;
	IN_MEMORY(o);
	if (!query_via(o))
		return 1;
	forget_query(&o->q, at->cgroup);
	return judge_named(ctx, at, &o->q, six);
}

#endif
