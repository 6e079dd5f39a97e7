/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* held.h - checks the rest of a rule of an index, after its prefix and port have matched. */
#ifndef CGG_HELD_H
#define CGG_HELD_H

#include "entries.h"

/* The key of the bucket of a rule that holds, if it has a limit, and whether it denies. */
#define HELD_HOLDS 0x80000000u
#define HELD_DENY 0x40000000u
#define HELD_LIMIT(held) ((held) & (HELD_DENY - 1))
#define HELD(limit, verdict) ((limit) | HELD_HOLDS | ((verdict) == CGG_DENY ? HELD_DENY : 0))

static __always_inline void *index_of(const struct cgg_image *image)
{
	__u32 number = image->index.number - 1;

	return bpf_map_lookup_elem(&indexes, &number);
}

/* is_deleted - Return whether a rule of the image's index was deleted. */
static __always_inline int is_deleted(void *index, const struct cgg_image *image, __u32 rule)
{
	__u32 page = image->index.bits + (rule >> 15);
	const char *bits;

	if (!image->index.dead)
		return 0;
	bits = index ? bpf_map_lookup_elem(index, &page) : 0;
	return !bits || bits[rule >> 3 & (CGG_PAGE - 1)] >> (rule & 7) & 1;
}

/*
 * item_holds - Return a HELD() word if the rest of a rule matches, without its limit; else 0. Its
 * prefix and port have matched.
 */
__noinline __weak __u32 PER_KIND(item_holds)(__u32 number, __u64 found, __u64 query, CONTEXT who)
{
	const struct cgg_image *image = image_at(number);
	void *index = image ? index_of(image) : 0;
	const struct cgg_action *a = index ? action_at(index, CGG_REF_HIGH(found)) : 0;
	__u64 now;

	if (!a)
		return 0;
	now = a->condition.expires == CGG_NEVER ? 0 : bpf_ktime_get_boot_ns();
	if (condition_differs(&a->condition, query, ~0ULL, now, 0))
		return 0;
	if (!condition_holds(&a->condition, who, a->verdict))
		return 0;
	if (is_deleted(index, image, CGG_REF_LOW(found)))
		return 0;
	return HELD(a->condition.limit, a->verdict);
}

/* plain_holds - Return whether a rule holds that asks only for a hook and an access bit. */
static __always_inline int plain_holds(void *index, const struct cgg_image *image, __u64 ref,
				       __u64 query)
{
	return CGG_PLAIN_HOOKS(CGG_REF_HIGH(ref)) >> QUERY_HOOK(query) &
		       CGG_PLAIN_ACCESS(CGG_REF_HIGH(ref)) >> QUERY_ACCESS(query) & 1 &&
	       !is_deleted(index, image, CGG_REF_LOW(ref));
}

/* index_rule_holds - Return whether a rule holds, with its limit: the stack has room here. */
static __always_inline int index_rule_holds(__u32 number, __u64 found, __u64 query, CONTEXT who)
{
	__u32 held = PER_KIND(item_holds)(number, found, query, who);

	return held &&
	       (!HELD_LIMIT(held) || limit_open(number / 2, HELD_LIMIT(held), held & HELD_DENY));
}

#endif
