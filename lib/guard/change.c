// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* change.c - add, insert and delete rules of a policy; set its defaults and its mode. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define NO_ID "%u: no such rule; cgg-rule list -i prints the ids"

/*
 * Read the entries of the image in force, and the head of its index; free *rules even on error.
 *
 * Refuse while a restore waits to be confirmed, before anything is read: it may lapse at any time,
 * and the change would then put its rules in force for good.
 */
static int beside_read(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	int status = pending_check(&guard->policies[place]);
	const struct cgg_image *image = policy_image(guard, place);

	rules_begin(rules);
	if (!status)
		status = image ? decompile(rules, image) : CGG_FAILED;
	rules->next_id = next_id_now(guard, place);
	return status;
}

/* Return whether an image has room for entries more entries and units more of text (8 bytes). */
static bool fits(const struct cgg_rules *rules, unsigned entries, __u32 units)
{
	return rules->count + entries <= CGG_ENTRIES && 8 * (rules->heap_used + units) <= CGG_HEAP;
}

/* Return an upper bound of the heap that a rule needs, in units of 8 bytes. */
static __u32 rule_units(const struct cgg_rule *rule)
{
	return (__u32)(strlen(rule_print(rule)) + CGG_NAME + CGG_OPERAND) / 8 + 3;
}

/* Copy the defaults and the mode that are set in more. */
static void settings_take(struct cgg_rules *rules, const struct cgg_rules *more)
{
	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (more->defaults.verdict[i] != CGG_UNSET)
			default_set(&rules->defaults, i, more->defaults.verdict[i],
				    more->defaults.error[i], more->defaults.quiet >> i & 1);
	if (more->audit != CGG_UNSET)
		rules->audit = more->audit;
	if (more->naming.keep)
		rules->naming.keep = more->naming.keep;
	if (more->naming.room)
		rules->naming.room = more->naming.room;
	if (more->naming.resolvers == CGG_UNSET_RESOLVERS)
		return;
	rules->naming.resolvers = more->naming.resolvers;
	memcpy(rules->naming.resolver, more->naming.resolver, sizeof(rules->naming.resolver));
}

/*
 * Append the rules of more to a policy, and take the settings that more has.
 *
 * *first_id is set to the id of the first new rule; the others follow it.
 */
int policy_add(struct cgg_guard *guard, int place, const struct cgg_rules *more, __u32 *first_id)
{
	struct cgg_rules rules;
	int status = beside_read(guard, place, &rules);

	if (!status && rules.index.number && !fits(&rules, more->count, more->heap_used)) {
		rules_free(&rules);
		status = policy_read(guard, place, &rules);
	}
	settings_take(&rules, more);
	*first_id = rules.next_id;
	if (!status)
		status = rules_take(&rules, more);
	if (!status)
		status = commit_rules(guard, place, &rules, 0);
	rules_free(&rules);
	return status;
}

/* The words of the rule that is looked for; with text 0, its id. */
struct wanted {
	const char *text;
	size_t len;
	__u32 id;
};

static bool is_wanted(struct cgg_store *index, __u32 rule, const struct wanted *w)
{
	struct cgg_record record;

	if (index_is_dead(index, rule) || index_record(index, rule, &record))
		return false;
	return (w->text ? index_has_text(index, &record, w->text, w->len) : record.id == w->id) &&
	       index->actions[record.action].condition.expires > time_now();
}

/* Return the number of the first wanted rule in an index, or CGG_LOW. */
static __u32 in_index(struct cgg_store *index, const struct wanted *w)
{
	__u32 rule = 0, end = index->head->rules, hash = w->text ? words_hash(w->text, w->len) : 0;

	if (!w->text && index->head->first_id) {
		rule = w->id - index->head->first_id;
		end = rule < end ? rule + 1 : 0;
	}
	for (; rule < end; rule++)
		if ((w->text ? index->hashes[rule] == hash
			     : !index->records || index->records[rule].id == w->id) &&
		    is_wanted(index, rule, w))
			return rule;
	return CGG_LOW;
}

/* Return the number of the first wanted entry of an image, or rules->count. */
static unsigned in_image(const struct cgg_rules *rules, const struct wanted *w)
{
	unsigned at = 0;

	for (; at < rules->count; at++) {
		const struct cgg_entry *e = &rules->entry[at];

		if (!e->text_len)
			continue;
		if (w->text ? e->text_len == w->len &&
				      !memcmp(rules->heap + 8 * (size_t)e->text, w->text, w->len)
			    : e->id == w->id)
			break;
	}
	return at;
}

/*
 * Find the first wanted rule in the order of the policy; return CGG_NO when there is none.
 *
 * *rule is its number in the index. When it is CGG_LOW, the rule is the entry *at of the image.
 */
