/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* decision.h - an operation, the rule that decides it, and the decision of that rule. */
#ifndef CGG_DECISION_H
#define CGG_DECISION_H

#include "nodes.h"
#include "order.h"
#if HAS_SETS
#include "set_rules.h"
#endif

/* An operation. The key of one that has a name is its first bytes. */
struct operation {
	struct cgg_query q;
#if HAS_NAME
	const struct cgg_operand *name;
	const volatile __u64 *value; /* that is written to it: from Linux 6.1 on, in place of who */
#endif
	CONTEXT who;
#if defined(CGG_QUESTIONS)
	__u64 buffer; /* with the name */
#endif
};

struct cgg_decision {
	__u32 rule; /* id; 0: the default */
	__u32 index; /* place in indexes + 1 of the rule; 0: it is an entry of the image */
	__u32 label; /* of the image's entry; of the index: the rule's number */
	__u16 error;
	__u8 verdict;
	__u8 quiet : 1;
	__u8 image : 1; /* generation & 1 of the one that says so */
};

/* Return the earlier one of a rule of the index and an entry (its number + 1; 0: none). */
static __always_inline __u64 first_of(const struct cgg_image *image, __u64 found, __u32 at)
{
	if (!at || (found && CGG_REF_LOW(found) < image->entry[(at - 1) % CGG_ENTRIES].before))
		return found;
	return CGG_REF(FOUND_ENTRY, 0, at);
}

/* first_match - Find the rule that decides one access bit; 0: none, so the default decides. */
static __always_inline __u64 first_match(__u32 number, const struct cgg_image *image,
					 const struct operation *o, __u32 access_bit)
{
	__u64 query = QUERY(&o->q, access_bit);
	__u64 found =
		image->index.number ? index_find(number, image, KEY_OF(o), query, WHO_OF(o)) : 0;
	__u32 at = image->count ? PER_KIND(front_find)(number, FRONT_OF(o), query, WHO_OF(o)) : 0;

#if HAS_SETS
	return with_sets(number, image, SOUGHT_OF(o), query, WHO_OF(o), first_of(image, found, at));
#else
	return first_of(image, found, at);
#endif
}

#if defined(CGG_NAMES) && !defined(CGG_QUESTIONS) && !defined(CGG_FLOWS)
#include "names/host.h"
#endif

static __always_inline const struct cgg_entry *entry_of(const struct cgg_image *image, __u64 found)
{
	return &image->entry[(CGG_REF_LOW(found) - 1) % CGG_ENTRIES];
}

/* decision_of_index - Fill in the decision of a rule of the index. */
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

/* decision_of - Fill in the decision of the rule, or of the default, from first_match(). */
static __always_inline void decision_of(struct cgg_decision *out, const struct cgg_image *image,
					__u32 hook, __u64 found)
{
	*out = (struct cgg_decision){};
	if (!found) {
		out->verdict = image->defaults.verdict[hook & 15];
		out->error = image->defaults.error[hook & 15];
		out->quiet = image->defaults.quiet >> (hook & 15) & 1;
	} else if (CGG_REF_KIND(found) == FOUND_ENTRY) {
		const struct cgg_entry *e = entry_of(image, found);

		out->rule = e->id;
		out->verdict = e->verdict;
		out->label = e->label;
		out->error = e->error;
		out->quiet = e->quiet;
	} else {
		decision_of_index(out, image, found);
	}
}

#endif
