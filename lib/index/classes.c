// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* classes.c - what rules ask for beside boxes and ranges: a cgroup, an interface, a set. */
#include <stdlib.h>
#include <string.h>

#include "ranges.h"

/*
 * Additions of rules to covers of narrower classes: so many, and four for each box of a rule. Once
 * there are more, the covers of further classes have only their own rules. The rules of these are
 * compared by blocks, too.
 */
#define EXACT_COST 1500000

/* Return the slot of a class in the hash table: its number + 1, or 0 where it would be. */
static __u32 *class_slot(const struct classes *classes, const struct cgg_condition *c)
{
	__u32 at = words_hash((const char *)c, sizeof(*c)) & (classes->slots - 1);

	while (classes->hash[at] &&
	       memcmp(&classes->class[classes->hash[at] - 1].condition, c, sizeof(*c)))
		at = (at + 1) & (classes->slots - 1);
	return &classes->hash[at];
}

static int classes_grow(struct classes *classes)
{
	__u32 slots = classes->slots ? 2 * classes->slots : 64;
	__u32 *hash = calloc(slots, sizeof(*hash));
	struct class *class = reallocarray(classes->class, slots / 2, sizeof(*class));

	if (class)
		classes->class = class;
	free(classes->hash);
	classes->hash = hash;
	classes->slots = slots;
	if (!hash || !class)
		return set_error(CGG_FAILED, "out of memory");
	for (__u32 i = 0; i < classes->count; i++)
		*class_slot(classes, &classes->class[i].condition) = i + 1;
	return 0;
}

/* Return the class of a condition, which is made if needed; 0: no memory. */
struct class *class_make(struct classes *classes, const struct cgg_condition *c)
{
	__u32 *slot;

	if (classes->count && !memcmp(&classes->class[classes->last].condition, c, sizeof(*c)))
		return &classes->class[classes->last];
	if (2 * classes->count + 2 > classes->slots && classes_grow(classes))
		return 0;
	slot = class_slot(classes, c);
	if (!*slot) {
		classes->class[classes->count] = (struct class){ .condition = *c };
		*slot = ++classes->count;
	}
	classes->last = *slot - 1;
	return &classes->class[classes->last];
}

static int list_add(__u32 **list, __u32 *count, __u32 number)
{
	__u32 *more = grow_list(*list, *count, sizeof(*more));

	if (!more)
		return CGG_FAILED;
	*list = more;
	more[(*count)++] = number;
	return 0;
}

/*
 * List the classes that hold wherever a class does: each of what a class asks for is one thing, or
 * anything. Only a cgroup is also in those above it.
 */
static int wider_find(struct classes *classes, struct class *class)
{
	__u64 above[CGG_LEVELS + 2] = { 0 };
	int status = 0;

	if (class->condition.cgroup && classes->above)
		classes->above(class->condition.cgroup, above);
	above[CGG_LEVELS] = class->condition.cgroup;
	for (unsigned i = 0; i < 4 * (CGG_LEVELS + 2) && !status; i++) {
		struct cgg_condition c = class->condition;
		unsigned level = i / 4;
		__u32 slot;

		if (level <= CGG_LEVELS && !above[level])
			continue;
		c.cgroup = above[level];
		if (i & 1)
			c.select = c.select_mask = 0;
		if (i & 2)
			c.iface = 0;
		slot = *class_slot(classes, &c);
		for (__u32 k = 0; k < class->wider_count && slot; k++)
			slot = class->wider[k] + 1 == slot ? 0 : slot;
		if (slot)
			status = list_add(&class->wider, &class->wider_count, slot - 1);
	}
	return status;
}

/* Return whether a class holds wherever another does. */
bool class_is_wider(const struct classes *classes, __u32 wider, __u32 number)
{
	const struct class *class = &classes->class[number];

	for (__u32 i = 0; i < class->wider_count; i++)
		if (class->wider[i] == wider)
			return true;
	return false;
}

/*
 * Find out which rules are added to the covers of which classes; set all bits of *kinds if some are
 * not added to all. Return 0 or CGG_FAILED.
 */
int classes_join(struct classes *classes, kind_set *kinds)
{
	__u64 cost = 0, most = EXACT_COST;
	int status = 0;

	for (__u32 i = 0; i < classes->count; i++)
		most += 4 * classes->class[i].boxes;
	for (__u32 i = 0; i < classes->count && !status; i++) {
		struct class *class = &classes->class[i];
		__u64 boxes = 0;

		if (!class->wanted)
			continue;
		status = wider_find(classes, class);
		for (__u32 k = 0; k < class->wider_count; k++)
			boxes += classes->class[class->wider[k]].boxes;
		class->exact = class->wider_count == 1 || cost + boxes <= most;
		cost += class->exact ? boxes : class->boxes;
		*kinds |= class->exact ? 0 : ~(kind_set)0;
		for (__u32 k = 0; k < class->wider_count && !status; k++) {
			__u32 into = class->exact ? i : class->wider[k];
			struct class *wider = &classes->class[class->wider[k]];

			if (into == class->wider[k] && wider->own)
				continue;
			wider->own |= into == class->wider[k];
			status = list_add(&wider->into, &wider->into_count, into);
		}
	}
	return status;
}

void classes_free(struct classes *classes)
{
	for (__u32 i = 0; i < classes->count; i++) {
		free(classes->class[i].wider);
		free(classes->class[i].into);
	}
	free(classes->class);
	free(classes->hash);
}
