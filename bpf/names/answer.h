/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* answer.h - the records of an answer. */
#ifndef CGG_NAMES_ANSWER_H
#define CGG_NAMES_ANSWER_H

#include "bind.h"
#include "question.h"
#include "read.h"
#include "resource.h"

#define RECORDS 64 /* of an answer that are read */

/* alias_read - Enter the name that a CNAME leads to, as a further name of all addresses behind. */
__noinline __weak __u32 alias_read(struct __sk_buff *skb, __u32 start, __u32 offset)
{
	struct scratch *s = scratch_of(FOR_ANSWER);
	__u32 place;
	__u64 born;

	if (!s)
		return 0;
	place = s->aliases;
	if (place >= ALIASES || !name_read(skb, start, offset, FOR_ANSWER) ||
	    !name_turn(FOR_ANSWER) || s->len > CGG_NAME_MOST)
		return 0;
	born = name_keep();
	if (!born)
		return 0;
	barrier_var(place); /* Linux 5.10 forgets its bounds */
	s->alias[place % ALIASES][0] = s->hash | CGG_ALIAS;
	s->alias[place % ALIASES][1] = born;
	s->aliases = place + 1;
	return 1;
}

/* address_bind - Bind the address in the buffer to the name asked for and to those of the chain. */
static __always_inline __u32 address_bind(struct scratch *s, __u64 turn, __u64 hash, __u64 born)
{
	__u64 expires = s->expires;
	__u32 done = bind_one(turn, hash, born, expires);

	for (__u32 i = 0; i < ALIASES; i++) {
		if (i >= s->aliases)
			break;
		bind_one(turn, s->alias[i][0], s->alias[i][1], expires);
	}
	return done;
}

/*
 * answers_read - Read the records from offset on; return how many addresses were bound.
 *
 * @start	where the message begins; the name that was asked for is in the buffer
 * @count	of the records
 * @keep	how long a binding lasts at least
 */
__noinline __weak __u32 answers_read(struct __sk_buff *skb, __u32 start, __u32 offset, __u32 count,
				     __u64 keep)
{
	struct scratch *s = scratch_of(FOR_ANSWER);
	__u64 now = bpf_ktime_get_boot_ns(), hash, born, turn;
	__u32 done = 0;

	if (!s)
		return 0;
	turn = s->turn;
	hash = s->hash;
	born = name_keep();
	s->aliases = 0;
	for (__u32 i = 0; i < RECORDS && born; i++) {
		__u8 *fixed = s->raw; /* not on the stack, which is that of all callers */
		__u32 type, class, len = 0;

		if (i >= count)
			break;
		offset = name_skip(skb, offset);
		if (offset && !bpf_skb_load_bytes(skb, offset, fixed, RECORD_FIXED))
			len = RECORD_FIXED + (fixed[8] << 8 | fixed[9]);
		if (!len || offset + len > s->end) {
			name_count(CGG_ANSWERS_CUT);
			break;
		}
		offset += RECORD_FIXED;
		len -= RECORD_FIXED;
		type = fixed[0] << 8 | fixed[1];
		class = fixed[2] << 8 | fixed[3];
		s->expires = expiry_of(fixed + 4, now, keep);
		if (class == CLASS_INTERNET && type == RECORD_CNAME)
			alias_read(skb, start, offset);
		else if (class == CLASS_INTERNET && address_read(skb, s, offset, type, len))
			done += address_bind(s, turn, hash, born);
		offset += len;
		offset = as_unknown(offset, now);
		done = as_unknown(done, now);
	}
	if (count > RECORDS)
		name_count(CGG_ANSWERS_CUT);
	return done;
}

#endif
