// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * names.c - learns rules by DNS name: from events of addresses that had a name, and of questions.
 *
 * A rule by name allows more than the address of its event: each address that the name will have.
 * It needs a resolver that the guard believes, so those that were asked are written, too.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "seen.h"

#define CALLS (1u << CGG_CONNECT | 1u << CGG_SENDMSG)
#define DNS_PORT 53

/* Return the address of a server that the event asked, by the hook dns or by its port; 0: none. */
const char *resolver_of(const json_t *event, int hook)
{
	const char *addr = text_of(event, "daddr");
	json_int_t port = json_integer_value(json_object_get(event, "dport"));
	__u64 parsed[2];

	if (!addr || (hook != CGG_DNS && (!(CALLS >> hook & 1) || port != DNS_PORT)) ||
	    resolver_parse(parsed, addr))
		return 0;
	return addr;
}

/* Write the resolvers if a rule needs them; beyond those that a policy may have, as comments. */
void resolvers_write(const struct cgg_learn *learn, struct seen *const *list, unsigned count,
		     FILE *file)
{
	bool needed = false;
	unsigned written = 0;
	const char *addr;
	json_t *value;

	for (unsigned i = 0; i < count; i++)
		needed |= (list[i]->rule.matches & CGG_MATCH_HOST) != 0;
	if (!needed)
		return;
	if (!json_object_size(learn->resolvers))
		fputs("# no question was seen: write resolver ADDR for the server that answers\n",
		      file);
	json_object_foreach(learn->resolvers, addr, value)
	{
		if (written++ < CGG_RESOLVERS)
			fprintf(file, "resolver %s\n", addr);
		else
			fprintf(file, "# a policy has at most %u resolvers, so not %s\n",
				CGG_RESOLVERS, addr);
	}
}

/* Return the end of a name that has so many labels; 0: it has no more than that. */
static const char *end_of(const char *name, unsigned labels)
{
	const char *at = name + strlen(name);

	while (at > name)
		if (*--at == '.' && !--labels)
			return at + 1;
	return 0;
}

static bool is_named(const struct cgg_rule *rule)
{
	return rule->matches & CGG_MATCH_HOST || rule->hooks == 1u << CGG_DNS;
}

static unsigned sort_labels;

/* Return the last labels of a rule's name; "": it has no more than these, or no name. */
static const char *shared(const struct cgg_rule *rule)
{
	const char *end = is_named(rule) ? end_of(rule->operand, sort_labels) : 0;

	return end ? end : "";
}

/* Order rules so that those whose names share their last labels are adjacent. */
static int compare_ends(const void *one, const void *other)
{
	const struct cgg_rule *a = &(*(struct seen *const *)one)->rule;
	const struct cgg_rule *b = &(*(struct seen *const *)other)->rule;
	int order = strcmp(shared(a), shared(b));

	COMPARE(a->hooks, b->hooks);
	COMPARE(order, 0);
	order = strcmp(a->operand, b->operand);
	return order ? order : seen_compare(a, b);
}

static int compare_rules(const void *one, const void *other)
{
	return seen_compare(&(*(struct seen *const *)one)->rule,
			    &(*(struct seen *const *)other)->rule);
}

/* Let a rule match all names that share the last labels of its name. */
static void name_widen(struct cgg_rule *rule)
{
	char end[CGG_OPERAND] = "";

	snprintf(end, sizeof(end), "%s", shared(rule));
	memcpy(rule->operand, end, sizeof(end));
	rule->prefix = true;
}

/*
 * Join rules with different names that share their last labels: into rules for all names below
 * these. Return how many rules stay.
 */
unsigned labels_join(struct seen **list, unsigned count, unsigned labels)
{
	unsigned kept = 0;

	if (!labels)
		return count;
	sort_labels = labels;
	qsort(list, count, sizeof(*list), compare_ends);
	for (unsigned i = 0, end; i < count; i = end) {
		const struct cgg_rule *first = &list[i]->rule, *last;

		for (end = i + 1; end < count && list[end]->rule.hooks == first->hooks &&
				  !strcmp(shared(&list[end]->rule), shared(first));)
			end++;
		last = &list[end - 1]->rule;
		if (*shared(first) && strcmp(first->operand, last->operand))
			for (unsigned k = i; k < end; k++)
				list[k]->rule.prefix = true;
	}
	for (unsigned i = 0; i < count; i++)
		if (is_named(&list[i]->rule) && list[i]->rule.prefix)
			name_widen(&list[i]->rule);
	qsort(list, count, sizeof(*list), compare_rules);
	for (unsigned i = 0; i < count; i++)
		if (kept && is_named(&list[i]->rule) && !compare_rules(&list[kept - 1], &list[i]))
			seen_merge(list[kept - 1], list[i]);
		else
			list[kept++] = list[i];
	return kept;
}
