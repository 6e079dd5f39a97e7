// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* operand.c - parses and prints operands of hooks: devices, sysctls, unix names, socket options. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include "operand.h"

const char *words_next(struct cgg_words *w)
{
	return w->at < w->count ? w->word[w->at++] : 0;
}

/* Read MAJOR or MINOR: a number up to max, or * as -1. Return 0 or -1. */
static int half_parse(long *half, const char *text, size_t len, unsigned long max)
{
	unsigned long n;

	*half = -1;
	if (len == 1 && *text == '*')
		return 0;
	if (number_parse(&n, text, len, max))
		return -1;
	*half = (long)n;
	return 0;
}

/* Read MAJOR:MINOR. The kernel's dev_t has 12 bits for the major number and 20 for the minor. */
static int device_number(struct cgg_rule *rule, const char *word)
{
	const char *colon = strchr(word, ':');

	if (!colon || half_parse(&rule->major, word, (size_t)(colon - word), 4095) ||
	    half_parse(&rule->minor, colon + 1, strlen(colon + 1), 1048575))
		return set_error(CGG_USAGE, "device %.80s: not MAJOR:MINOR, MAJOR:* or *:*", word);
	if (rule->major < 0 && rule->minor >= 0)
		return set_error(CGG_USAGE, "device %s: a minor number needs its major number",
				 word);
	return 0;
}

static int device_parse(struct cgg_rule *rule, struct cgg_words *w)
{
	const char *word = words_next(w);

	if (!word)
		return set_error(CGG_USAGE,
				 "device: needs a device: c|b|a MAJOR:MINOR, or /dev/PATH");
	if (*word == '/') {
		if (strlen(word) >= CGG_OPERAND)
			return set_error(CGG_USAGE, "device %.80s...: the path is too long", word);
		strcpy(rule->operand, word); /* rule_resolve() finds its number */
		return 0;
	}
	if (strlen(word) != 1 || !strchr("abc", *word))
		return set_error(CGG_USAGE, "device %.80s: not a type (c, b or a) nor a path",
				 word);
	rule->device = *word;
	word = words_next(w);
	if (!word)
		return set_error(CGG_USAGE, "device %c: needs MAJOR:MINOR, MAJOR:* or *:*",
				 rule->device);
	return device_number(rule, word);
}

/* Read a sysctl's name as sysctl(8) does: the first dot or slash tells which one separates. */
static int sysctl_parse(struct cgg_rule *rule, struct cgg_words *w)
{
	const char *word = words_next(w);
	size_t len = word ? strlen(word) : 0;
	char *name = rule->operand;

	if (!word)
		return set_error(CGG_USAGE, "sysctl: needs a name like kernel/hostname");
	if (!len || len >= CGG_OPERAND)
		return set_error(CGG_USAGE, "sysctl %.80s: a name has 1 to %d bytes", word,
				 CGG_OPERAND - 1);
	for (size_t i = 0; i < len; i++)
		if (word[i] <= ' ' || word[i] > '~' || strchr("\"\\#", word[i]))
			return set_error(CGG_USAGE, "sysctl: a name cannot contain the byte 0x%02x",
					 (unsigned char)word[i]);
	memcpy(name, word, len + 1);
	if (name[strcspn(name, "./")] == '.')
		for (char *c = name; *c; c++)
			*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	if (name[len - 1] == '*' && (len == 1 || name[len - 2] == '/')) {
		rule->prefix = true;
		name[--len] = 0;
	}
	if (strchr(name, '*'))
		return set_error(CGG_USAGE, "sysctl %s: * must be the whole last component", word);
	if (*name == '/' || strstr(name, "//") || (!rule->prefix && name[len - 1] == '/'))
		return set_error(CGG_USAGE,
				 "sysctl %s: a name is relative to /proc/sys, like kernel/hostname",
				 word);
	return 0;
}

static bool ends(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && !strcmp(text + len - tail, end);
}

/* Read /path or @abstract, either with a * at its end, or * alone. */
static int unix_parse(struct cgg_rule *rule, struct cgg_words *w)
{
	const char *word = words_next(w);
	size_t len = word ? strlen(word) : 0;

	if (!word)
		return set_error(
			CGG_USAGE,
			"unix: needs a name: /path, @abstract, or either with * at its end");
	if (len && word[len - 1] == '*') {
		rule->prefix = true;
		len--;
	}
	if (len > 108)
		return set_error(CGG_USAGE, "unix %.80s...: a name has at most 108 bytes", word);
	memcpy(rule->operand, word, len);
	rule->operand[len] = 0;
	if (strchr(rule->operand, '*') || (!len && !rule->prefix) ||
	    (len && *word != '/' && *word != '@'))
		return set_error(CGG_USAGE,
				 "unix %.120s: not /path, @abstract, or either with * at its end",
				 word);
	if (*word == '/' &&
	    (strstr(rule->operand, "//") || strstr(rule->operand, "/./") ||
	     strstr(rule->operand, "/../") ||
	     (!rule->prefix && (ends(rule->operand, "/.") || ends(rule->operand, "/..")))))
		return set_error(CGG_USAGE, "unix %s: a path has no empty component, . or ..",
				 word);
	return 0;
}

int operand_parse(struct cgg_rule *rule, enum cgg_operand_kind kind, struct cgg_words *w)
{
	const char *word;
	int status;

	switch (kind) {
	case CGG_DEVICE_NUMBER:
		return device_parse(rule, w);
	case CGG_SYSCTL_NAME:
		return sysctl_parse(rule, w);
	case CGG_UNIX_NAME:
		return unix_parse(rule, w);
	case CGG_SOCKOPT:
		word = words_next(w);
		if (!word)
			return set_error(CGG_USAGE,
					 "needs an option: LEVEL:NAME, like SOL_SOCKET:SO_MARK");
		status = sockopt_parse(rule, word);
		if (!status && rule->hooks == 1u << CGG_GETSOCKOPT && rule->major == IPPROTO_TCP &&
		    rule->minor == TCP_ZEROCOPY_RECEIVE)
			return set_error(CGG_USAGE, "%s: the kernel runs no program for it", word);
		return status;
	case CGG_DNS_NAME:
		word = words_next(w);
		return word ? host_parse(rule, word)
			    : set_error(CGG_USAGE, "dns: needs a name: NAME, *.NAME or *");
	case CGG_NONE:
		break;
	}
	return 0;
}

static void name_print(const struct cgg_rule *rule, char text[CGG_OPERAND_TEXT])
{
	char name[CGG_OPERAND + 1];

	snprintf(name, sizeof(name), "%s%s", rule->operand, rule->prefix ? "*" : "");
	if (word_is_plain(name))
		strcpy(text, name);
	else
		word_quote(text, name, false);
}

void operand_print(const struct cgg_rule *rule, enum cgg_operand_kind kind,
		   char text[CGG_OPERAND_TEXT])
{
	char major[24] = "*", minor[24] = "*";

	if (rule->major >= 0)
		snprintf(major, sizeof(major), "%ld", rule->major);
	if (rule->minor >= 0)
		snprintf(minor, sizeof(minor), "%ld", rule->minor);
	if (kind == CGG_DEVICE_NUMBER && rule->device)
		snprintf(text, CGG_OPERAND_TEXT, "%c %s:%s", rule->device, major, minor);
	else if (kind == CGG_SOCKOPT)
		sockopt_print(rule->major, rule->minor, text);
	else if (kind == CGG_DNS_NAME)
		host_print(rule, text);
	else
		name_print(rule, text);
}
