// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * words.c - fuzz the words of a rule as a shell passes them, each ending in a zero byte: they
 * are read, or refused with a message. What was read is written, and means the same when read
 * again; a question can be made of it, or not.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cgg.h"

#define WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* written_again - return what rule_print() makes of its own words */
static void written_again(const char *text)
{
	char line[CGG_RULE_TEXT], again[CGG_RULE_TEXT];
	struct cgg_rule rule;

	strcpy(line, text);
	if (rule_line(&rule, line))
		abort();
	strcpy(again, rule_print(&rule));
	if (strcmp(text, again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy, *word[WORDS], text[CGG_RULE_TEXT];
	struct cgg_rule rule;
	struct cgg_ask ask;
	int count = 0, status;

	if (memchr(data, '\n', size)) /* no name of the kernel has it, and it ends a line */
		return 0;
	copy = malloc(size + 1);
	memcpy(copy, data, size);
	copy[size] = 0;
	for (size_t i = 0; i < size && count < WORDS; i += strlen(copy + i) + 1)
		word[count++] = copy + i;
	*cgg_error = 0;
	status = rule_parse(&rule, count, word);
	if (status && !*cgg_error)
		abort();
	if (!status) {
		strcpy(text, rule_print(&rule));
		if (*rule.operand != '/' || !(rule.hooks & 1u << CGG_DEVICE))
			written_again(text); /* the path of a device becomes its number first */
		if (query_make(&ask, &rule, rule.matches & CGG_MATCH_HOST) && !*cgg_error)
			abort();
	}
	free(copy);
	return 0;
}
