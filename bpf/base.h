/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * base.h - the walk through a base (cgguard.h): flat for an address, and for what
 * else a rule asks a few steps more, from a hundred rules to millions.
 *
 * The functions that are not inline are looked at once by the verifier, whatever
 * the number of calls; they take and give numbers alone.
 */
#ifndef CGG_BASE_H
#define CGG_BASE_H

#include <bpf/bpf_endian.h>

#include "maps.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#define ONCE __attribute__((noinline)) __weak

/* join - the word whose first bytes in memory are those of first */
static __always_inline __u64 join(__u32 first, __u32 second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)second << 32 | first;
#else
	return (__u64)first << 32 | second;
#endif
}

/* Keeps clang from making a branch, or another count, of what is computed from x. */
#define STRAIGHT(x) asm volatile("" : "+r"(x))

/*
 * forget - x, of which the verifier knows nothing any more; any is a word that it does not
 * know. What it knows it follows through all that comes, once for each way that led here.
 */
static __always_inline __u64 forget(__u64 x, __u64 any)
{
	asm volatile("%0 ^= %1\n\t%0 ^= %1" : "+r"(x) : "r"(any));
	return x;
}

/* What a walk is told of the query beside its key: one word, an argument. */
#define WHAT(q, letter)                                                                            \
	((__u64)(q)->select << 32 | (__u32)(q)->port << 16 | (__u32)(q)->hook << 8 | (letter))
#define WHAT_SELECT(what) ((__u32)((what) >> 32))
#define WHAT_PORT(what) ((__u32)((what) >> 16 & 0xffff))
#define WHAT_HOOK(what) ((__u32)((what) >> 8 & 15))
#define WHAT_LETTER(what) ((__u32)((what)&7))

/* A rule that was found, and its action; 0: none. */
#define FOUND(rule, action) CGG_HOP(CGG_HOP_RULE, action, rule)

/* page_with - the page that unit of a base lies in, and its place there in bytes */
static __always_inline char *page_with(void *base, __u32 unit, __u32 *place)
{
	__u32 page = unit >> 9;

	*place = (unit & 511) << 3;
	return bpf_map_lookup_elem(base, &page);
}

static __always_inline struct cgg_action *action_at(void *base, __u32 action)
{
	__u32 page = action >> 7;
	char *there = bpf_map_lookup_elem(base, &page);

	return there ? (struct cgg_action *)(there + 32 * (action & 127)) : 0;
}

static __always_inline struct cgg_record *record_at(void *base, const struct cgg_base *head,
						    __u32 rule)
{
	__u32 page = head->records + (rule >> 8);
	char *there = bpf_map_lookup_elem(base, &page);

	return there ? (struct cgg_record *)(there + 16 * (rule & 255)) : 0;
}

/*
 * below - how many of the sorted numbers at from are below digit; there are
 * 2 * half - 1 of them. No branches: each step is a comparison and an addition.
 */
static __always_inline __u32 below(const char *from, __u32 digit, const __u32 half)
{
	__u32 count = 0;

#pragma clang loop unroll(full)
	for (__u32 step = half; step; step >>= 1) {
		__s32 less = *(const __u16 *)(from + 2 * (count + step - 1)) - (__s32)digit;
		__u32 more;

		STRAIGHT(less);
		more = (__u32)(less >> 31) & step;
		STRAIGHT(more); /* what Linux 6.1 loses sight of as an or, it follows as a sum */
		count += more;
	}
	return count;
}

/* below_node - of the node at place in a page */
static __always_inline __u32 below_node(const char *page, __u32 place, __u32 digit)
{
	return below(page + (place & 0xfc0), digit, CGG_CUT_NODE / 2);
}

static __always_inline __u64 word_at(const char *page, __u32 place)
{
	return *(const __u64 *)(page + (place & 0xff8));
}

