/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* parts.h - the parts of messages over TCP that lie in several segments. */
#ifndef CGG_NAMES_PARTS_H
#define CGG_NAMES_PARTS_H

#include "scratch.h"

#define MESSAGE_MOST 8192 /* bytes of an answer that are read */
#define QUESTION_MOST 512 /* bytes of a question that are kept; fewer are read */
#define PART_MOST (MESSAGE_MOST / 2)
#define CHUNK 512

/*
 * Messages of a TCP socket that lie in several segments, as far as they have come. Linux 7.3 has
 * no more than 8192 bytes for the storage of a socket, so the second half of an answer has a map
 * of its own.
 */
struct parts {
	__u8 in[PART_MOST + CHUNK];
	__u8 out[QUESTION_MOST + CHUNK];
};

struct rest {
	__u8 in[PART_MOST + CHUNK];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct parts);
} unfinished MAP;

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct rest);
} unfinished_rest MAP;

static __always_inline struct parts *parts_of(struct __sk_buff *skb, __u64 flags)
{
	struct bpf_sock *sk = sock_of(skb);

	return sk ? bpf_sk_storage_get(&unfinished, sk, 0, flags) : 0;
}

static __always_inline struct rest *rest_of(struct __sk_buff *skb, __u64 flags)
{
	struct bpf_sock *sk = sock_of(skb);

	return sk ? bpf_sk_storage_get(&unfinished_rest, sk, 0, flags) : 0;
}

/* at_most - Return size, but at most most, a power of two, as a number from 1 on. */
static __always_inline __u32 at_most(__u32 size, __u32 most)
{
	size = size < most ? size - 1 : most - 1;
	barrier_var(size); /* Linux 6.1 does not see that it is not 0 */
	return (size & (most - 1)) + 1;
}

/* half_keep - Keep bytes from offset on of one half of an answer; return whether that went. */
__noinline __weak int half_keep(struct __sk_buff *skb, __u32 at, __u32 len, __u32 offset,
				__u32 half)
{
	struct parts *parts;
	struct rest *rest;
	__u8 *in;

	if (half) {
		rest = rest_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
		if (!rest)
			return 0;
		in = rest->in;
	} else {
		parts = parts_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
		if (!parts)
			return 0;
		in = parts->in;
	}
	for (__u64 i = 0; i < PART_MOST / CHUNK + 1; i++) {
		__u32 n = at_most(len, CHUNK);

		if (!len || offset >= PART_MOST)
			break;
		if (bpf_skb_load_bytes(skb, at, &in[offset & (PART_MOST - 1)], n))
			return 0;
		at += n;
		len -= n;
		offset += n;
	}
	return 1;
}

/* part_keep - Keep bytes of a packet as those from offset on of a message; return if that went. */
__noinline __weak int part_keep(struct __sk_buff *skb, __u32 at, __u32 len, __u32 offset, __u32 out)
{
	struct parts *parts;
	__u32 first = 0;

	if (out) {
		parts = parts_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
		return parts && (offset >= QUESTION_MOST ||
				 !bpf_skb_load_bytes(skb, at,
						     &parts->out[offset & (QUESTION_MOST - 1)],
						     at_most(len, CHUNK)));
	}
	if (offset < PART_MOST) {
		first = PART_MOST - offset;
		first = len < first ? len : first;
		if (!half_keep(skb, at, first, offset, 0))
			return 0;
	}
	offset += first;
	return len == first || half_keep(skb, at + first, len - first, offset - PART_MOST, 1);
}

#endif
