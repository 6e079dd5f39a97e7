// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * file.c - fuzz the policy file reader: any bytes are read or refused, and what was read is
 * written, read again, and written the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/written.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* take - read text; return the output of file_write() (free it), or 0 if it is refused */
static char *take(char *text, size_t size)
{
	FILE *in = size ? fmemopen(text, size, "r") : 0, *out;
	struct cgg_rules rules = { 0 };
	char *errors = 0, *written = 0;
	size_t length;
	int status;

	if (!in)
		return 0;
	status = file_read(&rules, in, "fuzz", &errors);
	fclose(in);
	if (status && !*errors)
		abort(); /* a refusal without a message */
	free(errors);
	for (unsigned i = 0; i < rules.count; i++)
		rules.entry[i].condition.expires = CGG_NEVER; /* time goes on, but the words stay */
	if (!status) {
		out = open_memstream(&written, &length);
		file_write(&rules, out);
		fclose(out);
	}
	rules_free(&rules);
	return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *first, *second;

	memcpy(copy, data, size);
	first = take(copy, size);
	if (first && *first) {
		second = take(first, strlen(first));
		if (!second || strcmp(first, second))
			abort();
		free(second);
	}
	free(first);
	free(copy);
	return 0;
}