static int rule_find(const struct cgg_rules *rules, const struct wanted *w, unsigned *at,
		     __u32 *rule)
{
	struct cgg_store index;

	*at = in_image(rules, w);
	*rule = CGG_LOW;
	if (rules->index.number && (*at == rules->count || w->text)) {
		int status = index_open(&index, &rules->index, CGG_READ, w->text ? CGG_HASHES : 0);

		if (!status && !w->text && !index.head->first_id)
			status = index_map(&index, CGG_RECORDS);
		if (status)
			return status;
		*rule = in_index(&index, w);
		index_close(&index);
	}
	if (*at < rules->count && rules->entry[*at].before <= *rule)
		*rule = CGG_LOW;
	if (*at < rules->count || *rule != CGG_LOW)
		return 0;
	return w->text ? set_error(CGG_NO, "no such rule; cgg-rule list prints them")
		       : set_error(CGG_NO, NO_ID, w->id);
}

/*
 * Find where to insert before the rule with the id `before`; before 0: before every rule.
 *
 * The place is the entry *at of the image, which precedes the rule *index_rule of the index.
 */
static int insert_place(const struct cgg_rules *rules, __u32 before, unsigned *at,
			__u32 *index_rule)
{
	const struct wanted wanted = { .id = before };
	int status;

	*at = 0;
	*index_rule = rules->index.number ? 0 : CGG_LOW;
	if (!before)
		return 0;
	status = rule_find(rules, &wanted, at, index_rule);
	if (status)
		return status;
	if (*index_rule == CGG_LOW)
		*index_rule = rules->entry[*at].before;
	else
		for (*at = 0; *at < rules->count && rules->entry[*at].before <= *index_rule;)
			++*at;
	return 0;
}

/* Insert a rule before the rule with the id `before`, or with 0 before every rule; set its *id. */
int policy_insert(struct cgg_guard *guard, int place, __u32 before, const struct cgg_rule *rule,
		  __u32 *id)
{
	struct cgg_rules rules;
	__u32 index_rule;
	unsigned at, entries = 0;
	int status = beside_read(guard, place, &rules);

	if (!status)
		status = insert_place(&rules, before, &at, &index_rule);
	if (!status)
		status = rule_entries(rule, &entries);
	if (!status && rules.index.number && !fits(&rules, entries, rule_units(rule))) {
		rules_free(&rules);
		status = policy_read(guard, place, &rules);
		if (!status)
			status = insert_place(&rules, before, &at, &index_rule);
	}
	*id = rules.next_id;
	if (!status)
		status = rules_insert(&rules, at, index_rule, rule);
	if (!status)
		status = commit_rules(guard, place, &rules, 0);
	rules_free(&rules);
	return status;
}

/*
 * Delete a rule of an index by setting its bit, and set *id to its id.
 *
 * Return CGG_NO when the index must be built again. That is so if the index leaves out rules
 * that this rule shadows, or if half of the rules would be dead.
 */
static int index_delete(struct cgg_image *image, __u32 rule, __u32 *id)
{
	struct cgg_record record;
	struct cgg_store index;
	int status = index_open(&index, &image->index, CGG_CHANGE, 0);

	if (!status)
		status = index_record(&index, rule, &record);
	if (status)
		return status;
	*id = record.id;
	if (record.shadows || 2 * (image->index.dead + 1) >= image->index.rules) {
		status = CGG_NO;
	} else {
		/* Programs read the bits only while dead is not 0: the bit deletes the rule. */
		__atomic_fetch_add(&image->index.dead, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&index.bits[rule / 8],
				 (__u8)(index.bits[rule / 8] | 1 << rule % 8), __ATOMIC_SEQ_CST);
	}
	index_close(&index);
	return status;
}

/* Delete a rule, found by its words or, with text 0, by its id; return CGG_NO: no such rule. */
int policy_delete(struct cgg_guard *guard, int place, __u32 id, const char *text)
{
	const struct wanted wanted = { text, text ? strlen(text) : 0, id };
	struct cgg_rules rules;
	__u32 index_rule = CGG_LOW;
	unsigned at;
	int status = beside_read(guard, place, &rules);

	if (!status)
		status = rule_find(&rules, &wanted, &at, &index_rule);
	if (!status)
		status = pending_check(&guard->policies[place]);
	if (!status && index_rule != CGG_LOW) {
		status = index_delete(image_now(guard, place), index_rule, &id);
		if (status != CGG_NO) {
			if (!status)
				count_forget_rule((__u32)place, id);
			rules_free(&rules);
			return status;
		}
		rules_free(&rules);
		status = policy_read(guard, place, &rules);
		if (!status)
			status = rule_find(&rules, &wanted, &at, &index_rule);
	}
	if (!status) {
		id = rules.entry[at].id;
		rules_remove(&rules, at);
		status = commit_rules(guard, place, &rules, 0);
	}
	if (!status)
		count_forget_rule((__u32)place, id);
	rules_free(&rules);
	return status;
}

/* Let a rule expire at this time, with all its entries. */
static void expiry_set(struct cgg_rules *rules, unsigned at, __u64 expires)
{
	do
		rules->entry[at].condition.expires = expires;
	while (++at < rules->count && !rules->entry[at].text_len);
}

/*
 * Let the first rule with the words of this one expire when this one does, unless it stays longer.
 *
 * Set *id to its id. Return CGG_NO when there is no such rule.
 */
