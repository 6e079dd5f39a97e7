/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* items.h - finds the first rule that holds, among those at one prefix of an index. */
#ifndef CGG_ITEMS_H
#define CGG_ITEMS_H

#include "entries.h"
#include "numbers.h"
#include "held.h"

/* item_differs - Return not 0 if hook, access bit, port or protocol differ from the query's. */
static __always_inline __u64 item_differs(const struct cgg_item *item, __u64 query)
{
	__u64 over = (__u64)QUERY_PORT(query) - item->port_min, hooks = item->hooks,
	      access = CGG_ITEM_ACCESS(item->action),
	      under = (__u64)item->port_max - QUERY_PORT(query),
	      proto = (__u64)(QUERY_SELECT(query) & 0xffff) ^ item->proto;

	barrier_var(over);
	barrier_var(under);
	return (~(hooks >> QUERY_HOOK(query) & access >> QUERY_ACCESS(query)) & 1) |
	       (over | under) >> 63 | (proto & -(hooks / CGG_ITEM_PROTO & 1));
}

/* Added to a list reference, it drops the first item: one item less, that many units on. */
#define LIST_NEXT (sizeof(struct cgg_item) / 8 - (1ULL << 28))

/*
 * own_find - Return the first rule that holds, of those at one prefix, or 0; a LIST: none of the
 * first OWN_STEPS does, call again with the rest
 */
__noinline __weak __u64 PER_KIND(own_find)(__u32 number, __u64 own, __u64 query, CONTEXT who)
{
	const struct cgg_image *image = image_at(number);
	const char *page;
	void *index;
	__u64 owner;
	__u32 place;

	if (!image)
		return 0;
	owner = image->index.by_owner ? PER_KIND(owner_of)(who) : 0;
	for (int i = 0; i < CGG_OWN_DEPTH; i++) {
		if (CGG_REF_KIND(own) != CGG_REF_INTERVALS && CGG_REF_KIND(own) != CGG_REF_POINTS)
			break;
		own = intervals_find(image->index.number - 1, own,
				     number_by(own, query, owner, who));
	}
	if (CGG_REF_KIND(own) == CGG_REF_PLAIN)
		return plain_holds(index_of(image), image, own, query) ? own : 0;
	if (CGG_REF_KIND(own) == CGG_REF_RULE)
		return index_rule_holds(number, own, query, who) ? own : 0;
	if (CGG_REF_KIND(own) != CGG_REF_LIST)
		return 0;
	index = index_of(image);
	page = index ? page_with(index, CGG_REF_LOW(own), &place) : 0;
	if (!page)
		return 0;
	for (int i = 0; i < OWN_STEPS && CGG_REF_HIGH(own); i++) {
		const struct cgg_item *item =
			(const struct cgg_item *)(page + ((own << 3) & 0xff0));

		own += LIST_NEXT;
		if (!item_differs(item, query)) {
			__u64 found = FOUND(item->rule, CGG_ITEM_ACTION(item->action));

			if (item->hooks & CGG_ITEM_PLAIN && !image->index.dead)
				return found;
			if (index_rule_holds(number, found, query, who))
				return found;
		}
	}
	return CGG_REF_HIGH(own) ? own : 0;
}

#endif
