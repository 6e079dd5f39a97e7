/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* seen.h - what the files of this folder share: one thing that events showed. */
#ifndef CGG_SEEN_H
#define CGG_SEEN_H

#include "learn.h"

#define SEEN_COMMS 4 /* program names that are kept for each rule */

struct seen {
	struct cgg_rule rule; /* allows what the events showed */
	__u64 count;
	unsigned comms;
	bool others; /* there were more names than comm[] has room for */
	bool widened; /* its net is more than one address */
	char comm[SEEN_COMMS][16];
	char first[32], last[32]; /* times of its events; "": none had a time */
};

#define COMPARE(a, b)                                                                              \
	if ((a) != (b))                                                                            \
	return (a) < (b) ? -1 : 1

/* allow.c */
const char *text_of(const struct json_t *event, const char *key); /* 0: none, or with a NUL */
int rule_of(struct cgg_rule *rule, const struct json_t *event, int hook);

/* widen.c */
int seen_compare(const struct cgg_rule *a, const struct cgg_rule *b);
void seen_merge(struct seen *into, const struct seen *from);
int seen_widen(struct seen **list, unsigned *count, const struct cgg_widen *widen);

#endif
