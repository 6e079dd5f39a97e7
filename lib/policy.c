// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * policy.c - a policy is read, changed in one step, made and dropped.
 *
 * A change writes the image that is not in force and then raises the generation:
 * one store, and every decision that begins after it goes by the new rules.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cgg.h"

#define SECOND 1000000000ull

int policy_find(struct cgg_guard *guard, const char *name)
{
	for (int i = 0; i < CGG_POLICIES; i++)
		if (!strncmp(guard->policies[i].name, name, CGG_NAME))
			return i;
	return -1;
}

const struct cgg_image *policy_image(const struct cgg_guard *guard, int place)
{
	const struct cgg_policy *policy = &guard->policies[place];

	return &policy->image[__atomic_load_n(&policy->generation, __ATOMIC_ACQUIRE) & 1];
}

int policy_read(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	return decompile(rules, policy_image(guard, place));
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
		/* The name becomes one with its first letter, which comes last. */
		strncpy(policy->name + 1, name + 1, CGG_NAME - 2);
		policy->name[CGG_NAME - 1] = *name;
		*place = i;
	}
	return *place < 0 ? refuse(CGG_FAILED, "policy %s: there are %d policies, no more fit",
				   name, CGG_POLICIES)
			  : 0;
}

static __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (__u64)t.tv_sec * SECOND + (__u64)t.tv_nsec;
}

/*
 * grace - waits until no program can still be inside the image that is not in force
 *
 * A program reads it no longer than it runs, some microseconds, in an RCU read
 * section. A second after the last change none can be left; before that
 * membarrier(2) waits for them, and where it cannot, time does.
 */
static void grace(const struct cgg_policy *policy)
{
	struct timespec pause = { .tv_nsec = 50000000 };

	if (now() - policy->changed > SECOND)
		return;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&pause, 0);
}

static void switch_image(struct cgg_policy *policy, const struct cgg_image *image)
{
	__u32 next = policy->generation + 1;

	grace(policy);
	memcpy(&policy->image[next & 1], image, sizeof(*image));
	policy->changed = now();
	__atomic_store_n(&policy->generation, next, __ATOMIC_SEQ_CST);
	if (!*policy->name) {
		char first = policy->name[CGG_NAME - 1];

		policy->name[CGG_NAME - 1] = 0;
		__atomic_store_n(&policy->name[0], first, __ATOMIC_SEQ_CST);
	}
}

int policy_commit(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	unsigned before = policy_image(guard, place)->hooks, after;
	struct cgg_image *image = malloc(sizeof(*image));
	int status;

	if (!image)
		return refuse(CGG_FAILED, "out of memory");
	if (!rules->next_id)
		rules->next_id = 1;
	for (unsigned i = 0; i < rules->count; i++)
		if (!rules->rule[i].id)
			rules->rule[i].id = rules->next_id++;
	status = compile(image, rules);
	after = image->hooks;
	if (!status && after & ~before)
		status = attach_hooks(guard, (__u32)place, after);
	if (!status) {
		switch_image(&guard->policies[place], image);
		if (before & ~after)
			detach_hooks(guard, (__u32)place, before & ~after);
	}
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
	status = policy_commit(guard, place, &none);
	if (!status) {
		__atomic_store_n(&guard->policies[place].name[0], 0, __ATOMIC_SEQ_CST);
		memset(guard->policies[place].name, 0, CGG_NAME);
		count_forget((__u32)place);
	}
	return status;
}
