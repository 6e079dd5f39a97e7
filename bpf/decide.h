/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decide.h - the one decision: a query and a policy in, an outcome out.
 *
 * First match wins, letter by letter: an open for reading and writing is
 * allowed when reading is and writing is, whichever rules say so. No failure on
 * the way (a full map, a lost event) may turn a denial into anything else.
 */
#ifndef CGG_DECIDE_H
#define CGG_DECIDE_H

#include "maps.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

struct cgg_outcome {
	__u32 rule; /* 0: the default */
	__u32 verdict;
	__u64 label;
};

/* Keeps clang from making a branch of what is computed from x. */
#define STRAIGHT(x) asm volatile("" : "+r"(x))

/*
 * tail_differs - not 0 when the name differs from the operand behind its first 16 bytes
 *
 * Word i counts whole below operand_words (below is ~0 there, else 0), and under
 * operand_last at it (at is ~0 there).
 */
static __always_inline __u64 tail_differs(const struct cgg_image *image, const struct cgg_entry *e,
					  const __u64 *name)
{
	__u64 words = e->operand_words, last = e->operand_last, differ = 0;
	__u32 place = 8 * (__u32)e->operand;
	const char *operand;

	if (place > CGG_HEAP - CGG_OPERAND)
		return 1;
	operand = image->heap + place;
	for (__u64 i = 2; i < CGG_OPERAND_WORDS; i++) {
		__u64 below = i - words, at = (i ^ words) - 1;

		STRAIGHT(below);
		STRAIGHT(at);
		below = (__s64)below >> 63;
		at = (__s64)at >> 63;
		differ |= (name[i] ^ *(const __u64 *)(operand + 8 * i)) & (below | (at & last));
	}
	return differ;
}

/*
 * entry_differs - not 0 when the entry does not match
 *
 * The verifier follows every branch of every turn of the loop around this, so
 * there is none for the fields that each hook has.
 */
static __always_inline __u64 entry_differs(const struct cgg_entry *e, const struct cgg_query *q,
					   __u32 letter)
{
	__u64 differ = ~(__u64)(e->hooks >> q->hook & e->access >> letter) & 1, above, below;

	differ |= (q->word[0] ^ e->value[0]) & e->mask[0];
	differ |= (q->word[1] ^ e->value[1]) & e->mask[1];
	differ |= (q->word[2] ^ e->value[2]) & e->mask[2];
	above = (__u64)q->port - e->port_min;
	below = (__u64)e->port_max - q->port;
	STRAIGHT(above);
	STRAIGHT(below);
	differ |= (above | below) >> 63;
	return differ;
}

/* first_match - what the first entry that has the letter (a bit's number) says, else the default */
static __always_inline void first_match(const struct cgg_image *image, const struct cgg_query *q,
					__u32 letter, const __u64 *name, struct cgg_outcome *out)
{
	__u32 count = image->count, verdict;

	for (__u32 i = 0; i < CGG_RULES; i++) {
		const struct cgg_entry *e = &image->entry[i];

		if (i >= count)
			break;
		if (entry_differs(e, q, letter))
			continue;
		if (name && e->operand_words && tail_differs(image, e, name))
			continue;
		verdict = e->verdict;
		STRAIGHT(verdict);
		out->rule = e->id;
		out->verdict = verdict;
		out->label = e->label;
		return;
	}
	out->rule = 0;
	out->verdict = image->defaults[q->hook & 15];
	out->label = 0;
}

/* all_letters - each letter that is asked for by itself; the worst answer counts */
static __always_inline void all_letters(const struct cgg_image *image, const struct cgg_query *q,
					const __u64 *name, struct cgg_outcome *out)
{
	struct cgg_outcome one = {};

	out->verdict = CGG_ALLOW;
	for (__u32 letter = 0; letter < CGG_LETTERS; letter++) {
		if (!(q->access >> letter & 1))
			continue;
		first_match(image, q, letter, name, &one);
		if (one.verdict >= out->verdict)
			*out = one;
	}
}

/*
 * decide - what the policy at place says of q
 *
 * Gives the image that said it, for the texts that an event takes from it; 0
 * when none could, and then the answer is no (struct cgg_policy).
 */
static __always_inline const struct cgg_image *decide(const struct cgg_policy *policy, __u32 place,
						      const struct cgg_query *q, const __u64 *name,
						      struct cgg_outcome *out)
{
	const volatile __u32 *generation = &policy->generation, *writing = &policy->writing;

	for (int try = 0; try < 2; try++) {
		__u32 now = *generation, number = 2 * place + (now & 1);
		const struct cgg_image *image = bpf_map_lookup_elem(&images, &number);

		if (!image)
			break;
		if (q->hook == CGG_DEVICE)
			all_letters(image, q, name, out);
		else
			first_match(image, q, 1 + (q->access >> 2), name, out); /* r or w */
		if (*writing - now <= 1)
			return image;
	}
	out->rule = 0;
	out->verdict = CGG_DENY;
	out->label = 0;
	return 0;
}

static __always_inline void count_hit(__u32 policy, const struct cgg_query *q,
				      const struct cgg_outcome *out, __u64 bytes)
{
	struct cgg_count_key key = {};
	struct cgg_count *count, first = {};

	key.policy = policy;
	key.rule = out->rule ? out->rule : CGG_DEFAULT_RULE | q->hook;
	count = bpf_map_lookup_elem(&counts, &key);
	if (!count) {
		bpf_map_update_elem(&counts, &key, &first, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&counts, &key);
	}
	if (count) {
		count->hits++;
		count->bytes += bytes;
	}
}

#endif
