// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * prefix_rules.c - arranges the rules of one prefix by protocol and by port, and drops hidden ones.
 *
 * Among rules that differ only in their ports, the first one that has a port decides there. So
 * the ports are divided into intervals that end where that first rule changes.
 */
#include "build.h"

static bool any_port(const struct item *item)
{
	return item->port_min == 0 && item->port_max == 65535;
}

/* Return a reference to a rule whose port, and with by_proto protocol, was compared already. */
static __u64 rule_put(const struct builder *b, const struct item *item, bool by_proto)
{
	const struct cgg_action *a = &b->action[item->action];

	if (!condition_is_plain(&a->condition, by_proto) || a->error || a->quiet)
		return CGG_REF(CGG_REF_RULE, item->action, item->rule);
	return CGG_REF(CGG_REF_PLAIN,
		       CGG_PLAIN(a->condition.hooks, a->condition.access, a->verdict), item->rule);
}

static struct cgg_item list_item(const struct builder *b, const struct item *item)
{
	const struct cgg_action *a = &b->action[item->action];
	struct cgg_item i = {
		item->rule,	item->action | (__u32)a->condition.access << CGG_ITEM_ACCESS_AT,
		item->port_min, item->port_max,
		item->hooks,	0
	};

	if ((a->condition.select_mask & 0xffff) == 0xffff) {
		i.hooks |= CGG_ITEM_PROTO;
		i.proto = (__u16)a->condition.select;
	}
	if (condition_is_plain(&a->condition, true))
		i.hooks |= CGG_ITEM_PLAIN;
	return i;
}

/* Write a list of at most CGG_LIST_MOST items. Return the reference. */
static __u64 list_put(struct builder *b, const struct item *const *item, __u32 count)
{
	struct cgg_item *list;
	__u32 at;

	if (count == 1 && any_port(item[0]))
		return rule_put(b, item[0], false);
	at = build_take(b, 2ULL * count, 2, true);
	if (b->failed)
		return 0;
	list = build_unit(b, at);
	for (__u32 i = 0; i < count; i++)
		list[i] = list_item(b, item[i]);
	return CGG_REF(CGG_REF_LIST, count, at);
}

static const struct cgg_action *its_action(const struct builder *b, const struct item *item)
{
	return &b->action[item->action];
}

/* Note that an item hides another one, unless both are of one rule, with which both go. */
static void shadow(struct builder *b, const struct item *by, const struct item *hidden)
{
	if (by->rule != hidden->rule)
		b->shadows[by->rule] = 1;
}

/* Drop the items of one prefix and port that earlier ones hide. Return how many are left. */
static __u32 drop_hidden(struct builder *b, const struct item **item, __u32 count)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < count; i++) {
		__u32 by = 0;

		while (by < kept && by < MANY &&
		       !condition_implies(&its_action(b, item[i])->condition,
					  &its_action(b, item[by])->condition))
			by++;
		if (by == kept || by == MANY)
			item[kept++] = item[i];
		else
			shadow(b, item[by], item[i]);
	}
	return kept;
}

/* Return whether two rules deny a packet of unknown address alike, apart from their expiry. */
static bool same_denial(const struct cgg_action *a, const struct cgg_action *b)
{
	struct cgg_condition other = b->condition;

	/* Of an unknown packet the rest of these is not looked at. */
	other.expires = a->condition.expires;
	other.access = a->condition.access;
	other.select = a->condition.select;
	other.select_mask = a->condition.select_mask;
	return !condition_compare(&a->condition, &other) && a->quiet == b->quiet;
}

/*
 * Keep of adjacent deny rules the one that expires last.
 *
 * Every deny rule about packets can match a packet whose address is unknown. A thousand bans
 * that expire at different times would be a thousand conditions at one prefix. If no rule with
 * another verdict is between them, one rule can replace all.
 */
void denials_merge(struct builder *b)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < b->items && !b->failed; i++) {
		const struct cgg_action *a = its_action(b, &b->item[i]);
		const struct cgg_action *other = 0;
		__u32 at = kept;

		while (at && kept - at < MANY && a->verdict == CGG_DENY) {
			other = its_action(b, &b->item[at - 1]);
			if (other->verdict != CGG_DENY || same_denial(other, a))
				break;
			at--;
		}
		if (!at || !other || other->verdict != CGG_DENY || !same_denial(other, a)) {
			b->item[kept++] = b->item[i];
		} else if (other->condition.expires >= a->condition.expires) {
			shadow(b, &b->item[at - 1], &b->item[i]);
		} else {
			shadow(b, &b->item[i], &b->item[at - 1]);
			memmove(&b->item[at - 1], &b->item[at], (kept - at) * sizeof(*b->item));
			b->item[kept - 1] = b->item[i];
		}
	}
	b->items = kept;
}

