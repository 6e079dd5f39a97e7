/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* read.h - reads and skips names in a message. */
#ifndef CGG_NAMES_READ_H
#define CGG_NAMES_READ_H

#include "text.h"

#define POINTER                                                                                    \
	0xc0 /* a byte from this on begins a pointer to the rest of a name (RFC 1035, 4.1.4) */
#define READ_LABELS 48 /* labels and pointers of a name that are followed */
#define SKIPPED_LABELS 128

/* name_read - Read a name that may be compressed into raw; return its length there, or 0. */
__noinline __weak __u32 name_read(struct __sk_buff *skb, __u32 start, __u32 offset, __u32 use)
{
	struct scratch *s = scratch_of(use);
	__u32 place = 0, before;

	if (!s)
		return 0;
	before = offset - start;
	for (__u32 i = 0; i < READ_LABELS; i++) {
		__u8 b[2];
		__u32 n;

		if (offset >= s->end || bpf_skb_load_bytes(skb, offset, b, 1))
			return 0;
		n = b[0];
		if (!n) {
			s->raw[place & (RAW - 1)] = 0;
			return place + 1;
		}
		if (n >= POINTER) {
			if (bpf_skb_load_bytes(skb, offset, b, 2))
				return 0;
			n = (b[0] & 0x3f) << 8 | b[1];
			if (n >= before) /* only ever further back, so it ends */
				return 0;
			before = n;
			offset = start + n;
			continue;
		}
		if (n > LABEL_MOST || place > RAW - 2 - LABEL_MOST)
			return 0;
		s->raw[place & (RAW - 1)] = n;
		n--; /* Linux 6.1 does not see that it is not 0 */
		barrier_var(n);
		n = (n & LABEL_MOST) + 1;
		if (bpf_skb_load_bytes(skb, offset + 1, &s->raw[(place & (RAW - 1)) + 1], n))
			return 0;
		place += n + 1;
		offset += n + 1;
	}
	return 0;
}

/* name_skip - Return the offset behind a name, or 0. */
__noinline __weak __u32 name_skip(struct __sk_buff *skb, __u32 offset)
{
	for (__u32 i = 0; i < SKIPPED_LABELS; i++) {
		__u8 n;

		if (bpf_skb_load_bytes(skb, offset, &n, 1))
			return 0;
		if (!n)
			return offset + 1;
		if (n >= POINTER)
			return offset + 2;
		if (n > LABEL_MOST)
			return 0;
		offset += n + 1;
	}
	return 0;
}

#endif
