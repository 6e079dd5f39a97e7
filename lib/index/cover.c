// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cover.c - tells whether earlier rules take everything that a rule matches.
 *
 * Every key below a node is taken where the node itself says so, where a node above it does, and
 * where both halves below it are taken. The last is found when a box is put: what it has in common
 * with the other half is put into the node above, and so on up. So the question looks only at the
 * nodes on the way to the prefix, and the answer is exact.
 */
#include <stdlib.h>
#include <string.h>

#include "cover.h"

#define DEEPEST (8 * CGG_OPERAND + 1) /* nodes from the root to the longest key */

static bool key_bit(const __u8 *key, __u32 bit)
{
	return key[bit / 8] >> (7 - bit % 8) & 1;
}

/* Return how many bits two keys have in common, from bit `at` on, and `most` at most. */
__u32 common_bits(const __u8 *a, const __u8 *b, __u32 at, __u32 most)
{
	while (at < most) {
		__u32 byte = at / 8, differ = (a[byte] ^ b[byte]) & 0xffu >> at % 8;

		if (differ) {
			at = 8 * byte + (__u32)__builtin_clz(differ) - 24;
			break;
		}
		at = 8 * byte + 8;
	}
	return at < most ? at : most;
}

static int cover_grow(struct cover *cover)
{
	__u32 room = cover->room ? 2 * cover->room : 16;
	struct cover_step *step = reallocarray(cover->step, room, sizeof(*step));
	struct cover_node *node = reallocarray(cover->node, room, sizeof(*node));

	cover->step = step ? step : cover->step;
	cover->node = node ? node : cover->node;
	if (!step || !node)
		return set_error(CGG_FAILED, "out of memory");
	cover->room = room;
	return 0;
}

/* Make a node; return its number, or 0. The nodes may move. */
static __u32 node_new(struct cover *cover, const __u8 *key, __u32 bits)
{
	if (cover->nodes == cover->room && cover_grow(cover))
		return 0;
	cover->step[cover->nodes] = (struct cover_step){ .bits = bits };
	cover->node[cover->nodes] = (struct cover_node){ .key = key };
	return cover->nodes++;
}

int cover_begin(struct cover *cover)
{
	*cover = (struct cover){ 0 };
	node_new(cover, 0, 0);
	return cover->nodes ? 0 : CGG_FAILED;
}

/*
 * Write the nodes on the way to a prefix, from the root to the last one that has all of it or a
 * part; return the place of that one. *common: how many bits it has in common with the node that
 * stands where the prefix would. Keys are compared once, at the end.
 */
static __u32 way_to(const struct cover *cover, const struct box *box, __u32 path[DEEPEST],
		    __u32 *common)
{
	const struct cover_step *step = cover->step;
	__u32 depth = 0, child;

	path[0] = 0;
	while (step->bits < box->bits) {
		child = step->child[key_bit(box->key, step->bits)];
		if (!child)
			break;
		path[++depth] = child;
		step = &cover->step[child];
	}
	*common = step->bits < box->bits ? step->bits : box->bits;
	*common = common_bits(box->key, cover->node[path[depth]].key, 0, *common);
	while (cover->step[path[depth]].bits > *common)
		depth--;
	return depth;
}

/* Add a node for a new prefix below `top`, behind the bits that others below it share. 0: failed */
static __u32 node_below(struct cover *cover, __u32 top, const struct box *box, __u32 common)
{
	bool side = key_bit(box->key, cover->step[top].bits);
	__u32 child = cover->step[top].child[side];
	__u32 node = node_new(cover, box->key, child ? common : box->bits);

	if (!node)
		return 0;
	if (child)
		cover->step[node].child[key_bit(cover->node[child].key, common)] = child;
	cover->step[top].child[side] = node;
	return node;
}

struct put {
	struct cover *cover;
	__u32 path[DEEPEST], depth; /* from the root to the node that takes the box */
};

static int span_raise(struct put *put, __u32 depth, const struct span *span);

/* Put into the node above what a span and those of one select of the other half have in common. */
static int select_raise(struct put *put, __u32 depth, const struct span *span,
			const struct spans *half, __u64 select)
{
	int status = 0;

	for (__u32 at = spans_find(half, select, span->min);
	     at < half->count && half->span[at].select == select && !status; at++) {
		struct span both = half->span[at];

		if (both.min > span->max)
			break;
		both.select = select == ANY_SELECT ? span->select : select;
		both.min = both.min > span->min ? both.min : span->min;
		both.max = both.max < span->max ? both.max : span->max;
		both.until = both.until < span->until ? both.until : span->until;
		both.rule = 0;
		status = span_raise(put, depth - 1, &both);
	}
	return status;
}

