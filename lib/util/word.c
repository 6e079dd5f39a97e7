// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * word.c - reads and prints words of a rule between double quotes.
 *
 * Between quotes \" is a quote, \\ is a backslash, and \xNN is the byte with that hexadecimal
 * number. word_unquote() reads the output of word_quote() back as the same bytes.
 */
#include <ctype.h>
#include <string.h>

#include "util.h"

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Return the byte that \xNN at `in` means, or -1 if there is no such escape. */
static int unescape(const char *in)
{
	if (in[0] != '\\' || in[1] != 'x' || !isxdigit((unsigned char)in[2]) ||
	    !isxdigit((unsigned char)in[3]))
		return -1;
	return digit(in[2]) << 4 | digit(in[3]);
}

void word_unescape(char *word)
{
	char *out = word;

	for (; *word; word++) {
		int byte = unescape(word);

		*out++ = byte > 0 ? (char)byte : *word;
		word += byte > 0 ? 3 : 0;
	}
	*out = 0;
}

/*
 * Unquote a word in place. `in` begins after the opening quote. Return the text after the closing
 * quote, or 0 with cgg_error set.
 */
char *word_unquote(char *in)
{
	char *out = in;

	for (; *in && *in != '"'; in++) {
		int byte = unescape(in);

		if (!byte) {
			set_error(CGG_USAGE, "\\x00: a word has no NUL byte");
			return 0;
		}
		if (*in == '\\' && (in[1] == '"' || in[1] == '\\'))
			in++;
		*out++ = byte > 0 ? (char)byte : *in;
		in += byte > 0 ? 3 : 0;
	}
	if (!*in) {
		set_error(CGG_USAGE, "a quote is not closed");
		return 0;
	}
	*out = 0;
	return in + 1;
}

/* Return whether the word can be printed without quotes. */
bool word_is_plain(const char *word)
{
	for (const char *c = word; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("\"\\#", *c))
			return false;
	return *word;
}

/*
 * Write the word between quotes and return its length. utf8 keeps UTF-8 characters as they are;
 * names that untrusted users may have chosen need false, which writes only ASCII.
 */
size_t word_quote(char *text, const char *word, bool utf8)
{
	const unsigned char *s = (const unsigned char *)word;
	char *out = text;

	*out++ = '"';
	for (size_t step; *s; s += step) {
		__u32 c = utf8_read(s, strlen((const char *)s), &step);
		bool plain =
			c >= ' ' && c != 0x7f && (utf8 || c < 0x80) && (c != 0xfffd || step > 1);

		step = plain ? step : 1;
		if (*s == '"' || *s == '\\')
			*out++ = '\\';
		if (plain)
			out = (char *)mempcpy(out, s, step);
		else
			out += sprintf(out, "\\x%02x", *s);
	}
	*out++ = '"';
	*out = 0;
	return (size_t)(out - text);
}
