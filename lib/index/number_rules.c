// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * number_rules.c - arranges the rules of one prefix by numbers that they name: users, groups,
 * source ports, interfaces, or own addresses.
 *
 * All numbers are divided into intervals that end where a rule begins or ends to match. The walk
 * looks only at the rules of the interval that the operation's number lies in: it finds it by the
 * uppermost 16 bits, then by the next ones. The last number of users, groups and values means
 * one that is not known.
 */
#include <endian.h>

#include "build.h"

#define WIDE 64 /* a rule that covers more intervals is looked at for every number */

typedef cgg_wide number;

struct span {
	number first, last;
};

/* The kinds of numbers: where an operation has them, and how long they are. */
enum { UID, GID, SPORT, IFACE, VALUE, SELF, PORT };
static const struct {
	unsigned by; /* CGG_BY_* of the lowest digit */
	unsigned digits; /* of 16 bits */
	bool unknown; /* the highest number stands for one that is not known */
} kinds[] = {
	[UID] = { CGG_BY_UID_LOW, 2, true },	 [GID] = { CGG_BY_GID_LOW, 2, true },
	[SPORT] = { CGG_BY_SPORT, 1, false },	 [IFACE] = { CGG_BY_IFACE_LOW, 2, false },
	[VALUE] = { CGG_BY_VALUE_LOW, 4, true }, [SELF] = { CGG_BY_SELF_LOW, 8, false },
	[PORT] = { CGG_BY_PORT, 1, false },
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == NUMBER_KINDS, "each kind has a row");
_Static_assert(8 + 1 <= CGG_OWN_DEPTH, "the digits of an address, and then the port");

struct numbers {
	struct builder *b;
	unsigned kind;
	const struct item **item;
	__u32 count;
	bool *left; /* by item: it stands in no interval */
	number *edge; /* the first number of each interval */
	__u32 edges;
	__u32 *start; /* of each interval in inside, and the end */
	__u32 *inside; /* numbers of items */
	struct item *unknown; /* by item: as it is where the number is not known */
	__u64 *ref; /* by interval */
};

static number last_of(unsigned kind)
{
	return ~(number)0 >> (128 - 16 * kinds[kind].digits);
}

static const struct cgg_condition *its_condition(const struct builder *b, const struct item *item)
{
	return &b->action[item->action].condition;
}

/*
 * Return whether a rule names numbers of a kind. Ports are one only for rules with a limit, which
 * have a condition each; of others, the first one that has a port decides (prefix_rules.c).
 */
bool asks_number(const struct builder *b, const struct item *item, unsigned kind)
{
	const struct cgg_condition *c = its_condition(b, item);

	switch (kind) {
	case UID:
		return c->uid.past;
	case GID:
		return c->gid.past;
	case SPORT:
		return c->sport_min || c->sport_above;
	case IFACE:
		return c->iface;
	case VALUE:
		return c->value.past;
	case PORT:
		return c->limit && (item->port_min || item->port_max != 65535);
	default:
		return c->self_mask[0] || c->self_mask[1];
	}
}

static number address_of(const __u64 word[2])
{
	return (number)be64toh(word[0]) << 64 | be64toh(word[1]);
}

/* Return the numbers that a rule names. */
static struct span span_of(const struct cgg_condition *c, unsigned kind)
{
	switch (kind) {
	case UID:
		return (struct span){ c->uid.from, c->uid.past - 1 };
	case GID:
		return (struct span){ c->gid.from, c->gid.past - 1 };
	case SPORT:
		return (struct span){ c->sport_min, CGG_SPORT_MAX(c) };
	case IFACE:
		return (struct span){ c->iface, c->iface };
	case VALUE:
		return (struct span){ c->value.from, c->value.past - 1 };
	default:
		return (struct span){ address_of(c->self),
				      address_of(c->self) | ~address_of(c->self_mask) };
	}
}

static struct span its_span(const struct numbers *o, __u32 i)
{
	if (o->kind == PORT)
		return (struct span){ o->item[i]->port_min, o->item[i]->port_max };
	return span_of(its_condition(o->b, o->item[i]), o->kind);
}

static int edge_compare(const void *first, const void *second)
{
	const number *a = first, *b = second;

	return *a < *b ? -1 : *a > *b;
}

