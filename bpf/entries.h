/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* entries.h - finds the first entry of an image that matches. */
#ifndef CGG_ENTRIES_H
#define CGG_ENTRIES_H

#include "image.h"
#include "limit.h"

#if HAS_NAME
/*
 * tail_differs - Return not 0 if the name differs from the operand after the first 16 bytes.
 *
 * Words before operand_words are compared whole (before is ~0 for them, else 0), and the word there
 * under operand_last (at is ~0 for it).
 */
__noinline __weak __u64 PER_KIND(tail_differs)(__u32 number, __u32 entry, KEY_PARAMS)
{
	const struct cgg_image *image = image_at(number);
	const struct cgg_operand *name = name_from(key);
	__u64 words, last, differ = 0;
	const struct cgg_entry *e;
	const char *operand;
	__u32 place;

	if (!image || !name)
		return 1;
	e = &image->entry[entry % CGG_ENTRIES];
	words = e->operand_words;
	last = e->operand_last;
	place = 8 * e->operand;
	if (place > CGG_HEAP - CGG_OPERAND)
		return 1;
	operand = image->heap + place;
	for (__u64 i = 2; i < CGG_OPERAND_WORDS; i++) {
		__u64 before = i - words, at = (i ^ words) - 1;

		barrier_var(before);
		barrier_var(at);
		before = (__s64)before >> 63;
		at = (__s64)at >> 63;
		differ |= (name->word[i] ^ *(const __u64 *)(operand + 8 * i)) &
			  (before | (at & last));
	}
	return differ;
}
#endif

/*
 * entry_differs - Return not 0 if the entry does not match.
 *
 * The verifier follows each branch in every turn of the loop around this. So the fields that each
 * hook has are compared without one.
 */
static __always_inline __u64 entry_differs(const struct cgg_entry *e, __u64 high, __u64 low,
					   __u64 query, struct known known, __u64 now)
{
	__u64 differ = (high ^ e->value[0]) & e->mask[0] & known.key;
	__u64 over = (__u64)QUERY_PORT(query) - e->port_min;
	__u64 under = (__u64)e->port_max - QUERY_PORT(query);

	differ |= (low ^ e->value[1]) & e->mask[1] & known.key;
	barrier_var(over);
	barrier_var(under);
	return differ | condition_differs(&e->condition, query, known.select, now,
					  (over | under) & known.port);
}

/* front_find - Return the number of the first entry that matches + 1, or 0. */
__noinline __weak __u32 PER_KIND(front_find)(__u32 number, FRONT_PARAMS, __u64 query, CONTEXT who)
{
	const struct cgg_image *image = image_at(number);
	struct known known = known_of(query);
	__u32 count;
	__u64 now;

#if HAS_NAME
	const struct cgg_operand *name = name_from(key);

	if (!name)
		return 0;
#endif
	if (!image)
		return 0;
	KEY_WORDS;
	now = image->timed ? bpf_ktime_get_boot_ns() : 0;
	count = image->count;
	for (__u32 i = 0; i < CGG_ENTRIES; i++) {
		const struct cgg_entry *e = &image->entry[i];

		if (i >= count)
			break;
		if (entry_differs(e, high, low, query, known, now))
			continue;
#if HAS_NAME
		if (e->operand_words && PER_KIND(tail_differs)(number, i, KEY_ARGS))
			continue;
#endif
		if (asks_more(&e->condition) && !PER_KIND(entry_holds)(number, i, who))
			continue;
		if (e->condition.limit &&
		    !limit_open(number / 2, e->condition.limit, e->verdict == CGG_DENY))
			continue;
		return i + 1;
	}
	return 0;
}

#endif
