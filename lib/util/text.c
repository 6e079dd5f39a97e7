// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * text.c - text from outside: makes it printable or valid UTF-8, and reads it from a file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/*
 * Write s as printable ASCII without blanks, as event lines need it: other bytes and the
 * backslash become \xNN. Return the end; `at` needs room for four bytes for each one of s.
 */
char *text_escape(char *at, const __u8 *s, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (; len; len--, s++) {
		if (*s > ' ' && *s <= '~' && *s != '\\') {
			*at++ = (char)*s;
			continue;
		}
		*at++ = '\\';
		*at++ = 'x';
		*at++ = digits[*s >> 4];
		*at++ = digits[*s & 15];
	}
	return at;
}

void text_print(char *text, const char *s)
{
	*text_escape(text, (const __u8 *)s, strlen(s)) = 0;
}

/* Copy s with U+FFFD for each byte that is not UTF-8. text needs three bytes for each one of s. */
void text_utf8(char *text, const char *s)
{
	const __u8 *at = (const __u8 *)s;
	size_t len = strlen(s), step;

	for (; len; at += step, len -= step) {
		step = 1;
		if (*at >= 0x80 && utf8_read(at, len, &step) == 0xfffd && step == 1) {
			memcpy(text, "\xef\xbf\xbd", 3);
			text += 3;
		} else {
			memcpy(text, at, step);
			text += step;
		}
	}
	*text = 0;
}

/* Join the lines of a text with blanks, and drop newlines at its end. */
void text_one_line(char *text)
{
	size_t len = strlen(text);

	while (len && text[len - 1] == '\n')
		text[--len] = 0;
	for (; *text; text++)
		if (*text == '\n')
			*text = ' ';
}

/*
 * Read the rest of the file and return it with a NUL, for the caller to free, or 0 with errno.
 * After an error nothing is returned: half of a file would be a different policy.
 */
char *slurp(FILE *file, size_t *size)
{
	char *text = 0;
	FILE *out = open_memstream(&text, size);
	int c, error = 0;

	if (!out)
		return 0;
	while ((c = getc_unlocked(file)) != EOF && putc_unlocked(c, out) != EOF)
		;
	if (c != EOF || ferror(file))
		error = errno;
	if (fclose(out) && !error)
		error = errno;
	if (!error)
		return text;
	free(text);
	errno = error;
	return 0;
}
