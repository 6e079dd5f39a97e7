// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tree.c - arranges blocks as a tree: a node knows the ranges that the blocks below it are in. */
#include <stdlib.h>

#include "ranges.h"

#define LEAF 8 /* blocks of a node without children */
#define SAMPLE 64 /* about so many blocks of a node tell in which dimension it is divided */

struct item {
	__u64 key; /* by which the blocks of a node are compared */
	__u32 taken;
};

struct tree {
	struct ranges *ranges;
	struct item *item;
	struct block all;
};

static const struct block *block_at(const struct tree *tree, __u32 at)
{
	return &tree->ranges->taken[tree->item[at].taken].block;
}

/* Return whether a block has a large part of all numbers: such blocks overlap with most others. */
static bool is_wide(const struct tree *tree, const struct block *b, enum dimension d)
{
	return (b->max[d] - b->min[d]) >= (tree->all.max[d] - tree->all.min[d]) / 8 + 1;
}

/* Return twice the middle of a block. */
static __u64 middle_of(const struct block *b, enum dimension d)
{
	return (__u64)b->min[d] + b->max[d];
}

static void swap(struct item *item, __u32 a, __u32 b)
{
	struct item kept = item[a];

	item[a] = item[b];
	item[b] = kept;
}

/* Arrange the items from first to end - 1 so that those before `half' are not greater. */
static void halve(struct item *item, __u32 first, __u32 end, __u32 half)
{
	while (end - first > 1) {
		__u64 pivot = item[first + (end - first) / 2].key;
		__u32 low = first, high = end - 1;

		while (low <= high) {
			while (item[low].key < pivot)
				low++;
			while (item[high].key > pivot)
				high--;
			if (low <= high)
				swap(item, low++, high--);
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

/* Move the blocks that are wide in a dimension behind the others; return how many these are. */
static __u32 wide_part(struct tree *tree, __u32 first, __u32 count, enum dimension d)
{
	__u32 low = first, high = first + count;

	while (low < high)
		if (is_wide(tree, block_at(tree, low), d))
			swap(tree->item, low, --high);
		else
			low++;
	return low - first;
}

/*
 * Divide the blocks of a node: return the number of those that come first, which are moved there.
 * Those that are wide in a dimension and those that are not go apart first, then by their middles
 * in the dimension where these differ most, or by their rules.
 */
static __u32 divide(struct tree *tree, __u32 first, __u32 count)
{
	const __u32 step = count / SAMPLE + 1;
	enum dimension by = DIMENSIONS;
	double most = 0;

	for (enum dimension d = 0; d < DIMENSIONS; d++) {
		__u64 low = ~0ULL, high = 0;
		__u32 wide = 0, narrow = 0;
		double part;

		for (__u32 i = first; i < first + count; i += step) {
			const struct block *b = block_at(tree, i);
			__u64 middle = middle_of(b, d);

			low = middle < low ? middle : low;
			high = middle > high ? middle : high;
			*(is_wide(tree, b, d) ? &wide : &narrow) += 1;
		}
		if (wide && narrow)
			return wide_part(tree, first, count, d);
		part = (double)(high - low) / (1.0 + tree->all.max[d] - tree->all.min[d]);
		if (part > most) {
			most = part;
			by = d;
		}
	}
	for (__u32 i = first; i < first + count; i++)
		tree->item[i].key =
			by < DIMENSIONS ? middle_of(block_at(tree, i), by) : tree->item[i].taken;
	halve(tree->item, first, first + count, first + count / 2);
	return count / 2;
}

/* Make the node of the blocks from first on, and those below it. */
static struct range_node *node_make(struct tree *tree, __u32 first, __u32 count)
{
	struct ranges *ranges = tree->ranges;
	struct range_node *node = &ranges->node[ranges->nodes++];
	const struct range_node *one, *other;
	__u32 half;

	*node = (struct range_node){ .rule = ~0u, .first = first, .count = count };
	if (count <= LEAF) {
		node->block = *block_at(tree, first);
		for (__u32 i = first; i < first + count; i++) {
			const struct taken *taken = &ranges->taken[tree->item[i].taken];

			ranges->leaf[i] = *taken;
			block_join(&node->block, &taken->block);
			node->kinds |= taken->kinds;
			node->rule = taken->rule < node->rule ? taken->rule : node->rule;
		}
		return node;
	}
	half = divide(tree, first, count);
	one = node_make(tree, first, half);
	node->count = 0;
	node->first = ranges->nodes;
	other = node_make(tree, first + half, count - half);
	node->block = one->block;
	block_join(&node->block, &other->block);
	node->kinds = one->kinds | other->kinds;
	node->rule = one->rule < other->rule ? one->rule : other->rule;
	return node;
}

/* Arrange the blocks that may take something. Return 0 or CGG_FAILED. */
int tree_build(struct ranges *ranges)
{
	struct tree tree = { ranges,
			     reallocarray(0, ranges->count + 1ULL, sizeof(*tree.item)),
			     { { 0 }, { 0 } } };
	__u32 count = 0;

	ranges->node = reallocarray(0, 2 * (ranges->count + 1ULL), sizeof(*ranges->node));
	ranges->leaf = reallocarray(0, ranges->count + 1ULL, sizeof(*ranges->leaf));
	if (!tree.item || !ranges->node || !ranges->leaf) {
		free(tree.item);
		return set_error(CGG_FAILED, "out of memory");
	}
	tree.all = ranges->taken[0].block;
	for (__u32 i = 0; i < ranges->count; i++) {
		if (ranges->taken[i].limited)
			continue;
		tree.item[count++].taken = i;
		block_join(&tree.all, &ranges->taken[i].block);
	}
	tree.all.max[OF_SELECT] = ~0u; /* many have the same: to divide by it helps least */
	if (count)
		node_make(&tree, 0, count);
	free(tree.item);
	return 0;
}
