/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* entries.h - functions that entries.c shares with the files that it uses. */
#ifndef CGG_INDEX_ENTRIES_H
#define CGG_INDEX_ENTRIES_H

#include "index.h"

#define NO_ROOM ((__u32)-1)

/* heap.c */
__u32 heap_put(struct cgg_rules *rules, const char *text, size_t room);

/* entry.c */
__u8 compile_access(const struct cgg_rule *rule);
int name_put(struct cgg_rules *rules, struct cgg_entry *e, const char *name, size_t len);
int compile_what(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rule *rule);

/* entries.c */
int rules_take_entry(struct cgg_rules *rules, struct cgg_entry *e, const char *heap);

#endif
