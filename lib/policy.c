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

/* policy_image - 0 when it cannot be had, which is refused */
const struct cgg_image *policy_image(struct cgg_guard *guard, int place)
{
	const struct cgg_image *images = guard_images(guard, place);
	__u32 generation = __atomic_load_n(&guard->policies[place].generation, __ATOMIC_ACQUIRE);

	return images ? &images[generation & 1] : 0;
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

static void switch_image(struct cgg_policy *policy, struct cgg_image *images,
			 const struct cgg_image *image)
{
	__u32 next = policy->generation + 1;

	__atomic_store_n(&policy->writing, next, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memcpy(&images[next & 1], image, offsetof(struct cgg_image, heap));
	memcpy(images[next & 1].heap, image->heap, 8 * image->heap_used);
	__atomic_store_n(&policy->generation, next, __ATOMIC_SEQ_CST);
	if (!*policy->name) {
		char first = policy->name[CGG_NAME - 1];

		policy->name[CGG_NAME - 1] = 0;
		__atomic_store_n(&policy->name[0], first, __ATOMIC_SEQ_CST);
	}
}

int policy_commit(struct cgg_guard *guard, int place, struct cgg_image *image)
{
	const struct cgg_image *old = policy_image(guard, place);
	unsigned before = old ? old->hooks : 0;
	int status = old ? 0 : CGG_FAILED;

	image_hooks(image);
	if (!status && image->hooks & ~before)
		status = attach_hooks(guard, (__u32)place, image->hooks);
	if (status)
		return status;
	switch_image(&guard->policies[place], guard->images[place], image);
	if (before & ~image->hooks)
		detach_hooks(guard, (__u32)place, before & ~image->hooks);
	return 0;
}

int policy_commit_rules(struct cgg_guard *guard, int place, const struct cgg_rules *rules)
{
	struct cgg_image *image = malloc(sizeof(*image));
	int status = image ? compile(image, rules) : refuse(CGG_FAILED, "out of memory");

	if (!status)
		status = policy_commit(guard, place, image);
	free(image);
	return status;
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
