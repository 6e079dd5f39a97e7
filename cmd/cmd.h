/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd.h - what every command begins and ends with. */
#ifndef CMD_H
#define CMD_H

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/cgg.h"

#define COMMON_LETTERS "hV"
#define COMMON_OPTIONS                                                                             \
	{ "help", 0, 0, 'h' }, { "version", 0, 0, 'V' },                                           \
	{                                                                                          \
		0, 0, 0, 0                                                                         \
	}

/* say.c: as in err(3), and nothing that a message quotes controls the terminal */
#define PRINTF(n) __attribute__((format(printf, n, n + 1)))
void warn(const char *format, ...) PRINTF(1);
void warnx(const char *format, ...) PRINTF(1);
_Noreturn void err(int status, const char *format, ...) PRINTF(2);
_Noreturn void errx(int status, const char *format, ...) PRINTF(2);
void say_begin(void);
void library_said(void);

void start(char **argv);
void hand_on(void); /* the surroundings, as they were before start(), to what is run */
void common_option(int option, const char *usage); /* -h, -V; anything else ends the command */
bool wants_color(void); /* of stdout: a terminal that has colors, whose user wants them */
_Noreturn void die(int status); /* with the sentence in cgg_why */

/* list.c, of cgg-rule */
enum list_form { LIST_PLAIN, LIST_IDS, LIST_STATS, LIST_JSON };
int policy_list(struct cgg_guard *guard, int place, const struct cgg_image *image,
		enum list_form form);

/* effective.c, of cgg-status */
void effective_show(const char *target, bool json);

#endif