static __always_inline __u64 hop_at(void *base, __u32 unit)
{
	__u32 place;
	const char *page = page_with(base, unit, &place);

	return page ? word_at(page, place) : 0;
}

static __always_inline __u32 below_far(void *base, __u32 unit, __u32 digit)
{
	__u32 place;
	const char *page = page_with(base, unit, &place);

	return page ? below_node(page, place, digit) : 0;
}

/* points_find - the hop of digit */
static __always_inline __u64 points_find(void *base, __u64 points, __u32 digit)
{
	__u32 count = CGG_CUT_COUNT(points), at = 0, place, numbers;
	const char *page = page_with(base, CGG_HOP_LOW(points), &place);
	__u64 others;

	if (!page)
		return 0;
	others = word_at(page, place);
	numbers = place + 16;
	if (count <= CGG_POINTS_SMALL) {
		at = below(page + (place & 0xfc0) + 16, digit, CGG_POINTS_SMALL / 2);
		place += 16 + 2 * CGG_POINTS_SMALL;
	} else {
		__u32 nodes = (count + CGG_CUT_NODE - 1) / CGG_CUT_NODE;

		if (count > CGG_CUT_NODE) {
			STRAIGHT(numbers);
			if (numbers > CGG_PAGE - 64)
				return 0;
			at = below(page + numbers, digit, CGG_CUT_NODE / 2);
			numbers += 64;
			nodes++;
		}
		place += 16 + 64 * nodes;
		nodes = numbers + 64 * at;
		STRAIGHT(nodes);
		if (nodes > CGG_PAGE - 64)
			return 0;
		at = CGG_CUT_NODE * at + below(page + nodes, digit, CGG_CUT_NODE / 2);
	}
	if (at >= count || *(const __u16 *)(page + ((numbers + 2 * at) & 0xffe)) != digit)
		return others;
	numbers = CGG_HOP_LOW(points);
	return word_at(page, ((numbers & 511) << 3) + 8) |
	       *(const __u32 *)(page + ((place + 4 * at) & 0xffc));
}

/* cut_find - the hop of the piece that digit lies in, or of the point that it is */
ONCE __u64 cut_find(__u32 number, __u64 cut, __u32 digit)
{
	__u32 pieces = CGG_CUT_COUNT(cut), unit = CGG_HOP_LOW(cut), at = 0, place, between = 0;
	__u32 lowest = (pieces + CGG_CUT_NODE - 1) / CGG_CUT_NODE;
	void *base = bpf_map_lookup_elem(&bases, &number);
	const char *page;

	if (!base)
		return 0;
	digit &= 0xffff;
	if (CGG_HOP_KIND(cut) == CGG_HOP_POINTS)
		return points_find(base, cut, digit);
	if (pieces > CGG_CUT_MOST)
		return hop_at(base, unit + digit);
	if (pieces <= CGG_CUT_PAGE) {
		page = page_with(base, unit, &place);
		if (!page)
			return 0;
		if (pieces <= CGG_CUT_SMALL)
			return word_at(page, place + 16 +
						     8 * below(page + (place & 0xff0), digit,
							       CGG_CUT_SMALL / 2));
		if (pieces > CGG_CUT_NODE) {
			at = below_node(page, place, digit);
			place += 64;
		}
		at = CGG_CUT_NODE * at + below_node(page, place + 64 * at, digit);
		return word_at(page, place + 64 * lowest + 8 * at);
	}
	at = below_far(base, unit, digit);
	if (pieces > CGG_CUT_NODE * CGG_CUT_NODE) {
		between = (lowest + CGG_CUT_NODE - 1) / CGG_CUT_NODE;
		at = CGG_CUT_NODE * at + below_far(base, unit + 8 + 8 * at, digit);
	}
	unit += 8 + 8 * between;
	at = CGG_CUT_NODE * at + below_far(base, unit + 8 * at, digit);
	return hop_at(base, unit + 8 * lowest + at);
}

#endif
