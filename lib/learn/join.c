// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * join.c - joins rules that differ in one match or their hooks only into one rule with a list, or
 * with a range of users.
 *
 * The joined rule matches the same operations as its parts, and no other. Rules are compared by
 * their words without that match, so whatever else a rule says keeps it apart.
 */
#include <stdlib.h>
#include <string.h>

#include "seen.h"

#define LIST 64 /* elements of a list, at most: people have to read it */

#define HOOKS (1u << 31) /* in place of a match */
CGG_SAME(CGG_MATCH_VALUE < HOOKS);

struct part {
	char *key; /* the words without the match, and what else keeps rules apart */
	struct cgg_rule *rule;
	__u32 first; /* user */
	unsigned number; /* in the list of the caller */
};

static int compare_parts(const void *one, const void *other)
{
	const struct part *a = one, *b = other;
	int order = strcmp(a->key, b->key);

	COMPARE(order, 0);
	COMPARE(a->first, b->first);
	COMPARE(a->number, b->number);
	return 0;
}

/* Return the words of a rule without a match, and with what the caller says; 0: no memory. */
static char *key_of(const struct cgg_rule *rule, unsigned match, const char *apart)
{
	struct cgg_rule rest = *rule;
	char *key;

	rest.matches &= ~match;
	if (match == HOOKS)
		rest.hooks = 1u << CGG_CONNECT;
	return asprintf(&key, "%s\n%s", rule_print(&rest), apart) < 0 ? 0 : key;
}

static unsigned nets_in(const struct cgg_rule *rule)
{
	return rule->nets.count ? rule->nets.count : 1;
}

/* The ports of a rule, or its source ports. */
struct some_ports {
	__u16 *min, *max;
	struct cgg_ports *list;
};

static struct some_ports ports_of(struct cgg_rule *rule, unsigned match)
{
	if (match == CGG_MATCH_PORT)
		return (struct some_ports){ &rule->port_min, &rule->port_max, &rule->ports };
	return (struct some_ports){ &rule->own.sport_min, &rule->own.sport_max, &rule->own.sports };
}

/* Return how many elements the list of a match has. Others than nets and ports have no limit. */
static unsigned elements_in(struct cgg_rule *rule, unsigned match)
{
	unsigned count = 0;

	if (match == CGG_MATCH_PROTO || match == CGG_MATCH_UID || match == HOOKS)
		return 0;
	if (match == CGG_MATCH_IP)
		return nets_in(rule);
	count = ports_of(rule, match).list->count;
	return count ? count : 1;
}

static int join_nets(const struct part *part, unsigned count, unsigned elements)
{
	struct cgg_net *net = malloc(elements * sizeof(*net));
	struct cgg_rule *into = part[0].rule;
	unsigned filled = 0;

	if (!net)
		return set_error(CGG_FAILED, "out of memory");
	for (unsigned i = 0; i < count; i++) {
		const struct cgg_rule *rule = part[i].rule;
		unsigned more = nets_in(rule);

		memcpy(&net[filled], rule->nets.count ? rule->nets.net : &rule->net,
		       more * sizeof(*net));
		filled += more;
	}
	free(into->nets.net);
	nets_take(&into->net, &into->nets, net, filled);
	return 0;
}

static int join_ports(const struct part *part, unsigned count, unsigned elements, unsigned match)
{
	struct cgg_port *port = malloc(elements * sizeof(*port));
	struct some_ports into = ports_of(part[0].rule, match);
	unsigned filled = 0;

	if (!port)
		return set_error(CGG_FAILED, "out of memory");
	for (unsigned i = 0; i < count; i++) {
		struct some_ports from = ports_of(part[i].rule, match);
		const struct cgg_port only = { *from.min, *from.max };
		unsigned more = elements_in(part[i].rule, match);

		memcpy(&port[filled], from.list->count ? from.list->port : &only,
		       more * sizeof(*port));
		filled += more;
	}
	free(into.list->port);
	ports_take(into.min, into.max, into.list, port, filled);
	return 0;
}

