/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* take.h - the verdict of a rule that was found, and its token. */
#ifndef CGG_TAKE_H
#define CGG_TAKE_H

#include "decision.h"

/* Return the action of a rule of the index, or 0: it is lost. */
static __always_inline const struct cgg_action *action_of(const struct cgg_image *image,
							  __u64 found)
{
	void *index = index_of(image);

	return index ? action_at(index, CGG_REF_HIGH(found)) : 0;
}

/* limit_of - Return the key of the bucket of a rule from first_match(); 0: it has none. */
static __always_inline __u32 limit_of(const struct cgg_image *image, __u64 found)
{
	const struct cgg_action *a;

	if (!found || CGG_REF_KIND(found) == CGG_REF_PLAIN)
		return 0;
	if (CGG_REF_KIND(found) == FOUND_ENTRY)
		return entry_of(image, found)->condition.limit;
	a = action_of(image, found);
	return a ? a->condition.limit : 0;
}

#define ASK_AGAIN (~0ULL)

/* token_take - Take a token of the rule, if it has a limit; return the rule, or ASK_AGAIN. */
__noinline __weak __u64 PER_KIND(token_take)(__u32 number, __u64 found, __u32 force)
{
	const struct cgg_image *image = image_at(number);
	__u32 limit = image ? limit_of(image, found) : 0;

	return !limit || limit_take(number / 2, limit, force) ? found : ASK_AGAIN;
}

/* rule_take - The same, without a call where no rule of the policy has a limit. */
static __always_inline __u64 rule_take(__u32 number, const struct cgg_image *image, __u64 found,
				       __u32 force)
{
	return image->limited ? PER_KIND(token_take)(number, found, force) : found;
}

/* verdict_of - Return the verdict of the rule, or of the default, from first_match(). */
static __always_inline __u32 verdict_of(const struct cgg_image *image, __u32 hook, __u64 found)
{
	const struct cgg_action *a;

	if (!found)
		return image->defaults.verdict[hook & 15];
	if (CGG_REF_KIND(found) == FOUND_ENTRY)
		return entry_of(image, found)->verdict;
	if (CGG_REF_KIND(found) == CGG_REF_PLAIN)
		return CGG_PLAIN_VERDICT(CGG_REF_HIGH(found));
	a = action_of(image, found);
	return a ? a->verdict : CGG_DENY;
}

#if defined(CGG_SEVERAL)
/* tokens_take - Take a token of each of the rules that decided a bit; return 0: ask again. */
static __always_inline int tokens_take(__u32 number, const struct cgg_image *image,
				       const __u64 found[CGG_ACCESS_BITS], __u32 force)
{
	int taken = 1;

#if defined(CGG_ASKED) /* a question uses nothing up */
	(void)number, (void)image, (void)found, (void)force;
#else
	for (int i = 0; i < CGG_ACCESS_BITS; i++)
		if (found[i] && rule_take(number, image, found[i], force) == ASK_AGAIN)
			taken = 0;
#endif
	return taken;
}
#endif

#endif
