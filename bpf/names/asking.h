/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* asking.h - what a socket asked, and how far its stream was read. */
#ifndef CGG_NAMES_ASKING_H
#define CGG_NAMES_ASKING_H

#include "packet.h"
#include "scratch.h"

#define STREAM_PATIENCE 1000000000ULL /* how long a segment ahead is dropped, in ns */

static __always_inline struct asking *asking_of(struct __sk_buff *skb, __u64 flags)
{
	struct bpf_sock *sk = sock_of(skb);

	return sk ? bpf_sk_storage_get(&questions, sk, 0, flags) : 0;
}

/* stream_begin - Note where a stream begins, by the segment that opens the connection. */
static __always_inline void stream_begin(struct stream *stream, const struct scratch *s)
{
	if (!(s->flags & SYN))
		return;
	*stream = (struct stream){ .next = s->sequence + 1, .known = 1 };
}

/*
 * stream_wait - Return whether a segment that came too early is dropped. TCP sends it again, when
 * what comes before it was received; so it can be read. But a stream that was not seen for some
 * time does not stay behind for ever.
 */
static __always_inline int stream_wait(struct stream *stream)
{
	__u64 now = bpf_ktime_get_boot_ns();

	if (!stream->waits)
		stream->waits = now;
	if (now - stream->waits < STREAM_PATIENCE)
		return 1;
	stream->known = 0;
	return 0;
}

#endif
