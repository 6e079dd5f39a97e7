/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* util.h - helpers for all folders: errors, text of unknown origin, numbers, the clock. */
#ifndef CGG_UTIL_H
#define CGG_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "../../bpf/cgguard.h"

/* A number of 128 bits. For machines of 32 bits clang has one, and gcc has none. */
#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 cgg_wide;
#else
typedef unsigned _BitInt(128) cgg_wide;
#endif

/* error.c: errors, warnings and progress */
enum cgg_status { CGG_DONE, CGG_NO, CGG_USAGE, CGG_FAILED };
#define CGG_ERROR 1024
extern char cgg_error[CGG_ERROR];
int set_error(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
extern char cgg_note[CGG_ERROR]; /* a warning of a call that succeeded; empty: none */
void note_set(const char *format, ...) __attribute__((format(printf, 1, 2)));
void error_put(FILE *errors, const char *name, size_t line);
void note_put(FILE *errors, const char *name, size_t line);

/* Long operations call this with their progress; 0: the caller does not want to know. */
extern void (*cgg_progress)(const char *doing, unsigned long done);
void progress(const char *doing, unsigned long done);

/* errno.c: errors by name */
const char *errno_name(int error); /* like EPERM; 0: there is no such error */
int errno_parse(int *error, const char *word);

/* kernel.c: system calls that not every C library has, -1 with errno; the version */
int rename_new(const char *from, const char *to); /* EEXIST: `to` exists */
int rename_exchange(const char *one, const char *other);
bool mount_id(const char *path, __u64 *id);
bool kernel_since(unsigned major, unsigned minor);

/* visible.c: text of unknown origin, made safe for a terminal */
#define CGG_VISIBLE 4 /* one byte becomes at most so many */
size_t text_visible(char *text, const char *s, size_t len);
__u32 utf8_read(const __u8 *s, size_t len, size_t *step);
bool utf8_is_hidden(__u32 c);

/* text.c: text from outside */
char *text_escape(char *at, const __u8 *s, size_t len); /* for event lines; returns the end */
void text_print(char *text, const char *s); /* for event lines; needs four times the room of s */
void text_utf8(char *text, const char *s); /* for a JSON library; needs three times the room */
void text_one_line(char *text); /* in place */
char *slurp(FILE *file, size_t *size); /* the whole file and a NUL, to be freed; 0: see errno */

/* word.c: quoted words */
bool word_is_plain(const char *word);
size_t word_quote(char *text, const char *word, bool utf8); /* needs 4 * strlen(word) + 3 bytes */
char *word_unquote(char *in);
void word_unescape(char *word); /* in place; only \xNN, as commands print paths */

/* grow.c: make room for one more element of an array; 0 with cgg_error: it stays as it is */
void *grow(void *array, size_t count, size_t *room, size_t size);
void *grow_list(void *array, size_t count, size_t size); /* its room is a power of two */

/* edit.c: the shortest edit between two lists of numbers */
int shortest_edit(const __u32 *const list[2], const unsigned count[2], unsigned values,
		  bool *const edited[2]);

/* number.c: numbers and the clock */
int time_parse(__u64 *ns, const char *word); /* 90s, 10m, 2h, 1d: 0; no time: -1 */
int long_parse(__u64 *n, const char *word, size_t len, __u64 max); /* 0 or -1 */
int number_parse(unsigned long *n, const char *word, size_t len, unsigned long max); /* the same */
int by_number(const void *one, const void *other); /* compares two __u32, for qsort(3) */
__u64 time_now(void); /* CLOCK_BOOTTIME, ns */

#endif
