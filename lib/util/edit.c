// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * edit.c - finds the shortest edit between two lists of numbers.
 *
 * What is not edited is a longest common subsequence. If few pairs of elements are equal, the
 * method of Hunt and Szymanski takes time for each pair; else that of Myers takes time for each
 * difference. If there are many of both, common.c takes time for each 64 pairs of places. Elements
 * at both ends that are equal, and those that only one list has, are left out first.
 *
 * For lists that are too long even for that, the edit is cut where Myers' paths got furthest: it
 * is right, but may not be the shortest.
 */
#include <stdlib.h>
#include <string.h>

#include "edit.h"

#ifndef MANY_PAIRS /* a test chooses another number */
#define MANY_PAIRS (1ULL << 24) /* more are left to Myers' method */
#define MANY_EDITS 1024 /* more, from either end, are left to common.c */
#define MANY_PLACES (1LL << 36) /* product of the lengths: more are cut where it seems best */
#endif

/* A pair of equal elements at the end of a chain of pairs. */
struct pair {
	__u32 one, other, before; /* before: the pair before it + 1, 0: none */
};

struct edit {
	struct side side[2];
	__u32 *start; /* by value: where its places begin in `places` */
	__u32 *places; /* in the second list, by value */
	__u32 *last; /* by length of a chain: the last pair of the best one + 1 */
	struct pair *pair;
	size_t pairs, room;
	long *forward, *backward; /* Myers: by diagonal, how far a path gets */
	struct common *common; /* 0: not needed yet */
	unsigned values;
};

