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
