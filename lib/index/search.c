// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * search.c - cuts the blocks of earlier rules out of those of a rule.
 *
 * A point of the rule that no earlier block has proves that the rule decides something. So the
 * search looks at a corner of what is left. A block that has the corner is cut out, and so on. If
 * nothing is left, the rule is shadowed. To look for the blocks at a point is cheap: few nodes of
 * the tree have a point, but many meet a large block.
 *
 * The kinds of queries are one more dimension, of sets. So a rule for several hooks is cut once.
 *
 * Ranges in several dimensions can be such that there are far too many parts. So the search has a
 * limit, and says when it gives up.
 */
#include <stdlib.h>

#include "ranges.h"

#define SHARE 10 /* the part of all steps that may be taken for one rule */
#define CORNERS 4 /* of a whole block that are tried before it is cut */
#define CHOICE 32 /* so many blocks are compared before one is cut out of a part */
#define DEEPEST 64 /* nodes that wait: more than the tree has levels */

/* What is left of a block, and the kinds of queries for which it is left. */
struct piece {
	struct block block;
	kind_set kinds;
};

struct search {
	struct ranges *ranges;
	const struct taken *taken; /* the block whose rule is compared */
	const struct classes *classes;
	struct piece *part; /* those that are still to be looked at */
	size_t parts, room;
};

static bool block_holds(const struct block *block, const struct block *part)
{
	for (unsigned d = 0; d < DIMENSIONS; d++)
		if (part->min[d] < block->min[d] || part->max[d] > block->max[d])
			return false;
	return true;
}

/* Return how many sides of a part lie outside a block. */
static unsigned sides_outside(const struct block *part, const struct block *block)
{
	unsigned sides = 0;

	for (unsigned d = 0; d < DIMENSIONS; d++)
		sides += (part->min[d] < block->min[d] ? 1u : 0) +
			 (part->max[d] > block->max[d] ? 1u : 0);
	return sides;
}

/* Return whether a block takes what it has in common with the one that is compared. */
static bool is_earlier(const struct search *s, const struct taken *taken, __u32 before)
{
	return taken->rule < before && taken->until >= s->taken->until &&
	       (!taken->rule || class_is_wider(s->classes, taken->class, s->taken->class));
}

/* A way through the leaves of the tree that may hold a block, for some kinds of queries. */
struct walk {
	const struct block *block;
	kind_set kinds;
	__u32 before; /* only blocks of rules before this one */
	__u32 wait[DEEPEST], waits; /* nodes that are still to be looked at */
};

/* Return the next leaf, or 0. Where there is a choice, go to the one with the earliest rule. */
static const struct range_node *leaf_next(struct search *s, struct walk *walk)
{
	while (walk->waits) {
		__u32 at = walk->wait[--walk->waits];
		const struct range_node *node = &s->ranges->node[at], *one, *other;
		bool later;

		s->ranges->steps++;
		if (node->rule >= walk->before || !(node->kinds & walk->kinds) ||
		    !block_holds(&node->block, walk->block))
			continue;
		if (node->count)
			return node;
		one = node + 1;
		other = &s->ranges->node[node->first];
		later = one->rule > other->rule;
		walk->wait[walk->waits++] = later ? at + 1 : node->first;
		walk->wait[walk->waits++] = later ? node->first : at + 1;
	}
	return 0;
}

/* Return the earliest block that has a whole part, or 0. */
static const struct taken *find_whole(struct search *s, const struct block *part, kind_set kind)
{
	struct walk walk = { part, kind, s->taken->rule, { 0 }, 1 };
	const struct taken *found = 0;
	const struct range_node *node;

	while ((node = leaf_next(s, &walk)))
		for (__u32 i = node->first; i < node->first + node->count; i++) {
			const struct taken *taken = &s->ranges->leaf[i];

			if (!(taken->kinds & kind) || !block_holds(&taken->block, part) ||
			    !is_earlier(s, taken, walk.before))
				continue;
			found = taken;
			walk.before = taken->rule;
		}
	return found;
}

/*
 * Return a block that has a point of a part, of several the one with the fewest sides in the part;
 * 0: for some kind of queries no block has the point.
 */
static const struct taken *find_at(struct search *s, const struct piece *part,
				   const struct block *point, unsigned choice)
{
	struct walk walk = { point, part->kinds, s->taken->rule, { 0 }, 1 };
	const struct taken *found = 0;
	const struct range_node *node;
	kind_set open = part->kinds;
	unsigned least = ~0u, seen = 0;

	while ((open || (least && seen < choice)) && (node = leaf_next(s, &walk)))
		for (__u32 i = node->first; i < node->first + node->count; i++) {
			const struct taken *taken = &s->ranges->leaf[i];
			unsigned sides;

			if (!(taken->kinds & part->kinds) || !block_holds(&taken->block, point) ||
			    !is_earlier(s, taken, walk.before))
				continue;
			open &= ~taken->kinds;
			seen++;
			sides = sides_outside(&part->block, &taken->block);
			if (sides >= least)
				continue;
			found = taken;
			least = sides;
		}
	return open ? 0 : found;
}