/* Return the first length whose best chain does not end before this place in the second list. */
static unsigned chain_find(const struct edit *e, unsigned lengths, __u32 place)
{
	unsigned low = 0, high = lengths;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (e->pair[e->last[middle] - 1].other < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int pair_add(struct edit *e, __u32 one, __u32 other, __u32 before)
{
	struct pair *more = grow(e->pair, e->pairs, &e->room, sizeof(*more));

	if (!more)
		return CGG_FAILED;
	e->pair = more;
	e->pair[e->pairs++] = (struct pair){ one, other, before };
	return 0;
}

/* Sort the places of the second list by value. */
static void places_sort(struct edit *e, unsigned values)
{
	const struct side *other = &e->side[1];

	for (unsigned i = 0; i < other->count; i++)
		e->start[other->value[i] + 1]++;
	for (unsigned v = 0; v < values; v++)
		e->start[v + 1] += e->start[v];
	for (unsigned i = other->count; i--;)
		e->places[--e->start[other->value[i] + 1]] = i;
	/* start[v + 1] is now where v begins */
	memmove(e->start, e->start + 1, values * sizeof(*e->start));
	e->start[values] = other->count;
}

/* Hunt and Szymanski: extend the best chain of each length, element after element. */
static int by_pairs(struct edit *e, unsigned values)
{
	const struct side *one = &e->side[0], *other = &e->side[1];
	unsigned lengths = 0;

	places_sort(e, values);
	for (unsigned i = 0; i < one->count; i++) {
		__u32 value = one->value[i];

		for (__u32 at = e->start[value + 1]; at-- > e->start[value];) {
			__u32 place = e->places[at];
			unsigned length = chain_find(e, lengths, place);

			if (length < lengths && e->pair[e->last[length] - 1].other == place)
				continue;
			if (pair_add(e, i, place, length ? e->last[length - 1] : 0))
				return CGG_FAILED;
			e->last[length] = (__u32)e->pairs;
			lengths += length == lengths;
		}
	}
	for (__u32 at = lengths ? e->last[lengths - 1] : 0; at; at = e->pair[at - 1].before) {
		one->edited[one->place[e->pair[at - 1].one]] = false;
		other->edited[other->place[e->pair[at - 1].other]] = false;
	}
	return 0;
}

/* Return whether the elements after (x, y) are equal, from the end of the part if backward. */
static bool is_equal(const struct part *p, long x, long y, bool backward)
{
	if (x >= p->ones || y >= p->others)
		return false;
	return backward ? p->one[p->ones - x - 1] == p->other[p->others - y - 1]
			: p->one[x] == p->other[y];
}

/*
 * Extend all paths of one direction by one edit.
 *
 * Return true if one meets a path of the other direction; *x and *y are then where.
 */
static bool paths_extend(const struct part *p, long *mine, const long *theirs, long edits,
			 bool backward, long *x, long *y)
{
	long n = p->ones, m = p->others, delta = n - m, reached = edits - !backward;
	long low = -(edits - 2 * (edits > m ? edits - m : 0));
	long high = edits - 2 * (edits > n ? edits - n : 0);

	for (long k = low; k <= high; k += 2) {
		bool down = k == -edits || (k != edits && mine[k - 1] < mine[k + 1]);

		*x = down ? mine[k + 1] : mine[k - 1] + 1;
		*y = *x - k;
		while (is_equal(p, *x, *y, backward))
			++*x, ++*y;
		mine[k] = *x;
		if ((delta & 1) == !backward && delta - k >= -reached && delta - k <= reached &&
		    mine[k] + theirs[delta - k] >= n) {
			*x = backward ? n - *x : *x;
			*y = backward ? m - *y : *y;
			return true;
		}
	}
	return false;
}

/*
 * Find a place in the middle of a shortest path through a part that has at least two edits.
 *
 * Return false if it has too many edits; *x and *y are then where a path got furthest.
 */
static bool middle_find(struct edit *e, const struct part *p, long *x, long *y)
{
	size_t size = (size_t)(p->ones + p->others + 3) * sizeof(long);
	long *forward = e->forward + p->others + 1, *backward = e->backward + p->others + 1;
	long edits = 0;

	memset(e->forward, 0, size);
	memset(e->backward, 0, size);
	for (; edits <= MANY_EDITS; edits++)
		if (paths_extend(p, forward, backward, edits, false, x, y) ||
		    paths_extend(p, backward, forward, edits, true, x, y))
			return true;
	*x = *y = 0;
	for (long k = -edits + 1; k < edits; k++) {
		long at = k >= -p->others && k <= p->ones ? forward[k] : 0;

		if (at <= p->ones && at - k >= 0 && at - k <= p->others && 2 * at - k > *x + *y) {
			*x = at;
			*y = at - k;
		}
	}
	return false;
}

/* Let common.c do a part, if it is not too long for that. Return 0, CGG_NO if it is, CGG_FAILED. */
static int by_places(struct edit *e, const struct part *p)
{
	if ((__s64)p->ones * p->others > MANY_PLACES)
		return CGG_NO;
	if (!e->common)
		e->common = common_begin((long)e->side[1].count, e->values);
	if (!e->common)
		return CGG_FAILED;
	common_find(e->common, e->side, *p);
	return 0;
}

/* Myers: keep equal elements at both ends, split in the middle of a shortest path, and go on. */
static int by_edits(struct edit *e, struct part p)
{
	for (;;) {
		long x, y;
		int status;

		part_strip(e->side, &p);
		if (!p.ones || !p.others)
			return 0;
		if (!middle_find(e, &p, &x, &y)) {
			status = by_places(e, &p);
			if (status != CGG_NO)
				return status;
		}
		status = by_edits(e, (struct part){ p.one, p.other, x, y });
		if (status)
			return status;
		p = (struct part){ p.one + x, p.other + y, p.ones - x, p.others - y };
	}
}

/* Choose the elements to compare: not the equal ones at both ends, nor those of one list only. */
static void choose(struct edit *e, const __u32 *const list[2], const unsigned count[2],
		   unsigned first, unsigned last, __u32 *const seen[2])
{
	for (int s = 0; s < 2; s++)
		for (unsigned i = first; i < count[s] - last; i++)
			seen[s][list[s][i]]++;
	for (int s = 0; s < 2; s++) {
		struct side *side = &e->side[s];

		for (unsigned i = 0; i < count[s]; i++) {
			bool inside = i >= first && i < count[s] - last;

			side->edited[i] = inside;
			if (!inside || !seen[!s][list[s][i]])
				continue;
			side->value[side->count] = list[s][i];
			side->place[side->count++] = i;
		}
	}
}

static bool edit_begin(struct edit *e, const unsigned count[2], unsigned values)
{
	size_t both = (size_t)count[0] + count[1] + 3;

	for (int s = 0; s < 2; s++) {
		e->side[s].value = calloc(count[s] + 1UL, sizeof(__u32));
		e->side[s].place = calloc(count[s] + 1UL, sizeof(__u32));
	}
	e->start = calloc(values + 2UL, sizeof(__u32));
	e->places = calloc(count[1] + 1UL, sizeof(__u32));
	e->last = calloc(count[1] + 1UL, sizeof(__u32));
	e->forward = calloc(both, sizeof(long));
	e->backward = calloc(both, sizeof(long));
	return e->side[0].value && e->side[0].place && e->side[1].value && e->side[1].place &&
	       e->start && e->places && e->last && e->forward && e->backward;
}

static void edit_end(struct edit *e)
{
	for (int s = 0; s < 2; s++) {
		free(e->side[s].value);
		free(e->side[s].place);
	}
	free(e->start);
	free(e->places);
	free(e->last);
	free(e->pair);
	free(e->forward);
	free(e->backward);
	if (e->common)
		common_end(e->common);
}

/*
 * Find the shortest edit from list[0] to list[1], whose elements are less than values. It may be
 * a longer one if both lists have more than MANY_PLACES pairs of places, and much differs.
 *
 * Set edited[0][i] for each element to remove and edited[1][i] for each to add. Return 0 or
 * CGG_FAILED.
 */
int shortest_edit(const __u32 *const list[2], const unsigned count[2], unsigned values,
		  bool *const edited[2])
{
	unsigned less = count[0] < count[1] ? count[0] : count[1], first = 0, last = 0;
	struct edit e = { .side = { { .edited = edited[0] }, { .edited = edited[1] } },
			  .values = values };
	__u32 *seen[2] = { calloc(values + 1UL, sizeof(__u32)),
			   calloc(values + 1UL, sizeof(__u32)) };
	__u64 pairs = 0;
	int status = CGG_FAILED;

	while (first < less && list[0][first] == list[1][first])
		first++;
	while (last < less - first && list[0][count[0] - last - 1] == list[1][count[1] - last - 1])
		last++;
	if (seen[0] && seen[1] && edit_begin(&e, count, values)) {
		choose(&e, list, count, first, last, seen);
		for (unsigned v = 0; v < values; v++)
			pairs += (__u64)seen[0][v] * seen[1][v];
		status = 0;
		if (pairs > MANY_PAIRS)
			status = by_edits(&e, (struct part){ e.side[0].value, e.side[1].value,
							     (long)e.side[0].count,
							     (long)e.side[1].count });
		else
			status = by_pairs(&e, values);
	}
	edit_end(&e);
	free(seen[0]);
	free(seen[1]);
	return status ? set_error(status, "out of memory") : 0;
}
