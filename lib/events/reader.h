/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* reader.h - functions of ring.c for reader.c. */
#ifndef CGG_READER_H
#define CGG_READER_H

#include "events.h"

/* ring.c */
void reader_join(struct cgg_reader *reader, __u64 from);

#endif
