/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* edit.h - what the files that find a shortest edit share. */
#ifndef CGG_EDIT_H
#define CGG_EDIT_H

#include "util.h"

/* The elements of one list that are compared, and their places in it. */
struct side {
	__u32 *value, *place;
	unsigned count;
	bool *edited; /* by place */
};

/* A part of both lists. */
struct part {
	const __u32 *one, *other;
	long ones, others;
};

/* common.c */
struct common;
struct common *common_begin(long others, unsigned values); /* 0: no memory */
void common_find(struct common *c, struct side side[2], struct part p);
void common_end(struct common *c);
void part_strip(struct side side[2], struct part *p);

#endif
