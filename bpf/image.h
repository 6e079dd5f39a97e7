/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * image.h - finds an image of a policy, and tells whether it changed while it was read, and whether
 * an entry of it matches.
 */
#ifndef CGG_IMAGE_H
#define CGG_IMAGE_H

#include "condition.h"

/* Return the image of that number, or 0: it has no chunk */
static __always_inline const struct cgg_image *image_at(__u32 number)
{
	__u32 chunk = number / (2 * CGG_CHUNK), place = number % (2 * CGG_CHUNK);
	void *own = bpf_map_lookup_elem(&images, &chunk);

	return own ? bpf_map_lookup_elem(own, &place) : 0;
}

/* image_now - Return the number of the image of a generation, which may be a lapsed restore. */
static __always_inline __u32 image_now(const struct cgg_policy *policy, __u32 place,
				       __u32 generation)
{
	__u64 revert_at = *(const volatile __u64 *)&policy->revert_at;

	if (revert_at && policy->unconfirmed == generation && bpf_ktime_get_boot_ns() >= revert_at)
		generation++;
	return 2 * place + (generation & 1);
}

/* in_force - Return whether what was read of that generation's image is still whole. */
static __always_inline int in_force(const struct cgg_policy *policy, __u32 generation)
{
	order_reads();
	return NOW(policy->writing) - generation <= 1;
}

/*
 * entry_holds - Return whether an entry for which condition_differs() is 0 also matches the caller.
 *
 * The verifier checks this once, and not once for each entry.
 */
__noinline __weak __u32 PER_KIND(entry_holds)(__u32 number, __u32 entry, CONTEXT who)
{
	const struct cgg_image *image = image_at(number);
	const struct cgg_entry *e;

	if (!image)
		return 0;
	e = &image->entry[entry % CGG_ENTRIES];
	return condition_holds(&e->condition, who, e->verdict);
}

#endif
