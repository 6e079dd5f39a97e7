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

/*
 * What a file judges, said before this is included: operations of tasks (nothing),
 * those that have a name (CGG_NAMED), packets (CGG_PACKETS), questions by hand
 * (CGG_ASKED). Each kind has a first_match() of its own, that the verifier looks
 * at once: it is a global function, whatever the number of calls.
 */
#if defined(CGG_NAMED)
#define first_match first_match_named
#define WHO const struct cgg_query /* never used: 0 */
#elif defined(CGG_PACKETS)
#define first_match first_match_packet
#define WHO struct __sk_buff
#elif defined(CGG_ASKED)
#define first_match first_match_asked
#define WHO const struct cgg_ask
#else
#define WHO const struct cgg_query /* never used: 0 */
#endif
#if defined(CGG_NAMED) || defined(CGG_ASKED)
#define HAS_NAME 1
#else
#define HAS_NAME 0
#endif
#if defined(CGG_ASKED)
#define WHO_NEEDED 1
#else
#define WHO_NEEDED 0
#endif

/* An operation. Unused pointers are 0. */
struct operation {
	struct cgg_query q;
	const struct cgg_operand *name;
	WHO *who; /* whose cgroup counts: a packet's socket's, those asked for, else the task's */
};

struct cgg_outcome {
	__u32 rule; /* 0: the default */
	__u32 verdict;
	__u32 label;
	__u16 error;
	__u16 quiet;
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
					  const struct cgg_operand *name)
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
		differ |=
			(name->word[i] ^ *(const __u64 *)(operand + 8 * i)) & (below | (at & last));
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
					   __u64 now)
{
	__u64 differ = ~(__u64)(e->hooks >> q->hook & e->access >> q->letter) & 1, above, below,
	      late = e->expires - 1 - now;

	differ |= (q->word[0] ^ e->value[0]) & e->mask[0];
	differ |= (q->word[1] ^ e->value[1]) & e->mask[1];
	differ |= (q->word[2] ^ e->value[2]) & e->mask[2];
	above = (__u64)q->port - e->port_min;
	below = (__u64)e->port_max - q->port;
	STRAIGHT(above);
	STRAIGHT(below);
	STRAIGHT(late);
	differ |= (above | below | late) >> 63;
	return differ;
}

static __always_inline int in_cgroup(WHO *who, __u64 id, __u32 level)
{
#if defined(CGG_ASKED)
	return who->ancestor[level % CGG_LEVELS] == id;
#elif defined(CGG_PACKETS)
	return bpf_skb_ancestor_cgroup_id(who, level) == id;
#else
	(void)who;
	return bpf_get_current_ancestor_cgroup_id(level) == id;
#endif
}

/* first_match - what the first entry that has the letter says, else the default */
__attribute__((noinline)) __weak int first_match(const struct cgg_image *image,
						 const struct cgg_query *q,
						 const struct cgg_operand *name, WHO *who,
						 struct cgg_outcome *out)
{
	__u32 count, verdict;
	__u64 now;

	if (!image || !q || !out || (HAS_NAME && !name) || (!who && WHO_NEEDED))
		return -1;
	now = image->timed ? bpf_ktime_get_boot_ns() : 0;
	count = image->count;
	for (__u32 i = 0; i < CGG_RULES; i++) {
		const struct cgg_entry *e = &image->entry[i];

		if (i >= count)
			break;
		if (entry_differs(e, q, now))
			continue;
		if (HAS_NAME && e->operand_words && tail_differs(image, e, name))
			continue;
		if (e->cgroup && !in_cgroup(who, e->cgroup, e->level))
			continue;
		verdict = e->verdict;
		STRAIGHT(verdict);
		out->rule = e->id;
		out->verdict = verdict;
		out->label = e->label;
		out->error = e->error;
		out->quiet = e->quiet;
		return 0;
	}
	out->rule = 0;
	out->verdict = image->defaults[q->hook & 15];
	out->label = 0;
	out->error = 0;
	out->quiet = 0;
	return 0;
}

/* all_letters - each letter that is asked for by itself; the worst answer counts */
static __always_inline void all_letters(const struct cgg_image *image, struct operation *o,
					struct cgg_outcome *out)
{
	struct cgg_outcome one = {};

	out->verdict = CGG_ALLOW;
	for (__u32 letter = 0; letter < CGG_LETTERS; letter++) {
		if (!(o->q.access >> letter & 1))
			continue;
		o->q.letter = letter;
		one.verdict = CGG_DENY; /* should first_match() see no sense */
		first_match(image, &o->q, o->name, o->who, &one);
		if (one.verdict >= out->verdict)
			*out = one;
	}
}

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
						      struct operation *o, struct cgg_outcome *out)
{
	const volatile __u32 *generation = &policy->generation, *writing = &policy->writing;

	for (int try = 0; try < 4; try++) {
		__u32 now = *generation, number = image_now(policy, place, now);
		const struct cgg_image *image = bpf_map_lookup_elem(&images, &number);

		if (!image)
			break;
		all_letters(image, o, out);
		if (*writing - now <= 1)
			return image;
	}
	*out = (struct cgg_outcome){};
	out->verdict = CGG_DENY;
	return 0;
}

static __always_inline void count(__u32 policy, __u32 rule, __u64 bytes)
{
	struct cgg_count_key key = {};
	struct cgg_count *there, first = {};

	key.policy = policy;
	key.rule = rule;
	there = bpf_map_lookup_elem(&counts, &key);
	if (!there) {
		bpf_map_update_elem(&counts, &key, &first, BPF_NOEXIST);
		there = bpf_map_lookup_elem(&counts, &key);
	}
	if (there) {
		there->hits++;
		there->bytes += bytes;
	}
}

#endif
