// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* policy.c - find and read the policies of a guard. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"

int policy_find(struct cgg_guard *guard, const char *name)
{
	for (int i = 0; i < CGG_POLICIES; i++)
		if (!strncmp(guard->policies[i].name, name, CGG_POLICY_NAME))
			return i;
	return -1;
}

static int by_name(const void *one, const void *other, void *policies)
{
	const struct cgg_policy *policy = policies;

	return strcmp(policy[*(const int *)one].name, policy[*(const int *)other].name);
}

/* Write the places of all policies in the order of their names, and return their number. */
unsigned policies_sorted(const struct cgg_guard *guard, int places[CGG_POLICIES])
{
	unsigned count = 0;

	for (int i = 0; i < CGG_POLICIES; i++)
		if (*guard->policies[i].name)
			places[count++] = i;
	qsort_r(places, count, sizeof(*places), by_name, guard->policies);
	return count;
}

/* Return the name of the policy with that tag, or 0; place says where to look first. */
const char *policy_by_tag(const struct cgg_policy *policies, const char *tag, unsigned place)
{
	for (unsigned i = 0; i < CGG_POLICIES; i++) {
		const struct cgg_policy *policy = &policies[(place + i) % CGG_POLICIES];

		if (*policy->name && !memcmp(policy->tag, tag, CGG_NAME))
			return policy->name;
	}
	return 0;
}

/*
 * Return the name of the policy that had a place, born telling which of its policies is meant.
 *
 * Return its tag if it was dropped, or "" if another policy has taken the place since.
 */
const char *policy_by_place(const struct cgg_policy *policies, unsigned place, __u32 born)
{
	if (place >= CGG_POLICIES || policies[place].born != born)
		return "";
	return *policies[place].name ? policies[place].name : policies[place].tag;
}

/*
 * Return whether an event of that time is of this policy, and not of one that had its place before.
 *
 * `made` wraps around every three days. The latest time that it can mean is taken. So an event of a
 * policy that is older than this may count as one of another policy, but not the other way round.
 */
bool policy_is_since(const struct cgg_policy *policy, __u64 time)
{
	__u64 now;

	if (policy->born == 1)
		return true;
	now = time_now() >> CGG_MADE_SHIFT;
	return time >> CGG_MADE_SHIFT > now - (__u32)(now - policy->made);
}

/* Return the generation in force: the next one if a restore was not confirmed in time. */
__u32 generation_now(const struct cgg_policy *policy)
{
	__u32 generation = __atomic_load_n(&policy->generation, __ATOMIC_ACQUIRE);
	bool lapsed = policy->revert_at && policy->unconfirmed == generation &&
		      time_now() >= policy->revert_at;

	return generation + lapsed;
}

/* Return the next id of a policy. A restore that was undone has used the ids that it has. */
__u32 next_id_now(struct cgg_guard *guard, int place)
{
	const struct cgg_policy *policy = &guard->policies[place];
	const struct cgg_image *images = guard_images(guard, place);
	__u32 generation = policy->generation, now = generation_now(policy);

	if (!images)
		return 1;
	return images[now & 1].next_id > images[generation & 1].next_id
		       ? images[now & 1].next_id
		       : images[generation & 1].next_id;
}

struct cgg_image *image_now(struct cgg_guard *guard, int place)
{
	struct cgg_image *images = guard_images(guard, place);

	return images ? &images[generation_now(&guard->policies[place]) & 1] : 0;
}

/* Return the image in force, or 0 after set_error(). */
const struct cgg_image *policy_image(struct cgg_guard *guard, int place)
{
	return image_now(guard, place);
}

/* Return whether a policy allows everything: it has neither a rule nor a default. */
bool policy_is_open(struct cgg_guard *guard, int place)
{
	const struct cgg_image *image = policy_image(guard, place);

	return image && !image->hooks;
}

/* Return whether no rule with host can match: nobody's answers count. */
bool policy_lacks_resolver(struct cgg_guard *guard, int place)
{
	const struct cgg_image *image = policy_image(guard, place);

	return image && image->by_name && !image->naming.resolvers;
}

/* Return the seconds until an unconfirmed restore lapses, rounded up, or 0 if none waits. */
unsigned long long seconds_left(const struct cgg_policy *policy)
{
	__u64 now = time_now();

	if (!policy->revert_at || policy->unconfirmed != policy->generation ||
	    now >= policy->revert_at)
		return 0;
	return (policy->revert_at - now + 999999999) / 1000000000;
}

/*
 * Set *programs to the programs that a policy needs: 1 << enum cgg_program.
 *
 * While a restore waits to be confirmed, this includes the programs of the image before, because
 * a revert is possible at any time.
 */
int policy_programs(struct cgg_guard *guard, int place, unsigned *programs)
{
	const struct cgg_policy *policy = &guard->policies[place];
	const struct cgg_image *images = guard_images(guard, place);
	unsigned hooks = images ? policy_image(guard, place)->hooks : 0;

	if (images && seconds_left(policy))
		hooks |= images[0].hooks | images[1].hooks;
	*programs = hook_programs(hooks);
	return images ? 0 : CGG_FAILED;
}

static int image_line(const struct cgg_image *image, unsigned at, __u64 now, policy_line *line,
		      void *context)
{
	const struct cgg_entry *e = &image->entry[at];

	if (!e->text_len || e->condition.expires <= now)
		return 0;
	return line(context, &(struct cgg_line){ .text = image->heap + 8 * (size_t)e->text,
						 .len = e->text_len,
						 .id = e->id,
						 .expires = e->condition.expires,
						 .cgroup = e->condition.cgroup,
						 .level = e->condition.level });
}

