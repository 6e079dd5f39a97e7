// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* error.c - the error and warning of the last call: one sentence that begins with the thing. */
#include <stdarg.h>
#include <stdlib.h>

#include "util.h"

char cgg_error[CGG_ERROR];

int set_error(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(cgg_error, sizeof(cgg_error), format, args);
	va_end(args);
	return status;
}

char cgg_note[CGG_ERROR];

void note_set(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(cgg_note, sizeof(cgg_note), format, args);
	va_end(args);
}

/* Write "NAME:LINE: SENTENCE" as one line that is safe for a terminal; line 0: no line number. */
static void line_put(FILE *errors, const char *name, size_t line, const char *sentence)
{
	char *text, *visible;
	int len = line ? asprintf(&text, "%s:%zu: %s", name, line, sentence)
		       : asprintf(&text, "%s: %s", name, sentence);

	if (len < 0)
		return;
	visible = malloc(CGG_VISIBLE * (size_t)len + 1);
	if (visible) {
		text_visible(visible, text, (size_t)len);
		fprintf(errors, "%s\n", visible);
	}
	free(visible);
	free(text);
}

/* Write cgg_error as one line about this line of the file, or with line 0 about the whole file. */
void error_put(FILE *errors, const char *name, size_t line)
{
	line_put(errors, name, line, cgg_error);
}

/* Write cgg_note as one line like error_put(), unless it is empty, and clear it. */
void note_put(FILE *errors, const char *name, size_t line)
{
	char sentence[CGG_ERROR + 16];

	if (!*cgg_note)
		return;
	snprintf(sentence, sizeof(sentence), "warning: %s", cgg_note);
	line_put(errors, name, line, sentence);
	*cgg_note = 0;
}

void (*cgg_progress)(const char *doing, unsigned long done);

/* Report progress for each 65536th item only, so that it is cheap enough to call for every rule. */
void progress(const char *doing, unsigned long done)
{
	if (cgg_progress && done && done % 65536 == 0)
		cgg_progress(doing, done);
}
