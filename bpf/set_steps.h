/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* set_steps.h - the steps of a walk through the rules about sets. */
#ifndef CGG_SET_STEPS_H
#define CGG_SET_STEPS_H

#include <stddef.h>

#include "nodes.h"
#include "order.h"
#include "set_find.h"

/* earlier_of - Return the earlier one of two rules that were found. */
__noinline __weak __u64 earlier_of(__u32 number, __u64 one, __u64 other)
{
	const struct cgg_image *image = image_at(number);

	return image ? earlier(image, one, other) : CGG_NO_INDEX;
}

/* sets_in_index - Return those of the sets that rules of the image's index are about. */
__noinline __weak __u64 sets_in_index(__u32 number, __u64 all)
{
	const struct cgg_image *image = image_at(number);

	return image && image->index.number ? all & image->index.sets : 0;
}

/*
 * The steps of sets_first(). Each has a function of its own, because its branches would double what
 * the verifier follows in each turn of the loop.
 *
 * set_begin - Return where the rules about the first set left begin, if the last set is done.
 */
__noinline __weak __u64 set_begin(__u32 number, __u64 undone, __u64 sets_left)
{
	const struct cgg_image *image = image_at(number);
	void *index = image ? index_of(image) : 0;

	if (undone || !sets_left)
		return 0;
	return index ? ref_at(index,
			      CGG_REF_LOW(image->index.root[CGG_SPACE_SET]) + lowest(sets_left))
		     : CGG_NO_INDEX;
}

/* set_leave - Return the sets left after that. */
__noinline __weak __u64 set_leave(__u64 undone, __u64 sets_left)
{
	return undone ? sets_left : sets_left & (sets_left - 1);
}

/* node_own - Return the rest of a list, or if there is none, what stands at next or in its node. */
__noinline __weak __u64 node_own(__u32 number, __u64 rest, __u64 next)
{
	const struct cgg_image *image = image_at(number);
	void *index = image ? index_of(image) : 0;

	if (rest || CGG_REF_KIND(next) != CGG_REF_NODE)
		return rest ? rest : next;
	return index ? ref_at(index, CGG_REF_LOW(next)) : CGG_NO_INDEX;
}

/* node_next - Return where to go on after that. */
__noinline __weak __u64 node_next(__u32 number, __u64 rest, __u64 next)
{
	const struct cgg_image *image = image_at(number);
	void *index = image ? index_of(image) : 0;

	if (rest || CGG_REF_KIND(next) != CGG_REF_NODE)
		return rest ? next : 0;
	return index ? ref_at(index, CGG_REF_LOW(next) + 1) : 0;
}
CGG_SAME(offsetof(struct cgg_node, own) == 0 && offsetof(struct cgg_node, next) == 8);

/* take_list - Return one if it is a list that goes on, else 0, without a branch. */
static __always_inline __u64 take_list(__u64 one)
{
	__u64 other = (one >> 60 ^ CGG_REF_LIST) - 1;

	barrier_var(other);
	return one & ((__s64)other >> 63);
}

/* place_in_index - Return the number of a rule of an index, or if there is none, a larger one. */
static __always_inline __u64 place_in_index(__u64 found)
{
	__u64 none = found - 1;

	barrier_var(none);
	return CGG_REF_LOW(found) | none >> 63 << 40;
}

/* first_in_index - Return the earlier one of two rules of an index, without a branch. */
static __always_inline __u64 first_in_index(__u64 one, __u64 other)
{
	__u64 less = place_in_index(other) - place_in_index(one);

	barrier_var(less);
	less = (__s64)less >> 63;
	barrier_var(less);
	return one ^ ((one ^ other) & less);
}

#endif
