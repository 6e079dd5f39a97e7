/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* elements.h - functions of elements.c, for cgg-set and cgg-rule. */
#ifndef ELEMENTS_H
#define ELEMENTS_H

#include <jansson.h>

#include "cmd.h"

size_t set_print(struct cgg_table *table, FILE *file, bool with_ttl);
void set_json(struct cgg_table *table, json_t *list);

#endif
