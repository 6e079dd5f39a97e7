// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * search.c - cuts the blocks of earlier rules out of those of a rule.
 *
 * A part that no earlier block meets proves that the rule decides something. If no part is left,
 * the rule is shadowed. Ranges in several dimensions can be such that there are far too many
 * parts. So the search has a limit, and says when it gives up.
 */
#include <stdlib.h>

#include "ranges.h"

#define SHARE 10 /* the part of all steps that may be taken for one rule */
#define CHOICE 32 /* so many blocks are compared before one is cut out of a part */
#define DEEPEST 64 /* nodes that wait: more than the tree has levels */

struct search {
	struct ranges *ranges;
	const struct taken *taken; /* the block whose rule is compared */
	kind_set kind; /* of queries, one bit */
	const struct classes *classes;
	struct block *part; /* parts that are still to be looked at */
	size_t parts, room;
};

static bool block_meets(const struct block *a, const struct block *b)
{
	for (unsigned d = 0; d < DIMENSIONS; d++)
		if (a->min[d] > b->max[d] || a->max[d] < b->min[d])
			return false;
	return true;
}

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
	return taken->rule < before && taken->kinds & s->kind &&
	       taken->block.min[OF_SELECT] <= s->taken->block.min[OF_SELECT] &&
	       taken->block.max[OF_SELECT] >= s->taken->block.max[OF_SELECT] &&
	       taken->until >= s->taken->until &&
	       (!taken->rule || class_is_wider(s->classes, taken->class, s->taken->class));
}

/* Nodes of the tree that are still to be looked at. */
struct walk {
	__u32 wait[DEEPEST], waits;
};

typedef bool block_relation(const struct block *block, const struct block *part);

/* Return the next leaf of the tree that may have blocks of rules before one; 0: there is none. */
static __always_inline const struct range_node *leaf_next(struct search *s, struct walk *walk,
							  block_relation *suits,
							  const struct block *part, __u32 before)
{
	while (walk->waits) {
		__u32 at = walk->wait[--walk->waits];
		const struct range_node *node = &s->ranges->node[at];

		s->ranges->steps++;
		if (node->rule >= before || !(node->kinds & s->kind) || !suits(&node->block, part))
			continue;
		if (node->count)
			return node;
		walk->wait[walk->waits++] = node->first;
		walk->wait[walk->waits++] = at + 1;
	}
	return 0;
}

/* Return the earliest block that has a whole part, or 0. */
static const struct taken *find_whole(struct search *s, const struct block *part)
{
	struct walk walk = { .waits = 1 };
	const struct taken *found = 0;
	const struct range_node *node;
	__u32 before = s->taken->rule;

	while ((node = leaf_next(s, &walk, block_holds, part, before)))
		for (__u32 i = node->first; i < node->first + node->count; i++) {
			const struct taken *taken = &s->ranges->leaf[i];

			if (!block_holds(&taken->block, part) || !is_earlier(s, taken, before))
				continue;
			found = taken;
			before = taken->rule;
		}
	return found;
}

/* Return a block that meets a part, of those found first the one with the fewest sides in it. */
static const struct taken *find_meeting(struct search *s, const struct block *part)
{
	struct walk walk = { .waits = 1 };
	const struct taken *found = 0;
	const struct range_node *node;
	__u32 before = s->taken->rule;
	unsigned least = ~0u, seen = 0;

	while (seen < CHOICE && least > 1 &&
	       (node = leaf_next(s, &walk, block_meets, part, before)))
		for (__u32 i = node->first; i < node->first + node->count; i++) {
			const struct taken *taken = &s->ranges->leaf[i];
			unsigned sides;

			if (!block_meets(&taken->block, part) || !is_earlier(s, taken, before))
				continue;
			sides = sides_outside(part, &taken->block);
			seen++;
			if (sides >= least)
				continue;
			found = taken;
			least = sides;
		}
	return found;
}

static int part_add(struct search *s, const struct block *part)
{
	struct block *more = grow(s->part, s->parts, &s->room, sizeof(*more));

	if (!more)
		return CGG_FAILED;
	s->part = more;
	s->part[s->parts++] = *part;
	return 0;
}

/* Add what is left of a part without a block. The last pieces are the smallest. */
static int part_cut(struct search *s, struct block part, const struct block *block)
{
	int status = 0;

	for (unsigned d = 0; d < DIMENSIONS && !status; d++) {
		struct block rest = part;

		if (part.min[d] < block->min[d]) {
			rest.max[d] = block->min[d] - 1;
			status = part_add(s, &rest);
			part.min[d] = rest.min[d] = block->min[d];
			rest.max[d] = part.max[d];
		}
		if (!status && part.max[d] > block->max[d]) {
			rest.min[d] = block->max[d] + 1;
			status = part_add(s, &rest);
			part.max[d] = block->max[d];
		}
	}
	return status;
}

/* Look whether earlier blocks take a whole block, for one kind of queries. */
static int block_cover(struct search *s, __u64 limit, int *found, __u32 *by)
{
	const struct taken *whole = find_whole(s, &s->taken->block);
	int status = 0;

	*found = COVERED;
	if (whole) {
		if (whole->rule)
			rule_meet(by, whole->rule);
		return 0;
	}
	s->parts = 0;
	status = part_add(s, &s->taken->block);
	while (s->parts && !status) {
		struct block part = s->part[--s->parts];
		const struct taken *taken = find_meeting(s, &part);

		if (!taken)
			*found = OPEN;
		else if (s->ranges->steps > limit)
			*found = TOO_LONG;
		if (*found != COVERED)
			return 0;
		if (!block_holds(&taken->block, &part) && !find_whole(s, &part))
			status = part_cut(s, part, &taken->block);
	}
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
		s.taken = &ranges->taken[at];
		for (unsigned i = 0; i < CGG_HOOKS * CGG_QUERY_BITS && !status; i++) {
			bool by_name = 1 << i % CGG_QUERY_BITS == CGG_BY_NAME;

			s.kind = (kind_set)1 << i;
			if (!(s.taken->kinds & kinds & s.kind) ||
			    (by_name && s.taken->block.max[OF_NAME] == ~0u))
				continue;
			status = block_cover(&s, limit, found, by);
			if (*found != COVERED)
				goto out;
		}
	}
out:
	free(s.part);
	return status;
}
