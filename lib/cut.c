// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cut.c - pieces of the numbers 0..65535 become a hop that leads on by a number.
 *
 * Digits of a key, ports and protocols alike (cgguard.h, CUT and POINTS).
 */
#include "base.h"

/* piece_add - up to last; what goes on with the same hop is one */
void piece_add(struct builder *b, __u32 mark, __u32 last, __u64 hop)
{
	struct piece *before = b->pieces > mark ? &b->piece[b->pieces - 1] : 0;

	if (before && before->last >= last)
		return;
	if (before && before->hop == hop) {
		before->last = last;
		return;
	}
	b->piece = build_grow(b, b->piece, b->pieces, &b->pieces_room, sizeof(*b->piece));
	if (!b->failed)
		b->piece[b->pieces++] = (struct piece){ last, hop };
}

/* ends_put - a node whose numbers are the last ones of each step pieces from begin on */
static void ends_put(struct builder *b, __u32 at, const struct piece *piece, __u32 count,
		     __u64 begin, __u64 step, unsigned most)
{
	__u16 *ends = build_unit(b, at);

	for (unsigned i = 0; i + 1 < most; i++) {
		__u64 last = begin + (i + 1) * step - 1;

		ends[i] = last < count ? (__u16)piece[last].last : 0xffff;
	}
}

static __u64 cut_large(struct builder *b, const struct piece *piece, __u32 count, unsigned digit)
{
	const __u32 node = CGG_CUT_NODE;
	__u32 lowest = (count + node - 1) / node;
	__u32 between = count > node * node ? (lowest + node - 1) / node : 0;
	__u32 nodes = lowest + between + (count > node);
	__u32 at = build_take(b, 8ULL * nodes + count, 8, count <= CGG_CUT_PAGE), next = at;

	if (b->failed)
		return 0;
	if (count > node) {
		ends_put(b, next, piece, count, 0, between ? node * node : node, node);
		next += 8;
	}
	for (__u32 i = 0; i < between; i++, next += 8)
		ends_put(b, next, piece, count, (__u64)i * node * node, node, node);
	for (__u32 i = 0; i < lowest; i++, next += 8)
		ends_put(b, next, piece, count, (__u64)i * node, 1, node);
	for (__u32 i = 0; i < count; i++)
		*(__u64 *)build_unit(b, next + i) = piece[i].hop;
	return CGG_HOP(CGG_HOP_CUT, CGG_CUT(count, digit), at);
}

static __u64 cut_small(struct builder *b, const struct piece *piece, __u32 count, unsigned digit)
{
	__u32 at = build_take(b, 2 + count, 2, true);

	if (b->failed)
		return 0;
	ends_put(b, at, piece, count, 0, 1, CGG_CUT_SMALL);
	for (__u32 i = 0; i < count; i++)
		*(__u64 *)build_unit(b, at + 2 + i) = piece[i].hop;
	return CGG_HOP(CGG_HOP_CUT, CGG_CUT(count, digit), at);
}

/* A few numbers with one hop, like those of a /30, may be as many points. */
#define POINTS_WIDE 8

static __u32 begin_of(const struct piece *piece, __u32 i)
{
	return i ? piece[i - 1].last + 1 : 0;
}

/*
 * points_of - as how many points the pieces may stand, whose hops differ in their lower
 * bits alone; 0: there is something else than those and the hop of all other numbers
 */
static __u32 points_of(const struct piece *piece, __u32 count, __u64 *all, __u64 *others)
{
	__u32 points = 0, widest = 0;
	bool some = false;

	for (__u32 i = 0; i < count; i++) {
		if (piece[i].last - begin_of(piece, i) <= widest)
			continue;
		widest = piece[i].last - begin_of(piece, i);
		*others = piece[i].hop;
	}
	for (__u32 i = 0; i < count && points <= CGG_POINTS_MOST; i++) {
		__u32 wide = piece[i].last - begin_of(piece, i) + 1;

		if (piece[i].hop == *others)
			continue;
		if (wide > POINTS_WIDE || (some && (piece[i].hop ^ *all) & ~(__u64)CGG_LOW))
			return 0;
		*all = piece[i].hop & ~(__u64)CGG_LOW;
		some = true;
		points += wide;
	}
	return points <= CGG_POINTS_MOST ? points : 0;
}

static __u64 points_put(struct builder *b, const struct piece *piece, __u32 count, __u32 points,
			__u64 all, __u64 others, unsigned digit)
{
	const __u32 node = CGG_CUT_NODE;
	bool small = points <= CGG_POINTS_SMALL;
	__u32 nodes = small ? 0 : (points + node - 1) / node + (points > node), i = 0, *lows;
	__u32 numbers = small ? 2 * CGG_POINTS_SMALL / 8 : 8 * nodes;
	/* that the nodes of many begin with a line */
	__u32 at = build_take(b, 2 + numbers + (points + 1) / 2 + (nodes > 1 ? 6 : 0), 8, true);
	__u16 *top, *number;

	if (b->failed)
		return 0;
	at += nodes > 1 ? 6 : 0;
	*(__u64 *)build_unit(b, at) = others;
	*(__u64 *)build_unit(b, at + 1) = all;
	top = build_unit(b, at + 2);
	number = points > node ? top + node : top;
	lows = build_unit(b, at + 2 + numbers);
	memset(top, 0xff, 8 * (size_t)numbers);
	for (__u32 p = 0; p < count; p++) {
		if (piece[p].hop == others)
			continue;
		for (__u32 n = begin_of(piece, p); n <= piece[p].last; n++, i++) {
			number[i] = (__u16)n;
			lows[i] = CGG_HOP_LOW(piece[p].hop);
			if (points > node && i % node == node - 1 && i / node < node - 1)
				top[i / node] = (__u16)n;
		}
	}
	return CGG_HOP(CGG_HOP_POINTS, CGG_CUT(points, digit), at);
}

static __u64 cut_whole(struct builder *b, const struct piece *piece, __u32 count, unsigned digit)
{
	__u32 at = build_take(b, 65536, CGG_PAGE / 8, false), n = 0;

	for (__u32 i = 0; i < count && !b->failed; i++)
		for (; n <= piece[i].last && n < 65536; n++)
			*(__u64 *)build_unit(b, at + n) = piece[i].hop;
	return CGG_HOP(CGG_HOP_CUT, CGG_CUT(65536, digit), at);
}

/* cut_put - the pieces from mark on, up to 65535; they are let go */
__u64 cut_put(struct builder *b, __u32 mark, unsigned digit)
{
	const struct piece *piece = b->piece + mark;
	__u32 count = b->pieces - mark, points;
	__u64 all = 0, others = 0;

	b->pieces = mark;
	if (b->failed)
		return 0;
	points = count > 2 ? points_of(piece, count, &all, &others) : 0;
	if (points)
		return points_put(b, piece, count, points, all, others, digit);
	return count == 1		? piece->hop
	       : count <= CGG_CUT_SMALL ? cut_small(b, piece, count, digit)
	       : count <= CGG_CUT_MOST	? cut_large(b, piece, count, digit)
					: cut_whole(b, piece, count, digit);
}
