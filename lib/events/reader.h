/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* reader.h - what the files about readers share. */
#ifndef CGG_READER_H
#define CGG_READER_H

#include "events.h"

/* ring.c */
void reader_join(struct cgg_reader *reader, __u64 from);

/* reader.c */
int ring_map(struct cgg_reader *reader); /* the records of ring 0, unless they are mapped */

#endif
