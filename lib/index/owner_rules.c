// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * owner_rules.c - arranges the rules of one prefix by the users, or the groups, that they name.
 *
 * The numbers are divided into intervals that end where a rule begins or ends to match. The walk
 * looks only at the rules of the interval that the caller's number lies in: it finds it by the
 * upper 16 bits, then by the lower ones. The last number means an owner that is not known.
 */
#include "build.h"

#define WIDE 64 /* a rule that covers more intervals is looked at for every owner */
#define UNKNOWN 0xffffffffu

struct owners {
	struct builder *b;
	bool group;
	const struct item **item;
	__u32 count;
	bool *left; /* by item: it stands in no interval */
	__u32 *edge, edges; /* the first number of each interval */
	__u32 *start; /* of each interval in inside, and the end */
	__u32 *inside; /* numbers of items */
	struct item *unknown; /* by item: as it is for an owner that is not known */
	__u32 outer, inner; /* marks of the intervals by the upper bits, and by the lower ones */
};

static const struct cgg_condition *its_condition(const struct builder *b, const struct item *item)
{
	return &b->action[item->action].condition;
}

static const struct cgg_ids *ids_of(const struct owners *o, __u32 i)
{
	const struct cgg_condition *c = its_condition(o->b, o->item[i]);

	return o->group ? &c->gid : &c->uid;
}

static __u32 interval_at(const struct owners *o, __u32 edge)
{
	const __u32 *found = bsearch(&edge, o->edge, o->edges, sizeof(edge), by_number);

	return found ? (__u32)(found - o->edge) : 0;
}

/* Collect the edges of all ranges, sorted, each once; set aside items that cover too many. */
static void edges_collect(struct owners *o)
{
	__u32 kept = 0;

	o->edge[o->edges++] = 0;
	o->edge[o->edges++] = UNKNOWN;
	for (__u32 i = 0; i < o->count; i++) {
		o->edge[o->edges++] = ids_of(o, i)->from;
		o->edge[o->edges++] = ids_of(o, i)->past;
	}
	qsort(o->edge, o->edges, sizeof(*o->edge), by_number);
	for (__u32 i = 0; i < o->edges; i++)
		if (!kept || o->edge[i] != o->edge[kept - 1])
			o->edge[kept++] = o->edge[i];
	o->edges = kept;
	for (__u32 i = 0; i < o->count; i++)
		o->left[i] =
			interval_at(o, ids_of(o, i)->past) - interval_at(o, ids_of(o, i)->from) >
			WIDE;
}

/* Call visit for each interval that an item stands in; a denial also in that of the unknown. */
static void each_interval(struct owners *o, void visit(struct owners *o, __u32 at, __u32 i))
{
	for (__u32 i = o->count; i--;) {
		__u32 at = interval_at(o, ids_of(o, i)->from), end;

		if (o->left[i])
			continue;
		for (end = interval_at(o, ids_of(o, i)->past); at < end; at++)
			visit(o, at, i);
		if (its_condition(o->b, o->item[i])->unknown)
			visit(o, o->edges - 1, i);
	}
}

static void count_inside(struct owners *o, __u32 at, __u32 i)
{
	(void)i;
	o->start[at]++;
}

static void put_inside(struct owners *o, __u32 at, __u32 i)
{
	o->inside[--o->start[at]] = i;
}

/* Write which items stand in each interval, in rule order. Return false without memory. */
static bool inside_fill(struct owners *o)
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

/* Add an interval of 32-bit numbers, first to last, as intervals of both halves. */
static void halves_add(struct owners *o, __u64 first, __u64 last, __u64 ref)
{
	while (first <= last) {
		__u64 high = first >> 16, end = high << 16 | 0xffff;

		if (!(first & 0xffff) && last >= end) {
			__u64 past = (last + 1) >> 16;

			interval_add(o->b, o->outer, (__u32)past - 1, ref);
			first = past << 16;
			continue;
		}
		if (!(first & 0xffff))
			o->inner = o->b->intervals;
		end = last < end ? last : end;
		interval_add(o->b, o->inner, end & 0xffff, ref);
		if ((end & 0xffff) == 0xffff)
			interval_add(o->b, o->outer, (__u32)high,
				     intervals_put(o->b, o->inner,
						   o->group ? CGG_BY_GID_LOW : CGG_BY_UID_LOW));
		first = end + 1;
	}
}

/* Write the rules of one interval. Return the reference; 0: none, or they are too many. */
static __u64 interval_put(struct owners *o, __u32 at, owners_put *put, void *context)
{
	const __u32 *inside = o->inside + o->start[at];
	__u32 count = o->start[at + 1] - o->start[at];
	const struct item **item = count ? reallocarray(0, count, sizeof(*item)) : 0;
	__u64 ref = 0;

	if (count && !item)
		build_fail(o->b, "out of memory");
	for (__u32 i = 0; i < count && item; i++)
		item[i] = at + 1 == o->edges ? &o->unknown[inside[i]] : o->item[inside[i]];
	if (item && !put(context, item, count, &ref))
		for (__u32 i = 0; i < count; i++)
			o->left[inside[i]] = true;
	free(item);
	return ref;
}

/* Write all intervals, and set *best to the first rule in them. Return the reference. */
static __u64 intervals_all(struct owners *o, owners_put *put, void *context, __u32 *best)
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
		o->unknown[i].action = action_unknown(o->b, o->item[i]->action);
	}
	o->outer = o->b->intervals;
	for (__u32 at = 0; at < o->edges && !o->b->failed; at++)
		halves_add(o, o->edge[at], at + 1 < o->edges ? o->edge[at + 1] - 1 : UNKNOWN,
			   interval_put(o, at, put, context));
	o->b->by_owner = true;
	return intervals_put(o->b, o->outer, o->group ? CGG_BY_GID_HIGH : CGG_BY_UID_HIGH);
}

/*
 * Arrange the items, all of which have a range of users (or groups), by their owners. put writes
 * the items of one interval, or returns false if they are too many. *ref is the reference, *best
 * the first rule that it leads to. Return how many items are left; they come first.
 */
__u32 owners_arrange(struct builder *b, bool group, const struct item **item, __u32 count,
		     owners_put *put, void *context, __u64 *ref, __u32 *best)
{
	struct owners o = { .b = b, .group = group, .item = item, .count = count };
	__u32 left = 0;

	o.left = calloc(count, sizeof(*o.left));
	o.edge = reallocarray(0, 2ULL * count + 2, sizeof(*o.edge));
	o.start = calloc(2ULL * count + 3, sizeof(*o.start));
	o.unknown = reallocarray(0, count, sizeof(*o.unknown));
	if (o.left && o.edge && o.start && o.unknown)
		*ref = intervals_all(&o, put, context, best);
	else
		build_fail(b, "out of memory");
	for (__u32 i = 0; i < count && o.left; i++)
		if (o.left[i])
			item[left++] = item[i];
	free(o.left);
	free(o.edge);
	free(o.start);
	free(o.inside);
	free(o.unknown);
	return left;
}