static int part_add(struct search *s, const struct block *block, kind_set kinds)
{
	struct piece *more = grow(s->part, s->parts, &s->room, sizeof(*more));

	if (!more)
		return CGG_FAILED;
	s->part = more;
	s->part[s->parts++] = (struct piece){ *block, kinds };
	return 0;
}

/* Add what is left of a part without a block. The last pieces are the smallest. */
static int part_cut(struct search *s, struct piece part, const struct taken *taken)
{
	const struct block *block = &taken->block;
	int status = 0;

	for (unsigned d = 0; d < DIMENSIONS && !status; d++) {
		struct block rest = part.block;

		if (rest.min[d] < block->min[d]) {
			rest.max[d] = block->min[d] - 1;
			status = part_add(s, &rest, part.kinds);
			part.block.min[d] = rest.min[d] = block->min[d];
			rest.max[d] = part.block.max[d];
		}
		if (!status && rest.max[d] > block->max[d]) {
			rest.min[d] = block->max[d] + 1;
			status = part_add(s, &rest, part.kinds);
			part.block.max[d] = block->max[d];
		}
	}
	part.kinds &= ~taken->kinds;
	return status || !part.kinds ? status : part_add(s, &part.block, part.kinds);
}

/*
 * Return a corner of a part, as a block. As select, the last number is taken: where a rule asks for
 * any, that is one that most likely no rule names.
 */
static struct block corner_of(const struct block *part, unsigned number)
{
	struct block corner;

	for (unsigned d = 0; d < DIMENSIONS; d++) {
		bool low = d != OF_SELECT && number >> (d & 1) & 1;

		corner.min[d] = corner.max[d] = low ? part->min[d] : part->max[d];
	}
	return corner;
}

/* Return whether no earlier block has a corner of a part, for some kind of its queries. */
static bool is_open_at(struct search *s, const struct piece *part, unsigned corner)
{
	const struct block point = corner_of(&part->block, corner);

	return !find_at(s, part, &point, 1);
}

/* Take the kinds out for which one block has the whole part. *by meets the rules of these. */
static void wholes_take(struct search *s, struct piece *part, __u32 *by)
{
	for (kind_set left = part->kinds; left; left &= left - 1) {
		const kind_set kind = left & -left;
		const struct taken *one = find_whole(s, &part->block, kind);

		if (!one)
			continue;
		part->kinds &= ~kind;
		if (one->rule)
			rule_meet(by, one->rule);
	}
}

/* Cut a part until nothing is left of it, or a piece whose corner is open. */
static int pieces_cut(struct search *s, const struct piece *whole, __u64 limit, int *found)
{
	int status;

	s->parts = 0;
	status = part_add(s, &whole->block, whole->kinds);
	while (s->parts && !status) {
		const struct piece part = s->part[--s->parts];
		const struct block point = corner_of(&part.block, 0);
		const struct taken *taken = find_at(s, &part, &point, CHOICE);

		if (!taken)
			*found = OPEN;
		else if (s->ranges->steps > limit)
			*found = TOO_LONG;
		if (*found != COVERED)
			return 0;
		status = part_cut(s, part, taken);
	}
	return status;
}

/* Look whether earlier blocks take a whole block. Most rules are open at one of a few corners. */
static int block_cover(struct search *s, kind_set kinds, __u64 limit, int *found, __u32 *by)
{
	struct piece whole = { s->taken->block, kinds };
	int status;

	*found = OPEN;
	if (is_open_at(s, &whole, 0))
		return 0;
	wholes_take(s, &whole, by);
	for (unsigned i = 1; i < CORNERS && whole.kinds; i++)
		if (is_open_at(s, &whole, i))
			return 0;
	*found = COVERED;
	if (!whole.kinds)
		return 0;
	status = pieces_cut(s, &whole, limit, found);
	rule_meet(by, 0);
	return status;
}

/* Return the number of the first block of a rule. */
static __u32 first_of_rule(const struct ranges *ranges, __u32 rule)
{
	__u32 low = 0, high = ranges->count;

	while (low < high) {
		__u32 middle = (low + high) / 2;

		if (ranges->taken[middle].rule < rule)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Set *found to COVERED if earlier rules take all blocks of a rule for some kinds of queries, to
 * OPEN if not, and to TOO_LONG if the search gave up. If COVERED, *by has met them, as in
 * looks_cover(). Return 0 or CGG_FAILED.
 */
int blocks_cover(struct ranges *ranges, __u32 rule, kind_set kinds, const struct classes *classes,
		 int *found, __u32 *by)
{
	struct search s = { .ranges = ranges, .classes = classes };
	__u64 most = ranges->steps_most, limit = ranges->steps + most / SHARE;
	int status = 0;

	limit = limit < most ? limit : most;
	*found = COVERED;
	for (__u32 at = first_of_rule(ranges, rule);
	     at < ranges->count && ranges->taken[at].rule == rule && !status; at++) {
		kind_set asked = ranges->taken[at].kinds & kinds;

		s.taken = &ranges->taken[at];
		if (s.taken->block.max[OF_NAME] == ~0u)
			asked &= ~kinds_by_name(~0u); /* of an address: it has no name of its own */
		if (asked)
			status = block_cover(&s, asked, limit, found, by);
		if (*found != COVERED)
			break;
	}
	free(s.part);
	return status;
}
