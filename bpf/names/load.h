/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* load.h - brings a message into a buffer, from a packet or from the parts that a socket has. */
#ifndef CGG_NAMES_LOAD_H
#define CGG_NAMES_LOAD_H

#include <bpf/bpf_endian.h>

#include "scratch.h"

/* An answer; its first bytes are in struct scratch, too. The rest is room for reads at its end. */
struct message_bytes {
	__u8 byte[MESSAGE_MOST + 64];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BUFFERS);
	__type(key, __u32);
	__type(value, struct message_bytes);
} messages MAP;

static __always_inline struct message_bytes *message_of(__u32 use)
{
	__u32 number = use - FOR_ANSWER;

	return bpf_map_lookup_elem(&messages, &number);
}

static __always_inline struct parts *parts_of(struct __sk_buff *skb, __u64 flags)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : 0;

	return sk ? bpf_sk_storage_get(&unfinished, sk, 0, flags) : 0;
}

/* at_most - Return size, but at most most, a power of two, as a number from 1 on. */
static __always_inline __u32 at_most(__u32 size, __u32 most)
{
	size = size < most ? size - 1 : most - 1;
	barrier_var(size); /* Linux 6.1 does not see that it is not 0 */
	return (size & (most - 1)) + 1;
}

/* question_load - Bring head and question of a message into a buffer; return if that went. */
__noinline __weak int question_load(struct __sk_buff *skb, __u32 use, __u32 joined)
{
	struct scratch *s = scratch_of(use);
	struct parts *parts;
	__u32 size;

	if (!s || s->size < sizeof(s->head))
		return 0;
	s->end = s->size;
	size = at_most(s->size, 2 * RAW);
	if (!joined)
		return !bpf_skb_load_bytes(skb, s->at, &s->head, size);
	parts = parts_of(skb, 0);
	return parts && !bpf_probe_read_kernel(&s->head, size, parts->out);
}

/* answer_load - Bring a message into a buffer; return whether that went. */
__noinline __weak int answer_load(struct __sk_buff *skb, __u32 use, __u32 joined)
{
	struct message_bytes *m = message_of(use);
	struct scratch *s = scratch_of(use);
	struct parts *parts;
	__u32 size;

	if (!s || !m || s->size < sizeof(s->head))
		return 0;
	size = at_most(s->size, MESSAGE_MOST);
	s->end = size;
	if (joined) {
		parts = parts_of(skb, 0);
		if (!parts || bpf_probe_read_kernel(m->byte, size, parts->in))
			return 0;
	} else if (bpf_skb_load_bytes(skb, s->at, m->byte, size)) {
		return 0;
	}
	return !bpf_probe_read_kernel(&s->head, sizeof(s->head) + RAW, m->byte);
}

/* part_keep - Keep bytes of a packet as those from offset on of a message; return if that went. */
__noinline __weak int part_keep(struct __sk_buff *skb, __u32 at, __u32 len, __u32 offset, __u32 out)
{
	struct parts *parts = parts_of(skb, BPF_SK_STORAGE_GET_F_CREATE);

	if (!parts)
		return 0;
	if (out)
		return offset >= QUESTION_MOST ||
		       !bpf_skb_load_bytes(skb, at, &parts->out[offset & (QUESTION_MOST - 1)],
					   at_most(len, CHUNK));
	for (__u32 i = 0; i < MESSAGE_MOST / CHUNK + 1; i++) {
		__u32 n = at_most(len, CHUNK);

		if (!len || offset >= MESSAGE_MOST)
			break;
		if (bpf_skb_load_bytes(skb, at, &parts->in[offset & (MESSAGE_MOST - 1)], n))
			return 0;
		at += n;
		len -= n;
		offset += n;
	}
	return 1;
}

#endif
