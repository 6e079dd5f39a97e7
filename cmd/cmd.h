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
_Noreturn void die(int status); /* with the sentence in cgg_error */

#define ALLOW_EVERYTHING "allow everything" /* the comment that says an empty policy is meant */

/* list.c, of cgg-rule */
enum list_form { LIST_PLAIN, LIST_IDS, LIST_STATS, LIST_JSON };
int policy_list(struct cgg_guard *guard, int place, const struct cgg_image *image,
		enum list_form form);

/* object.c, of cgg-load */
struct bpf_object;
struct object { /* what this kernel loads of a BPF object */
	struct bpf_object *bpf; /* 0: nothing */
	unsigned programs; /* 1 << enum cgg_program; CGG_PROGRAMS is the one of cgg-rule test */
	unsigned no_point; /* those that the kernel has no point for */
	int error[CGG_PROGRAMS + 1]; /* of the others */
	bool old, types;
};
typedef void object_prepare(struct bpf_object *bpf); /* its maps, before it is loaded */
extern bool object_verbose; /* what libbpf and the verifier say is shown on stderr */
void object_load(struct object *o, object_prepare *prepare);
void rings_prepare(struct bpf_object *bpf, __u32 slots);
bool hook_loads(const struct object *o, int hook);
void hook_why(const struct object *o, int hook, char *text, size_t size); /* not */
_Noreturn void no_privilege(void);

/* effective.c, of cgg-status */
void effective_show(const char *target, bool json);

#endif
