// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * widen.c - joins the rules of single events that are adjacent.
 *
 * Two rules become one if the joined rule allows the same operations, or if the caller's limits
 * (struct cgg_widen) permit the wider rule.
 */
#include <stdlib.h>
#include <string.h>

#include "seen.h"

static int is_net(const struct cgg_rule *rule)
{
	return rule->matches & CGG_MATCH_IP && rule->net.word == CGG_NET_ADDRESSES;
}

/* Return whether the rule has ports, which may be joined. */
static int is_call(const struct cgg_rule *rule)
{
	return rule->matches & (CGG_MATCH_IP | CGG_MATCH_HOST);
}

/* Order rules so that those that can be joined are adjacent. Access bits do not count. */
int seen_compare(const struct cgg_rule *a, const struct cgg_rule *b)
{
	int order = memcmp(&a->net, &b->net, sizeof(a->net));

	COMPARE(a->id, b->id);
	COMPARE(a->hooks, b->hooks);
	COMPARE(a->matches, b->matches);
	COMPARE(a->proto, b->proto);
	COMPARE(order, 0);
	order = strcmp(a->operand, b->operand);
	COMPARE(order, 0);
	order = strcmp(a->set, b->set);
	COMPARE(order, 0);
	COMPARE(a->uid.min, b->uid.min);
	COMPARE(a->own.sport_min, b->own.sport_min);
	COMPARE(a->port_min, b->port_min);
	COMPARE(a->port_max, b->port_max);
	COMPARE(a->device, b->device);
	COMPARE(a->major, b->major);
	COMPARE(a->minor, b->minor);
	COMPARE(a->family, b->family);
	COMPARE(a->type, b->type);
	COMPARE(a->prefix, b->prefix);
	COMPARE(a->inner, b->inner);
	return 0;
}

/* Return whether two rules have the same user and source port, and the same place. */
static bool same_source(const struct cgg_rule *a, const struct cgg_rule *b)
{
	return a->id == b->id && a->uid.min == b->uid.min && a->own.sport_min == b->own.sport_min;
}

static void add_comm(struct seen *seen, const char *comm)
{
	for (unsigned i = 0; i < seen->comms; i++)
		if (!strcmp(seen->comm[i], comm))
			return;
	if (seen->comms < SEEN_COMMS)
		strcpy(seen->comm[seen->comms++], comm);
	else
		seen->others = true;
}

/* Keep the earliest and the latest time. Times in one format and zone can be compared as text. */
static void add_times(struct seen *into, const struct seen *from)
{
	if (*from->first && (!*into->first || strcmp(from->first, into->first) < 0))
		strcpy(into->first, from->first);
	if (strcmp(from->last, into->last) > 0)
		strcpy(into->last, from->last);
}

/* Add the count, the names, the times and the access bits of `from` to `into`. */
void seen_merge(struct seen *into, const struct seen *from)
{
	into->count += from->count;
	into->others |= from->others;
	into->rule.access |= from->rule.access;
	for (unsigned i = 0; i < from->comms; i++)
		add_comm(into, from->comm[i]);
	add_times(into, from);
}

static void net_mask(struct cgg_net *net, unsigned len)
{
	for (unsigned bit = len; bit < 128; bit++)
		net->addr[bit / 8] &= (__u8) ~(0x80 >> bit % 8);
	net->len = (__u8)len;
}

/* Return the prefix that the rule's address is widened to. */
static struct cgg_net wide(const struct cgg_rule *rule, const struct cgg_widen *widen)
{
	struct cgg_net net = rule->net;

	net_mask(&net, addr_is_ip4(net.addr) ? 96 + widen->prefix4 : widen->prefix6);
	return net;
}

static const struct cgg_widen *sort_widen;

/* Order rules so that those with the same widened prefix, protocol and port are adjacent. */
static int compare_wide(const void *one, const void *other)
{
	const struct cgg_rule *a = &(*(struct seen *const *)one)->rule;
	const struct cgg_rule *b = &(*(struct seen *const *)other)->rule;
	struct cgg_net net_a = wide(a, sort_widen), net_b = wide(b, sort_widen);
	int order = memcmp(net_a.addr, net_b.addr, sizeof(net_a.addr));

	COMPARE(a->id, b->id);
	COMPARE(a->hooks, b->hooks);
	COMPARE(a->matches, b->matches);
	COMPARE(a->proto, b->proto);
	COMPARE(order, 0);
	COMPARE(a->port_min, b->port_min);
	COMPARE(a->uid.min, b->uid.min);
	COMPARE(a->own.sport_min, b->own.sport_min);
	return seen_compare(a, b);
}

static int compare_places(const void *one, const void *other)
{
	return seen_compare(&(*(struct seen *const *)one)->rule,
			    &(*(struct seen *const *)other)->rule);
}

