/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decide.h - the one decision: a query and a policy in, an decision out.
 *
 * First match wins, access bit by access bit: an open for reading and writing is
 * allowed when reading is and writing is, whichever rules say so. No failure on
 * the way (a full map, a lost event) may turn a denial into anything else.
 */
#ifndef CGG_DECIDE_H
#define CGG_DECIDE_H

#include "nodes.h"

/* An operation. The key of one that has a name is its first bytes. */
struct operation {
	struct cgg_query q;
#if HAS_NAME
	const struct cgg_operand *name;
#endif
	CONTEXT who;
};

struct cgg_decision {
	__u32 rule; /* id; 0: the default */
	__u32 verdict;
	__u32 index; /* place in indexes + 1 of the rule; 0: it is an entry of the image */
	__u32 label; /* of the image's entry; of the index: the rule's number */
	__u16 error;
	__u8 quiet;
	__u8 image; /* generation & 1 of the one that says so */
};

/* decision_of_index - that of a rule that index_find() found */
static __always_inline void decision_of_index(struct cgg_decision *out,
					      const struct cgg_image *image, __u64 found)
{
	const struct cgg_record *record;
	const struct cgg_action *a;
	void *index;

	out->index = image->index.number;
	out->label = CGG_REF_LOW(found);
	out->rule = image->index.first_id + CGG_REF_LOW(found);
	out->verdict = CGG_PLAIN_VERDICT(CGG_REF_HIGH(found));
	if (CGG_REF_KIND(found) == CGG_REF_PLAIN && image->index.first_id)
		return;
	index = index_of(image);
	if (index && CGG_REF_KIND(found) != CGG_REF_PLAIN) {
		a = action_at(index, CGG_REF_HIGH(found));
		out->verdict = a ? a->verdict : CGG_DENY;
		out->error = a ? a->error : 0;
		out->quiet = a ? a->quiet : 0;
	}
	if (image->index.first_id)
		return;
	record = index ? record_at(index, &image->index, CGG_REF_LOW(found)) : 0;
	if (record)
		out->rule = record->id;
}

/* decide_one - what the first match says of one access bit, else the default */
static __always_inline void decide_one(__u32 number, const struct cgg_image *image,
				       const struct operation *o, __u32 access_bit,
				       struct cgg_decision *out)
{
	__u64 query = QUERY(&o->q, access_bit);
	__u64 found = image->index.number ? index_find(number, image, KEY_OF(o), query, o->who) : 0;
	__u32 at = image->count ? PER_KIND(front_find)(number, KEY_OF(o), query, o->who) : 0;
	const struct cgg_entry *e = &image->entry[(at - 1) % CGG_ENTRIES];

	*out = (struct cgg_decision){};
	if (found && (!at || CGG_REF_LOW(found) < e->before)) {
		decision_of_index(out, image, found);
	} else if (at) {
		out->rule = e->id;
		out->verdict = e->verdict;
		out->label = e->label;
		out->error = e->error;
		out->quiet = e->quiet;
	} else {
		out->verdict = image->defaults[o->q.hook & 15];
	}
}

/* Return the number of the only access bit asked for: of 1, 2, 4, 8. */
static __always_inline __u32 only_access_bit(__u32 access)
{
	return (access >> 1) - (access >> 3);
}

#if defined(CGG_SEVERAL)
/* decide_all - each access bit that is asked for by itself; the worst answer counts */
static __always_inline void decide_all(__u32 number, const struct cgg_image *image,
				       const struct operation *o, struct cgg_decision *out)
{
	struct cgg_decision one;

	if (o->q.access && !(o->q.access & (o->q.access - 1))) { /* as most hooks do */
		decide_one(number, image, o, only_access_bit(o->q.access), out);
		return;
	}
	out->verdict = CGG_ALLOW;
	for (__u32 access_bit = 0; access_bit < CGG_ACCESS_BITS; access_bit++) {
		if (!(o->q.access >> access_bit & 1))
			continue;
		decide_one(number, image, o, access_bit, &one);
		if (one.verdict >= out->verdict)
			*out = one;
	}
}
#else
/* decide_all - there is one */
static __always_inline void decide_all(__u32 number, const struct cgg_image *image,
				       const struct operation *o, struct cgg_decision *out)
{
	decide_one(number, image, o, only_access_bit(o->q.access), out);
}
#endif

/* image_now - the number of the image that generation means: a restore may have lapsed */
static __always_inline __u32 image_now(const struct cgg_policy *policy, __u32 place,
				       __u32 generation)
{
	__u64 revert_at = *(const volatile __u64 *)&policy->revert_at;

	if (revert_at && policy->unconfirmed == generation && bpf_ktime_get_boot_ns() >= revert_at)
		generation++;
	return 2 * place + (generation & 1);
}

/*
 * decide - what the policy at place says of an operation
 *
 * Gives the image that said it, for the texts that an event takes from it; 0
 * when none could, and then the answer is no (struct cgg_policy).
 */
static __always_inline const struct cgg_image *decide(const struct cgg_policy *policy, __u32 place,
						      struct operation *o, struct cgg_decision *out)
{
	const volatile __u32 *generation = &policy->generation, *writing = &policy->writing;

	for (int try = 0; try < 4; try++) {
		barrier_var(try); /* clang 13 counts with what the verifier cannot follow */
		__u32 now = *generation, number = image_now(policy, place, now);
		const struct cgg_image *image = image_at(number);

		if (!image)
			break;
		decide_all(number, image, o, out);
		out->image = number & 1;
		if (*writing - now <= 1 && NAME_KEPT(o))
			return image;
	}
	*out = (struct cgg_decision){};
	out->verdict = CGG_DENY;
	return 0;
}

#endif