static void join_protos(const struct part *part, unsigned count)
{
	struct cgg_protos list = { { 0 } };
	struct cgg_rule *into = part[0].rule;
	unsigned protos = 0, first = 0;

	for (unsigned proto = 0; proto < CGG_PROTOS; proto++)
		for (unsigned i = 0; i < count; i++) {
			const struct cgg_rule *rule = part[i].rule;

			if (proto != rule->proto && !protos_have(&rule->protos, proto))
				continue;
			first = protos++ ? first : proto;
			list.bits[proto / 8] |= (__u8)(1 << proto % 8);
			break;
		}
	into->proto = (__u16)first;
	into->protos = protos > 1 ? list : (struct cgg_protos){ { 0 } };
}

/* Join the rules of a run into the first of them. The others are merged into it, and given up. */
static int join_run(struct part *part, unsigned count, unsigned match, unsigned elements,
		    const struct cgg_joining *how)
{
	int status = 0;

	if (match == CGG_MATCH_IP)
		status = join_nets(part, count, elements);
	else if (match == CGG_MATCH_PROTO)
		join_protos(part, count);
	else if (match == CGG_MATCH_UID)
		part[0].rule->uid.max = part[count - 1].rule->uid.max;
	else if (match == HOOKS)
		for (unsigned i = 1; i < count; i++)
			part[0].rule->hooks |= part[i].rule->hooks;
	else
		status = join_ports(part, count, elements, match);
	for (unsigned i = 1; i < count && !status; i++) {
		how->merge(part[0].rule, part[i].rule);
		rule_free(part[i].rule);
		part[i].rule = 0;
	}
	return status;
}

static bool may_join(const struct cgg_rule *rule, unsigned match)
{
	if (match == HOOKS)
		return rule->matches & (CGG_MATCH_IP | CGG_MATCH_HOST);
	return rule->matches & match && (match != CGG_MATCH_PROTO || rule->proto < CGG_PROTOS);
}

/* Return the end of the run of parts that begins at `from`, and count the elements of its list. */
static unsigned run_end(const struct part *part, unsigned from, unsigned count, unsigned match,
			unsigned *elements)
{
	unsigned end = from + 1;

	*elements = elements_in(part[from].rule, match);
	if (!may_join(part[from].rule, match))
		return end;
	for (; end < count && may_join(part[end].rule, match); end++) {
		unsigned more = elements_in(part[end].rule, match);

		if (match == CGG_MATCH_UID &&
		    part[end].rule->uid.min > part[end - 1].rule->uid.max + 1)
			break; /* users have a range, but no list */
		if (*elements + more > LIST || strcmp(part[end].key, part[from].key) != 0)
			break;
		*elements += more;
	}
	return end;
}

static int join_match(struct cgg_rule **rule, unsigned *count, unsigned match,
		      const struct cgg_joining *how)
{
	struct part *part = calloc(*count + 1, sizeof(*part));
	int status = part ? 0 : set_error(CGG_FAILED, "out of memory");
	unsigned elements, kept = 0;

	for (unsigned i = 0; i < *count && !status; i++) {
		part[i] = (struct part){ key_of(rule[i], match, how->apart(rule[i])), rule[i],
					 match == CGG_MATCH_UID ? rule[i]->uid.min : 0, i };
		if (!part[i].key)
			status = set_error(CGG_FAILED, "out of memory");
	}
	if (!status)
		qsort(part, *count, sizeof(*part), compare_parts);
	for (unsigned i = 0, end; i < *count && !status; i = end) {
		end = run_end(part, i, *count, match, &elements);
		if (end > i + 1)
			status = join_run(&part[i], end - i, match, elements, how);
	}
	for (unsigned i = 0; part && i < *count; i++)
		free(part[i].key);
	for (unsigned i = 0; i < *count && !status; i++)
		if (part[i].rule)
			rule[kept++] = part[i].rule;
	*count = status ? *count : kept;
	free(part);
	return status;
}

/* Join the rules of the list where possible, and set *count to how many are left. */
int rules_join(struct cgg_rule **rule, unsigned *count, const struct cgg_joining *how)
{
	static const unsigned matches[] = { CGG_MATCH_PORT,  CGG_MATCH_SPORT, CGG_MATCH_IP,
					    CGG_MATCH_PROTO, CGG_MATCH_UID,   HOOKS };
	int status = 0;

	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]) && !status; i++)
		status = join_match(rule, count, matches[i], how);
	return status;
}
