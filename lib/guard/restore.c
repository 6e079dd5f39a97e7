// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* restore.c - replace a whole policy, confirm that, or drop a policy. */
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "policy.h"

/* A hash table with open addressing: from the words of new rules to the entry's number + 1. */
struct by_words {
	struct cgg_rules *rules;
	__u32 *slot, size;
};

/* Give the id of an old rule to the first new rule with the same words, so it keeps its counts. */
static int keep_id(void *context, const struct cgg_line *line)
{
	struct by_words *known = context;
	__u32 at = words_hash(line->text, line->len) & (known->size - 1);

	for (; known->slot[at]; at = (at + 1) & (known->size - 1)) {
		struct cgg_entry *e = &known->rules->entry[known->slot[at] - 1];

		if (e->id || e->text_len != line->len ||
		    memcmp(known->rules->heap + 8 * (size_t)e->text, line->text, line->len) != 0)
			continue;
		e->id = line->id;
		break;
	}
	return 0;
}

/* Number the new rules: those with unchanged words keep their ids, the others get new ones. */
static int keep_ids(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	const struct cgg_image *now = policy_image(guard, place);
	struct by_words known = { .rules = rules, .size = 64 };
	__u32 id = 0;
	int status;

	if (!now)
		return CGG_FAILED;
	while (known.size < 2 * rules->rules)
		known.size *= 2;
	known.slot = calloc(known.size, sizeof(*known.slot));
	if (!known.slot)
		return set_error(CGG_FAILED, "%u rules: out of memory", rules->rules);
	for (unsigned i = 0; i < rules->count; i++) {
		struct cgg_entry *e = &rules->entry[i];
		__u32 at;

		e->id = 0;
		if (!e->text_len)
			continue;
		at = words_hash(rules->heap + 8 * (size_t)e->text, e->text_len) & (known.size - 1);
		while (known.slot[at])
			at = (at + 1) & (known.size - 1);
		known.slot[at] = i + 1;
	}
	/* A restore must work when the index, and so the old words, are lost: it is the cure. */
	status = index_is_lost(&now->index) ? 0 : policy_each(guard, place, keep_id, &known);
	free(known.slot);
	if (status)
		return status;
	rules->next_id = next_id_now(guard, place);
	for (unsigned i = 0; i < rules->count; i++) {
		struct cgg_entry *e = &rules->entry[i];

		if (e->text_len)
			id = e->id ? e->id : rules->next_id++;
		e->id = id;
		e->condition.limit = e->condition.limit ? id : 0;
	}
	return 0;
}

/* Return the ids of all rules, which the caller frees, or 0 without rules or memory. */
static __u32 *ids_of(const struct cgg_rules *rules)
{
	__u32 *ids = reallocarray(0, rules->rules, sizeof(*ids)), count = 0;

	for (unsigned i = 0; ids && i < rules->count; i++)
		if (rules->entry[i].text_len)
			ids[count++] = rules->entry[i].id;
	return ids;
}

/*
 * Replace all rules of a policy. If seconds is not 0, the old ones come back after that time,
 * unless policy_confirm() is called.
 *
 * Counts of rules that are gone are deleted, unless a revert may bring those rules back.
 */
int policy_restore(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds)
{
	int status = pending_check(&guard->policies[place]);
	const struct cgg_image *now = policy_image(guard, place);
	bool counted = !seconds && count_any((__u32)place);
	unsigned count = rules->rules;
	__u32 *ids;

	if (!now)
		return CGG_FAILED;
	if (!status && (now->count || now->index.number || now->next_id != 1))
		status = keep_ids(guard, place, rules);
	ids = !status && counted && count ? ids_of(rules) : 0;
	if (!status)
		status = commit_rules(guard, place, rules, seconds);
	if (!status && counted && (ids || !count))
		count_keep((__u32)place, ids, count);
	free(ids);
	return status;
}

/* Keep the restore that waits to be confirmed; return CGG_NO when none waits. */
int policy_confirm(struct cgg_guard *guard, int place)
{
	struct cgg_policy *policy = &guard->policies[place];
	const struct cgg_image *image = policy_image(guard, place);
	__u64 waits = seconds_left(policy);

	if (!image)
		return CGG_FAILED;
	if (!waits)
		return set_error(CGG_NO, "policy %s: %s", policy->name,
				 policy->revert_at && policy->unconfirmed == policy->generation
					 ? "not confirmed in time: the restore was undone"
					 : "nothing waits to be confirmed");
	__atomic_store_n(&policy->revert_at, 0, __ATOMIC_SEQ_CST);
	detach_hooks(guard, (__u32)place, ~image->hooks);
	indexes_free(guard, place);
	return 0;
}

/* Drop a policy by clearing its name; if this is killed, the next command frees the rest. */
static int drop(struct cgg_guard *guard, int place)
{
	int status = pending_check(&guard->policies[place]);

	if (status)
		return status;
	__atomic_store_n(&guard->policies[place].name[0], 0, __ATOMIC_SEQ_CST);
	place_clear(guard, place);
	chunk_free(guard, (__u32)place / CGG_CHUNK);
	return 0;
}

/*
 * Count the attachments of each policy in used[CGG_POLICIES]. Forget those of removed cgroups at
 * places that are meant.
 */
static int uses_read(struct cgg_guard *guard, const bool *meant, unsigned *used)
{
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count);

	memset(used, 0, CGG_POLICIES * sizeof(*used));
	for (unsigned i = 0; !status && i < count; i++) {
		__u32 place = all[i].policy;

		if (place >= CGG_POLICIES)
			continue;
		if (meant[place] && cgroup_is_gone(all[i].id))
			status = attachment_forget(guard, all[i].id);
		else
			used[place]++;
	}
	free(all);
	return status;
}

/* Drop a policy; refuse "default", and a policy that has attachments (CGG_NO). */
int policy_drop(struct cgg_guard *guard, int place)
{
	static unsigned used[CGG_POLICIES];
	bool meant[CGG_POLICIES] = { 0 };
	int status;

	meant[place] = true;
	status = uses_read(guard, meant, used);
	if (status)
		return status;
	if (!place)
		return set_error(CGG_USAGE,
				 "policy default: always exists; cgg-rule flush empties it");
	if (used[place])
		return set_error(CGG_NO, "policy %s: %u cgroup%s attached to it; cgg-detach first",
				 guard->policies[place].name, used[place],
				 used[place] == 1 ? " is" : "s are");
	return drop(guard, place);
}

/* Drop each policy that no cgroup is attached to, if is_meant() accepts its name. */
int policies_drop_idle(struct cgg_guard *guard, bool is_meant(const char *name))
{
	static unsigned used[CGG_POLICIES];
	static bool meant[CGG_POLICIES];
	int status;

	for (int i = 1; i < CGG_POLICIES; i++)
		meant[i] = is_meant(guard->policies[i].name);
	status = uses_read(guard, meant, used);
	for (int i = 1; i < CGG_POLICIES && !status; i++)
		if (meant[i] && !used[i] && drop(guard, i) == CGG_FAILED)
			status = CGG_FAILED;
	return status;
}
