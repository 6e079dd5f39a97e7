// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* value.c - parses and prints the numbers that sysctls and socket options are set to. */
#include <string.h>

#include "words.h"

/* Read a number with or without a minus. Return what follows it, or 0. */
static const char *number_read(__s64 *number, const char *word)
{
	bool minus = *word == '-';
	size_t len = strspn(word + minus, "0123456789");
	__u64 n;

	if (long_parse(&n, word + minus, len, CGG_VALUE_MOST))
		return 0;
	*number = minus ? -(__s64)n : (__s64)n;
	return word + minus + len;
}

int value_parse(struct cgg_value *value, const char *word)
{
	const char *end = number_read(&value->min, word);

	value->max = value->min;
	if (end && *end == '-')
		end = number_read(&value->max, end + 1);
	if (!end || *end)
		return set_error(CGG_USAGE,
				 "value %.80s: not a number and not a range (N-M, at most %lld)",
				 word, CGG_VALUE_MOST);
	if (value->max < value->min)
		return set_error(CGG_USAGE,
				 "value %s: ends before it begins; did you mean %lld-%lld?", word,
				 value->max, value->min);
	return 0;
}

void value_print(const struct cgg_value *value, char text[CGG_NET_TEXT])
{
	int len = snprintf(text, CGG_NET_TEXT, "%lld", value->min);

	if (value->max != value->min)
		snprintf(text + len, CGG_NET_TEXT - (size_t)len, "-%lld", value->max);
}