static bool same_wide(const struct seen *a, const struct seen *b, const struct cgg_widen *widen)
{
	struct cgg_net net_a = wide(&a->rule, widen), net_b = wide(&b->rule, widen);

	return a->rule.hooks == b->rule.hooks && a->rule.matches == b->rule.matches &&
	       a->rule.proto == b->rule.proto && a->rule.port_min == b->rule.port_min &&
	       !memcmp(net_a.addr, net_b.addr, 16) && net_a.len == net_b.len &&
	       same_source(&a->rule, &b->rule);
}

/* Join rules that differ only in addresses with the same widened prefix. Return how many stay. */
static unsigned join_nets(struct seen **list, unsigned count, const struct cgg_widen *widen)
{
	unsigned kept = 0;

	sort_widen = widen;
	qsort(list, count, sizeof(*list), compare_wide);
	for (unsigned i = 0; i < count; i++) {
		struct seen *last = kept ? list[kept - 1] : 0;

		if (!last || !is_net(&list[i]->rule) || !is_net(&last->rule) ||
		    !same_wide(last, list[i], widen)) {
			list[kept++] = list[i];
			continue;
		}
		last->rule.net = wide(&last->rule, widen);
		last->widened = true;
		seen_merge(last, list[i]);
	}
	return kept;
}

/* Return whether two rules differ only in their ports. */
static bool same_net(const struct cgg_rule *a, const struct cgg_rule *b)
{
	return is_call(a) && a->hooks == b->hooks && a->matches == b->matches &&
	       a->proto == b->proto && !memcmp(&a->net, &b->net, sizeof(a->net)) &&
	       a->prefix == b->prefix && a->inner == b->inner && !strcmp(a->operand, b->operand) &&
	       !strcmp(a->set, b->set) && same_source(a, b);
}

/* Join rules of one prefix if their ports are adjacent, or at most `gap` apart. */
static unsigned join_ports(struct seen **list, unsigned count, unsigned gap)
{
	unsigned kept = 0;

	qsort(list, count, sizeof(*list), compare_places);
	for (unsigned i = 0; i < count; i++) {
		struct seen *last = kept ? list[kept - 1] : 0;
		struct cgg_rule *rule = &list[i]->rule;

		if (!last || !same_net(&last->rule, rule) || !(rule->matches & CGG_MATCH_PORT) ||
		    rule->port_min > last->rule.port_max + gap + 1) {
			list[kept++] = list[i];
			continue;
		}
		if (last->rule.port_max < rule->port_max)
			last->rule.port_max = rule->port_max;
		seen_merge(last, list[i]);
	}
	return kept;
}

/* Return whether outer allows every operation that inner allows. */
static bool covers(const struct cgg_rule *outer, const struct cgg_rule *inner)
{
	struct cgg_net net = inner->net;

	if (!is_net(outer) || outer->hooks != inner->hooks || outer->matches != inner->matches ||
	    outer->proto != inner->proto || outer->net.len > net.len || !same_source(outer, inner))
		return false;
	net_mask(&net, outer->net.len);
	return !memcmp(net.addr, outer->net.addr, 16) && outer->port_min <= inner->port_min &&
	       outer->port_max >= inner->port_max;
}

/*
 * Drop rules that are redundant: each operation in `exact`, the rules before any widening, is
 * allowed by another rule, too. This can only happen if both addresses and ports were widened.
 */
static unsigned drop_needless(struct seen **list, unsigned count, const struct cgg_rule *exact,
			      unsigned exacts)
{
	unsigned *ways = calloc(exacts + 1, sizeof(*ways)), kept = 0;

	for (unsigned e = 0; ways && e < exacts; e++)
		for (unsigned i = 0; i < count; i++)
			ways[e] += covers(&list[i]->rule, &exact[e]);
	for (unsigned i = 0; ways && i < count; i++) {
		bool needed = !is_net(&list[i]->rule);

		for (unsigned e = 0; e < exacts && !needed; e++)
			needed = ways[e] == 1 && covers(&list[i]->rule, &exact[e]);
		for (unsigned e = 0; e < exacts && !needed; e++)
			ways[e] -= covers(&list[i]->rule, &exact[e]);
		if (needed)
			list[kept++] = list[i];
	}
	free(ways);
	return ways ? kept : count;
}

/* Join the rules in `list` where possible, and set *count to the number of rules that are left. */
int seen_widen(struct seen **list, unsigned *count, const struct cgg_widen *widen)
{
	struct cgg_rule *exact = calloc(*count + 1, sizeof(*exact));
	unsigned exacts = *count;

	if (!exact)
		return set_error(CGG_FAILED, "out of memory");
	for (unsigned i = 0; i < exacts; i++)
		exact[i] = list[i]->rule;
	*count = join_nets(list, *count, widen);
	*count = join_ports(list, *count, widen->gap);
	if (widen->gap && (widen->prefix4 < 32 || widen->prefix6 < 128))
		*count = drop_needless(list, *count, exact, exacts);
	free(exact);
	return 0;
}
