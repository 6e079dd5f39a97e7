/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * set_rules.h - the rules about sets.
 *
 * First, the sets of the policy that contain the address or the name are found, each by one look,
 * so that a change of a set is one step for all rules. Then the first rule about one of these is
 * looked for. In the image such a rule is an entry with CGG_IS_SET, whose key is its set's bit.
 * An index has the rules of each set at a place of their own.
 */
#ifndef CGG_SET_RULES_H
#define CGG_SET_RULES_H

#include "set_steps.h"
#if HAS_NAME
#include "set_names.h"
#endif

/* sets_of - Return the sets of the image that contain an address: 1 << place. */
__noinline __weak __u64 sets_of(__u32 number, __u64 high, __u64 low, __u64 query)
{
	const struct cgg_image *image = image_at(number);
	__u64 all = 0;

	if (!image || CGG_KNOWN_NONE >> QUERY_ACCESS(query) == 1)
		return 0;
	high = bpf_be64_to_cpu(high);
	low = bpf_be64_to_cpu(low);
	for (__u32 i = 0; i < CGG_SETS_OF; i++) {
		const struct cgg_used_set *used = &image->set[i];
		barrier_var(query); /* or clang 19 keeps what follows on the stack */
		if (i >= image->sets)
			break;
		if ((used->hooks & (CGG_SET_OF_NAMES | 1u << QUERY_HOOK(query))) ==
			    1u << QUERY_HOOK(query) &&
		    set_find(used->number - 1, high, low, QUERY_SELECT(query) & CGG_IS_IPV4))
			all |= 1ULL << i;
		all = as_unknown(all, query);
	}
	return all;
}

#if HAS_NAME
#define SET_KEY(all) 0, all
#else
#define SET_KEY(all) all, 0
#endif

/*
 * sets_first - Return the first rule about one of these sets that holds; 0: none.
 *
 * It takes the place of nodes_find() on the stack, so it follows the nodes itself, and looks the
 * image up again instead of keeping it.
 */
__noinline __weak __u64 PER_KIND(sets_first)(__u32 number, __u64 all, __u64 query, CONTEXT who)
{
	__u64 found = 0, own = 0, next = 0, one, left = all;

	for (__u64 i = 0; i <= CGG_SET_WALK; i++) {
		if (!(own | next | left))
			break;
		if (i == CGG_SET_WALK)
			return CGG_NO_INDEX;
		one = own | next;
		next |= set_begin(number, one, left);
		left = set_leave(one, left);
		one = node_next(number, own, next);
		own = node_own(number, own, next);
		next = one;
		one = PER_KIND(own_find)(number, own, query, who);
		own = take_list(one);
		found = as_unknown(first_in_index(found, one ^ own), query);
	}
	return found;
}

/* Find the sets that contain what a query of this kind is about: an address, or a buffer's name. */
#if defined(CGG_QUESTIONS)
#define SOUGHT_OF(o) (o)->buffer, 0
#define SETS_WITH(number, high, low, query) PER_KIND(sets_of_name)(number, high, query)
#elif defined(CGG_ASKED)
#define SETS_WITH(number, high, low, query)                                                        \
	(QUERY_HOOK(query) == CGG_DNS || CGG_BY_NAME >> QUERY_ACCESS(query) == 1                   \
		 ? PER_KIND(sets_of_name)(number, 0, query)                                        \
		 : sets_of(number, high, low, query))
#else
#define SETS_WITH(number, high, low, query) sets_of(number, high, low, query)
#endif

#if !defined(CGG_QUESTIONS)
#define SOUGHT_OF(o) (o)->q.word[0], (o)->q.word[1]
#endif

/* with_sets_of - Return the earlier one of a rule that was found, and those about these sets. */
static __always_inline __u64 with_sets_of(__u32 number, __u64 all, __u64 query, CONTEXT who,
					  __u64 found)
{
	__u64 one;
	__u32 at;

	if (!all)
		return found;
	one = sets_in_index(number, all);
	if (one)
		found = earlier_of(number, found, PER_KIND(sets_first)(number, one, query, who));
	query |= (__u64)CGG_IS_SET << 32;
	at = PER_KIND(front_find)(number, SET_KEY(all), query, who);
	return at ? earlier_of(number, found, CGG_REF(FOUND_ENTRY, 0, at)) : found;
}

/* with_sets - Do this with the sets that contain what the query is about. */
static __always_inline __u64 with_sets(__u32 number, const struct cgg_image *image, __u64 high,
				       __u64 low, __u64 query, CONTEXT who, __u64 found)
{
	(void)high, (void)low;
	if (!image->sets)
		return found;
	return with_sets_of(number, SETS_WITH(number, high, low, query), query, who, found);
}

#endif
