// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* name.c - checks names of rules and policies; shortens names of policies to tags. */
#include <string.h>

#include "words.h"

/* Refuse a name unless it has 1 to size - 1 characters of A-Z a-z 0-9 . _ -, the first no . or - */
static int check_name(const char *what, const char *name, size_t size)
{
	static const char good[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(name);

	if (!len || len >= size)
		return set_error(CGG_USAGE, "%s %.80s: a name has 1 to %zu characters", what, name,
				 size - 1);
	if (strspn(name, good) != len)
		return set_error(CGG_USAGE, "%s %s: a name is made of A-Z a-z 0-9 . _ -", what,
				 name);
	if (*name == '.' || *name == '-')
		return set_error(CGG_USAGE, "%s %s: a name does not start with %c", what, name,
				 *name);
	return 0;
}

int name_check(const char *what, const char *name)
{
	return check_name(what, name, CGG_NAME);
}

int policy_name_check(const char *name)
{
	return check_name("policy", name, CGG_POLICY_NAME);
}

/*
 * Write the tag of a policy. A short name is its own tag. The tag of a long name is its first
 * letters, a ~, which names cannot contain, and a hash of the whole name (FNV-1a) in base 64.
 */
void name_tag(char tag[CGG_NAME], const char *name)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
	__u64 hash = 0xcbf29ce484222325;

	memset(tag, 0, CGG_NAME);
	if (strlen(name) < CGG_NAME) {
		strcpy(tag, name);
		return;
	}
	for (const char *at = name; *at; at++)
		hash = (hash ^ (__u8)*at) * 0x100000001b3;
	memcpy(tag, name, CGG_TAG_FRONT);
	tag[CGG_TAG_FRONT] = '~';
	for (int i = CGG_TAG_FRONT + 1; i < CGG_NAME - 1; i++, hash >>= 6)
		tag[i] = digits[hash & 63];
}
