/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* points.h - lower bounds without branches, and single numbers. */
#ifndef CGG_POINTS_H
#define CGG_POINTS_H

#include "lookup.h"

/* The last number of a word of four: there is none in it. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LAST_OF_FOUR (0xffffULL << 48)
#else
#define LAST_OF_FOUR 0xffffULL
#endif

/* Return 1 if the last of two words of four at from is below digit, else 0, without a branch. */
static __always_inline __u32 pair_below(const char *from, __u32 digit, __u32 pair)
{
	__s32 less = *(const __u16 *)(from + 16 * pair + 14) - (__s32)digit;

	barrier_var(less);
	return (__u32)less >> 31;
}

/*
 * lower_bound - Return how many of the sorted numbers at from are below digit, of 8 * pairs - 1.
 *
 * The last number of each eight tells which eight; of these, two at a time, each in half of a word,
 * are compared by one addition: its carry into bit 16 says that the number is not below. So only
 * two loads wait for each other.
 */
static __always_inline __u32 lower_bound(const char *from, __u32 digit, const __u32 pairs)
{
	const __u64 halves = 0x0000ffff0000ffffULL, carries = 0x0001000000010000ULL;
	__u64 less = carries - digit * 0x0000000100000001ULL, reached = 0;
	__u32 before = 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i + 1 < pairs; i++) {
		before += pair_below(from, digit, i);
		barrier_var(before);
	}
	before &= pairs - 1;
	from += 16 * before;
	barrier_var(less);
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < 2; i++) {
		__u64 four = *(const __u64 *)(from + 8 * i);

		if (i) {
			four |= LAST_OF_FOUR;
			barrier_var(four); /* or big endian words take more masks, and stack */
		}
		reached += ((four & halves) + less) & carries;
		barrier_var(reached); /* or clang loads all words first, onto the stack */
		reached += ((four >> 16 & halves) + less) & carries;
		barrier_var(reached);
	}
	reached = (reached >> 48) + (reached >> 16 & 63);
	barrier_var(reached); /* the verifier does not see that this is at most what it is */
	return 8 * before + ((__u32)(8 - reached) & 7);
}

/* lower_bound_node - Return this for the node at place in a page. */
static __always_inline __u32 lower_bound_node(const char *page, __u32 place, __u32 digit)
{
	return lower_bound(page + (place & 0xfc0), digit, CGG_INTERVALS_NODE / 8);
}

/* points_find - Return the reference of digit: of its point, or of all others. */
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
		at = lower_bound(page + (place & 0xfc0) + 16, digit, CGG_POINTS_SMALL / 8);
		place += 16 + 2 * CGG_POINTS_SMALL;
	} else {
		__u32 nodes = (count + CGG_INTERVALS_NODE - 1) / CGG_INTERVALS_NODE;

		if (count > CGG_INTERVALS_NODE) {
			barrier_var(numbers);
			if (numbers > CGG_PAGE - 64)
				return 0;
			at = lower_bound(page + numbers, digit, CGG_INTERVALS_NODE / 8);
			numbers += 64;
			nodes++;
		}
		place += 16 + 64 * nodes;
		nodes = numbers + 64 * at;
		barrier_var(nodes);
		if (nodes > CGG_PAGE - 64)
			return 0;
		at = CGG_INTERVALS_NODE * at +
		     lower_bound(page + nodes, digit, CGG_INTERVALS_NODE / 8);
	}
	if (at >= count || *(const __u16 *)(page + ((numbers + 2 * at) & 0xffe)) != digit)
		return others;
	numbers = CGG_REF_LOW(points);
	return word_at(page, ((numbers & 511) << 3) + 8) |
	       *(const __u32 *)(page + ((place + 4 * at) & 0xffc));
}

#endif
