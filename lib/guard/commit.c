// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * commit.c - write the next image of a policy and put it in force in one step.
 *
 * A change writes the image that is not in force and then raises the generation. That is
 * one store: every decision that begins after it uses the new rules.
 */
#include <stdlib.h>
#include <string.h>

#include "policy.h"

/*
 * Announce the next generation and return it; readers of the image that it overwrites retry.
 *
 * No restore may wait for its confirmation: its revert needs that image.
 */
static __u32 writing_begins(struct cgg_policy *policy)
{
	__u32 next = generation_now(policy) + 1;

	/* Make the revert of a lapsed restore final before revert_at is cleared. */
	__atomic_store_n(&policy->generation, next - 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->revert_at, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->writing, next, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return next;
}

/* Write an image into the slot of the next generation, and return that generation. */
static __u32 image_write(struct cgg_policy *policy, struct cgg_image *images,
			 const struct cgg_image *image)
{
	__u32 next = writing_begins(policy);

	memcpy(&images[next & 1], image, offsetof(struct cgg_image, heap));
	memcpy(images[next & 1].heap, image->heap, 8 * (size_t)image->heap_used);
	return next;
}

/*
 * Put the image of generation next in force, and name a policy that has no name yet.
 *
 * If seconds is not 0, programs revert to the image before, unless policy_confirm() is called
 * within that time.
 */
static void switch_image(struct cgg_policy *policy, __u32 next, unsigned seconds)
{
	__u64 until = seconds ? time_now() + seconds * 1000000000ULL : 0;

	__atomic_store_n(&policy->unconfirmed, next, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->revert_at, until, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->generation, next, __ATOMIC_SEQ_CST);
	if (!*policy->name) {
		char first = policy->name[CGG_POLICY_NAME - 1];

		policy->name[CGG_POLICY_NAME - 1] = 0;
		__atomic_store_n(&policy->name[0], first, __ATOMIC_SEQ_CST);
	}
}

/*
 * Free the indexes that the image in force does not use. No restore may wait to be confirmed.
 *
 * If keeps is true, an image with an index keeps the map of another small one, for the next index.
 */
static void unused_release(struct cgg_guard *guard, int place, bool keeps)
{
	struct cgg_policy *policy = &guard->policies[place];
	__u32 used = policy_image(guard, place)->index.number;

	for (int i = 0; i < 2; i++) {
		if (!policy->index[i] || policy->index[i] == used ||
		    (keeps && used && !index_is_large(guard, policy->index[i])))
			continue;
		writing_begins(policy);
		index_release(guard, &policy->index[i]);
	}
}

void indexes_free(struct cgg_guard *guard, int place)
{
	unused_release(guard, place, false);
}

/*
 * Empty a place that has no name: reset its counters and images, and free its indexes.
 *
 * A dropped policy leaves them, and a command that was killed before it named its policy.
 */
int place_clear(struct cgg_guard *guard, int place)
{
	const struct cgg_rules none = { .next_id = 1 };
	struct cgg_policy *policy = &guard->policies[place];
	__u32 next;

	if (!policy->unclean)
		return 0;
	if (!guard_images(guard, place))
		return CGG_FAILED;
	memset(policy->name, 0, sizeof(policy->name));
	if (count_forget((__u32)place))
		return CGG_FAILED;
	next = writing_begins(policy);
	compile(&guard->images[place][next & 1], &none);
	switch_image(policy, next, 0);
	indexes_free(guard, place);
	__atomic_store_n(&policy->unclean, 0, __ATOMIC_SEQ_CST);
	return 0;
}

static bool chunk_is_used(const struct cgg_guard *guard, __u32 chunk)
{
	for (__u32 i = 0; i < CGG_CHUNK; i++)
		if (*guard->policies[chunk * CGG_CHUNK + i].name)
			return true;
	return false;
}

/* Clear a free place and make its maps, but never replace the maps of a chunk that is in use. */
static int place_prepare(struct cgg_guard *guard, int place)
{
	__u32 chunk = (__u32)place / CGG_CHUNK;

	if (!chunk_is_used(guard, chunk) && !chunk_is_whole(guard, chunk)) {
		chunk_forget(guard, chunk);
		if (chunk_make(CGG_DIR, guard->image_maps, guard->tally_maps, chunk))
			return CGG_FAILED;
	}
	return place_clear(guard, place) || !guard_images(guard, place) ? CGG_FAILED : 0;
}

/* Free the maps of a chunk in which no policy has a name; keep chunk 0, which has "default". */
void chunk_free(struct cgg_guard *guard, __u32 chunk)
{
	if (!chunk || chunk_is_used(guard, chunk))
		return;
	for (__u32 i = 0; i < CGG_CHUNK; i++)
		if (place_clear(guard, (int)(chunk * CGG_CHUNK + i)))
			break;
	chunk_forget(guard, chunk);
}

/*
 * Set *place to the place of the policy called name, or prepare a free place for it.
 *
 * The new policy gets its name when commit_rules() first puts an image in force.
 */
int policy_make(struct cgg_guard *guard, const char *name, int *place)
{
	const struct cgg_rules none = { .next_id = 1 };
	struct cgg_policy *policy = guard->policies;
	int status = policy_name_check(name);

	if (status)
		return status;
	*place = policy_find(guard, name);
	if (*place >= 0)
		return 0;
	while (policy < guard->policies + CGG_POLICIES && *policy->name)
		policy++;
	if (policy == guard->policies + CGG_POLICIES)
		return set_error(CGG_FAILED,
				 "policy %s: there are %d policies, no more fit; "
				 "cgg-rule -p NAME drop removes one",
				 name, CGG_POLICIES);
	*place = (int)(policy - guard->policies);
	status = place_prepare(guard, *place);
	if (status)
		return status;
	__atomic_store_n(&policy->unclean, 1, __ATOMIC_SEQ_CST);
	/* A first letter makes the name valid: switch_image() stores it, from the last byte. */
	strncpy(policy->name + 1, name + 1, CGG_POLICY_NAME - 2);
	policy->name[CGG_POLICY_NAME - 1] = *name;
	name_tag(policy->tag, name);
	policy->born++;
	policy->made = (__u32)(time_now() >> CGG_MADE_SHIFT);
	compile(&guard->images[*place][(writing_begins(policy) - 1) & 1], &none);
	return 0;
}

static void place_sweep(struct cgg_guard *guard, int place)
{
	const struct cgg_policy *policy = &guard->policies[place];

	if ((!policy->index[0] && !policy->index[1]) || !policy_image(guard, place))
		return;
	if (!*policy->name) {
		place_clear(guard, place);
		indexes_free(guard, place);
	} else if (!seconds_left(policy)) {
		unused_release(guard, place, true);
	}
}

static void chunk_sweep(void *guard, __u32 chunk)
{
	chunk_free(guard, chunk);
}

/* Free the indexes and maps of policies that a killed command or a lapsed restore left. */
void policies_sweep(struct cgg_guard *guard)
{
	for (int place = 0; place < CGG_POLICIES; place++)
		place_sweep(guard, place);
	indexes_sweep(guard);
	inner_each("tallies", CGG_CHUNKS - 1, chunk_sweep, guard);
}

/*
 * Refuse a change while a restore waits to be confirmed.
 *
 * A policy has two images. The one not in force holds the old rules until then, and a change
 * would overwrite them.
 */
int pending_check(const struct cgg_policy *policy)
{
	unsigned long long seconds = seconds_left(policy);

	return seconds ? set_error(CGG_NO, "policy %s: waits %llu s for cgg-rule -p %s confirm",
				   policy->name, seconds, policy->name)
		       : 0;
}

/* Return whether the maps for names must be made again, with another size. */
static bool names_room_differs(const struct cgg_image *image, const struct cgg_image *old)
{
	return image->hooks & old->hooks & 1u << CGG_DNS && image->naming.room != old->naming.room;
}

/*
 * Put a compiled image in force: make the links that it needs, switch, and free what is unused.
 *
 * If the image has a new index, that must be stored already. When a step before the switch
 * fails, the old image stays in force. If seconds is not 0, what a revert needs is kept.
 */
static int commit(struct cgg_guard *guard, int place, const struct cgg_image *image,
		  unsigned seconds)
{
	const struct cgg_image *old = policy_image(guard, place);
	struct cgg_policy *policy = &guard->policies[place];
	unsigned before = old ? old->hooks : 0;
	int status = old ? pending_check(policy) : CGG_FAILED;
	__u32 old_index = old ? old->index.number : 0;

	/* Without an image, status is not 0. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	if (!status && (image->hooks & ~before || names_room_differs(image, old)))
		status = attach_hooks(guard, (__u32)place, image);
	if (!status && guard->ready) {
		status = guard->ready();
		if (status)
			detach_hooks(guard, (__u32)place, image->hooks & ~before);
	}
	if (status)
		return status;
	switch_image(policy, image_write(policy, guard->images[place], image), seconds);
	if (before & ~image->hooks && !seconds)
		detach_hooks(guard, (__u32)place, before & ~image->hooks);
	if (!seconds && (old_index != image->index.number || !image->index.number))
		unused_release(guard, place, true);
	return 0;
}

/* Compile all rules into a new index and store it, which leaves no entries for the image. */
static int new_index(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	const struct cgg_image *now = policy_image(guard, place);
	struct cgg_policy *policy = &guard->policies[place];
	struct cgg_index head;
	char *pages;
	int status = now ? pending_check(policy) : CGG_FAILED;

	if (!status)
		status = index_build(&pages, &head, rules);
	if (status)
		return status;
	writing_begins(policy);
	status = index_store(guard, policy, now->index.number, &head, pages);
	free(pages);
	if (status) {
		indexes_free(guard, place);
		return status;
	}
	rules->index = head;
	rules->count = rules->rules = 0;
	return 0;
}

/*
 * Compile rules and put them in force. If seconds is not 0, the old ones come back after that time,
 * unless policy_confirm() is called.
 *
 * rules are all rules of the policy, or the entries of an image whose index stays the same.
 * Rules that do not fit into an image are compiled into a new index.
 */
int commit_rules(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds)
{
	struct cgg_image *image = malloc(sizeof(*image));
	int status = image ? sets_number(rules) : set_error(CGG_FAILED, "out of memory");

	if (!status)
		status = limits_make((__u32)place, rules);
	if (!status)
		status = compile(image, rules);

	if (status == CGG_NO) {
		status = new_index(guard, place, rules);
		if (!status) {
			compile(image, rules);
			status = commit(guard, place, image, seconds);
			if (status)
				indexes_free(guard, place);
		}
	} else if (!status) {
		status = commit(guard, place, image, seconds);
	}
	free(image);
	return status;
}
