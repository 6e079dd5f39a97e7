// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * rank.c - numbers the ranges of addresses, values and names: a range then goes from the place of
 * its first piece to that of its last one, among the pieces between all ends of ranges.
 */
#include <stdlib.h>
#include <string.h>

#include "ranges.h"

static int number_compare(const void *first, const void *second)
{
	const wide_number *a = first, *b = second;

	return *a < *b ? -1 : *a > *b;
}

/* Return the number of the piece that begins at n, or that n lies in. */
static __u32 piece_at(const wide_number *start, __u32 count, wide_number n)
{
	__u32 low = 0, high = count;

	while (high - low > 1) {
		__u32 middle = (low + high) / 2;

		if (start[middle] <= n)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Number the addresses, or the values. start has room for 2 * count + 1 numbers. */
static void numbers_rank(struct ranges *ranges, enum dimension dimension, wide_number *start)
{
	__u32 count = 0, kept = 0;

	start[count++] = 0;
	for (__u32 i = 0; i < ranges->count; i++) {
		const struct wide *w = &ranges->wide[i];
		const wide_number *n = dimension == OF_ADDRESS ? w->address : w->value;

		if (n[0])
			start[count++] = n[0];
		if (n[1] + 1)
			start[count++] = n[1] + 1;
	}
	qsort(start, count, sizeof(*start), number_compare);
	for (__u32 i = 0; i < count; i++)
		if (!kept || start[i] != start[kept - 1])
			start[kept++] = start[i];
	for (__u32 i = 0; i < ranges->count; i++) {
		const struct wide *w = &ranges->wide[i];
		const wide_number *n = dimension == OF_ADDRESS ? w->address : w->value;

		ranges->taken[i].block.min[dimension] = piece_at(start, kept, n[0]);
		ranges->taken[i].block.max[dimension] = piece_at(start, kept, n[1]);
	}
}

/* ---- names ---- */

struct name {
	const __u8 *key;
	__u32 bits, region, at; /* at: of the block */
};

/* Return how many bits two names have in common. */
static __u32 name_common(const struct name *a, const struct name *b)
{
	return common_bits(a->key, b->key, 0, a->bits < b->bits ? a->bits : b->bits);
}

/* Sort prefixes before what is in them. */
static int name_compare(const void *first, const void *second)
{
	const struct name *a = first, *b = second;
	__u32 common;

	if (a->region != b->region)
		return a->region < b->region ? -1 : 1;
	common = name_common(a, b);
	if (common < a->bits && common < b->bits)
		return a->key[common / 8] < b->key[common / 8] ? -1 : 1;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static bool name_is_in(const struct name *inner, const struct name *outer)
{
	return inner->region == outer->region && inner->bits >= outer->bits &&
	       name_common(inner, outer) == outer->bits;
}

/*
 * Number the prefixes of names from 1, each before those inside it. So a block has a range of
 * places; 0 is for names in no prefix. open is a stack with room for all.
 */
static void names_rank(struct ranges *ranges, struct name *name, __u32 *open)
{
	__u32 count = 0, opened = 0, place = 0;

	for (__u32 i = 0; i < ranges->count; i++) {
		const struct wide *w = &ranges->wide[i];

		if (w->region)
			name[count++] = (struct name){ w->name, w->bits, w->region, i };
	}
	qsort(name, count, sizeof(*name), name_compare);
	for (__u32 i = 0; i <= count; i++) {
		while (opened && (i == count || !name_is_in(&name[i], &name[open[opened - 1]])))
			ranges->taken[name[open[--opened]].at].block.max[OF_NAME] = place;
		if (i == count)
			break;
		if (!opened || !name_is_in(&name[open[opened - 1]], &name[i]))
			place++;
		ranges->taken[name[i].at].block.min[OF_NAME] = place;
		open[opened++] = i;
	}
}

/* Set the numbers of addresses, values and names of all blocks. Return 0 or CGG_FAILED. */
int ranges_rank(struct ranges *ranges)
{
	wide_number *start = reallocarray(0, 2ULL * ranges->count + 1, sizeof(*start));
	struct name *name = reallocarray(0, ranges->count + 1ULL, sizeof(*name));
	__u32 *open = reallocarray(0, ranges->count + 1ULL, sizeof(*open));
	int status = 0;

	if (start && name && open) {
		numbers_rank(ranges, OF_ADDRESS, start);
		numbers_rank(ranges, OF_VALUE, start);
		names_rank(ranges, name, open);
	} else {
		status = set_error(CGG_FAILED, "out of memory");
	}
	free(start);
	free(name);
	free(open);
	free(ranges->wide);
	ranges->wide = 0;
	return status;
}
