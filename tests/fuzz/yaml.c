// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* yaml.c - fuzzes the YAML reader; what it takes, the policy file reader takes too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cgg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgg_rules rules = { 0 };
	char *errors = 0, text[CGG_RULE_TEXT];
	FILE *in;
	int status;

	if (!size)
		return 0;
	in = fmemopen((void *)(uintptr_t)data, size, "r");
	status = yaml_read(&rules, in, "fuzz", &errors);
	fclose(in);
	if (status && !*errors)
		abort();
	free(errors);
	for (unsigned i = 0; i < rules.count && !status; i++) {
		struct cgg_rule rule;

		if (!rules.entry[i].text_len)
			continue;
		snprintf(text, sizeof(text), "%.*s", rules.entry[i].text_len,
			 rules.heap + 8 * (size_t)rules.entry[i].text);
		if (rule_line(&rule, text))
			abort();
	}
	rules_free(&rules);
	return 0;
}
