/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* question.h - the head of a message, and its question. */
#ifndef CGG_NAMES_QUESTION_H
#define CGG_NAMES_QUESTION_H

#include "text.h"

#define CLASS_INTERNET 1

struct message {
	__u16 id, flags, questions, answers, authority, additional;
};
#define IS_ANSWER 0x8000 /* in flags, in host order */
#define OPERATION 0x7800
#define TRUNCATED 0x0200
#define CODE 0x000f

/* question_read - Read the question at offset into a buffer; return the offset behind it, or 0. */
__noinline __weak __u32 question_read(struct __sk_buff *skb, __u32 offset, __u32 use)
{
	struct scratch *s = scratch_of(use);
	__u32 room, end;

	if (!s)
		return 0;
	room = s->end - offset;
	if (room > RAW)
		room = RAW;
	if (room < 5 || room > RAW)
		return 0;
	if (bpf_skb_load_bytes(skb, offset, s->raw, room))
		return 0;
	end = name_turn(use);
	if (!end || end > RAW - 2 || end + 5 > room)
		return 0;
	s->type = (__u32)s->raw[(end + 1) & (RAW - 1)] << 8 | s->raw[(end + 2) & (RAW - 1)];
	if (s->raw[(end + 3) & (RAW - 1)] || s->raw[(end + 4) & (RAW - 1)] != CLASS_INTERNET)
		return 0;
	return offset + end + 5;
}

#endif
