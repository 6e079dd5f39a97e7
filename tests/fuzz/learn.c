// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * learn.c - fuzz the reader of events: whatever they hold, the output is a policy file of
 * defaults that deny and rules that allow, one a line and no more than there were events. The
 * first three bytes choose how far to widen.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cgg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct cgg_learn *learn, char *text, size_t size)
{
	FILE *in = fmemopen(text, size, "r");
	struct cgg_rules rules;
	unsigned lines = 0, comments = 0, denied = 0;
	char *errors = 0;

	rules_begin(&rules);
	if (file_read(&rules, in, "fuzz", &errors))
		abort();
	fclose(in);
	free(errors);
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	for (size_t i = 0; i < size; i++)
		comments += (text[i] == '#' || !strncmp(&text[i], "resolver ", 9)) &&
			    (!i || text[i - 1] == '\n'); /* and other lines that are no rule */
	for (unsigned i = 0; i < CGG_HOOKS; i++)
		denied |= (unsigned)(rules.defaults.verdict[i] == CGG_DENY) << i;
	if (denied != learn->hooks || rules.audit || rules.rules > learn->unique ||
	    lines - comments != (denied != 0) + rules.rules)
		abort();
	for (unsigned i = 0; i < rules.count; i++)
		if (rules.entry[i].verdict != CGG_ALLOW || rules.entry[i].condition.hooks & ~denied)
			abort();
	rules_free(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgg_learn learn = { 0 };
	struct cgg_widen widen;
	char *text = 0;
	size_t length;
	FILE *out;

	if (size < 3)
		return 0;
	widen = (struct cgg_widen){ data[0] % 33, data[1] % 129, data[2], 0 };
	learn.users = data[0] > 127;
	learn.answers = data[1] > 127;
	data += 3;
	size -= 3;
	for (size_t len; size; data += len, size -= len) {
		const uint8_t *end = memchr(data, '\n', size);

		learn_line(&learn, (const char *)data, end ? (size_t)(end - data) : size);
		len = end ? (size_t)(end - data) + 1 : size;
	}
	out = open_memstream(&text, &length);
	if (learn_write(&learn, &widen, out))
		abort();
	fclose(out);
	check(&learn, text, length);
	free(text);
	learn_free(&learn);
	return 0;
}
