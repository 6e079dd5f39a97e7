/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decide.h - decides a query by a policy.
 *
 * Each access bit is decided by itself, and the first match wins. So an open for reading and
 * writing is allowed if both are, by whichever rules. No failure (a full map, a lost event) may
 * turn a denial into another verdict.
 */
#ifndef CGG_DECIDE_H
#define CGG_DECIDE_H

#include "take.h"

#if defined(CGG_SEVERAL)
#ifndef BIT_MATCH /* or a function of the file that includes this */
#define BIT_MATCH first_match
#endif
/*
 * decide_all - Decide each access bit that is asked for by itself; the worst verdict counts.
 * Return 0: ask again.
 */
static __always_inline int decide_all(__u32 number, const struct cgg_image *image,
				      const struct operation *o, struct cgg_decision *out,
				      __u32 force)
{
	__u64 worst = 0, any = o->q.word[1], by[CGG_ACCESS_BITS] = {};
	__u32 verdict = CGG_ALLOW;

	*out = (struct cgg_decision){};
	if (!o->q.access)
		return 1;
	for (__u32 bit = 0; bit < CGG_QUERY_BITS; bit++) {
		__u64 found;
		__u32 one;

		if (!(o->q.access >> bit & 1))
			continue;
		found = BIT_MATCH(number, image, o, bit);
		one = verdict_of(image, o->q.hook, found);
		if (one >= verdict) {
			verdict = one;
			worst = found;
		}
		if (found != by[0] && found != by[1]) {
			by[2] = as_unknown(by[1], any);
			by[1] = as_unknown(by[0], any);
			by[0] = as_unknown(found, any);
		}
		verdict = as_unknown(verdict, any);
		worst = as_unknown(worst, any);
	}
	decision_of(out, image, o->q.hook, worst);
	return tokens_take(number, image, by, force);
}
#else
/* Return the number of the only access bit asked for: of 1, 2, 4, 8. */
static __always_inline __u32 only_access_bit(__u32 access)
{
	return (access >> 1) - (access >> 3);
}

/* decide_all - Decide the one access bit that is asked for; return 0: ask again. */
static __always_inline int decide_all(__u32 number, const struct cgg_image *image,
				      const struct operation *o, struct cgg_decision *out,
				      __u32 force)
{
	__u64 found = first_match(number, image, o, only_access_bit(o->q.access));

	found = rule_take(number, image, found, force);
	if (found == ASK_AGAIN)
		return 0;
	decision_of(out, image, o->q.hook, found);
	return 1;
}
#endif

/*
 * decide - Decide an operation by the policy at a place.
 *
 * Return the image that decided: an event takes its texts from there. After four torn reads return
 * 0, and the verdict is deny (struct cgg_policy).
 */
static __always_inline const struct cgg_image *decide(const struct cgg_policy *policy, __u32 place,
						      struct operation *o, struct cgg_decision *out)
{
	const volatile __u32 *generation = &policy->generation;

	for (__u64 try = 0; try < 4; try++) {
		barrier_var(try); /* clang 13 counts with what the verifier cannot follow */
		__u32 now = *generation, number = image_now(policy, place, now);
		const struct cgg_image *image = image_at(number);

		if (!image)
			break;
		if (!decide_all(number, image, o, out, try == 3))
			continue;
		IN_MEMORY(out);
		out->image = number & 1;
		if (in_force(policy, now) && NAME_KEPT(o))
			return image;
	}
	*out = (struct cgg_decision){};
	out->verdict = CGG_DENY;
	return 0;
}

#endif
