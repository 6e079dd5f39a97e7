// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* error.c - why a function said no: one sentence, the thing first. */
#include <stdarg.h>

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

/* line_put - one line of what is said of a line of the file `name`, or (0) of all of it */
static void line_put(FILE *errors, const char *name, size_t line, const char *sentence)
{
	char text[4096 + CGG_ERROR], visible[CGG_VISIBLE * sizeof(text) + 1];
	int len = line ? snprintf(text, sizeof(text), "%s:%zu: %s", name, line, sentence)
		       : snprintf(text, sizeof(text), "%s: %s", name, sentence);

	if (len < 0)
		return;
	text_visible(visible, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
	fprintf(errors, "%s\n", visible);
}

/* error_put - writes cgg_error as one line */
void error_put(FILE *errors, const char *name, size_t line)
{
	line_put(errors, name, line, cgg_error);
}

/* note_put - writes cgg_note as one line, if there is one, and forgets it */
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

/* progress - cheap enough for every rule: each 65536th is told */
void progress(const char *doing, unsigned long done)
{
	if (cgg_progress && done && done % 65536 == 0)
		cgg_progress(doing, done);
}