static int half_raise(struct put *put, __u32 depth, const struct span *span,
		      const struct spans *half)
{
	int status = 0;

	if (span->select != ANY_SELECT) {
		status = select_raise(put, depth, span, half, span->select);
		return status ? status : select_raise(put, depth, span, half, ANY_SELECT);
	}
	for (__u32 at = 0; at < half->count && !status;) {
		__u64 select = half->span[at].select;

		status = select_raise(put, depth, span, half, select);
		at = select == ANY_SELECT ? half->count : spans_find(half, select + 1, 0);
	}
	return status;
}

/* Add a span to a node of the path, and to those above what both of their halves have then. */
static int span_raise(struct put *put, __u32 depth, const struct span *span)
{
	const __u32 at = put->path[depth];
	struct cover *cover = put->cover;
	const struct cover_step *above;
	bool changed;
	int status = spans_put(&cover->node[at].spans, span, &changed);
	__u32 bits = cover->step[at].bits, other;

	if (status || !changed || !depth)
		return status;
	above = &cover->step[put->path[depth - 1]];
	other = above->child[above->child[0] == at];
	if (!other || bits != above->bits + 1 || bits != cover->step[other].bits)
		return 0;
	return half_raise(put, depth, span, &cover->node[other].spans);
}

/* Note that a rule takes a box. */
int cover_put(struct cover *cover, const struct box *box, __u32 rule)
{
	const struct span span = { box->select, box->until, rule, box->port_min, box->port_max };
	struct put put;
	__u32 common, at;

	put.cover = cover;
	put.depth = way_to(cover, box, put.path, &common);
	at = put.path[put.depth];
	while (cover->step[at].bits < box->bits) {
		at = node_below(cover, at, box, common);
		if (!at)
			return CGG_FAILED;
		put.path[++put.depth] = at;
	}
	return span_raise(&put, put.depth, &span);
}

int looks_add(struct looks *looks, const struct spans *one, const struct spans *other)
{
	struct look *look = grow(looks->look, looks->count, &looks->room, sizeof(*look));

	if (!look)
		return CGG_FAILED;
	looks->look = look;
	look[looks->count++] = (struct look){ one, other };
	return 0;
}

/* Add the spans of all nodes on the way to the prefix of a box. */
int cover_look(const struct cover *cover, const struct box *box, struct looks *looks)
{
	__u32 path[DEEPEST], common, depth = way_to(cover, box, path, &common);
	int status = 0;

	for (__u32 i = 0; i <= depth && !status; i++) {
		const struct spans *spans = &cover->node[path[i]].spans;

		if (spans->count)
			status = looks_add(looks, spans, 0);
	}
	return status;
}

/* Return the end of the ports from `port` on that a look takes, or 0 with *rule unchanged. */
static __u32 look_reach(const struct look *look, const struct box *box, __u32 port, __u32 *rule)
{
	const struct span *one = spans_reach(look->one, box, port), *other = one;

	if (look->other)
		other = spans_reach(look->other, box, port);
	if (!one || !other)
		return 0;
	*rule = one->rule == other->rule ? one->rule : 0;
	return 1u + (one->max < other->max ? one->max : other->max);
}

/*
 * Return whether the looks take the whole box. *rule then has met the rules that do: it is the id
 * of the only one, or 0.
 */
bool looks_cover(const struct looks *looks, const struct box *box, __u32 *rule)
{
	__u32 port = box->port_min;

	while (port <= box->port_max) {
		__u32 end = 0, by = 0, who = 0;

		for (__u32 i = 0; i < looks->count; i++) {
			__u32 to = look_reach(&looks->look[i], box, port, &who);

			if (to > end) {
				end = to;
				by = who;
			}
		}
		if (!end)
			return false;
		rule_meet(rule, by);
		port = end;
	}
	return true;
}

void cover_free(struct cover *cover)
{
	for (__u32 i = 0; i < cover->nodes; i++)
		free(cover->node[i].spans.span);
	free(cover->step);
	free(cover->node);
}
