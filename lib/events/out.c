// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* out.c - write numbers and escaped strings into the line of an event. */
#include "out.h"

const char out_pairs[201] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

void put_hex(struct out *o, __u32 n, int digits)
{
	while (digits--)
		*o->at++ = "0123456789abcdef"[n >> 4 * digits & 15];
}

static void put_u(struct out *o, __u32 unit)
{
	PUT(o, "\\u");
	put_hex(o, unit, 4);
}

/* Return whether all 8 bytes of a word are from ! to ~, but neither a quote nor a backslash. */
INLINE bool is_plain(__u64 w)
{
	const __u64 ones = 0x0101010101010101, highs = 0x8080808080808080;
	__u64 low = w - 0x21 * ones, del = w ^ 0x7f * ones, quote = w ^ '"' * ones,
	      slash = w ^ '\\' * ones;

	return !((w | low | ((del - ones) & ~del) | ((quote - ones) & ~quote) |
		  ((slash - ones) & ~slash)) &
		 highs);
}

/* Write bytes in steps of 8 until some need an escape; return how many were written. */
INLINE size_t put_plain(struct out *o, const __u8 *s, size_t len)
{
	size_t done = 0;

	for (; done + 8 <= len; done += 8) {
		__u64 word;

		memcpy(&word, s + done, 8);
		if (!is_plain(word))
			break;
		put_bytes(o, &word, 8);
	}
	return done;
}

void put_json(struct out *o, const __u8 *s, size_t len)
{
	size_t step = 1;

	*o->at++ = '"';
	for (size_t i = put_plain(o, s, len); i < len; i += step) {
		__u32 c = s[i];

		step = 1;
		if (c >= 0x80)
			c = utf8_read(s + i, len - i, &step);
		if (c >= 0x10000) {
			put_u(o, 0xd800 + ((c - 0x10000) >> 10));
			put_u(o, 0xdc00 + (c & 0x3ff));
		} else if (c < ' ' || c > '~') {
			put_u(o, c);
		} else {
			if (c == '"' || c == '\\')
				*o->at++ = '\\';
			*o->at++ = (char)c;
		}
	}
	*o->at++ = '"';
}

void put_text(struct out *o, const __u8 *s, size_t len)
{
	size_t plain = put_plain(o, s, len);

	o->at = text_escape(o->at, s + plain, len - plain);
}
