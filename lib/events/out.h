/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* out.h - functions to write a line quickly, shared by event.c and out.c. */
#ifndef CGG_OUT_H
#define CGG_OUT_H

#include <string.h>

#include "events.h"

struct out {
	char *at;
	const struct cgg_event_view *view;
};

#define INLINE static inline __attribute__((always_inline))
#define PUT(o, literal) put_bytes(o, literal, sizeof(literal) - 1)
/* Write the name of a field; json is a constant in each caller, so the compiler drops a branch. */
#define KEY(o, json, name) ((json) ? PUT(o, ",\"" name "\":") : PUT(o, " " name "="))

INLINE void put_bytes(struct out *o, const void *bytes, size_t len)
{
	memcpy(o->at, bytes, len);
	o->at += len;
}

INLINE void put(struct out *o, const char *text)
{
	put_bytes(o, text, strlen(text));
}

/* out.c */
extern const char out_pairs[201]; /* the digits of 00 to 99 */
void put_hex(struct out *o, __u32 n, int digits);
void put_json(struct out *o, const __u8 *s, size_t len);
void put_text(struct out *o, const __u8 *s, size_t len);

INLINE void put_unsigned(struct out *o, __u64 n)
{
	char digits[20], *at = digits + sizeof(digits);

	while (n > 99) {
		at -= 2;
		memcpy(at, &out_pairs[2 * (n % 100)], 2);
		n /= 100;
	}
	if (n > 9) {
		at -= 2;
		memcpy(at, &out_pairs[2 * n], 2);
	} else {
		*--at = (char)('0' + n);
	}
	put_bytes(o, at, (size_t)(digits + sizeof(digits) - at));
}

INLINE void put_string(struct out *o, bool json, const void *s, size_t len)
{
	if (json)
		put_json(o, s, len);
	else
		put_text(o, s, len);
}

#define NUMBER(o, json, name, n) (KEY(o, json, name), put_unsigned(o, n))
#define BYTES(o, json, name, s, len) (KEY(o, json, name), put_string(o, json, s, len))
#define STRING(o, json, name, s) BYTES(o, json, name, s, strnlen(s, sizeof(s)))

/* Write a number below 1000000 with six digits. */
INLINE void put_micro(struct out *o, size_t n)
{
	put_bytes(o, &out_pairs[2 * (n / 10000)], 2);
	put_bytes(o, &out_pairs[2 * (n / 100 % 100)], 2);
	put_bytes(o, &out_pairs[2 * (n % 100)], 2);
}

#endif
