// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * file.c - reads and prints policy files: lines with rules, defaults, a mode, comments.
 *
 * Blanks separate the words of a line. "..." is one word (util/word.c). # at the begin of a word
 * starts a comment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#define MAX_WORDS 64

/* Split a line into words in place. Return their number, or -1 with cgg_error set. */
static int line_split(char *line, char *word[MAX_WORDS])
{
	int count = 0;

	for (;;) {
		line += strspn(line, " \t\r\n");
		if (!*line || *line == '#')
			return count;
		if (count == MAX_WORDS) {
			set_error(CGG_USAGE, "too many words");
			return -1;
		}
		word[count++] = line;
		if (*line == '"') {
			word[count - 1] = line + 1;
			line = word_unquote(line + 1);
			if (!line)
				return -1;
			if (*line && !strchr(" \t\r\n", *line)) {
				set_error(CGG_USAGE, "%.80s: no blank after a quote", line);
				return -1;
			}
			continue;
		}
		line += strcspn(line, " \t\r\n");
		if (*line)
			*line++ = 0;
	}
}

int rule_line(struct cgg_rule *rule, char *line)
{
	char *word[MAX_WORDS];
	int count = line_split(line, word);

	return count < 0 ? CGG_USAGE : rule_parse(rule, count, word);
}

int mode_parse(struct cgg_rules *rules, int count, char *const word[])
{
	bool audit = count == 1 && !strcmp(word[0], "audit");

	if (!audit && (count != 1 || strcmp(word[0], "enforce")))
		return set_error(CGG_USAGE, "mode: needs enforce or audit");
	rules->audit = audit;
	return 0;
}

int default_parse(struct cgg_rules *rules, int count, char *const word[])
{
	unsigned hooks;
	__u8 verdict;
	int status;

	if (count != 2)
		return set_error(
			CGG_USAGE,
			"default: needs hooks and a verdict: default HOOK[,HOOK] allow|deny|alert");
	status = hooks_parse(&hooks, word[0]);
	if (!status)
		status = verdict_parse(&verdict, word[1]);
	if (status)
		return status;
	for (int i = 0; i < CGG_HOOKS; i++)
		if (hooks & 1u << i && cgg_hooks[i].observe_only && verdict == CGG_DENY)
			return set_error(CGG_USAGE, "%s: the kernel lets no program deny here",
					 cgg_hooks[i].word);
	for (int i = 0; i < CGG_HOOKS; i++)
		if (hooks & 1u << i)
			rules->defaults[i] = verdict;
	return 0;
}

static int line_read(struct cgg_rules *rules, char *line)
{
	char *word[MAX_WORDS];
	struct cgg_rule rule;
	int count = line_split(line, word), status;

	if (count <= 0)
		return count ? CGG_USAGE : 0;
	if (!strcmp(word[0], "default"))
		return default_parse(rules, count - 1, word + 1);
	if (!strcmp(word[0], "mode"))
		return mode_parse(rules, count - 1, word + 1);
	status = rule_parse(&rule, count, word);
	if (!status)
		status = rule_accept(&rule, false);
	return status ? status : rules_add(rules, &rule);
}

/* Return whether the first line of a file begins with a byte order mark of UTF-16. */
static bool is_utf16(const char *line)
{
	return !strncmp(line, "\xff\xfe", 2) || !strncmp(line, "\xfe\xff", 2);
}

/* Read one line of `len` bytes; skip the UTF-8 byte order mark of the first line. */
static int text_line(struct cgg_rules *rules, char *line, size_t len, unsigned long number)
{
	bool mark = number == 1 && !strncmp(line, "\xef\xbb\xbf", 3);

	if (number == 1 && is_utf16(line))
		return set_error(CGG_USAGE, "the file is UTF-16; save it as UTF-8");
	return strlen(line) == len ? line_read(rules, line + 3 * mark)
				   : set_error(CGG_USAGE, "a line has a NUL byte");
}

int file_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors)
{
	size_t size = 0, room = 0;
	FILE *out = open_memstream(errors, &size);
	char *line = 0;
	int worst = 0;
	ssize_t len;

	if (!out)
		return set_error(CGG_FAILED, "%s: %s", name, strerror(errno));
	for (unsigned long number = 1; (len = getline(&line, &room, file)) >= 0; number++) {
		int status;

		if (len && line[len - 1] == '\n')
			line[--len] = 0;
		status = text_line(rules, line, (size_t)len, number);
		if (status)
			error_put(out, name, number);
		else
			note_put(out, name, number);
		progress("lines read", number);
		if (status > worst)
			worst = status;
		if (status == CGG_FAILED || (number == 1 && is_utf16(line)))
			break;
	}
	if (ferror(file)) {
		worst = set_error(CGG_FAILED, "%s", strerror(errno));
		error_put(out, name, 0);
	}
	free(line);
	fclose(out);
	return worst;
}

/* Print the mode line, and a default line for each verdict other than allow. */
void settings_print(const __u8 defaults[CGG_HOOKS], bool audit, char text[CGG_SETTINGS_TEXT])
{
	size_t used = (size_t)sprintf(text, "%s", audit ? "mode audit\n" : "");

	for (int verdict = CGG_ALERT; verdict <= CGG_DENY; verdict++) {
		unsigned hooks = 0;
		char words[256];

		for (unsigned i = 0; i < CGG_HOOKS; i++)
			if (defaults[i] == verdict)
				hooks |= 1u << i;
		hooks_print(hooks, words, sizeof(words));
		if (hooks)
			used += (size_t)snprintf(text + used, CGG_SETTINGS_TEXT - used,
						 "default %s %s\n", words, cgg_verdicts[verdict]);
	}
}
