/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* set_names.h - which sets contain a DNS name. */
#ifndef CGG_SET_NAMES_H
#define CGG_SET_NAMES_H

#include "entries.h"
#include "set_probe.h"

/* name_above - Return whether there may be a *.NAME with this first hash. */
static __always_inline int name_above(const struct cgg_set_head *head, __u64 hash)
{
	__u32 bit = set_filter(head->seed, hash);

	return head->filter[bit / 64 % (CGG_FILTER / 64)] >> bit % 64 & 1;
}

/*
 * set_find_name - Return whether a set contains the name that is the key, or names above it.
 *
 * The name is reversed, so what was read up to a dot is *.PARENT.
 */
__noinline __weak __u32 PER_KIND(set_find_name)(__u32 set, NAME key, __u64 table_seed)
{
	const struct cgg_set_head *head = set_head(bpf_map_lookup_elem(&sets, &set));
	const struct cgg_operand *name = name_from(key);
	__u64 one, other, first_odd, second_odd;
	__u32 generation;

	if (!head || !name || head->kind != CGG_SET_NAMES || head->seed[0] != table_seed)
		return 0;
	one = head->seed[0];
	other = head->seed[1];
	first_odd = head->seed[2];
	second_odd = head->seed[3];
	generation = NOW(head->generation);
	order_reads();
	for (__u32 i = 0; i < CGG_OPERAND; i++) {
		__u64 c = ((const __u8 *)name)[i];

		if (!c)
			return set_probe(set, one, other, 0, generation);
		one = set_byte(one, c, first_odd);
		other = set_byte(other, c, second_odd);
		if (c == '.' && name_above(head, one) && set_probe(set, one, other, 0, generation))
			return 1;
		one = as_unknown(one, first_odd);
	}
	return 0;
}

/* set_has_name - The same, also while a command replaces the table (set_find.h). */
__noinline __weak __u32 PER_KIND(set_has_name)(__u32 set, NAME key)
{
	for (int i = 0; i < 2; i++) {
		const struct cgg_set_head *head = set_head(bpf_map_lookup_elem(&sets, &set));
		__u64 seed;

		if (!head)
			return 0;
		seed = head->seed[0];
		if (PER_KIND(set_find_name)(set, key, seed))
			return 1;
		if (!set_moved(set, seed))
			break;
	}
	return 0;
}

/* sets_of_name - Return the sets of the image that contain the name that is the key. */
__noinline __weak __u64 PER_KIND(sets_of_name)(__u32 number, NAME key, __u64 query)
{
	const struct cgg_image *image = image_at(number);
	__u32 wanted = CGG_SET_OF_NAMES | 1u << QUERY_HOOK(query);
	__u64 all = 0;

	if (!image || QUERY_SELECT(query) == CGG_VAGUE)
		return 0;
	for (__u32 i = 0; i < CGG_SETS_OF; i++) {
		const struct cgg_used_set *used = &image->set[i];

		if (i >= image->sets)
			break;
		if ((used->hooks & wanted) == wanted &&
		    PER_KIND(set_has_name)(used->number - 1, key))
			all |= 1ULL << i;
		all = as_unknown(all, query);
	}
	return all;
}

#endif
