/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* written.h - rules as a policy file has them, for tests that read them back */
#include <stdio.h>

#include "../../lib/cgg.h"

static inline void file_write(const struct cgg_rules *rules, FILE *file)
{
	char text[CGG_SETTINGS_TEXT > CGG_LINE_TEXT ? CGG_SETTINGS_TEXT : CGG_LINE_TEXT];

	settings_print(&rules->defaults, rules->audit, &rules->naming, text);
	fputs(text, file);
	for (unsigned i = 0; i < rules->count; i++) {
		const struct cgg_entry *e = &rules->entry[i];

		if (!e->text_len)
			continue;
		line_print(&(struct cgg_line){ .text = rules->heap + 8 * (size_t)e->text,
					       .len = e->text_len,
					       .expires = e->condition.expires },
			   text);
		fprintf(file, "%s\n", text);
	}
}