int policy_renew(struct cgg_guard *guard, int place, const struct cgg_rule *rule, __u32 *id)
{
	const char *text = rule_print(rule);
	const struct wanted wanted = { text, strlen(text), 0 };
	struct cgg_rules rules;
	__u32 index_rule;
	unsigned at;
	int status = beside_read(guard, place, &rules);

	if (!status)
		status = rule_find(&rules, &wanted, &at, &index_rule);
	if (!status && index_rule != CGG_LOW) {
		/* Rules of an index share what they match, so a new index is needed. */
		rules_free(&rules);
		status = policy_read(guard, place, &rules);
		if (!status)
			status = rule_find(&rules, &wanted, &at, &index_rule);
	}
	if (!status) {
		*id = rules.entry[at].id;
		if (rules.entry[at].condition.expires < rule->expires) {
			expiry_set(&rules, at, rule->expires);
			status = commit_rules(guard, place, &rules, 0);
		} else if (guard->ready) {
			status = guard->ready();
		}
	}
	rules_free(&rules);
	return status;
}

/* Remove the rules with these sorted ids from rules, and set seen[i] for each ids[i] found. */
static void ids_remove(struct cgg_rules *rules, const __u32 *ids, unsigned count, bool *seen)
{
	unsigned kept = 0;
	bool removed = false;

	for (unsigned i = 0; i < rules->count; i++) {
		const struct cgg_entry *e = &rules->entry[i];

		if (e->text_len) {
			const __u32 *hit = bsearch(&e->id, ids, count, sizeof(*ids), by_number);

			removed = hit != 0;
			rules->rules -= removed;
			if (hit)
				seen[hit - ids] = true;
		}
		if (!removed)
			rules->entry[kept++] = *e;
	}
	rules->count = kept;
}

/* Return the place of the first false in seen, or count. */
static unsigned unseen(const bool *seen, unsigned count)
{
	const bool *first = memchr(seen, false, count);

	return first ? (unsigned)(first - seen) : count;
}

/* Delete the rules with these different ids, which are sorted; CGG_NO: one is missing. */
int policy_delete_ids(struct cgg_guard *guard, int place, __u32 *ids, unsigned count)
{
	struct cgg_rules rules;
	bool *seen;
	int status;

	if (count == 1)
		return policy_delete(guard, place, *ids, 0);
	seen = calloc(count, sizeof(*seen));
	status = beside_read(guard, place, &rules);
	qsort(ids, count, sizeof(*ids), by_number);
	if (!seen)
		status = set_error(CGG_FAILED, "out of memory");
	if (!status)
		ids_remove(&rules, ids, count, seen);
	if (!status && unseen(seen, count) < count && rules.index.number) {
		rules_free(&rules);
		memset(seen, false, count);
		status = policy_read(guard, place, &rules);
		if (!status)
			ids_remove(&rules, ids, count, seen);
	}
	if (!status && unseen(seen, count) < count)
		status = set_error(CGG_NO, NO_ID, ids[unseen(seen, count)]);
	if (!status)
		status = commit_rules(guard, place, &rules, 0);
	for (unsigned i = 0; i < count && !status; i++)
		count_forget_rule((__u32)place, ids[i]);
	rules_free(&rules);
	free(seen);
	return status;
}

/* A name that rules may have, and the ids of those that have it, in the order of the policy. */
struct named {
	const char *name;
	__u32 *ids;
	size_t count, room;
};

static int keep_named(void *context, const struct cgg_line *line)
{
	struct named *named = context;
	struct cgg_rule rule;
	__u32 *ids;
	int status;

	if (!memmem(line->text, line->len, " name ", 6))
		return 0;
	status = line_rule(line, &rule);
	if (status)
		return status == CGG_FAILED ? status : 0;
	rule_free(&rule);
	if (strcmp(rule.name, named->name) != 0)
		return 0;
	ids = grow(named->ids, named->count, &named->room, sizeof(*ids));
	if (!ids)
		return CGG_FAILED;
	named->ids = ids;
	named->ids[named->count++] = line->id;
	return 0;
}

/* Set *ids, to be freed, to the ids of the rules with a name; return CGG_NO when there is none. */
int policy_named(struct cgg_guard *guard, int place, const char *name, __u32 **ids, unsigned *count)
{
	struct named named = { .name = name };
	int status = policy_each(guard, place, keep_named, &named);

	if (!status && !named.count)
		status = set_error(CGG_NO, "name %s: no rule has it; cgg-rule list prints them",
				   name);
	*ids = named.ids;
	*count = (unsigned)named.count;
	return status;
}

/* Set the defaults and the mode of a policy, except those that are CGG_UNSET. */
int policy_settings(struct cgg_guard *guard, int place, const struct cgg_rules *settings)
{
	struct cgg_rules rules;
	int status = beside_read(guard, place, &rules);

	settings_take(&rules, settings);
	if (!status)
		status = commit_rules(guard, place, &rules, 0);
	rules_free(&rules);
	return status;
}
