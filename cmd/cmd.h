/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd.h - functions that the commands share, and those of commands with several files. */
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

/* say.c: like err(3), but control characters in a message are escaped */
#define PRINTF(n) __attribute__((format(printf, n, n + 1)))
void warn(const char *format, ...) PRINTF(1);
void warnx(const char *format, ...) PRINTF(1);
_Noreturn void err(int status, const char *format, ...) PRINTF(2);
_Noreturn void errx(int status, const char *format, ...) PRINTF(2);

/* cmd.c */
void start(char **argv); /* call this first */
void hand_on(void); /* before execve(2): restore the environment and limits of the caller */
int option_next(int argc, char **argv, const char *letters, const struct option *options);
void common_option(int option, const char *usage); /* handle -h, -V or a wrong option: exit */
bool wants_color(void); /* whether stdout is a terminal with colors, and NO_COLOR is not set */
void middle_cut(char *text, size_t columns, const char *gap, size_t wide);
_Noreturn void die(int status); /* print cgg_error and exit */

/* need.c, of cgg-attach, cgg-rule and cgg-run */
int programs_need(const struct cgg_rules *rules);
#define LOAD_ADDS                                                                                  \
	"CGG_LOAD_ADDS" /* in the environment: cgg-load adds programs, but makes no guard */
#define NO_RESOLVER "without a line `resolver' no answer of DNS counts"
void resolver_warn(struct cgg_guard *guard, int place);
unsigned hooks_lacking(void); /* 1 << enum cgg_hook; this kernel has no attach point for them */

/* attached.c, of cgg-detach, cgg-names and cgg-sockets */
int attached_find(struct cgg_guard *guard, const char *target, __u64 *id);

/* object.c, of cgg-load */
struct bpf_object;
struct object { /* a BPF object, and the programs of it that this kernel loads */
	struct bpf_object *bpf; /* 0: no program loads */
	unsigned programs; /* 1 << enum cgg_program; CGG_PROGRAMS is the program of cgg-rule test */
	unsigned no_point; /* programs that this kernel has no attach point for */
	int error[CGG_PROGRAMS + 1]; /* errno of the programs that do not load */
	bool names; /* the object of the programs for names */
	bool old, types; /* for kernels before 6.1; the kernel has type information (BTF) */
};
typedef void object_prepare(struct bpf_object *bpf); /* sets up its maps before it is loaded */
extern char **object_command; /* the arguments of this command, to start it again */
extern bool object_verbose; /* print the messages of libbpf and the verifier on stderr */
#define CGG_ASK (1u << CGG_PROGRAMS) /* in a mask of programs: the one of cgg-rule test */
#define CGG_ALL_PROGRAMS (CGG_ASK | (CGG_ASK - 1))
void object_probe(struct object *o);
void object_try(struct object *o, unsigned programs, object_prepare *prepare);
void object_load(struct object *o, unsigned programs, object_prepare *prepare);
int names_load(struct object *names, const struct object *o, object_prepare *prepare);
unsigned names_programs(void); /* those in the object for names, without those of other hooks */
bool hook_is_names(int hook); /* its programs are in the object for names */
void rings_prepare(struct bpf_object *bpf, __u32 slots);
void rings_small(struct bpf_object *bpf); /* for a trial load */
bool hook_loads(const struct object *o, int hook);

/* types.c, of object.c */
bool types_exist(void); /* the kernel has some */
bool types_have_global(int types); /* a BTF of the kernel has functions with global linkage */
const char *types_none(void); /* the path of a BTF without types, or 0 */
const char *types_for(bool exist);

/* renew.c, of cgg-load */
void make_directory(const char *directory, const char *below);
void pin_or_die(int fd, const char *directory, const char *name);
void value_write(struct bpf_object *object, const char *map, const void *value);
void programs_pin(struct bpf_object *object, const char *directory, unsigned except);
void absent_tell(const struct object *o, unsigned tried);
int hooks_add(unsigned hooks);
#define ANOTHER_REMOVED CGG_DIR ": another command removed the guard; try again"
void replace(struct cgg_guard *guard);

/* loads.c, of cgg-load */
int loads_print(object_prepare *prepare);
void hook_why(const struct object *o, int hook, char *text, size_t size);
_Noreturn void no_privilege(void);

/* effective.c, of cgg-status */
void effective_show(const char *target, bool json);

#endif
