/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* points.h - lower bounds without branches, and single numbers. */
#ifndef CGG_POINTS_H
#define CGG_POINTS_H

#include "lookup.h"

/*
 * below - how many of the sorted numbers at from are below digit; there are
 * 2 * half - 1 of them. No branches: each step is a comparison and an addition.
 */
static __always_inline __u32 lower_bound(const char *from, __u32 digit, const __u32 half)
{
	__u32 count = 0;

#pragma clang loop unroll(full)
	for (__u32 step = half; step; step >>= 1) {
		__s32 less = *(const __u16 *)(from + 2 * (count + step - 1)) - (__s32)digit;
		__u32 more;

		barrier_var(less);
		more = (__u32)(less >> 31) & step;
		barrier_var(more); /* Linux 6.1 loses the bounds of an or, not those of a sum */
		count += more;
	}
	return count;
}

/* lower_bound_node - of the node at place in a page */
static __always_inline __u32 lower_bound_node(const char *page, __u32 place, __u32 digit)
{
	return lower_bound(page + (place & 0xfc0), digit, CGG_INTERVALS_NODE / 2);
}

/* points_find - the reference of digit */
static __always_inline __u64 points_find(void *index, __u64 points, __u32 digit)
{
	__u32 count = CGG_INTERVALS_COUNT(points), at = 0, place, numbers;
	const char *page = page_with(index, CGG_REF_LOW(points), &place);
	__u64 others;

	if (!page)
		return 0;
	others = word_at(page, place);
	numbers = place + 16;
	if (count <= CGG_POINTS_SMALL) {
		at = lower_bound(page + (place & 0xfc0) + 16, digit, CGG_POINTS_SMALL / 2);
		place += 16 + 2 * CGG_POINTS_SMALL;
	} else {
		__u32 nodes = (count + CGG_INTERVALS_NODE - 1) / CGG_INTERVALS_NODE;

		if (count > CGG_INTERVALS_NODE) {
			barrier_var(numbers);
			if (numbers > CGG_PAGE - 64)
				return 0;
			at = lower_bound(page + numbers, digit, CGG_INTERVALS_NODE / 2);
			numbers += 64;
			nodes++;
		}
		place += 16 + 64 * nodes;
		nodes = numbers + 64 * at;
		barrier_var(nodes);
		if (nodes > CGG_PAGE - 64)
			return 0;
		at = CGG_INTERVALS_NODE * at +
		     lower_bound(page + nodes, digit, CGG_INTERVALS_NODE / 2);
	}
	if (at >= count || *(const __u16 *)(page + ((numbers + 2 * at) & 0xffe)) != digit)
		return others;
	numbers = CGG_REF_LOW(points);
	return word_at(page, ((numbers & 511) << 3) + 8) |
	       *(const __u32 *)(page + ((place + 4 * at) & 0xffc));
}

#endif
