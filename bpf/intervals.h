/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* intervals.h - finds the interval of a node that a number is in, or the point that it is. */
#ifndef CGG_INTERVALS_H
#define CGG_INTERVALS_H

#include "points.h"

static __always_inline __u32 lower_bound_far(void *index, __u32 unit, __u32 digit)
{
	__u32 place;
	const char *page = page_with(index, unit, &place);

	return page ? lower_bound_node(page, place, digit) : 0;
}

/* intervals_find - Return the reference of the interval that has digit, or of the point digit. */
__noinline __weak __u64 intervals_find(__u32 number, __u64 cut, __u32 digit)
{
	__u32 intervals = CGG_INTERVALS_COUNT(cut), unit = CGG_REF_LOW(cut), at = 0, place,
	      between = 0;
	__u32 lowest = (intervals + CGG_INTERVALS_NODE - 1) / CGG_INTERVALS_NODE;
	void *index = bpf_map_lookup_elem(&indexes, &number);
	const char *page;

	if (!index)
		return 0;
	digit &= 0xffff;
	if (CGG_REF_KIND(cut) == CGG_REF_POINTS)
		return points_find(index, cut, digit);
	if (intervals > CGG_INTERVALS_MOST)
		return ref_at(index, unit + digit);
	if (intervals <= CGG_INTERVALS_PAGE) {
		page = page_with(index, unit, &place);
		if (!page)
			return 0;
		if (intervals <= CGG_INTERVALS_SMALL)
			return word_at(page, place + 16 +
						     8 * lower_bound(page + (place & 0xff0), digit,
								     CGG_INTERVALS_SMALL / 8));
		if (intervals > CGG_INTERVALS_NODE) {
			at = lower_bound_node(page, place, digit);
			place += 64;
		}
		at = CGG_INTERVALS_NODE * at + lower_bound_node(page, place + 64 * at, digit);
		return word_at(page, place + 64 * lowest + 8 * at);
	}
	at = lower_bound_far(index, unit, digit);
	if (intervals > CGG_INTERVALS_NODE * CGG_INTERVALS_NODE) {
		between = (lowest + CGG_INTERVALS_NODE - 1) / CGG_INTERVALS_NODE;
		at = CGG_INTERVALS_NODE * at + lower_bound_far(index, unit + 8 + 8 * at, digit);
	}
	unit += 8 + 8 * between;
	at = CGG_INTERVALS_NODE * at + lower_bound_far(index, unit + 8 * at, digit);
	return ref_at(index, unit + 8 * lowest + at);
}

#endif
