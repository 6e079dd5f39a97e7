// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * used.c - the sets that the rules of a policy use.
 *
 * A rule knows its set by a place in the list of the policy: entries have it as a bit of their key,
 * and an index as a number. So a place stays the same until no rule uses it.
 */
#include <string.h>

#include "entries.h"

bool entry_is_set(const struct cgg_entry *e)
{
	return e->condition.select & e->condition.select_mask & CGG_IS_SET &&
	       e->condition.select_mask != ~0u;
}

/* Return whether the set of an entry is one of DNS names. */
bool entry_is_of_names(const struct cgg_entry *e)
{
	return e->condition.access == CGG_BY_NAME || e->condition.hooks & 1u << CGG_DNS;
}

/* Return the place of the set called name, a new one if no rule uses it yet; -1 with cgg_error. */
int rules_set(struct cgg_rules *rules, const char *name)
{
	int found = -1;

	for (int i = CGG_SETS_OF - 1; i >= 0; i--) {
		if (!strncmp(rules->set[i].name, name, CGG_NAME))
			return i;
		if (!*rules->set[i].name)
			found = i;
	}
	if (found < 0)
		return set_error(CGG_FAILED, "@%s: a policy uses at most %d sets", name,
				 CGG_SETS_OF),
		       -1;
	memset(&rules->set[found], 0, sizeof(rules->set[found]));
	strncpy(rules->set[found].name, name, CGG_NAME - 1);
	return found;
}

/* Let an entry match what the set at a place contains. */
void set_put(struct cgg_entry *e, unsigned place)
{
	e->condition.select |= CGG_IS_SET;
	e->condition.select_mask |= CGG_IS_SET;
	e->value[0] = e->mask[0] = 1ULL << place;
}

/* Let an entry match what the set called name contains. Return 0 or CGG_FAILED. */
int compile_set(struct cgg_rules *rules, struct cgg_entry *e, const char *name)
{
	int place = rules_set(rules, name);

	if (place < 0)
		return CGG_FAILED;
	set_put(e, (unsigned)place);
	return 0;
}

/* Return the place of the set of an entry. */
unsigned entry_set(const struct cgg_entry *e)
{
	return (unsigned)__builtin_ctzll(e->mask[0]);
}

/* Let an entry that was taken from other rules use the same set here. Return 0 or CGG_FAILED. */
int set_take(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rules *from)
{
	return entry_is_set(e) ? compile_set(rules, e, from->set[entry_set(e)].name) : 0;
}

/* Count which hooks use each set, and free the places of those that no rule uses. */
void rules_count_sets(struct cgg_rules *rules)
{
	__u64 of_index = rules->index.number ? rules->index.sets : 0;

	for (unsigned i = 0; i < CGG_SETS_OF; i++)
		if (!(of_index >> i & 1))
			rules->set[i].hooks = 0;
	for (unsigned i = 0; i < rules->count; i++) {
		const struct cgg_entry *e = &rules->entry[i];

		if (entry_is_set(e))
			rules->set[entry_set(e)].hooks |=
				e->condition.hooks | (entry_is_of_names(e) ? CGG_SET_OF_NAMES : 0);
	}
	for (unsigned i = 0; i < CGG_SETS_OF; i++)
		if (!rules->set[i].hooks)
			memset(&rules->set[i], 0, sizeof(rules->set[i]));
}
