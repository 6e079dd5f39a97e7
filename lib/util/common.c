// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * common.c - finds a longest common subsequence of two lists that have few distinct elements.
 *
 * One bit for each place of the second list tells whether the best common subsequence grows there;
 * an addition of whole words takes all of them one element further in the first list (Hyyro, "Bit-
 * Parallel LCS-length Computation Revisited", 2004). Hirschberg's method then finds the subsequence
 * itself in twice that time: the first list is cut in the middle, and the second one where both
 * halves have most in common. The time is the product of both lengths by 64, whatever they hold.
 */
#include <stdlib.h>
#include <string.h>

#include "edit.h"

#define WORD 64
#define DENSE 64 /* at most so many elements are each more than one in DENSE of all */

struct common {
	__u64 *grows, *row; /* by place; row: where an element is that is rare */
	__u64 *dense; /* rows of frequent elements, one after the other */
	__u32 *first, *next; /* by element, by place: chains of equal elements; place + 1 */
	__u32 *total; /* by element: in this part */
	__s32 *slot; /* by element: its dense row, -1: it has none */
	__u32 *front, *back; /* by place: the length up to there, and from there on */
};

void common_end(struct common *c)
{
	free(c->grows);
	free(c->row);
	free(c->dense);
	free(c->first);
	free(c->next);
	free(c->total);
	free(c->slot);
	free(c->front);
	free(c->back);
	free(c);
}

struct common *common_begin(long others, unsigned values)
{
	size_t places = (size_t)others + 1, words = places / WORD + 1;
	struct common *c = calloc(1, sizeof(*c));

	if (!c)
		return 0;
	c->grows = calloc(words, sizeof(*c->grows));
	c->row = calloc(words, sizeof(*c->row));
	c->dense = calloc(words * (DENSE + 1), sizeof(*c->dense));
	c->first = calloc(values + 1UL, sizeof(*c->first));
	c->next = calloc(places, sizeof(*c->next));
	c->total = calloc(values + 1UL, sizeof(*c->total));
	c->slot = calloc(values + 1UL, sizeof(*c->slot));
	c->front = calloc(places, sizeof(*c->front));
	c->back = calloc(places, sizeof(*c->back));
	if (c->grows && c->row && c->dense && c->first && c->next && c->total && c->slot &&
	    c->front && c->back)
		return c;
	common_end(c);
	return 0;
}

/* Keep the equal elements at both ends of a part. */
void part_strip(struct side side[2], struct part *p)
{
	struct side *one = &side[0], *other = &side[1];

	while (p->ones && p->others && *p->one == *p->other) {
		one->edited[one->place[p->one++ - one->value]] = false;
		other->edited[other->place[p->other++ - other->value]] = false;
		p->ones--, p->others--;
	}
	while (p->ones && p->others && p->one[p->ones - 1] == p->other[p->others - 1]) {
		one->edited[one->place[&p->one[--p->ones] - one->value]] = false;
		other->edited[other->place[&p->other[--p->others] - other->value]] = false;
	}
}

static __u32 at(const __u32 *list, long count, long i, bool backward)
{
	return list[backward ? count - i - 1 : i];
}

static void bit_set(__u64 *row, __u32 place)
{
	row[place / WORD] |= 1ULL << place % WORD;
}

/* Chain the places of each element of the second list, and fill the rows of frequent ones. */
static void rows_fill(struct common *c, const struct part *p, bool backward)
{
	size_t words = (size_t)p->others / WORD + 1;
	__s32 slots = 0;

	for (long i = 0; i < p->others; i++) {
		__u32 value = at(p->other, p->others, i, backward);

		c->slot[value] = -1;
		c->total[value]++;
		c->next[i] = c->first[value];
		c->first[value] = (__u32)i + 1;
	}
	for (long i = 0; i < p->others; i++) {
		__u32 value = at(p->other, p->others, i, backward);
		__u64 *row;

		if (c->slot[value] >= 0 || (long)c->total[value] * DENSE <= p->others)
			continue;
		c->slot[value] = slots++;
		row = c->dense + words * (size_t)c->slot[value];
		memset(row, 0, words * sizeof(*row));
		for (__u32 place = c->first[value]; place; place = c->next[place - 1])
			bit_set(row, place - 1);
	}
}

static void rows_forget(struct common *c, const struct part *p)
{
	for (long i = 0; i < p->others; i++)
		c->first[p->other[i]] = c->total[p->other[i]] = 0;
}

/* Take one more element of the first list; row tells where the second list has it. */
static void element_take(__u64 *grows, const __u64 *row, size_t words)
{
	unsigned long long carry = 0;

	for (size_t w = 0; w < words; w++) {
		__u64 v = grows[w], both = v & row[w], sum;

		carry = __builtin_add_overflow(v, carry, &sum);
		carry += __builtin_add_overflow(sum, both, &sum);
		grows[w] = sum | (v & ~row[w]);
	}
}

/* Find, for each place of the second list, how much the first list has in common up to it. */
static void lengths_find(struct common *c, const struct part *p, bool backward, __u32 *length)
{
	size_t words = (size_t)p->others / WORD + 1;

	rows_fill(c, p, backward);
	memset(c->grows, 0xff, words * sizeof(*c->grows));
	for (long i = 0; i < p->ones; i++) {
		__u32 value = at(p->one, p->ones, i, backward);

		if (!c->first[value])
			continue;
		if (c->slot[value] >= 0) {
			element_take(c->grows, c->dense + words * (size_t)c->slot[value], words);
			continue;
		}
		for (__u32 place = c->first[value]; place; place = c->next[place - 1])
			bit_set(c->row, place - 1);
		element_take(c->grows, c->row, words);
		for (__u32 place = c->first[value]; place; place = c->next[place - 1])
			c->row[(place - 1) / WORD] = 0;
	}
	length[0] = 0;
	for (long i = 0; i < p->others; i++)
		length[i + 1] = length[i] + !(c->grows[i / WORD] >> i % WORD & 1);
	rows_forget(c, p);
}

/* Keep the elements of a longest common subsequence of a part. */
void common_find(struct common *c, struct side side[2], struct part p)
{
	for (;;) {
		struct part half, rest;
		long best = 0;

		part_strip(side, &p);
		if (!p.ones || !p.others)
			return;
		if (p.ones == 1) {
			for (long i = 0; i < p.others; i++)
				if (p.other[i] == *p.one) {
					part_strip(side,
						   &(struct part){ p.one, p.other + i, 1, 1 });
					return;
				}
			return;
		}
		half = (struct part){ p.one, p.other, p.ones / 2, p.others };
		rest = (struct part){ p.one + half.ones, p.other, p.ones - half.ones, p.others };
		lengths_find(c, &half, false, c->front);
		lengths_find(c, &rest, true, c->back);
		for (long i = 1; i <= p.others; i++)
			if (c->front[i] + c->back[p.others - i] >
			    c->front[best] + c->back[p.others - best])
				best = i;
		half.others = best;
		rest.other += best;
		rest.others -= best;
		common_find(c, side, half);
		p = rest;
	}
}
