/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* text.h - reverses and hashes the bytes of DNS names, and reads a question. */
#ifndef CGG_NAMES_TEXT_H
#define CGG_NAMES_TEXT_H

#include "../lookup.h"
#include "scratch.h"

#define LABEL_MOST 63

/* below - Return 1 where a < b, else 0, without a branch; both below 2^62, or a wrapped. */
static __always_inline __u64 below(__u64 a, __u64 b)
{
	__u64 difference = (a & 0xffffffff) - b;

	barrier_var(difference);
	return difference >> 63;
}

/*
 * name_reverse - Write the name that raw begins with into out, from its last byte to the left: in
 * lower case, dots between the labels; return where raw goes on behind it, or 0 if it is no name.
 *
 * A label with a dot, a blank or a control character belongs to no name that a rule can say. The
 * loop has one branch: each other one would double what the verifier follows. So truth values are
 * numbers here, and they are multiplied: newer verifiers follow both values of a mask.
 */
static __always_inline __u32 name_reverse(struct scratch *s, __u64 any)
{
	__u64 next = 0, bad = 0;
	__u32 end = 0;

	for (__u32 i = 0; i < RAW - 1; i++) {
		__u64 c = s->raw[i], at_label, ends, upper, odd, put;

		at_label = below((__u64)i ^ next, 1);
		ends = c * at_label + (1 ^ at_label);
		barrier_var(ends);
		if (!ends) {
			end = as_unknown(i, any);
			bad = as_unknown(bad, any);
			break;
		}
		upper = below(c - 'A', 26);
		odd = below(c ^ '.', 1) | below(c, 0x21) | below(0x7e, c);
		bad |= (below(LABEL_MOST, c) & at_label) | (odd & (at_label ^ 1));
		put = '.' * at_label + (c + (upper << 5)) * (1 ^ at_label);
		next += (c + 1) * at_label;
		barrier_var(put);
		barrier_var(next);
		barrier_var(bad);
		s->out[RAW - 1 - i] = put;
	}
	return bad || end < 2 || end > RAW - 2 ? 0 : end;
}

/*
 * name_turn - Reverse the name in raw, and hash it; return where raw goes on, or 0.
 *
 * The length of a name that is too long to be bound is over CGG_NAME_MOST.
 */
__noinline __weak __u32 name_turn(__u32 use)
{
	struct scratch *s = scratch_of(use);
	__u64 any;
	__u32 end;

	if (!s)
		return 0;
	any = s->turn;
	end = name_reverse(s, any);
	if (!end)
		return 0;
	s->out[RAW - 1] = 0;
	/* not aligned, which a plain copy must be on some machines */
	if (bpf_probe_read_kernel(&s->name, sizeof(s->name), s->out + ((RAW - end) & (RAW - 1))))
		return 0;
	s->hash = names_hash(s->seed, &s->name);
	s->len = end - 1;
	return end;
}

/* question_read - Read the question in a buffer; return the offset behind it, or 0. */
__noinline __weak __u32 question_read(__u32 use)
{
	struct scratch *s = scratch_of(use);
	__u32 end;

	if (!s || s->head.questions != bpf_htons(1))
		return 0;
	end = name_turn(use);
	if (!end || end > RAW - 5 || sizeof(s->head) + end + 5 > s->end)
		return 0;
	s->type = (__u32)s->raw[(end + 1) & (RAW - 1)] << 8 | s->raw[(end + 2) & (RAW - 1)];
	if (s->raw[(end + 3) & (RAW - 1)] || s->raw[(end + 4) & (RAW - 1)] != CLASS_INTERNET)
		return 0;
	return sizeof(s->head) + end + 5;
}

#endif
