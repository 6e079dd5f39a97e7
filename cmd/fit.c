// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* fit.c - for cgg-status on a terminal: the sets with which a rule would allow what was denied. */
#include <string.h>

#include "../bpf/names/inner.h"
#include "status.h"

/* Return the set that a rule is about, and only it; 0: none, or other nets too. */
static const char *set_of(const struct cgg_rule *rule)
{
	if (*rule->set)
		return rule->set;
	if (rule->matches & CGG_MATCH_IP && rule->net.word == CGG_NET_SET && !rule->nets.count)
		return rule->net.set;
	return 0;
}

static bool mentions(const struct cgg_rule *rule, const char *set)
{
	bool any = !strcmp(rule->set, set) ||
		   (rule->net.word == CGG_NET_SET && !strcmp(rule->net.set, set));

	for (unsigned i = 0; i < rule->nets.count; i++)
		any |= rule->nets.net[i].word == CGG_NET_SET && !strcmp(rule->nets.net[i].set, set);
	return any;
}

static bool has_set(const struct cgg_rule *rule)
{
	bool any = *rule->set || rule->net.word == CGG_NET_SET;

	for (unsigned i = 0; i < rule->nets.count; i++)
		any |= rule->nets.net[i].word == CGG_NET_SET;
	return any;
}

/* Return whether hook, protocol and port of a rule are those of the operation. */
static bool may_match(const struct cgg_rule *rule, const struct cgg_rule *wanted)
{
	__u16 port = wanted->matches & CGG_MATCH_PORT ? wanted->port_min : 0;
	bool in = rule->port_min <= port && port <= rule->port_max;

	for (unsigned i = 0; i < rule->ports.count; i++)
		in |= rule->ports.port[i].min <= port && port <= rule->ports.port[i].max;
	if (rule->matches & CGG_MATCH_PORT && !in)
		return false;
	if (rule->matches & CGG_MATCH_PROTO && rule->proto != wanted->proto &&
	    !protos_have(&rule->protos, wanted->proto))
		return false;
	return rule->hooks & wanted->hooks;
}

/* Return whether the rule surely allows an operation if its set contains the address or name. */
static bool would_allow(const struct cgg_rule *rule, const struct fit *fit)
{
	const unsigned known = CGG_MATCH_IP | CGG_MATCH_HOST | CGG_MATCH_PORT | CGG_MATCH_PROTO;
	__u64 addr[2];

	if (rule->verdict != CGG_ALLOW || !set_of(rule) || rule->matches & ~known ||
	    rule->limit.count)
		return false;
	memcpy(addr, fit->wanted.net.addr, sizeof(addr));
	if (*rule->set && fit->wanted.matches & CGG_MATCH_IP && is_inner(addr) && !rule->inner)
		return false;
	return !*rule->set || *fit->name;
}

/*
 * Take the set of the first rule about one that may match, if this rule surely allows. Stop at the
 * rule that denied.
 */
static int line_fits(void *context, const struct cgg_line *line)
{
	static struct cgg_rule rule;
	struct fit *fit = context;

	fit->denied = line->id == fit->denied_by;
	if (memchr(line->text, '@', line->len) && !line_rule(line, &rule)) {
		if (rule.verdict == CGG_DENY && mentions(&rule, fit->holder))
			*fit->holder = 0;
		if (!fit->denied && !fit->done && has_set(&rule) &&
		    may_match(&rule, &fit->wanted)) {
			fit->done = true;
			if (would_allow(&rule, fit) && line->expires == CGG_NEVER)
				strcpy(fit->set, set_of(&rule));
			fit->by_name = *rule.set;
		}
		rule_free(&rule);
	}
	return fit->denied ? CGG_NO : 0;
}

/*
 * Find the sets for a denied operation: fit->set is that of a rule which would allow it, were the
 * address or the name an element. fit->holder stays if no rule denies what is in that set.
 */
void fit_find(const struct status *all, const char *policy, const struct cgg_event *e,
	      struct fit *fit)
{
	unsigned hook = 1u << event_hook(e->program);
	int place = policy_find(all->guard, policy);

	fit->denied_by = e->rule;
	event_rule(&fit->wanted, e);
	if (hook & (CGG_NAME_HOOKS | 1u << CGG_DNS) && e->net.host &&
	    e->net.host <= sizeof(e->host.name))
		event_host(e, fit->name);
	if (place >= 0)
		policy_each(all->guard, place, line_fits, fit);
	if (e->rule && !fit->denied) /* the rule is gone */
		*fit->set = *fit->holder = 0;
}

/* Return the length of the element that contains all nets of a rule, or 1 for its name; 0: none. */
static unsigned holds(const struct cgg_table *table, const struct cgg_rule *rule)
{
	bool addresses = table_head(table)->kind == CGG_SET_ADDRESSES;
	unsigned len = 0;

	if (!(rule->matches & CGG_MATCH_IP))
		return !addresses && table_has_name(table, rule->operand);
	if (addresses)
		len = table_has_addr(table, rule->net.addr);
	for (unsigned i = 0; i < rule->nets.count && len; i++)
		len = table_has_addr(table, rule->nets.net[i].addr);
	return len;
}

/* Find the set with the smallest element around what a rule is about, or leave set empty. */
void holder_find(const struct cgg_rule *rule, char set[CGG_NAME])
{
	struct cgg_table table;
	struct cgg_sets sets;
	unsigned best = 0;

	*set = 0;
	if (sets_open(&sets, CGG_READ))
		return;
	for (int i = 0; i < CGG_SETS; i++) {
		unsigned len;

		if (!*sets.name[i].name || set_open(&sets, i, &table))
			continue;
		len = holds(&table, rule);
		if (len > best)
			memcpy(set, sets.name[i].name, CGG_NAME);
		best = len > best ? len : best;
		table_close(&table);
	}
	sets_close(&sets);
}
