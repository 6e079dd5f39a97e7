// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* actions.c - collects the distinct actions of rules, so that an index stores each one once. */
#include "build.h"

static __u32 action_hash(const struct cgg_action *a)
{
	return words_hash((const char *)a, sizeof(*a));
}

static void actions_rehash(struct builder *b)
{
	__u32 size = b->hash_size ? 4 * b->hash_size : 4096;
	__u32 *table = calloc(size, sizeof(*table));

	if (!table) {
		build_fail(b, "out of memory");
		return;
	}
	for (__u32 i = 0; i < b->actions; i++) {
		__u32 at = action_hash(&b->action[i]) % size;

		while (table[at])
			at = (at + 1) % size;
		table[at] = i + 1;
	}
	free(b->action_hash);
	b->action_hash = table;
	b->hash_size = size;
}

/* Return the number of an action, which becomes a new one if there is none like it. */
static __u32 action_put(struct builder *b, const struct cgg_action *a)
{
	__u32 at;

	if (2 * b->actions >= b->hash_size)
		actions_rehash(b);
	b->action = build_grow(b, b->action, b->actions, &b->actions_room, sizeof(*a));
	if (!b->failed && b->actions == CGG_ITEM_ACTION(~0u))
		build_fail(b, "the rules have too many different conditions");
	if (b->failed)
		return 0;
	for (at = action_hash(a) % b->hash_size; b->action_hash[at]; at = (at + 1) % b->hash_size)
		if (!memcmp(&b->action[b->action_hash[at] - 1], a, sizeof(*a)))
			return b->action_hash[at] - 1;
	b->action[b->actions] = *a;
	b->action_hash[at] = ++b->actions;
	return b->actions - 1;
}

/*
 * Return the action of a rule about owners, or about values, for one that is not known: then it
 * does not matter which ones the rule names, so many rules share it.
 */
__u32 action_unknown(struct builder *b, __u32 action, bool value)
{
	struct cgg_action a = b->action[action];
	struct cgg_condition *c = &a.condition;

	if (!c->unknown || (value ? !c->value.past : !(c->uid.past | c->gid.past)))
		return action;
	if (value) {
		c->value = (struct cgg_values){ CGG_VALUE_VAGUE, CGG_VALUE_VAGUE };
	} else {
		c->uid = (struct cgg_ids){ ~0u, ~0u };
		c->gid = (struct cgg_ids){ 0, 0 };
	}
	return action_put(b, &a);
}

static __u32 action_of(struct builder *b, const struct cgg_entry *e)
{
	const unsigned nets = (1u << CGG_UNIX) - 1;
	struct cgg_action a = {
		.condition = e->condition,
		.verdict = e->verdict,
		.quiet = e->quiet,
		.error = e->error,
	};

	/* The prefix covers the other bits; it does not tell whether a packet stays on lo. */
	if (e->condition.hooks & nets) {
		a.condition.select_mask &=
			0xffff | CGG_IS_INNER | CGG_IS_ALIAS |
			(e->condition.hooks & CGG_PACKET_HOOKS ? CGG_IS_LOCAL : 0);
		a.condition.select &= a.condition.select_mask;
	}
	/* Rules about a set stand at a place of the set. */
	if (entry_is_set(e)) {
		a.condition.select_mask &= ~CGG_IS_SET;
		a.condition.select &= ~CGG_IS_SET;
	}
	return action_put(b, &a);
}

/*
 * Return the numbers of the actions of all rules, CGG_KNOWN_BITS for each rule: one for each of
 * its forms. The caller frees them. Actions begin the index, so this must run before anything
 * else is written to it.
 */
__u32 *actions_of(struct builder *b, const struct cgg_rules *rules, struct cgg_index *head)
{
	struct cgg_entry form[CGG_KNOWN_BITS];
	__u32 *actions =
		reallocarray(0, CGG_KNOWN_BITS * ((size_t)rules->count + 1), sizeof(*actions));

	if (!actions)
		build_fail(b, "out of memory");
	for (unsigned i = 0; i < rules->count && !b->failed; i++) {
		unsigned forms = entry_forms(&rules->entry[i], form);

		for (unsigned f = 0; f < forms; f++) {
			__u32 action = action_of(b, &form[f]);

			actions[CGG_KNOWN_BITS * (size_t)i + f] = action;
			action_unknown(b, action, false);
			action_unknown(b, action, true);
		}
		head->hooks |= condition_hooks(&rules->entry[i].condition);
		head->limited |= rules->entry[i].condition.limit != 0;
		head->by_name |= rules->entry[i].condition.access == CGG_BY_NAME;
		if (entry_is_set(&rules->entry[i]))
			head->sets |= 1ULL << entry_set(&rules->entry[i]);
	}
	build_take(b, sizeof(*b->action) / 8 * ((__u64)b->actions + 1), CGG_PAGE / 8, false);
	if (!b->failed && b->actions)
		memcpy(build_unit(b, 0), b->action, b->actions * sizeof(*b->action));
	return actions;
}
