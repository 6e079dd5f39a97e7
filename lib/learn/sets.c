// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sets.c - writes addresses and names that a set contains as that set. */
#include <stdlib.h>
#include <string.h>

#include "seen.h"

static int compare_rules(const void *one, const void *other)
{
	return seen_compare(&(*(struct seen *const *)one)->rule,
			    &(*(struct seen *const *)other)->rule);
}

/* Let a rule about one address or name be about the set that contains it, if there is one. */
static void set_take(struct cgg_rule *rule, learn_set *set_of)
{
	const char *name = 0;

	if (rule->matches & CGG_MATCH_IP && net_is_address(&rule->net)) {
		name = set_of(rule->net.addr, 0);
		if (!name)
			return;
		memset(&rule->net, 0, sizeof(rule->net));
		rule->net.word = CGG_NET_SET;
		strncpy(rule->net.set, name, sizeof(rule->net.set) - 1);
	} else if ((rule->matches & CGG_MATCH_HOST || rule->hooks == 1u << CGG_DNS) &&
		   !rule->prefix) {
		name = set_of(0, rule->operand);
		if (!name)
			return;
		memset(rule->operand, 0, sizeof(rule->operand));
		strncpy(rule->set, name, sizeof(rule->set) - 1);
	}
}

static bool has_set(const struct cgg_rule *rule)
{
	return rule->net.word == CGG_NET_SET || *rule->set;
}

/* Join the rules whose addresses or names are in one set. Return how many rules stay. */
unsigned sets_join(struct seen **list, unsigned count, learn_set *set_of)
{
	unsigned kept = 0;

	if (!set_of)
		return count;
	for (unsigned i = 0; i < count; i++)
		set_take(&list[i]->rule, set_of);
	qsort(list, count, sizeof(*list), compare_rules);
	for (unsigned i = 0; i < count; i++)
		if (kept && has_set(&list[i]->rule) && !compare_rules(&list[kept - 1], &list[i]))
			seen_merge(list[kept - 1], list[i]);
		else
			list[kept++] = list[i];
	return kept;
}
