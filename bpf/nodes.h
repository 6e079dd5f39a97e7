/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* nodes.h - walks from prefix to shorter prefix, as long as a rule there may come first. */
#ifndef CGG_NODES_H
#define CGG_NODES_H

#include "descend.h"

/* record_found - Return a rule of an index, given by its number, as a walk returns it. */
static __always_inline __u64 record_found(void *index, const struct cgg_image *image, __u32 rule)
{
	const struct cgg_record *record = record_at(index, &image->index, rule);

	return record ? FOUND(rule, record->action) : CGG_NO_INDEX;
}

/* list_end - Continue in a list of a node's rules until one holds or the list ends. */
static __always_inline __u64 list_end(__u32 number, __u64 one, __u64 query, CONTEXT who)
{
	for (int more = OWN_STEPS; more < CGG_LIST_MOST; more += OWN_STEPS) {
		if (CGG_REF_KIND(one) != CGG_REF_LIST)
			break;
		one = PER_KIND(own_find)(number, one, query, who);
	}
	return one;
}

/* resume - Restore the state of a walk that ended with NODE_MORE: its place, and its rule. */
static __always_inline void resume(void *index, const struct cgg_image *image, __u64 *ref,
				   __u32 *first, __u64 *found)
{
	*first = CGG_REF_HIGH(*ref);
	*ref = CGG_REF(CGG_REF_NODE, 0, CGG_REF_LOW(*ref));
	if (*first != CGG_LOW)
		*found = record_found(index, image, *first);
}

/*
 * nodes_find - Return the first rule that holds, from ref on to ever shorter prefixes; NODE_MORE:
 * call again with this
 */
__noinline __weak __u64 PER_KIND(nodes_find)(__u32 number, __u64 ref, __u64 query, CONTEXT who)
{
	const struct cgg_image *image = image_at(number);
	void *index = image ? index_of(image) : 0;
	__u32 first = CGG_LOW;
	__u64 found = 0;

	if (!index)
		return CGG_NO_INDEX;
	if (CGG_REF_KIND(ref) == NODE_MORE)
		resume(index, image, &ref, &first, &found);
	/* The reference behind the last node is no node. */
	for (__u32 i = 0; i <= NODE_STEPS; i++) {
		__u64 own = ref, next = 0, one;
		__u32 best = 0;

		if (CGG_REF_KIND(ref) == CGG_REF_NODE) {
			__u32 place;
			const char *page = page_with(index, CGG_REF_LOW(ref), &place);
			const struct cgg_node *node;

			if (i == NODE_STEPS)
				break;
			if (!page)
				return found;
			node = (const struct cgg_node *)(page + (place & 0xfe0));
			own = node->own;
			next = node->next;
			best = node->best;
		}
		one = PER_KIND(own_find)(number, own, query, who);
		one = list_end(number, one, query, who);
		if (one && CGG_REF_LOW(one) < first) {
			found = one;
			first = CGG_REF_LOW(one);
		}
		if (!next || first < best)
			return found;
		ref = next;
	}
	return CGG_REF(NODE_MORE, first, CGG_REF_LOW(ref));
}

/* index_find - Return the first rule of an image's index that holds, or 0. */
static __always_inline __u64 index_find(__u32 number, const struct cgg_image *image, KEY_PARAMS,
					__u64 query, CONTEXT who)
{
	__u32 place = image->index.number - 1, space = space_of(query);
	__u64 ref;

	barrier_var(space); /* clang 16 drops a mask that the verifier needs */
	ref = PER_KIND(descend)(place, KEY_ARGS, image->index.root[space & 15]);
	if (is_interior(ref))
		ref = PER_KIND(descend_rest)(place, KEY_ARGS, ref);
	if (!ref)
		return 0;
	if (CGG_REF_KIND(ref) == CGG_REF_PLAIN)
		return plain_holds(index_of(image), image, ref, query) ? ref : 0;
	ref = PER_KIND(nodes_find)(number, ref, query, who);
	/* Here, not in a function: another frame would not fit the stack before Linux 6.9. */
	for (__u32 i = NODE_STEPS; i < CGG_CHAIN && CGG_REF_KIND(ref) == NODE_MORE; i += NODE_STEPS)
		ref = PER_KIND(nodes_find)(number, ref, query, who);
	return ref;
}

#endif
