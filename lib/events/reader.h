/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* reader.h - functions that reader.c, ring.c and suppressed.c share. */
#ifndef CGG_READER_H
#define CGG_READER_H

#include "events.h"

/* reader.c */
int map_open(const char *name, int *fd);

/* ring.c */
void reader_join(struct cgg_reader *reader, __u64 from);

#endif
