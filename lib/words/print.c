// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * print.c - prints rules in the words of cgguard-rule(5).
 *
 * rule_parse() must read the output of rule_print() back as the same rule, because policies
 * store and compare rules in their printed form.
 */
#include <string.h>

#include "operand.h"

/* A text that is being written. put() drops text beyond the end; a rule that parses always fits. */
struct text {
	char *at, *end;
};

static void put(struct text *t, const char *s)
{
	while (*s && t->at < t->end)
		*t->at++ = *s++;
	*t->at = 0;
}

static void put_number(struct text *t, long n)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ld", n);
	put(t, n < 0 ? "*" : digits);
}

static void put_key(struct text *t, const char *key, const char *value)
{
	put(t, " ");
	put(t, key);
	put(t, " ");
	put(t, value);
}

/* Append a key and a quoted value; utf8 is for text that an administrator wrote. */
static void put_quoted(struct text *t, const char *key, const char *value, bool utf8)
{
	char quoted[4 * CGG_CGROUP + 3];

	word_quote(quoted, value, utf8);
	put_key(t, key, quoted);
}

static void port_print(struct text *t, __u16 min, __u16 max)
{
	put_number(t, min);
	if (max == min)
		return;
	put(t, "-");
	put_number(t, max);
}

static void ports_print(struct text *t, const char *key, const struct cgg_ports *list, __u16 min,
			__u16 max)
{
	put_key(t, key, "");
	if (!list->count)
		port_print(t, min, max);
	for (unsigned i = 0; i < list->count; i++) {
		put(t, i ? "," : "");
		port_print(t, list->port[i].min, list->port[i].max);
	}
}

static void protos_print(struct text *t, const struct cgg_rule *rule)
{
	unsigned proto = protos_next(&rule->protos, 0);
	char part[CGG_NET_TEXT];

	put(t, " proto ");
	proto_print(proto < CGG_PROTOS ? (__u16)proto : rule->proto, part);
	put(t, part);
	while (proto < CGG_PROTOS && (proto = protos_next(&rule->protos, proto + 1)) < CGG_PROTOS) {
		proto_print((__u16)proto, part);
		put(t, ",");
		put(t, part);
	}
}

static void nets_print(struct text *t, const char *key, const struct cgg_net *first,
		       const struct cgg_nets *list)
{
	char part[CGG_NET_TEXT];

	net_print(first, part);
	put_key(t, key, part);
	for (unsigned i = 1; i < list->count; i++) {
		net_print(&list->net[i], part);
		put(t, ",");
		put(t, part);
	}
}

/* Append a key and a value, quoted if it needs that. */
static void put_named(struct text *t, const char *key, const char *value)
{
	if (word_is_plain(value))
		put_key(t, key, value);
	else
		put_quoted(t, key, value, false);
}

/* Print the matches that say who calls, which packet it is, and what is set. */
static void caller_print(struct text *t, const struct cgg_rule *rule)
{
	char part[CGG_NET_TEXT];

	if (rule->matches & CGG_MATCH_SPORT)
		ports_print(t, "sport", &rule->own.sports, rule->own.sport_min,
			    rule->own.sport_max);
	if (rule->matches & CGG_MATCH_UID) {
		owner_print(&rule->uid, part);
		put_key(t, "uid", part);
	}
	if (rule->matches & CGG_MATCH_GID) {
		owner_print(&rule->gid, part);
		put_key(t, "gid", part);
	}
	if (rule->matches & CGG_MATCH_IFACE)
		put_named(t, "iface", rule->own.iface);
	if (rule->matches & CGG_MATCH_SELF)
		nets_print(t, "self", &rule->own.self, &rule->own.selfs);
	if (rule->matches & CGG_MATCH_VALUE) {
		value_print(&rule->value, part);
		put_key(t, "value", part);
	}
	if (rule->matches & CGG_MATCH_CGROUP)
		put_named(t, "cgroup", rule->cgroup);
}

static void operands_print(struct text *t, const struct cgg_rule *rule)
{
	for (int i = 0; i < CGG_HOOKS; i++) {
		const struct cgg_hook_info *hook = &cgg_hooks[i];
		char part[CGG_OPERAND_TEXT];

		if (!(rule->hooks & 1u << i) || !hook->operand)
			continue;
		operand_print(rule, hook->operand, part);
		put(t, " ");
		put(t, part);
		if (!hook->access_bits)
			return;
		put(t, " ");
		put(t, rule->access & CGG_R ? "r" : "");
		put(t, rule->access & CGG_W ? "w" : "");
		put(t, rule->access & CGG_M ? "m" : "");
	}
}

/* Return the rule in its canonical form, without its ttl; the next call overwrites it. */
const char *rule_print(const struct cgg_rule *rule)
{
	static char text[CGG_RULE_TEXT];
	struct text t = { text, text + CGG_RULE_TEXT - 1 };
	char part[CGG_OPERAND_TEXT];

	put(&t, cgg_verdicts[rule->verdict]);
	put(&t, " ");
	hooks_print(rule->hooks, part, sizeof(part));
	put(&t, part);
	operands_print(&t, rule);
	if (rule->matches & CGG_MATCH_FAMILY)
		put_key(&t, "family", socket_name(cgg_families, rule->family));
	if (rule->matches & CGG_MATCH_TYPE)
		put_key(&t, "type", socket_name(cgg_types, rule->type));
	if (rule->matches & CGG_MATCH_PROTO)
		protos_print(&t, rule);
	if (rule->matches & CGG_MATCH_IP)
		nets_print(&t, "ip", &rule->net, &rule->nets);
	if (rule->matches & CGG_MATCH_HOST) {
		host_print(rule, part);
		put_key(&t, "host", part);
	}
	if (rule->matches & CGG_MATCH_PORT)
		ports_print(&t, "port", &rule->ports, rule->port_min, rule->port_max);
	caller_print(&t, rule);
	if (*rule->name)
		put_key(&t, "name", rule->name);
	if (*rule->comment)
		put_quoted(&t, "comment", rule->comment, true);
	if (rule->quiet)
		put(&t, " quiet");
	if (rule->error)
		put_key(&t, "errno", errno_name(rule->error));
	rate_print(&rule->limit, part);
	put(&t, part);
	put(&t, rule->inner ? " inner" : "");
	put(&t, rule->alias ? " alias" : "");
	return text;
}
