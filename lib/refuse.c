// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* refuse.c - why a function said no: one sentence, the thing first. */
#include <stdarg.h>

#include "cgg.h"

char cgg_why[CGG_WHY];

int refuse(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(cgg_why, sizeof(cgg_why), format, args);
	va_end(args);
	return status;
}

void (*cgg_progress)(const char *doing, unsigned long done);

/* progress - cheap enough for every rule: each 65536th is told */
void progress(const char *doing, unsigned long done)
{
	if (cgg_progress && done && done % 65536 == 0)
		cgg_progress(doing, done);
}
