/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* answer.h - the records of an answer. */
#ifndef CGG_NAMES_ANSWER_H
#define CGG_NAMES_ANSWER_H

#include "bind.h"
#include "read.h"
#include "resource.h"

#define RECORDS 64 /* of an answer that are read */

/* alias_read - Enter the name that a CNAME leads to, as a further name of all addresses behind. */
__noinline __weak __u32 alias_read(__u32 use, __u32 offset)
{
	struct scratch *s = scratch_of(use);
	__u32 place;
	__u64 born;

	if (!s)
		return 0;
	place = s->aliases;
	if (place >= ALIASES || !name_read(use, offset) || !name_turn(use) ||
	    s->len > CGG_NAME_MOST)
		return 0;
	born = name_keep(use);
	if (!born)
		return 0;
	barrier_var(place); /* Linux 5.10 forgets its bounds */
	s->alias[place % ALIASES][0] = s->hash | CGG_ALIAS;
	s->alias[place % ALIASES][1] = born;
	s->aliases = place + 1;
	return 1;
}

/* address_bind - Bind the address in the buffer to the name asked for and to those of the chain. */
static __always_inline __u32 address_bind(struct scratch *s, __u32 use, __u64 hash, __u64 born)
{
	__u64 expires = s->expires;
	__u32 done = bind_one(use, hash, born, expires);

	for (__u64 i = 0; i < ALIASES; i++) {
		if (i >= s->aliases)
			break;
		bind_one(use, s->alias[i][0], s->alias[i][1], expires);
	}
	return done;
}

/*
 * answers_read - Read the records from offset on; return how many addresses were bound.
 *
 * @use		the buffer with the message, the name that was asked for, and the time
 * @count	of the records
 * @keep	how long a binding lasts at least
 */
__noinline __weak __u32 answers_read(__u32 use, __u32 offset, __u32 count, __u64 keep)
{
	const struct message_bytes *m = message_of(use);
	struct scratch *s = scratch_of(use);
	__u64 hash, born;
	__u32 done = 0;

	if (!s || !m)
		return 0;
	hash = s->hash;
	s->aliases = 0;
	born = name_keep(use);
	for (__u64 i = 0; i < RECORDS && born; i++) {
		const __u8 *fixed;
		__u32 type, class, len = 0;

		if (i >= count)
			break;
		offset = name_skip(use, offset);
		fixed = &m->byte[offset & (MESSAGE_MOST - 1)];
		if (offset && offset < MESSAGE_MOST)
			len = RECORD_FIXED + (fixed[8] << 8 | fixed[9]);
		if (!len || offset + len > s->end) {
			name_count(CGG_ANSWERS_CUT);
			break;
		}
		offset += RECORD_FIXED;
		len -= RECORD_FIXED;
		type = fixed[0] << 8 | fixed[1];
		class = fixed[2] << 8 | fixed[3];
		s->expires = expiry_of(fixed + 4, s->now, keep);
		if (class == CLASS_INTERNET && type == RECORD_CNAME)
			alias_read(use, offset);
		else if (class == CLASS_INTERNET && address_read(s, m, offset, type, len))
			done += address_bind(s, use, hash, born);
		offset += len;
		offset = as_unknown(offset, hash);
		done = as_unknown(done, hash);
	}
	if (count > RECORDS)
		name_count(CGG_ANSWERS_CUT);
	return done;
}

#endif
