// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* remedy.c - for cgg-status on a terminal: the command that would allow what was denied. */
#include <stdarg.h>
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

/* Make the rule; return false if its words are not all of it, or not safe in a shell. */
static bool rule_make(struct cgg_rule *rule, const struct cgg_event *e)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   " ._-/:@,+=%";
	static struct cgg_rule read;
	char *text, *line;
	bool is_read, same;

	if (!is_whole(e))
		return false;
	event_rule(rule, e);
	rule->verdict = CGG_ALLOW;
	rule->port_max = rule->matches & CGG_MATCH_PORT ? rule->port_max : 65535;
	host_take(rule, e);
	text = strdup(rule_print(rule));
	line = text ? strdup(text) : 0;
	is_read = line && !text[strspn(text, safe)] && !rule_line(&read, line);
	same = is_read && !strcmp(text, rule_print(&read));
	if (is_read)
		rule_free(&read);
	free(line);
	free(text);
	return same;
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

/* Print words of which it is known that they end here; free them. */
static void words_show(char *words)
{
	if (words && !is_told(words))
		words_wrap(words);
	free(words);
}

static char *words_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *words_of(const char *format, ...)
{
	va_list arguments;
	char *words;
	int len;

	va_start(arguments, format);
	len = vasprintf(&words, format, arguments);
	va_end(arguments);
	return len < 0 ? 0 : words;
}

/* A rule that would allow denied operations. */
struct remedy {
	struct cgg_rule rule; /* the first field: rules_join() gets its address */
	const struct cgg_event *denial;
	const char *policy;
	char *what; /* the words of the denied operation */
	unsigned number; /* of the newest denial */
	struct remedy *next; /* another denial that the rule would allow */
	struct fit fit;
};
CGG_SAME(__builtin_offsetof(struct remedy, rule) == 0);

/* Return what keeps the rules of two denials apart: policy, place, and the program. */
static const char *place_of(const struct cgg_rule *rule)
{
	static char text[512];
	const struct remedy *remedy = (const struct remedy *)rule;

	snprintf(text, sizeof(text), "%s\n%u\n%.16s", remedy->policy, remedy->denial->rule,
		 remedy->denial->comm);
	return text;
}

static void remedy_merge(struct cgg_rule *into, struct cgg_rule *from)
{
	struct remedy *first = (struct remedy *)into, *last = first;

	while (last->next)
		last = last->next;
	last->next = (struct remedy *)from;
}

static int by_number_of(const void *one, const void *other)
{
	const struct remedy *a = *(struct remedy *const *)one, *b = *(struct remedy *const *)other;

	return a->number < b->number ? -1 : a->number > b->number;
}

/* Return the policy of a denial's cgroup; 0: another policy is attached by now. */
static const char *policy_of(const struct status *all, const struct cgg_event *e)
{
	const char *policy = 0;
	char tag[CGG_NAME];

	for (unsigned i = 0; i < all->attachments; i++)
		if (all->attachment[i].id == e->cgroup)
			policy = all->attachment[i].policy;
	if (policy)
		name_tag(tag, policy);
	return policy && !memcmp(tag, e->policy, sizeof(tag)) ? policy : 0;
}

/* Print the command that puts the rule before the rule that denied, or after all. */
static void rule_show(const char *head, const struct remedy *remedy, const struct cgg_rule *rule)
{
	char place[32] = "add";

	if (remedy->denial->rule)
		snprintf(place, sizeof(place), "insert %u", remedy->denial->rule);
	words_show(words_of("%s: cgg-rule -p %s %s %s", head, remedy->policy, place,
			    rule_print(rule)));
}

/* Write the address or the name that was denied, as an element of the set that lacks it. */
static void element_of(const struct remedy *remedy, char text[CGG_OPERAND_TEXT])
{
	if (remedy->fit.by_name)
		strcpy(text, remedy->fit.name);
	else
		addr_print(remedy->fit.wanted.net.addr, text);
}

/* Print the commands that add what was denied to sets: one for each set. */
static void additions_show(struct remedy *remedy)
{
	for (; remedy; remedy = remedy->next) {
		char *words = words_of("or add it to a set: cgg-set add %s", remedy->fit.set);

		if (!*remedy->fit.set) {
			free(words);
			continue;
		}
		for (struct remedy *r = remedy; r && words; r = r->next) {
			char text[CGG_OPERAND_TEXT], *longer;

			if (r != remedy && strcmp(r->fit.set, remedy->fit.set) != 0)
				continue;
			element_of(r, text);
			longer = words_of("%s %s", words, text);
			free(words);
			words = longer;
		}
		words_show(words);
	}
}

