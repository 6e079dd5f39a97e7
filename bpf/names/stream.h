/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stream.h - the messages in a TCP stream, each behind its length (RFC 7766).
 *
 * The position in the stream is kept with the socket. For the end of a segment is chosen by the
 * receiver (TCP_MAXSEG), and a message may contain what looks like another one: only what begins
 * where a message of the stream begins is one.
 */
#ifndef CGG_NAMES_STREAM_H
#define CGG_NAMES_STREAM_H

#include "headers.h"

/* What a step through a segment comes to. */
enum step {
	STEP_END, /* there is no more in it */
	STEP_MESSAGE, /* a whole message, in at and end */
	STEP_PART, /* a part of a message */
	STEP_LOST, /* the position is not known */
};

static __always_inline struct asking *asking_of(struct __sk_buff *skb, __u64 flags)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	return bpf_sk_storage_get(&questions, sk, 0, flags);
}

/* stream_begin - Note where a stream begins, by the segment that opens the connection. */
static __always_inline void stream_begin(struct stream *stream, const struct scratch *s)
{
	stream->next = s->sequence + 1;
	stream->size = 0;
	stream->known = 1;
}

/*
 * stream_step - Find the next message of a segment. The buffer says where the segment is; at is
 * moved on with each step, and stop is its end.
 */
static __always_inline enum step stream_step(struct __sk_buff *skb, struct scratch *s,
					     struct stream *stream, __u32 payload, __u32 stop,
					     __u32 *at, __u32 *end)
{
	__u32 first = s->sequence + !!(s->flags & SYN), skip = stream->next - first;
	__u8 *size = s->raw;

	if (payload >= stop)
		return STEP_END;
	if (!stream->known)
		return STEP_LOST;
	if ((__s32)skip >= (__s32)(stop - payload))
		return STEP_END;
	if ((__s32)skip < 0)
		return STEP_LOST;
	if (!stream->size) {
		if (skip + 2 > stop - payload || bpf_skb_load_bytes(skb, payload + skip, size, 2)) {
			stream->known = 0;
			return STEP_LOST;
		}
		stream->size = size[0] << 8 | size[1];
		stream->next += 2;
		skip += 2;
		if (skip == stop - payload || !stream->size)
			return STEP_END;
	}
	*at = payload + skip;
	*end = *at + stream->size;
	stream->next += stream->size;
	stream->size = 0;
	return *end > stop ? STEP_PART : STEP_MESSAGE;
}

#endif