/* Return the interval that a number lies in. */
static __u32 interval_at(const struct numbers *o, number n)
{
	__u32 low = 0, high = o->edges;

	while (high - low > 1) {
		__u32 middle = (low + high) / 2;

		if (o->edge[middle] <= n)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Collect the edges of all ranges, sorted, each once; set aside items that cover too many. */
static void edges_collect(struct numbers *o)
{
	__u32 kept = 0;

	o->edge[o->edges++] = 0;
	if (kinds[o->kind].unknown)
		o->edge[o->edges++] = last_of(o->kind);
	for (__u32 i = 0; i < o->count; i++) {
		struct span span = its_span(o, i);

		o->edge[o->edges++] = span.first;
		if (span.last != last_of(o->kind))
			o->edge[o->edges++] = span.last + 1;
	}
	qsort(o->edge, o->edges, sizeof(*o->edge), edge_compare);
	for (__u32 i = 0; i < o->edges; i++)
		if (!kept || o->edge[i] != o->edge[kept - 1])
			o->edge[kept++] = o->edge[i];
	o->edges = kept;
	for (__u32 i = 0; i < o->count; i++) {
		struct span span = its_span(o, i);

		o->left[i] = interval_at(o, span.last) - interval_at(o, span.first) >= WIDE;
	}
}

/* Call visit for each interval of an item, and for a denial also for that of unknown numbers. */
static void each_interval(struct numbers *o, void visit(struct numbers *o, __u32 at, __u32 i))
{
	for (__u32 i = o->count; i--;) {
		struct span span = its_span(o, i);
		__u32 at = interval_at(o, span.first), end = interval_at(o, span.last);

		if (o->left[i])
			continue;
		for (; at <= end; at++)
			visit(o, at, i);
		if (kinds[o->kind].unknown && its_condition(o->b, o->item[i])->unknown)
			visit(o, o->edges - 1, i);
	}
}

static void count_inside(struct numbers *o, __u32 at, __u32 i)
{
	(void)i;
	o->start[at]++;
}

static void put_inside(struct numbers *o, __u32 at, __u32 i)
{
	o->inside[--o->start[at]] = i;
}

/* Write which items stand in each interval, in rule order. Return false without memory. */
static bool inside_fill(struct numbers *o)
{
	each_interval(o, count_inside);
	for (__u32 at = 0; at < o->edges; at++)
		o->start[at + 1] += o->start[at];
	o->inside = reallocarray(0, o->start[o->edges] + 1ULL, sizeof(*o->inside));
	if (!o->inside)
		return false;
	each_interval(o, put_inside);
	return true;
}

/* Write the rules of one interval. Return the reference; 0: none, or they are too many. */
static __u64 interval_put(struct numbers *o, __u32 at, numbers_put *put, void *context)
{
	const __u32 *inside = o->inside + o->start[at];
	__u32 count = o->start[at + 1] - o->start[at];
	const struct item **item = count ? reallocarray(0, count, sizeof(*item)) : 0;
	bool unknown = kinds[o->kind].unknown && at + 1 == o->edges;
	__u64 ref = 0;

	if (count && !item)
		build_fail(o->b, "out of memory");
	for (__u32 i = 0; i < count && item; i++)
		item[i] = unknown ? &o->unknown[inside[i]] : o->item[inside[i]];
	if (item && !put(context, item, count, &ref))
		for (__u32 i = 0; i < count; i++)
			o->left[inside[i]] = true;
	free(item);
	return ref;
}

/*
 * Write the intervals of the numbers that have the upper digits of n, by digit `digit`. Where a
 * digit alone does not tell the interval, a node for the next one follows. Return the reference.
 */
static __u64 digit_put(struct numbers *o, unsigned digit, number n)
{
	number one = (number)1 << 16 * digit, last = n | (one * 65536 - 1);
	__u32 mark = o->b->intervals, at = interval_at(o, n);

	while (!o->b->failed) {
		number end = at + 1 < o->edges ? o->edge[at + 1] - 1 : last;
		number here = n | (one - 1); /* the last number with this digit */
		__u64 ref = o->ref[at];

		end = end < last ? end : last;
		if (end < here) {
			ref = digit_put(o, digit - 1, n);
			end = here;
		} else if (end != last) {
			end = (end + 1) / one * one - 1;
		}
		interval_add(o->b, mark, (__u32)(end / one) & 0xffff, ref);
		if (end == last)
			break;
		n = end + 1;
		at = interval_at(o, n);
	}
	return intervals_put(o->b, mark, kinds[o->kind].by + digit, false);
}

/* Write all intervals, and set *best to the first rule in them. Return the reference. */
static __u64 intervals_all(struct numbers *o, numbers_put *put, void *context, __u32 *best)
{
	edges_collect(o);
	if (!inside_fill(o)) {
		build_fail(o->b, "out of memory");
		return 0;
	}
	for (__u32 i = 0; i < o->count; i++) {
		if (!o->left[i] && o->item[i]->rule < *best)
			*best = o->item[i]->rule;
		o->unknown[i] = *o->item[i];
		if (kinds[o->kind].unknown)
			o->unknown[i].action =
				action_unknown(o->b, o->item[i]->action, o->kind == VALUE);
	}
	for (__u32 at = 0; at < o->edges && !o->b->failed; at++)
		o->ref[at] = interval_put(o, at, put, context);
	o->b->by_owner |= o->kind <= GID;
	return digit_put(o, kinds[o->kind].digits - 1, 0);
}

/*
 * Arrange the items, all of which name numbers of this kind. put writes the items of one interval,
 * or returns false if they are too many. *ref is the reference, *best the first rule that it leads
 * to. Return how many items are left; they come first.
 */
__u32 numbers_arrange(struct builder *b, unsigned kind, const struct item **item, __u32 count,
		      numbers_put *put, void *context, __u64 *ref, __u32 *best)
{
	struct numbers o = { .b = b, .kind = kind, .item = item, .count = count };
	__u32 left = 0;

	o.left = calloc(count, sizeof(*o.left));
	o.edge = reallocarray(0, 2ULL * count + 2, sizeof(*o.edge));
	o.start = calloc(2ULL * count + 3, sizeof(*o.start));
	o.ref = calloc(2ULL * count + 2, sizeof(*o.ref));
	o.unknown = reallocarray(0, count, sizeof(*o.unknown));
	if (o.left && o.edge && o.start && o.ref && o.unknown)
		*ref = intervals_all(&o, put, context, best);
	else
		build_fail(b, "out of memory");
	for (__u32 i = 0; i < count && o.left; i++)
		if (o.left[i])
			item[left++] = item[i];
	free(o.left);
	free(o.edge);
	free(o.start);
	free(o.ref);
	free(o.inside);
	free(o.unknown);
	return left;
}
