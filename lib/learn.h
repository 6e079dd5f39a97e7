/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* learn.h - what learn.c and widen.c share: one thing that events showed. */
#ifndef LEARN_H
#define LEARN_H

#include "cgg.h"

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

int seen_compare(const struct cgg_rule *a, const struct cgg_rule *b);
void seen_merge(struct seen *into, const struct seen *from);
int seen_widen(struct seen **list, unsigned *count, const struct cgg_widen *widen);

#endif
