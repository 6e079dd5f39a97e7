// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * policy.c - a policy is read, changed in one step, made and dropped.
 *
 * A change writes the image that is not in force and then raises the generation:
 * one store, and every decision that begins after it goes by the new rules.
 */
#include <stdlib.h>
#include <string.h>

#include "cgg.h"

int policy_find(struct cgg_guard *guard, const char *name)
{
	for (int i = 0; i < CGG_POLICIES; i++)
		if (!strncmp(guard->policies[i].name, name, CGG_NAME))
			return i;
	return -1;
}

/* generation_now - that in force: a restore that nobody confirmed in time has lapsed */
static __u32 generation_now(const struct cgg_policy *policy)
{
	__u32 generation = __atomic_load_n(&policy->generation, __ATOMIC_ACQUIRE);
	bool lapsed = policy->revert_at && policy->unconfirmed == generation &&
		      time_now() >= policy->revert_at;

	return generation + lapsed;
}

/* policy_image - 0 when it cannot be had, which is refused */
const struct cgg_image *policy_image(struct cgg_guard *guard, int place)
{
	const struct cgg_image *images = guard_images(guard, place);

	return images ? &images[generation_now(&guard->policies[place]) & 1] : 0;
}

/* left - whole seconds until an unconfirmed restore lapses; 0: there is none */
static unsigned long long left(const struct cgg_policy *policy)
{
	__u64 now = time_now();

	if (!policy->revert_at || policy->unconfirmed != policy->generation ||
	    now >= policy->revert_at)
		return 0;
	return (policy->revert_at - now + 999999999) / 1000000000;
}

int policy_read(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	const struct cgg_image *image = policy_image(guard, place);

	return image ? decompile(rules, image) : CGG_FAILED;
}

/* policy_make - the place of that name, or a free one that policy_commit() will name */
int policy_make(struct cgg_guard *guard, const char *name, int *place)
{
	int status = name_check("policy", name);

	if (status)
		return status;
	*place = policy_find(guard, name);
	for (int i = 0; i < CGG_POLICIES && *place < 0; i++) {
		struct cgg_policy *policy = &guard->policies[i];

		if (*policy->name)
			continue;
		if (!guard_images(guard, i))
			return CGG_FAILED;
		/* The name becomes one with its first letter, which comes last. */
		strncpy(policy->name + 1, name + 1, CGG_NAME - 2);
		policy->name[CGG_NAME - 1] = *name;
		image_begin(&guard->images[i][policy->generation & 1], 1);
		*place = i;
	}
	return *place < 0 ? refuse(CGG_FAILED, "policy %s: there are %d policies, no more fit",
				   name, CGG_POLICIES)
			  : 0;
}

