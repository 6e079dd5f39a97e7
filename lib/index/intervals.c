// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * intervals.c - writes the nodes that map a number in 0..65535 to a reference.
 *
 * The number is a digit of a key, a port or a protocol (cgguard.h, CGG_REF_INTERVALS and
 * CGG_REF_POINTS).
 */
#include "build.h"

/* Add the interval up to `last` to those from mark on; extend the one before if it has this ref. */
void interval_add(struct builder *b, __u32 mark, __u32 last, __u64 ref)
{
	struct interval *before = b->intervals > mark ? &b->interval[b->intervals - 1] : 0;

	if (before && before->last >= last)
		return;
	if (before && before->ref == ref) {
		before->last = last;
		return;
	}
	b->interval =
		build_grow(b, b->interval, b->intervals, &b->intervals_room, sizeof(*b->interval));
	if (!b->failed)
		b->interval[b->intervals++] = (struct interval){ last, ref };
}

/*
 * Write a node of most - 1 bounds: the last number of every `step` intervals from `begin` on,
 * padded with 0xffff.
 */
static void ends_put(struct builder *b, __u32 at, const struct interval *interval, __u32 count,
		     __u64 begin, __u64 step, unsigned most)
{
	__u16 *ends = build_unit(b, at);

	for (unsigned i = 0; i + 1 < most; i++) {
		__u64 last = begin + (i + 1) * step - 1;

		ends[i] = last < count ? (__u16)interval[last].last : 0xffff;
	}
}

static __u64 intervals_large(struct builder *b, const struct interval *interval, __u32 count,
			     unsigned digit)
{
	const __u32 node = CGG_INTERVALS_NODE;
	__u32 lowest = (count + node - 1) / node;
	__u32 between = count > node * node ? (lowest + node - 1) / node : 0;
	__u32 nodes = lowest + between + (count > node);
	__u32 at = build_take(b, 8ULL * nodes + count, 8, count <= CGG_INTERVALS_PAGE), next = at;

	if (b->failed)
		return 0;
	if (count > node) {
		ends_put(b, next, interval, count, 0, between ? node * node : node, node);
		next += 8;
	}
	for (__u32 i = 0; i < between; i++, next += 8)
		ends_put(b, next, interval, count, (__u64)i * node * node, node, node);
	for (__u32 i = 0; i < lowest; i++, next += 8)
		ends_put(b, next, interval, count, (__u64)i * node, 1, node);
	for (__u32 i = 0; i < count; i++)
		*(__u64 *)build_unit(b, next + i) = interval[i].ref;
	return CGG_REF(CGG_REF_INTERVALS, CGG_INTERVALS(count, digit), at);
}

static __u64 intervals_small(struct builder *b, const struct interval *interval, __u32 count,
			     unsigned digit)
{
	__u32 at = build_take(b, 2 + count, 2, true);

	if (b->failed)
		return 0;
	ends_put(b, at, interval, count, 0, 1, CGG_INTERVALS_SMALL);
	for (__u32 i = 0; i < count; i++)
		*(__u64 *)build_unit(b, at + 2 + i) = interval[i].ref;
	return CGG_REF(CGG_REF_INTERVALS, CGG_INTERVALS(count, digit), at);
}

/* An interval of at most so many numbers, like that of a /30, can be stored as single points. */
#define POINTS_WIDE 8

static __u32 begin_of(const struct interval *interval, __u32 i)
{
	return i ? interval[i - 1].last + 1 : 0;
}

/*
 * Return how many points can replace the intervals, or 0 if they cannot: all numbers but the
 * points must have one reference, *others, and the references of the points may differ only in
 * their low 28 bits; *all is their common part.
 */
static __u32 points_of(const struct interval *interval, __u32 count, __u64 *all, __u64 *others)
{
	__u32 points = 0, widest = 0;
	bool some = false;

	for (__u32 i = 0; i < count; i++) {
		if (interval[i].last - begin_of(interval, i) <= widest)
			continue;
		widest = interval[i].last - begin_of(interval, i);
		*others = interval[i].ref;
	}
	for (__u32 i = 0; i < count && points <= CGG_POINTS_MOST; i++) {
		__u32 wide = interval[i].last - begin_of(interval, i) + 1;

		if (interval[i].ref == *others)
			continue;
		if (wide > POINTS_WIDE || (some && (interval[i].ref ^ *all) & ~(__u64)CGG_LOW))
			return 0;
		*all = interval[i].ref & ~(__u64)CGG_LOW;
		some = true;
		points += wide;
	}
	return points <= CGG_POINTS_MOST ? points : 0;
}

static __u64 points_put(struct builder *b, const struct interval *interval, __u32 count,
			__u32 points, __u64 all, __u64 others, unsigned digit)
{
	const __u32 node = CGG_INTERVALS_NODE;
	bool small = points <= CGG_POINTS_SMALL;
	__u32 nodes = small ? 0 : (points + node - 1) / node + (points > node), i = 0, *lows;
	__u32 numbers = small ? 2 * CGG_POINTS_SMALL / 8 : 8 * nodes;
	/* six units more, so that the nodes of many points begin at a cache line */
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
		if (interval[p].ref == others)
			continue;
		for (__u32 n = begin_of(interval, p); n <= interval[p].last; n++, i++) {
			number[i] = (__u16)n;
			lows[i] = CGG_REF_LOW(interval[p].ref);
			if (points > node && i % node == node - 1 && i / node < node - 1)
				top[i / node] = (__u16)n;
		}
	}
	return CGG_REF(CGG_REF_POINTS, CGG_INTERVALS(points, digit), at);
}

static __u64 intervals_whole(struct builder *b, const struct interval *interval, __u32 count,
			     unsigned digit)
{
	__u32 at = build_take(b, 65536, CGG_PAGE / 8, false), n = 0;

	for (__u32 i = 0; i < count && !b->failed; i++)
		for (; n <= interval[i].last && n < 65536; n++)
			*(__u64 *)build_unit(b, at + n) = interval[i].ref;
	return CGG_REF(CGG_REF_INTERVALS, CGG_INTERVALS(65536, digit), at);
}

/*
 * Write the intervals from mark on, which end with 65535, in the smallest form that fits, and
 * remove them from the builder. Return the reference.
 *
 * The outermost node of a space, which every walk reads, is rather large than slow: it becomes
 * 65536 references already if there are a quarter as many intervals as elsewhere.
 */
__u64 intervals_put(struct builder *b, __u32 mark, unsigned digit, bool outermost)
{
	const __u32 most = outermost ? CGG_INTERVALS_MOST / 4 : CGG_INTERVALS_MOST;
	const struct interval *interval = b->interval + mark;
	__u32 count = b->intervals - mark, points;
	__u64 all = 0, others = 0;

	b->intervals = mark;
	if (b->failed)
		return 0;
	points = count > 2 ? points_of(interval, count, &all, &others) : 0;
	if (points)
		return points_put(b, interval, count, points, all, others, digit);
	return count == 1		      ? interval->ref
	       : count <= CGG_INTERVALS_SMALL ? intervals_small(b, interval, count, digit)
	       : count <= most		      ? intervals_large(b, interval, count, digit)
					      : intervals_whole(b, interval, count, digit);
}
