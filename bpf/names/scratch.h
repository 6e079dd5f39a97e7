/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scratch.h - buffers for names: the stack of a program has only 512 bytes.
 *
 * Another program may preempt this one and use the same buffer. So whoever fills a buffer takes
 * a turn, and afterwards compares it: if it differs, all that was read in between is void.
 */
#ifndef CGG_NAMES_SCRATCH_H
#define CGG_NAMES_SCRATCH_H

#include "maps.h"

enum scratch_use { FOR_QUESTION, FOR_ANSWER, FOR_HOST, SCRATCHES };
#define RAW 256 /* a name as in a message, and what lies behind it */
#define ALIASES 4 /* names of a chain that are bound, behind the first */

struct scratch {
	__u64 turn;
	__u64 netns;
	__u64 source[2], dest[2]; /* of the packet */
	__u64 seed;
	__u64 hash, born; /* of name */
	__u64 expires;
	__u32 len, type; /* of the name, of the question */
	__u32 at, end; /* in the packet: what UDP or TCP carries, and behind it */
	__u32 sequence, flags; /* of TCP */
	__u16 sport, dport;
	__u32 proto;
	__u32 aliases;
	__u32 zero;
	__u64 alias[ALIASES][2]; /* hash, born */
	__u64 addr[2];
	__u8 raw[RAW + 64];
	__u8 out[RAW + CGG_OPERAND];
	struct cgg_operand name;
	struct cgg_bound bound; /* FOR_HOST: the names of an address; FOR_ANSWER: one, and zeros */
	struct cgg_known_name fresh;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCHES);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches MAP;

static __always_inline struct scratch *scratch_of(__u32 use)
{
	return bpf_map_lookup_elem(&scratches, &use);
}

/* turn_take - Begin to use a buffer; return the turn, which is never 0. */
static __always_inline __u64 turn_take(struct scratch *s)
{
	return ++*(volatile __u64 *)&s->turn;
}

/* turn_kept - Return whether nobody else has begun to use the buffer since; turn 0: nobody did. */
static __always_inline int turn_kept(__u32 use, __u64 turn)
{
	const struct scratch *s = turn ? scratch_of(use) : 0;

	return !turn || (s && *(const volatile __u64 *)&s->turn == turn);
}

#endif
