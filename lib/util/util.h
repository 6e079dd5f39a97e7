/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* util.h - what every folder needs: errors, text of unknown origin, numbers, the clock. */
#ifndef CGG_UTIL_H
#define CGG_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "../../bpf/cgguard.h"

/* error.c: why not */
enum cgg_status { CGG_DONE, CGG_NO, CGG_USAGE, CGG_FAILED };
#define CGG_ERROR 1024
extern char cgg_error[CGG_ERROR];
int set_error(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
extern char cgg_note[CGG_ERROR]; /* what is to be said though it is done; empty: nothing */
void note_set(const char *format, ...) __attribute__((format(printf, 1, 2)));
void error_put(FILE *errors, const char *name, size_t line);
void note_put(FILE *errors, const char *name, size_t line);

/* error.c: how far it is, told now and then by what may take long; 0: nobody wants to know */
extern void (*cgg_progress)(const char *doing, unsigned long done);
void progress(const char *doing, unsigned long done);

/* visible.c: text of unknown origin, made safe for a terminal */
#define CGG_VISIBLE 4 /* bytes that one may become */
size_t text_visible(char *text, const char *s, size_t len);
__u32 utf8_read(const __u8 *s, size_t len, size_t *step);
bool utf8_is_hidden(__u32 c);

/* text.c: text that somebody else wrote */
char *text_escape(char *at, const __u8 *s, size_t len); /* as a line has it; returns its end */
void text_print(char *text, const char *s); /* as a line has it; four times the room of s */
void text_utf8(char *text, const char *s); /* for a JSON library; likewise */
char *slurp(FILE *file, size_t *size); /* all of it and a NUL; free it; 0, and errno */

/* word.c: a word between quotes */
bool word_is_plain(const char *word);
size_t word_quote(char *text, const char *word, bool utf8); /* four times the room of word, and 3 */
char *word_unquote(char *in);
void word_unescape(char *word); /* \xNN alone, as commands print paths; in place */

/* number.c: numbers and the clock */
int number_parse(unsigned long *n, const char *word, size_t len, unsigned long max); /* -1: no */
int by_number(const void *one, const void *other); /* compares two __u32, for qsort(3) */
__u64 time_now(void); /* CLOCK_BOOTTIME, ns */

#endif
