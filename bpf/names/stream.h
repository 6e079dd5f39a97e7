/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stream.h - the messages in a TCP stream, each behind its length (RFC 7766).
 *
 * The position in the stream is kept with the socket. For the end of a segment is chosen by the
 * receiver (TCP_MAXSEG), and a message may contain what looks like another one: only what begins
 * where a message of the stream begins is one. A message in several segments is put together.
 */
#ifndef CGG_NAMES_STREAM_H
#define CGG_NAMES_STREAM_H

#include "asking.h"
#include "headers.h"
#include "load.h"

/* What a step through a segment comes to. */
enum step {
	STEP_END, /* there is no more in it */
	STEP_MESSAGE, /* a whole message, at and size say where */
	STEP_JOINED, /* the end of a message, whose parts are together now */
	STEP_PART, /* a part of a message, which is kept */
	STEP_AHEAD, /* what comes before it was not seen */
	STEP_LOST, /* the position is not known */
};

/* stream_size - Read the length of the next message, or a half of it; return the bytes read. */
static __always_inline __u32 stream_size(struct __sk_buff *skb, struct scratch *s,
					 struct stream *stream, __u32 at, __u32 left)
{
	__u8 *size = s->raw;

	if (bpf_skb_load_bytes(skb, at, size, 1) ||
	    (left > 1 && bpf_skb_load_bytes(skb, at + 1, size + 1, 1))) {
		stream->known = 0;
		return 0;
	}
	if (stream->have) {
		stream->size |= size[0];
		stream->have = 2;
		return 1;
	}
	stream->size = size[0] << 8;
	stream->have = 1;
	if (left < 2)
		return 1;
	stream->size |= size[1];
	stream->have = 2;
	return 2;
}

/* stream_message - Go on behind the bytes of a message that the segment has. */
static __always_inline enum step stream_message(struct __sk_buff *skb, struct scratch *s,
						struct stream *stream, __u32 at, __u32 left,
						__u32 out)
{
	__u32 need = stream->size + 2 - stream->have;
	int whole = left >= need, joined = stream->have > 2;

	s->at = at;
	s->size = stream->size;
	if (!whole)
		need = left;
	if ((joined || !whole) && need && !part_keep(skb, at, need, stream->have - 2, out)) {
		stream->known = 0;
		return STEP_LOST;
	}
	stream->next += need;
	stream->have += need;
	if (!whole)
		return left ? STEP_PART : STEP_END;
	stream->have = 0;
	return joined ? STEP_JOINED : STEP_MESSAGE;
}

/* stream_next - Take the next message of a segment; out: of one that is sent. */
__noinline __weak __u32 stream_next(struct __sk_buff *skb, __u32 use, __u32 out)
{
	struct asking *asking = asking_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
	struct scratch *s = scratch_of(use);
	__u32 skip, left, at, read;
	struct stream *stream;

	if (!s || s->payload >= s->stop)
		return STEP_END;
	if (!asking)
		return STEP_LOST;
	stream = out ? &asking->out : &asking->in;
	if (!stream->known)
		return STEP_LOST;
	left = s->stop - s->payload;
	skip = stream->next - (s->sequence + !!(s->flags & SYN));
	if ((__s32)skip < 0)
		return STEP_AHEAD;
	if (skip >= left)
		return STEP_END;
	stream->waits = 0;
	at = s->payload + skip;
	left -= skip;
	if (stream->have < 2) {
		read = stream_size(skb, s, stream, at, left);
		if (!read)
			return STEP_LOST;
		stream->next += read;
		at += read;
		left -= read;
		if (stream->have < 2)
			return STEP_END;
	}
	return stream_message(skb, s, stream, at, left, out);
}

#endif
