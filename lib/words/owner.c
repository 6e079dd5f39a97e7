// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* owner.c - parses and prints users and groups: a number, a range of numbers, or a name. */
#include <ctype.h>
#include <string.h>

#include "words.h"

/* Return whether a word can be the name of a user: useradd(8) makes no others. */
static bool is_name(const char *word)
{
	size_t len = strlen(word);

	return len && len < sizeof(((struct cgg_owner *)0)->name) &&
	       !isdigit((unsigned char)*word) && *word != '-' &&
	       strspn(word,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-$@") == len;
}

static int owner_parse(const char *key, struct cgg_owner *owner, const char *word)
{
	const char *dash = strchr(word, '-');
	unsigned long low, high;

	if (is_name(word)) {
		strcpy(owner->name, word);
		return 0;
	}
	if (strchr(word, ','))
		return set_error(CGG_USAGE, "%s %.80s: takes no list; write a rule for each", key,
				 word);
	if (number_parse(&low, word, dash ? (size_t)(dash - word) : strlen(word), CGG_OWNER_MOST))
		return set_error(CGG_USAGE, "%s %.80s: not a name, and not a number (0 to %lu)",
				 key, word, CGG_OWNER_MOST);
	high = low;
	if (dash && number_parse(&high, dash + 1, strlen(dash + 1), CGG_OWNER_MOST))
		return set_error(CGG_USAGE, "%s %.80s: not a range of numbers (N-M, 0 to %lu)", key,
				 word, CGG_OWNER_MOST);
	if (high < low)
		return set_error(CGG_USAGE, "%s %s: ends before it begins; did you mean %lu-%lu?",
				 key, word, high, low);
	owner->min = (__u32)low;
	owner->max = (__u32)high;
	return 0;
}

int uid_parse(struct cgg_owner *owner, const char *word)
{
	return owner_parse("uid", owner, word);
}

int gid_parse(struct cgg_owner *owner, const char *word)
{
	return owner_parse("gid", owner, word);
}

void owner_print(const struct cgg_owner *owner, char text[CGG_NET_TEXT])
{
	if (*owner->name)
		snprintf(text, CGG_NET_TEXT, "%s", owner->name);
	else if (owner->min == owner->max)
		snprintf(text, CGG_NET_TEXT, "%u", owner->min);
	else
		snprintf(text, CGG_NET_TEXT, "%u-%u", owner->min, owner->max);
}
