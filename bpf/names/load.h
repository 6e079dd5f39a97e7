/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* load.h - brings a message into a buffer, from a packet or from the parts that a socket has. */
#ifndef CGG_NAMES_LOAD_H
#define CGG_NAMES_LOAD_H

#include <bpf/bpf_endian.h>

#include "parts.h"

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

/* parts_join - Put an answer of that size together from its parts; return whether that went. */
static __always_inline int parts_join(struct __sk_buff *skb, struct message_bytes *m, __u32 size)
{
	struct parts *parts = parts_of(skb, 0);
	struct rest *rest;

	if (!parts || bpf_probe_read_kernel(m->byte, at_most(size, PART_MOST), parts->in))
		return 0;
	if (size <= PART_MOST)
		return 1;
	rest = rest_of(skb, 0);
	return rest && !bpf_probe_read_kernel(m->byte + PART_MOST,
					      at_most(size - PART_MOST, PART_MOST), rest->in);
}

/* answer_load - Bring a message into a buffer; return whether that went. */
__noinline __weak int answer_load(struct __sk_buff *skb, __u32 use, __u32 joined)
{
	struct message_bytes *m = message_of(use);
	struct scratch *s = scratch_of(use);
	__u32 size;

	if (!s || !m || s->size < sizeof(s->head))
		return 0;
	size = at_most(s->size, MESSAGE_MOST);
	s->end = size;
	if (joined ? !parts_join(skb, m, size) : bpf_skb_load_bytes(skb, s->at, m->byte, size))
		return 0;
	return !bpf_probe_read_kernel(&s->head, sizeof(s->head) + RAW, m->byte);
}

#endif
