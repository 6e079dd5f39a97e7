// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tree.c - arranges blocks as a tree: a node knows the ranges that the blocks below it are in. */
#include <stdlib.h>

#include "ranges.h"

#define LEAF 8 /* blocks of a node without children */

struct tree {
	struct ranges *ranges;
	enum dimension by; /* blocks are compared by their middles in it; DIMENSIONS: by rule */
	bool by_width; /* or by whether they are wide in it */
};

/* Return whether a block has a large part of all numbers: such blocks overlap with most others. */
static bool is_wide(const struct tree *tree, const struct block *b, enum dimension d)
{
	const struct block *all = &tree->ranges->node[0].block;

	return (b->max[d] - b->min[d]) >= (all->max[d] - all->min[d]) / 8 + 1;
}

/* Return the number by which a block is compared: twice its middle, or its width. */
static __u64 middle_of(const struct tree *tree, __u32 at)
{
	const struct block *b = &tree->ranges->taken[tree->ranges->order[at]].block;

	if (tree->by == DIMENSIONS)
		return tree->ranges->order[at];
	if (tree->by_width)
		return is_wide(tree, b, tree->by);
	return (__u64)b->min[tree->by] + b->max[tree->by];
}

static void swap(__u32 *order, __u32 a, __u32 b)
{
	__u32 kept = order[a];

	order[a] = order[b];
	order[b] = kept;
}

/* Arrange the blocks from first to end - 1 so that those before `half' are not greater. */
static void halve(struct tree *tree, __u32 first, __u32 end, __u32 half)
{
	__u32 *order = tree->ranges->order;

	while (end - first > 1) {
		__u64 pivot = middle_of(tree, first + (end - first) / 2);
		__u32 low = first, high = end - 1;

		while (low <= high) {
			while (middle_of(tree, low) < pivot)
				low++;
			while (middle_of(tree, high) > pivot)
				high--;
			if (low <= high)
				swap(order, low++, high--);
			if (high == ~0u)
				break;
		}
		if (high != ~0u && half <= high)
			end = high + 1;
		else if (half >= low)
			first = low;
		else
			return;
	}
}

static void block_join(struct block *block, const struct block *more)
{
	for (unsigned d = 0; d < DIMENSIONS; d++) {
		if (more->min[d] < block->min[d])
			block->min[d] = more->min[d];
		if (more->max[d] > block->max[d])
			block->max[d] = more->max[d];
	}
}

/*
 * Divide the blocks of a node: return the number of those that come first, which are moved there.
 * Those that are wide in a dimension and those that are not go apart first, then by their middles
 * in the dimension where these differ most.
 */
static __u32 divide(struct tree *tree, const struct range_node *node)
{
	const struct block *all = &tree->ranges->node[0].block;
	__u32 first = node->first, half = node->count / 2;
	double most = 0;

	for (unsigned d = 0; d < DIMENSIONS; d++) {
		struct tree by = { tree->ranges, d, false };
		__u64 low = ~0ULL, high = 0;
		__u32 wide = 0;
		double part;

		for (__u32 i = first; i < first + node->count; i++) {
			__u64 middle = middle_of(&by, i);

			low = middle < low ? middle : low;
			high = middle > high ? middle : high;
			by.by_width = true;
			wide += middle_of(&by, i) != 0;
			by.by_width = false;
		}
		if (wide && wide < node->count) {
			*tree = (struct tree){ tree->ranges, d, true };
			halve(tree, first, first + node->count, first + node->count - wide);
			return node->count - wide;
		}
		part = (double)(high - low) / (1.0 + all->max[d] - all->min[d]);
		if (part > most) {
			most = part;
			*tree = by;
		}
	}
	if (most <= 0)
		*tree = (struct tree){ tree->ranges, DIMENSIONS, false };
	halve(tree, first, first + node->count, first + half);
	return half;
}

/* Make the node of the blocks from first on, and those below it. */
static void node_make(struct tree *tree, __u32 first, __u32 count)
{
	struct ranges *ranges = tree->ranges;
	__u32 at = ranges->nodes++, half;
	struct range_node *node = &ranges->node[at];

	*node = (struct range_node){ .rule = ~0u, .first = first, .count = count };
	node->block = ranges->taken[ranges->order[first]].block;
	for (__u32 i = first; i < first + count; i++) {
		const struct taken *taken = &ranges->taken[ranges->order[i]];

		block_join(&node->block, &taken->block);
		node->kinds |= taken->kinds;
		node->rule = taken->rule < node->rule ? taken->rule : node->rule;
	}
	if (count <= LEAF)
		return;
	half = divide(tree, node);
	node_make(tree, first, half);
	node->count = 0;
	node->first = ranges->nodes;
	node_make(tree, first + half, count - half);
}

/* Arrange the blocks that may take something. Return 0 or CGG_FAILED. */
int tree_build(struct ranges *ranges)
{
	struct tree tree = { ranges, 0, false };
	__u32 count = 0;

	ranges->order = reallocarray(0, ranges->count + 1ULL, sizeof(*ranges->order));
	ranges->node = reallocarray(0, 2 * (ranges->count + 1ULL), sizeof(*ranges->node));
	if (!ranges->order || !ranges->node)
		return set_error(CGG_FAILED, "out of memory");
	for (__u32 i = 0; i < ranges->count; i++)
		if (!ranges->taken[i].limited)
			ranges->order[count++] = i;
	if (count)
		node_make(&tree, 0, count);
	ranges->leaf = reallocarray(0, count + 1ULL, sizeof(*ranges->leaf));
	if (!ranges->leaf)
		return set_error(CGG_FAILED, "out of memory");
	for (__u32 i = 0; i < count; i++)
		ranges->leaf[i] = ranges->taken[ranges->order[i]];
	return 0;
}
