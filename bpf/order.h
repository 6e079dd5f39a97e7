/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* order.h - which of two rules that were found stands first in the policy. */
#ifndef CGG_ORDER_H
#define CGG_ORDER_H

#include "lookup.h"

#define FOUND_ENTRY 9 /* a kind of reference: the number of an entry of the image + 1 */

/* order_of - Return the place of a rule in the policy; entries come before one of the index. */
static __always_inline __u64 order_of(const struct cgg_image *image, __u64 found)
{
	__u64 at = CGG_REF_LOW(found);

	if (!found)
		return ~0ULL;
	if (CGG_REF_KIND(found) != FOUND_ENTRY)
		return at << 8 | 255;
	return (__u64)image->entry[(at - 1) % CGG_ENTRIES].before << 8 | at;
}

static __always_inline __u64 earlier(const struct cgg_image *image, __u64 one, __u64 other)
{
	return order_of(image, other) < order_of(image, one) ? other : one;
}

#endif
