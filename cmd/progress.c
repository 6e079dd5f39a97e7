// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* progress.c - shows how far a long change has come, on the terminal of cgg-rule. */
#include <stdlib.h>
#include <unistd.h>

#include "rule.h"

static bool progress_shown;

/* Show progress on the terminal once the command has taken more than two seconds. */
static void progress_show(const char *doing, unsigned long number)
{
	static __u64 begin;

	if (!begin)
		begin = time_now();
	if (time_now() - begin < 2000000000ULL)
		return;
	dprintf(STDERR_FILENO, "\r\033[Kcgg-rule: %lu %s", number, doing);
	progress_shown = true;
}

static void progress_end(void)
{
	if (progress_shown)
		dprintf(STDERR_FILENO, "\r\033[K");
}

/* Show progress from now on, and clear the line when the command ends. */
void progress_begin(void)
{
	cgg_progress = progress_show;
	atexit(progress_end);
}