static int index_line(const struct cgg_store *index, __u32 rule, __u64 now, policy_line *line,
		      void *context)
{
	const struct cgg_record *record = &index->records[rule];
	const struct cgg_action *action = &index->actions[record->action];

	if (index_is_dead(index, rule) || action->condition.expires <= now)
		return 0;
	return line(context, &(struct cgg_line){ .text = index_text(index, rule),
						 .len = record->len,
						 .id = record->id,
						 .expires = action->condition.expires,
						 .cgroup = action->condition.cgroup,
						 .level = action->condition.level });
}

/* Call line for each rule in order until it returns something other than 0; return that. */
int policy_each(struct cgg_guard *guard, int place, policy_line *line, void *context)
{
	const struct cgg_image *image = policy_image(guard, place);
	struct cgg_store index = { 0 };
	__u64 now = time_now();
	unsigned at = 0;
	int status = image ? 0 : CGG_FAILED;

	if (!status && image->index.number)
		status = index_open(&index, &image->index, CGG_READ, CGG_RECORDS | CGG_TEXTS);
	for (__u32 rule = 0; index.head && rule < index.head->rules && !status; rule++) {
		for (; at < image->count && image->entry[at].before <= rule && !status; at++)
			status = image_line(image, at, now, line, context);
		if (!status)
			status = index_line(&index, rule, now, line, context);
	}
	for (; !status && at < image->count; at++)
		status = image_line(image, at, now, line, context);
	index_close(&index);
	return status;
}

static int count_line(void *context, const struct cgg_line *line)
{
	(void)line;
	++*(unsigned *)context;
	return 0;
}

int policy_size(struct cgg_guard *guard, int place, unsigned *rules)
{
	*rules = 0;
	return policy_each(guard, place, count_line, rules);
}

/* Parse the words of a line into a rule, with the id, expiry and cgroup id that it has. */
int line_rule(const struct cgg_line *line, struct cgg_rule *rule)
{
	static char text[CGG_RULE_TEXT];
	int status;

	memcpy(text, line->text, line->len);
	text[line->len] = 0;
	status = rule_line(rule, text);
	rule->id = line->id;
	rule->cgroup_id = line->cgroup;
	rule->cgroup_level = line->level;
	rule->expires = line->expires == CGG_NEVER ? 0 : line->expires;
	return status;
}

/* Print a rule with its ttl, which is rounded up: a rule in force never shows 0 s. */
void line_print(const struct cgg_line *line, char text[CGG_LINE_TEXT])
{
	__u64 now, left;

	memcpy(text, line->text, line->len);
	text[line->len] = 0;
	if (line->expires == CGG_NEVER)
		return;
	now = time_now();
	left = line->expires > now ? line->expires - now : 1;
	snprintf(text + line->len, CGG_LINE_TEXT - line->len, " ttl %llus",
		 (left + 999999999) / 1000000000);
}

/* Append the entries of a rule of an index, which begin at *at, unless it no longer decides. */
static int index_take(struct cgg_rules *rules, const struct cgg_store *index, __u32 rule, __u64 now,
		      __u32 *at)
{
	const struct cgg_record *record = &index->records[rule];
	const struct cgg_action *action = &index->actions[record->action];
	bool gone = index_is_dead(index, rule) || action->condition.expires <= now;
	int status = 0;

	progress("rules read", rule);
	do {
		if (!gone && !status)
			status = rules_take_kept(rules, &index->kept[*at], record,
						 &index->actions[index->kept[*at].action],
						 index->heap);
	} while (++*at < index->head->entries && !index->kept[*at].begins);
	return status;
}

/* Append the entries of an index to rules, and those beside it, in the order of the policy. */
static int rules_join(struct cgg_rules *rules, const struct cgg_rules *beside,
		      const struct cgg_store *index)
{
	__u64 now = time_now();
	__u32 entry = 0;
	unsigned at = 0;
	int status = 0;

	for (__u32 rule = 0; rule < index->head->rules && !status; rule++) {
		for (; at < beside->count && beside->entry[at].before <= rule && !status; at++)
			status = rules_take_beside(rules, beside, at);
		if (!status)
			status = index_take(rules, index, rule, now, &entry);
	}
	for (; at < beside->count && !status; at++)
		status = rules_take_beside(rules, beside, at);
	return status;
}

/* Read all rules of a policy as entries, those of its index too; free *rules even on error. */
int policy_read(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	const struct cgg_image *image = policy_image(guard, place);
	struct cgg_rules beside;
	struct cgg_store index;
	int status;

	rules_begin(rules);
	if (!image)
		return CGG_FAILED;
	status = decompile(rules, image);
	rules->next_id = next_id_now(guard, place);
	if (status || !image->index.number)
		return status;
	beside = *rules;
	rules->entry = 0;
	rules->heap = 0;
	rules->count = rules->room = rules->rules = rules->heap_used = rules->heap_room = 0;
	rules->index = (struct cgg_index){ 0 };
	status = index_open(&index, &image->index, CGG_READ, CGG_RECORDS | CGG_TEXTS | CGG_KEPT);
	if (!status) {
		status = rules_join(rules, &beside, &index);
		index_close(&index);
	}
	rules_free(&beside);
	return status;
}
