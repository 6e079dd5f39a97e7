// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * visible.c - makes text of unknown origin safe for a terminal.
 *
 * Words of files, names and arguments may hold any bytes. A message that quotes them must not
 * move the cursor, hide text or look like two messages.
 */
#include <stdio.h>
#include <string.h>

#include "util.h"

/*
 * Read one UTF-8 character (RFC 3629) and return it, with its length in *step. Return U+FFFD and
 * length 1 for an invalid byte. len is at least 1.
 */
__u32 utf8_read(const __u8 *s, size_t len, size_t *step)
{
	static const __u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t size = *s < 0x80	  ? 1
		      : *s < 0xc2 ? 0
		      : *s < 0xe0 ? 2
		      : *s < 0xf0 ? 3
		      : *s < 0xf5 ? 4
				  : 0;
	__u32 c = size < 2 ? *s : *s & 0x7fu >> size;

	*step = 1;
	if (!size || size > len)
		return 0xfffd;
	for (size_t i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*step = size;
	return c;
}

/* Return whether a character controls the terminal, reorders text, or has no visible shape. */
bool utf8_is_hidden(__u32 c)
{
	static const struct {
		__u32 first, last;
	} hidden[] = {
		{ 0, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },	      { 0x61c, 0x61c },
		{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]) && c >= hidden[i].first; i++)
		if (c <= hidden[i].last)
			return true;
	return false;
}

/*
 * Write `len` bytes of s into `text`, hidden characters as \x1b or \u202e, bytes that are not UTF-8
 * as \xff, and return the length. `text` needs CGG_VISIBLE bytes for each byte of s, and one more.
 *
 * A backslash is not escaped, so text that is already visible does not change.
 */
size_t text_visible(char *text, const char *s, size_t len)
{
	const __u8 *at = (const __u8 *)s, *end = at + len;
	char *out = text;
	size_t step;

	for (; at < end; at += step) {
		__u32 c = utf8_read(at, (size_t)(end - at), &step);

		if ((c == 0xfffd && step == 1) || (c < 0x80 && utf8_is_hidden(c)))
			out += sprintf(out, "\\x%02x", *at);
		else if (utf8_is_hidden(c))
			out += sprintf(out, "\\u%04x", c);
		else
			out = mempcpy(out, at, step);
	}
	*out = 0;
	return (size_t)(out - text);
}
