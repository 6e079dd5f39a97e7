/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scratch.h - buffers for names: the stack of a program has only 512 bytes.
 *
 * Another program may preempt this one on its processor. So a program that reads a packet takes a
 * buffer that nobody uses, and gives it back. Programs of connect and sendmsg share one. They take
 * a turn, and afterwards compare it: if it differs, all that was read in between is void.
 */
#ifndef CGG_NAMES_SCRATCH_H
#define CGG_NAMES_SCRATCH_H

#include "head.h"

#define BUFFERS 4 /* programs that may be in the middle of a packet on a processor at once */
enum scratch_use { FOR_QUESTION, FOR_ANSWER = BUFFERS, FOR_HOST = 2 * BUFFERS, SCRATCHES };
#define LAST_NAME (1u << 31) /* host_take(): no name of the address is left behind this one */
#define ALIASES 4 /* names of a chain that are bound, behind the first */

struct scratch {
	__u64 turn; /* of FOR_HOST */
	__u64 users; /* of the others: who has it, and who tried to get it meanwhile */
	__u64 netns;
	__u32 place, zero; /* place of the cgroup's names, + 1 */
	__u64 source[2], dest[2]; /* of the packet */
	__u64 seed;
	__u64 hash, born; /* of name */
	__u64 expires, now; /* of an answer */
	__u32 len, type; /* of the name, of the question */
	__u32 payload, stop; /* in the packet: what UDP or TCP carries, and behind it */
	__u32 at, size; /* in the packet: a message */
	__u32 end; /* of the message: how much of it is read */
	__u32 sequence, flags; /* of TCP */
	__u16 sport, dport;
	__u32 proto;
	__u32 aliases;
	__u64 alias[ALIASES][2]; /* hash, born */
	__u64 addr[2];
	struct message head;
	__u8 raw[2 * RAW]; /* a name as in a message, and what lies behind it */
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

/* Return the whole socket of a packet, which may have storage, or 0. */
static __always_inline struct bpf_sock *sock_of(struct __sk_buff *skb)
{
	return skb->sk ? bpf_sk_fullsock(skb->sk) : 0;
}

static __always_inline struct scratch *scratch_of(__u32 use)
{
	return bpf_map_lookup_elem(&scratches, &use);
}

/*
 * buffer_take - Take one of the buffers from first on; return its number + 1, or 0.
 *
 * A program that finds that it is not alone goes on to the next buffer. If it is interrupted in
 * between, both may go on; but never both stay.
 */
__noinline __weak __u32 buffer_take(__u32 first)
{
	for (__u32 i = 0; i < BUFFERS; i++) {
		struct scratch *s = scratch_of(first + i);

		if (!s)
			return 0;
		__sync_fetch_and_add(&s->users, 1);
		if (*(volatile __u64 *)&s->users == 1)
			return first + i + 1;
		__sync_fetch_and_add(&s->users, -1ULL);
	}
	return 0;
}

static __always_inline void buffer_give(__u32 use)
{
	struct scratch *s = scratch_of(use);

	if (s)
		__sync_fetch_and_add(&s->users, -1ULL);
}

/* turn_take - Begin to use a buffer; return the turn, which is never 0. */
static __always_inline __u64 turn_take(struct scratch *s)
{
	return ++*(volatile __u64 *)&s->turn;
}

/* turn_kept - Return whether no other program has begun to use the buffer since; turn 0: true. */
static __always_inline int turn_kept(__u32 use, __u64 turn)
{
	const struct scratch *s = turn ? scratch_of(use) : 0;

	return !turn || (s && *(const volatile __u64 *)&s->turn == turn);
}

#endif
