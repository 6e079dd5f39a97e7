// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* change.c - add, insert and delete rules of a policy; set its defaults and its mode. */
#include <string.h>

#include "policy.h"

/* Read the entries of the image in force, and the head of its index; free *rules even on error. */
static int beside_read(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	const struct cgg_image *image = policy_image(guard, place);

	rules_begin(rules);
	return image ? decompile(rules, image) : CGG_FAILED;
}

/* Return whether an image has room for entries more entries and units more of text (8 bytes). */
static bool fits(const struct cgg_rules *rules, unsigned entries, __u32 units)
{
	return rules->count + entries <= CGG_ENTRIES && 8 * (rules->heap_used + units) <= CGG_HEAP;
}

/* Return an upper bound of the heap that a rule needs, in units of 8 bytes. */
static __u32 rule_units(const struct cgg_rule *rule)
{
	char text[CGG_RULE_TEXT];

	return (__u32)(rule_print(rule, text) + CGG_NAME + CGG_OPERAND) / 8 + 3;
}

/* Copy the defaults and the mode that are set in more. */
static void settings_take(struct cgg_rules *rules, const struct cgg_rules *more)
{
	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (more->defaults[i] != CGG_UNSET)
			rules->defaults[i] = more->defaults[i];
	if (more->audit != CGG_UNSET)
		rules->audit = more->audit;
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
	return *at < rules->count || *rule != CGG_LOW ? 0 : set_error(CGG_NO, "no such rule");
}

int policy_insert(struct cgg_guard *guard, int place, __u32 before, const struct cgg_rule *rule,
		  __u32 *id)
{
	const struct wanted wanted = { .id = before };
	struct cgg_rules rules;
	unsigned at = 0;
	__u32 index_rule = CGG_LOW;
	int status = beside_read(guard, place, &rules);

	if (!status)
		status = rule_find(&rules, &wanted, &at, &index_rule);
	if (!status && rules.index.number && !fits(&rules, 2, rule_units(rule))) {
		rules_free(&rules);
		status = policy_read(guard, place, &rules);
		if (!status)
			status = rule_find(&rules, &wanted, &at, &index_rule);
	}
	if (!status && index_rule != CGG_LOW)
		for (at = 0; at < rules.count && rules.entry[at].before <= index_rule;)
			at++;
	else if (!status)
		index_rule = rules.entry[at].before;
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
		__atomic_fetch_or(&index.bits[rule / 8], (__u8)(1 << rule % 8), __ATOMIC_SEQ_CST);
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