/* Print the command for a rule about a set that contains all that was denied. */
static void holder_show(struct remedy *remedy)
{
	struct cgg_rule rule = remedy->rule;

	for (const struct remedy *r = remedy; r; r = r->next)
		if (!*r->fit.holder)
			return;
	if (rule.matches & CGG_MATCH_IP) {
		rule.net = (struct cgg_net){ .word = CGG_NET_SET };
		rule.nets = (struct cgg_nets){ 0, 0 };
		strcpy(rule.net.set, remedy->fit.holder);
	} else {
		strcpy(rule.set, remedy->fit.holder);
	}
	rule_show("or for all of a set", remedy, &rule);
}

/* Look for sets, if there are some, and print a remedy. */
static void remedy_show(const struct status *all, struct remedy *remedy)
{
	unsigned about = CGG_MATCH_IP | CGG_MATCH_HOST;
	bool may =
		all->sets && (remedy->rule.matches & about || remedy->rule.hooks == 1u << CGG_DNS);
	char holder[CGG_NAME] = "";

	if (may)
		holder_find(&remedy->rule, holder);
	for (struct remedy *r = remedy; r && may; r = r->next) {
		strcpy(r->fit.holder, holder);
		fit_find(all, r->policy, r->denial, &r->fit);
	}
	rule_show("to allow", remedy, &remedy->rule);
	holder_show(remedy);
	additions_show(remedy);
}

/* Return whether two denials are of one operation: the kernel asks the policies of all levels. */
static bool is_same(const struct remedy *a, const struct remedy *b)
{
	const struct cgg_event *e = a->denial, *o = b->denial;

	return e->tid == o->tid && e->own == o->own && a->what && b->what &&
	       !strcmp(a->what, b->what);
}

static char *what_of(const struct cgg_event *e)
{
	static struct cgg_rule rule;

	event_rule(&rule, e);
	return strdup(rule_print(&rule));
}

static int by_policy(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* If several policies denied the operation of a remedy, say that each of them must allow it. */
static void levels_show(const struct remedy *remedy, struct cgg_rule *const *rule, unsigned count)
{
	const char *policy[CGG_LEVELS];
	char *words = words_of("each of these policies denied it, and must allow it:");
	unsigned policies = 0;

	for (unsigned i = 0; i < count && policies < CGG_LEVELS; i++) {
		const struct remedy *r = (const struct remedy *)rule[i];

		if (is_same(remedy, r))
			policy[policies++] = r->policy;
	}
	qsort(policy, policies, sizeof(*policy), by_policy);
	for (unsigned i = 0; i < policies && words; i++) {
		char *longer;

		if (i && !strcmp(policy[i], policy[i - 1]))
			continue;
		longer = words_of("%s%s %s", words, i ? "," : "", policy[i]);
		free(words);
		words = longer;
	}
	if (policies > 1 && strcmp(policy[0], policy[policies - 1]) != 0)
		words_show(words);
	else
		free(words);
}

void remedies_show(const struct status *all, const struct cgg_event *const *denial, unsigned count)
{
	static const struct cgg_joining how = { place_of, remedy_merge };
	struct remedy *remedy = calloc(count + 1, sizeof(*remedy));
	struct cgg_rule **rule = calloc(count + 1, sizeof(struct cgg_rule *));
	struct remedy **shown = calloc(count + 1, sizeof(struct remedy *));
	unsigned made = 0;

	for (unsigned i = 0; i < count && remedy && rule && shown; i++) {
		struct remedy *r = &remedy[i];

		*r = (struct remedy){ .denial = denial[i], .number = i };
		r->policy = policy_of(all, denial[i]);
		r->what = what_of(denial[i]);
		if (r->policy && rule_make(&r->rule, denial[i]))
			rule[made++] = &r->rule;
	}
	for (unsigned i = 0; i < made; i++)
		levels_show((const struct remedy *)rule[i], rule, made);
	if (rule && !rules_join(rule, &made, &how)) {
		for (unsigned i = 0; i < made; i++)
			shown[i] = (struct remedy *)rule[i];
		qsort(shown, made, sizeof(struct remedy *), by_number_of);
		for (unsigned i = 0; i < made; i++) {
			remedy_show(all, shown[i]);
			rule_free(&shown[i]->rule);
		}
	}
	for (unsigned i = 0; i < count && remedy; i++)
		free(remedy[i].what);
	free(shown);
	free(rule);
	free(remedy);
}
