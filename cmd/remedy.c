// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* remedy.c - for cgg-status on a terminal: the command that would allow what was denied. */
#include <stdlib.h>
#include <string.h>

#include "../bpf/names/inner.h"
#include "status.h"

/* Use the name of the address, if the event has the whole name. */
static void host_take(struct cgg_rule *rule, const struct cgg_event *e)
{
	unsigned hook = 1u << event_hook(e->program);
	__u64 addr[2];

	if (!(hook & CGG_NAME_HOOKS) || !e->net.host || e->net.host > sizeof(e->host.name))
		return;
	event_host(e, rule->operand);
	rule->matches = (rule->matches & ~(unsigned)CGG_MATCH_IP) | CGG_MATCH_HOST;
	memcpy(addr, e->net.addr, sizeof(addr));
	rule->inner = is_inner(addr);
}

/* Return whether the event tells all that a rule needs to allow this operation and no other. */
static bool is_whole(const struct cgg_event *e)
{
	int hook = event_hook(e->program);

	switch (cgg_hooks[hook].operand) {
	case CGG_SYSCTL_NAME:
	case CGG_UNIX_NAME:
		return e->named.len < sizeof(e->named.name) &&
		       !memchr(e->named.name, 0, e->named.len);
	case CGG_DNS_NAME:
		return e->net.host && e->net.host <= sizeof(e->host.name);
	case CGG_NONE:
		if (hook == CGG_SOCKET)
			return e->socket.type >= 1 && e->socket.type <= 3;
		return !e->net.unread;
	default:
		return true;
	}
}

/* Write the words of the rule; return false if they are not all of it, or not safe in a shell. */
static bool rule_words(char text[CGG_RULE_TEXT], const struct cgg_event *e)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   " ._-/:@,+=%";
	static char copy[CGG_RULE_TEXT], again[CGG_RULE_TEXT];
	struct cgg_rule rule;

	if (!is_whole(e))
		return false;
	event_rule(&rule, e);
	rule.verdict = CGG_ALLOW;
	rule.port_max = rule.matches & CGG_MATCH_PORT ? rule.port_max : 65535;
	host_take(&rule, e);
	rule_print(&rule, text);
	strcpy(copy, text);
	if (text[strspn(text, safe)] || rule_line(&rule, copy))
		return false;
	rule_print(&rule, again);
	return !strcmp(text, again);
}

/* Print words in lines of the terminal's width; a backslash ends each but the last. */
static void words_wrap(const char *words)
{
	const char *indent = "";

	while (*words) {
		size_t len = strlen(words), width = canvas.width - strlen(indent);

		if (len > width) {
			for (len = width - 2; len && words[len] != ' ';)
				len--;
			len = len ? len : width - 2;
		}
		printf("%s%.*s%s\n", indent, (int)len, words, words[len] ? " \\" : "");
		words += len + (words[len] == ' ');
		indent = "          ";
	}
}

/* Return whether the words were printed before; remember them. */
static bool is_told(const char *words)
{
	static char *told[16];

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		if (told[i] && !strcmp(told[i], words))
			return true;
		if (!told[i]) {
			told[i] = strdup(words);
			return false;
		}
	}
	return false;
}

/* A set that would let a rule allow an operation if it contained the address. */
struct fit {
	struct cgg_rule wanted; /* allows the operation alone */
	__u32 denied_by; /* the rule; 0: the default */
	bool done, denied; /* a rule about a set was found; that rule was found */
	char set[CGG_NAME];
};

static bool has_set(const struct cgg_rule *rule)
{
	bool any = rule->net.word == CGG_NET_SET;

	for (unsigned i = 0; i < rule->nets.count; i++)
		any |= rule->nets.net[i].word == CGG_NET_SET;
	return rule->matches & CGG_MATCH_IP && any;
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

/*
 * Take the set of the first rule about one that may match, if this rule surely allows. Stop at the
 * rule that denied.
 */
static int line_fits(void *context, const struct cgg_line *line)
{
	const unsigned known = CGG_MATCH_IP | CGG_MATCH_PORT | CGG_MATCH_PROTO;
	static struct cgg_rule rule;
	struct fit *fit = context;

	fit->denied = line->id == fit->denied_by;
	if (fit->denied)
		return CGG_NO;
	if (fit->done || !memchr(line->text, '@', line->len) || line_rule(line, &rule))
		return 0;
	fit->done = has_set(&rule) && may_match(&rule, &fit->wanted);
	if (fit->done && rule.verdict == CGG_ALLOW && !rule.nets.count &&
	    !(rule.matches & ~known) && line->expires == CGG_NEVER)
		memcpy(fit->set, rule.net.set, sizeof(fit->set));
	rule_free(&rule);
	return 0;
}

/* Print the command that adds the address to the set of a rule that then allows the operation. */
static void set_show(const struct status *all, const char *policy, const struct cgg_event *e)
{
	static struct fit fit;
	int place = policy_find(all->guard, policy);
	char addr[CGG_NET_TEXT], *words;

	fit = (struct fit){ .denied_by = e->rule };
	if (!all->sets || place < 0 || !(1u << event_hook(e->program) & CGG_NET_HOOKS))
		return;
	event_rule(&fit.wanted, e);
	if (!(fit.wanted.matches & CGG_MATCH_IP) || !net_is_address(&fit.wanted.net))
		return;
	policy_each(all->guard, place, line_fits, &fit);
	addr_print(fit.wanted.net.addr, addr);
	if (!*fit.set || (e->rule && !fit.denied) ||
	    asprintf(&words, "or add it to a set: cgg-set add %s %s", fit.set, addr) < 0)
		return;
	if (!is_told(words))
		words_wrap(words);
	free(words);
}

/*
 * Print the command that would allow a denied operation: before the rule that denied it, or at the
 * end if the default did.
 */
void remedy_show(const struct status *all, const struct cgg_event *e)
{
	static char rule[CGG_RULE_TEXT];
	char place[32] = "add", tag[CGG_NAME], *words;
	const char *policy = 0;

	for (unsigned i = 0; i < all->attachments; i++)
		if (all->attachment[i].id == e->cgroup)
			policy = all->attachment[i].policy;
	if (!policy || !rule_words(rule, e))
		return;
	name_tag(tag, policy);
	if (memcmp(tag, e->policy, sizeof(tag)) != 0)
		return; /* another policy is attached by now */
	if (e->rule)
		snprintf(place, sizeof(place), "insert %u", e->rule);
	if (asprintf(&words, "to allow: cgg-rule -p %s %s %s", policy, place, rule) < 0)
		return;
	if (!is_told(words))
		words_wrap(words);
	free(words);
	set_show(all, policy, e);
}
