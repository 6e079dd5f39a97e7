/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* read.h - reads and skips names in a message. */
#ifndef CGG_NAMES_READ_H
#define CGG_NAMES_READ_H

#include "load.h"
#include "text.h"

#define POINTER                                                                                    \
	0xc0 /* a byte from this on begins a pointer to the rest of a name (RFC 1035, 4.1.4) */
#define READ_LABELS 48 /* labels and pointers of a name that are followed */
#define SKIPPED_LABELS 128

static __always_inline __u32 byte_at(const struct message_bytes *m, __u32 offset)
{
	return m->byte[offset & (MESSAGE_MOST - 1)];
}

/* name_read - Read a name that may be compressed into raw; return its length there, or 0. */
__noinline __weak __u32 name_read(__u32 use, __u32 offset)
{
	struct message_bytes *m = message_of(use);
	struct scratch *s = scratch_of(use);
	__u32 place = 0, before = offset, n;
	__u64 any;

	if (!s || !m)
		return 0;
	any = s->seed;
	for (__u64 i = 0; i < READ_LABELS; i++) {
		offset = as_unknown(offset, any);
		before = as_unknown(before, any);
		place = as_unknown(place, any);
		if (offset >= s->end)
			return 0;
		n = byte_at(m, offset);
		if (!n) {
			s->raw[place & (RAW - 1)] = 0;
			return place + 1;
		}
		if (offset + 1 + (n >= POINTER ? 1 : n) > s->end)
			return 0;
		if (n >= POINTER) {
			n = (n & 0x3f) << 8 | byte_at(m, offset + 1);
			if (n >= before) /* only ever further back, so it ends */
				return 0;
			before = n;
			offset = n;
			continue;
		}
		if (n > LABEL_MOST || place > RAW - 2 - LABEL_MOST)
			return 0;
		s->raw[place & (RAW - 1)] = n;
		n = at_most(n, LABEL_MOST + 1);
		if (bpf_probe_read_kernel(&s->raw[(place & (RAW - 1)) + 1], n,
					  &m->byte[(offset + 1) & (MESSAGE_MOST - 1)]))
			return 0;
		place += n + 1;
		offset += n + 1;
	}
	return 0;
}

/* name_skip - Return the offset behind a name, or 0. */
__noinline __weak __u32 name_skip(__u32 use, __u32 offset)
{
	const struct message_bytes *m = message_of(use);

	if (!m)
		return 0;
	for (__u64 i = 0; i < SKIPPED_LABELS && offset < MESSAGE_MOST; i++) {
		__u32 n = byte_at(m, offset);

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