/*
 * A class: items with the same condition, in rule order. At each port the first item that has
 * the port decides. A heap, ordered by rule, holds the items whose port range has begun.
 */
struct class
{
	__u32 first, count; /* in the sorted items */
	__u32 next; /* the first item in by_port whose range has not begun */
	__u32 heap, heap_count; /* offset in the common heap */
};

struct prefix_rules {
	struct builder *b;
	const struct item **item; /* sorted by class, then by rule */
	const struct item **by_port; /* within each class by port_min */
	const struct item **heap;
	struct class *class;
	__u32 classes;
	bool by_proto; /* all have one protocol, which the walk compared already */
};

static int by_condition(const void *first, const void *second, void *builder)
{
	const struct item *a = *(const struct item *const *)first,
			  *b = *(const struct item *const *)second;
	int order = condition_compare(&its_action(builder, a)->condition,
				      &its_action(builder, b)->condition);

	return order ? order : by_rule(first, second);
}

static int by_port_min(const void *first, const void *second)
{
	const struct item *a = *(const struct item *const *)first,
			  *b = *(const struct item *const *)second;

	return a->port_min != b->port_min ? (a->port_min < b->port_min ? -1 : 1)
					  : (a->rule < b->rule ? -1 : a->rule > b->rule);
}

int by_rule(const void *first, const void *second)
{
	const struct item *a = *(const struct item *const *)first,
			  *b = *(const struct item *const *)second;

	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static void heap_down(const struct item **heap, __u32 count, __u32 at)
{
	for (;;) {
		__u32 least = at, left = 2 * at + 1;
		const struct item *swap = heap[at];

		for (__u32 child = left; child < left + 2 && child < count; child++)
			if (heap[child]->rule < heap[least]->rule)
				least = child;
		if (least == at)
			return;
		heap[at] = heap[least];
		heap[least] = swap;
		at = least;
	}
}

static void heap_push(const struct item **heap, __u32 count, const struct item *item)
{
	__u32 at = count;

	while (at && heap[(at - 1) / 2]->rule > item->rule) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = item;
}

/* Return the first item of the class that has the port, or 0. Calls must have rising ports. */
static const struct item *class_at(struct prefix_rules *c, struct class *class, __u32 port)
{
	const struct item **heap = c->heap + class->heap;

	for (;
	     class->next < class->first + class->count && c->by_port[class->next]->port_min <= port;
	     class->next++)
		heap_push(heap, class->heap_count++, c->by_port[class->next]);
	while (class->heap_count && heap[0]->port_max < port) {
		heap[0] = heap[--class->heap_count];
		heap_down(heap, class->heap_count, 0);
	}
	for (__u32 i = 1; i < class->heap_count && !c->b->shadows[heap[0]->rule]; i++)
		shadow(c->b, heap[0], heap[i]);
	return class->heap_count ? heap[0] : 0;
}

/* Write the ports where one of the items begins, or ends before; return how many, sorted. */
static __u32 edges_read(const struct item *const *item, __u32 count, __u32 *edge)
{
	__u32 edges = 0;

	edge[edges++] = 0;
	for (__u32 i = 0; i < count; i++) {
		edge[edges++] = item[i]->port_min;
		edge[edges++] = item[i]->port_max + 1u;
	}
	qsort(edge, edges, sizeof(*edge), by_number);
	return edges;
}

/* Write the items of adjacent classes, at most CLASSES, as intervals of ports. Return the ref. */
static __u64 port_intervals(struct prefix_rules *c, struct class *class, __u32 classes)
{
	__u32 first = class->first, count = 0, edges, mark = c->b->intervals, before = 0;
	const struct item *now[CLASSES], *last[CLASSES] = { 0 };
	__u64 ref = 0;
	__u32 *edge;

	for (__u32 i = 0; i < classes; i++)
		count += class[i].count;
	edge = reallocarray(0, 2 * (size_t)count + 1, sizeof(*edge));
	if (!edge) {
		build_fail(c->b, "out of memory");
		return 0;
	}
	edges = edges_read(c->item + first, count, edge);
	for (__u32 i = 0; i < edges && edge[i] < 65536 && !c->b->failed; i++) {
		__u32 end = i + 1, found = 0;

		if (i && edge[i] == edge[i - 1])
			continue;
		while (end < edges && edge[end] == edge[i])
			end++;
		for (__u32 k = 0; k < classes; k++) {
			now[found] = class_at(c, &class[k], edge[i]);
			found += now[found] != 0;
		}
		qsort(now, found, sizeof(*now), by_rule);
		found = drop_hidden(c->b, now, found);
		if (found != before || memcmp(now, last, found * sizeof(*now)))
			ref = found == 1 ? rule_put(c->b, now[0], c->by_proto)
			      : found	 ? list_put(c->b, now, found)
					 : 0;
		memcpy(last, now, found * sizeof(*now));
		before = found;
		interval_add(c->b, mark, end < edges ? edge[end] - 1 : 65535, ref);
	}
	if (c->b->intervals > mark)
		c->b->interval[c->b->intervals - 1].last = 65535;
	free(edge);
	return intervals_put(c->b, mark, CGG_BY_PORT, false);
}

static void chain_add(struct builder *b, struct chain *chain, __u64 own, __u32 best)
{
	if (chain->count == CGG_CHAIN) {
		build_refuse(b, best, "too many rules with different conditions at one address");
		return;
	}
	chain->own[chain->count] = own;
	chain->best[chain->count++] = best;
}

/* Append items to the chain as lists, in rule order and without regard to ports. */
void lists_chain(struct builder *b, struct chain *chain, const struct item **item, __u32 count)
{
	for (__u32 i = 0; i < count; i += CGG_LIST_MOST)
		chain_add(b, chain,
			  list_put(b, item + i,
				   count - i < CGG_LIST_MOST ? count - i : CGG_LIST_MOST),
			  item[i]->rule);
}

/* Sort the items of one prefix into classes. */
static void classes_of(struct prefix_rules *c, __u32 count)
{
	qsort_r(c->item, count, sizeof(*c->item), by_condition, c->b);
	c->classes = 0;
	for (__u32 i = 0; i < count; i++) {
		struct class *class = c->classes ? &c->class[c->classes - 1] : 0;

		if (!class || condition_compare(&its_action(c->b, c->item[class->first])->condition,
						&its_action(c->b, c->item[i])->condition)) {
			class = &c->class[c->classes++];
			*class = (struct class){ .first = i, .next = i, .heap = i };
		}
		class->count++;
	}
	memcpy(c->by_port, c->item, count * sizeof(*c->item));
	for (__u32 k = 0; k < c->classes; k++)
		qsort(c->by_port + c->class[k].first, c->class[k].count, sizeof(*c->by_port),
		      by_port_min);
}

/* Append the items of one prefix to the chain as intervals of ports, CLASSES classes in a node. */
static void prefix_rules_chain(struct prefix_rules *c, struct chain *chain, __u32 count)
{
	classes_of(c, count);
	for (__u32 k = 0; k < c->classes; k += CLASSES) {
		__u32 some = c->classes - k < CLASSES ? c->classes - k : CLASSES, best = NONE;

		for (__u32 i = k; i < k + some; i++)
			if (c->item[c->class[i].first]->rule < best)
				best = c->item[c->class[i].first]->rule;
		chain_add(c->b, chain, port_intervals(c, &c->class[k], some), best);
	}
}

/* Return the protocol that an item requires, or NONE for any. */
static __u32 proto_of(const struct builder *b, const struct item *item)
{
	const struct cgg_action *a = &b->action[item->action];

	return (a->condition.select_mask & 0xffff) == 0xffff ? a->condition.select & 0xffff : NONE;
}

static int by_proto_then_rule(const void *first, const void *second, void *builder)
{
	__u32 a = proto_of(builder, *(const struct item *const *)first),
	      b = proto_of(builder, *(const struct item *const *)second);

	return a != b ? (a < b ? -1 : 1) : by_rule(first, second);
}

/*
 * Append the items of many protocols as intervals of protocols, then of ports.
 *
 * An operation has one protocol, so its walk looks only at that protocol's rules. Return how many
 * items are left for the caller: those for any protocol, and those of a protocol that has more
 * than CLASSES conditions.
 */
static __u32 protos_chain(struct prefix_rules *c, struct chain *chain, __u32 count)
{
	struct prefix_rules one = *c;
	__u32 mark = c->b->intervals, left = 0, best = NONE, protos = 0, with = 0;

	qsort_r(c->item, count, sizeof(*c->item), by_proto_then_rule, c->b);
	for (; with < count && proto_of(c->b, c->item[with]) != NONE; with++)
		protos +=
			!with || proto_of(c->b, c->item[with]) != proto_of(c->b, c->item[with - 1]);
	if (protos <= FEW / 2)
		return count;
	one.by_proto = true;
	for (__u32 at = 0, end = 0; at < with && !c->b->failed; at = end) {
		__u32 proto = proto_of(c->b, c->item[at]);

		while (end < with && proto_of(c->b, c->item[end]) == proto)
			end++;
		one.item = c->item + at;
		classes_of(&one, end - at);
		if (one.classes > CLASSES) {
			memmove(c->item + left, one.item, (end - at) * sizeof(*one.item));
			left += end - at;
			continue;
		}
		for (__u32 i = at; i < end; i++)
			best = c->item[i]->rule < best ? c->item[i]->rule : best;
		if (proto)
			interval_add(c->b, mark, proto - 1, 0);
		interval_add(c->b, mark, proto, port_intervals(&one, one.class, one.classes));
	}
	if (best != NONE) { /* else each protocol has too many conditions */
		interval_add(c->b, mark, 65535, 0);
		chain_add(c->b, chain, intervals_put(c->b, mark, CGG_BY_PROTO, false), best);
	}
	memmove(c->item + left, c->item + with, (count - with) * sizeof(*c->item));
	return left + count - with;
}

/* Write the rules of one interval of numbers, unless they have too many conditions. */
static bool numbers_rules(void *context, const struct item **item, __u32 count, __u64 *ref)
{
	struct prefix_rules one = *(struct prefix_rules *)context;

	one.item = item;
	classes_of(&one, count);
	if (one.classes > CLASSES)
		return false;
	*ref = port_intervals(&one, one.class, one.classes);
	return true;
}

/* Append the items about numbers of one kind, by these numbers. Return how many are left. */
static __u32 numbers_chain(struct prefix_rules *c, struct chain *chain, __u32 count, unsigned kind)
{
	const struct item **with = reallocarray(0, count + 1ULL, sizeof(*with));
	__u32 some = 0, rest = 0, best = NONE, left;
	__u64 ref = 0;

	if (!with) {
		build_fail(c->b, "out of memory");
		return 0;
	}
	for (__u32 i = 0; i < count; i++)
		some += asks_number(c->b, c->item[i], kind);
	if (some > FEW / 2) {
		some = 0;
		for (__u32 i = 0; i < count; i++)
			if (asks_number(c->b, c->item[i], kind))
				with[some++] = c->item[i];
			else
				c->item[rest++] = c->item[i];
		left = numbers_arrange(c->b, kind, with, some, numbers_rules, c, &ref, &best);
		if (ref)
			chain_add(c->b, chain, ref, best);
		memcpy(c->item + rest, with, left * sizeof(*with));
		count = rest + left;
	}
	free(with);
	return count;
}

static bool asks_any_number(const struct builder *b, const struct item *item)
{
	bool any = false;

	for (unsigned kind = 0; kind < NUMBER_KINDS; kind++)
		any |= asks_number(b, item, kind);
	return any;
}

/* Append more than FEW rules to the chain: first those for any port and protocol, then others. */
void many_chain(struct builder *b, struct chain *chain, const struct item **item, __u32 count)
{
	const struct item **all = reallocarray(0, 3 * (size_t)count, sizeof(*all));
	struct class *class = reallocarray(0, count, sizeof(*class));
	struct prefix_rules prefix_rules = { b,	    all, all + count, all + 2 * (size_t)count,
					     class, 0,	 false };
	__u32 any = 0, some = 0;

	if (!all || !class) {
		build_fail(b, "out of memory");
	} else {
		for (__u32 i = 0; i < count; i++) {
			if (any_port(item[i]) && proto_of(b, item[i]) == NONE &&
			    !asks_any_number(b, item[i]))
				item[any++] = item[i];
			else
				all[some++] = item[i];
		}
		any = drop_hidden(b, item, any);
		if (any && any <= FEW / 2 && some) {
			memcpy(all + some, item, any * sizeof(*all));
			some += any;
			any = 0;
		}
		lists_chain(b, chain, item, any);
		for (unsigned kind = 0; kind < NUMBER_KINDS; kind++)
			some = numbers_chain(&prefix_rules, chain, some, kind);
		some = protos_chain(&prefix_rules, chain, some);
		if (some)
			prefix_rules_chain(&prefix_rules, chain, some);
	}
	free(all);
	free(class);
}