/* switch_image - in one store; with seconds, unless policy_confirm() follows, for so long */
static void switch_image(struct cgg_policy *policy, struct cgg_image *images,
			 const struct cgg_image *image, unsigned seconds)
{
	__u32 next = generation_now(policy) + 1;
	__u64 until = seconds ? time_now() + seconds * 1000000000ULL : 0;

	/* A lapsed restore is over for good once the generation says so too. */
	__atomic_store_n(&policy->generation, next - 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->revert_at, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->writing, next, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memcpy(&images[next & 1], image, offsetof(struct cgg_image, heap));
	memcpy(images[next & 1].heap, image->heap, 8 * image->heap_used);
	__atomic_store_n(&policy->unconfirmed, next, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->revert_at, until, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->generation, next, __ATOMIC_SEQ_CST);
	if (!*policy->name) {
		char first = policy->name[CGG_NAME - 1];

		policy->name[CGG_NAME - 1] = 0;
		__atomic_store_n(&policy->name[0], first, __ATOMIC_SEQ_CST);
	}
}

/* Until a restore is confirmed or has lapsed its way back stays as it is. */
static int pending_check(const struct cgg_policy *policy)
{
	unsigned long long seconds = left(policy);

	return seconds ? refuse(CGG_NO, "policy %s: waits %llu s for cgg-rule -p %s confirm",
				policy->name, seconds, policy->name)
		       : 0;
}

static int commit(struct cgg_guard *guard, int place, struct cgg_image *image, unsigned seconds)
{
	const struct cgg_image *old = policy_image(guard, place);
	struct cgg_policy *policy = &guard->policies[place];
	unsigned before = old ? old->hooks : 0;
	int status = old ? pending_check(policy) : CGG_FAILED;

	image_hooks(image);
	if (!status && image->hooks & ~before)
		status = attach_hooks(guard, (__u32)place, image->hooks);
	if (status)
		return status;
	switch_image(policy, guard->images[place], image, seconds);
	if (before & ~image->hooks && !seconds)
		detach_hooks(guard, (__u32)place, before & ~image->hooks);
	return 0;
}

int policy_commit(struct cgg_guard *guard, int place, struct cgg_image *image)
{
	return commit(guard, place, image, 0);
}

static int commit_rules(struct cgg_guard *guard, int place, const struct cgg_rules *rules,
			unsigned seconds)
{
	struct cgg_image *image = malloc(sizeof(*image));
	int status = image ? compile(image, rules) : refuse(CGG_FAILED, "out of memory");

	if (!status)
		status = commit(guard, place, image, seconds);
	free(image);
	return status;
}

int policy_commit_rules(struct cgg_guard *guard, int place, const struct cgg_rules *rules)
{
	return commit_rules(guard, place, rules, 0);
}

/* keep_ids - a rule whose words did not change keeps its id, and so its counts */
static void keep_ids(struct cgg_rules *rules, const struct cgg_rules *old)
{
	char(*text)[CGG_RULE_TEXT] = calloc(old->count + 1, sizeof(*text));
	char wanted[CGG_RULE_TEXT];

	rules->next_id = old->next_id;
	for (unsigned o = 0; text && o < old->count; o++)
		rule_print(&old->rule[o], text[o]);
	for (unsigned i = 0; text && i < rules->count; i++) {
		rule_print(&rules->rule[i], wanted);
		for (unsigned o = 0; o < old->count && !rules->rule[i].id; o++) {
			if (strcmp(text[o], wanted))
				continue;
			rules->rule[i].id = old->rule[o].id;
			*text[o] = 0;
		}
	}
	free(text);
}

int policy_restore(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds)
{
	struct cgg_rules old;
	int status = policy_read(guard, place, &old);

	if (status)
		return status;
	keep_ids(rules, &old);
	rules_free(&old);
	return commit_rules(guard, place, rules, seconds);
}

int policy_confirm(struct cgg_guard *guard, int place)
{
	struct cgg_policy *policy = &guard->policies[place];
	const struct cgg_image *image = policy_image(guard, place);
	__u64 waits = left(policy);

	if (!image)
		return CGG_FAILED;
	if (!waits)
		return refuse(CGG_NO, "policy %s: %s", policy->name,
			      policy->revert_at && policy->unconfirmed == policy->generation
				      ? "has gone back, the time is over"
				      : "nothing waits to be confirmed");
	__atomic_store_n(&policy->revert_at, 0, __ATOMIC_SEQ_CST);
	detach_hooks(guard, (__u32)place, ~image->hooks);
	return 0;
}

int policy_drop(struct cgg_guard *guard, int place)
{
	struct cgg_rules none = { .next_id = 1 };
	struct cgg_attachment *all;
	unsigned count, used = 0;
	int status = attachments_read(guard, &all, &count);

	if (status)
		return status;
	for (unsigned i = 0; i < count; i++)
		used += all[i].policy == (__u32)place;
	free(all);
	if (!place)
		return refuse(CGG_USAGE,
			      "policy default: always exists; cgg-rule flush empties it");
	if (used)
		return refuse(CGG_NO, "policy %s: %u cgroup%s attached to it; cgg-detach first",
			      guard->policies[place].name, used, used == 1 ? " is" : "s are");
	status = policy_commit_rules(guard, place, &none);
	if (!status) {
		__atomic_store_n(&guard->policies[place].name[0], 0, __ATOMIC_SEQ_CST);
		memset(guard->policies[place].name, 0, CGG_NAME);
		count_forget((__u32)place);
	}
	return status;
}
