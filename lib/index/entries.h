/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* entries.h - functions that entries.c shares with the files that it uses. */
#ifndef CGG_INDEX_ENTRIES_H
#define CGG_INDEX_ENTRIES_H

#include "index.h"

#define NO_ROOM ((__u32)-1)

/* heap.c */
__u32 heap_put(struct cgg_rules *rules, const char *text, size_t room);

/* spread.c */
struct cgg_spread {
	const struct cgg_rule *rule;
	struct cgg_prefixes nets, selfs;
	bool local; /* is one of the nets, before the sets and the prefixes */
	unsigned sets; /* so many of the nets */
	__u64 places; /* of these sets: 1 << place */
	unsigned entries;
};
int spread_begin(struct cgg_spread *spread, const struct cgg_rule *rule);
int spread_sets(struct cgg_spread *spread, struct cgg_rules *rules);
void spread_put(struct cgg_entry *e, const struct cgg_spread *spread);
void spread_free(struct cgg_spread *spread);

/* entry.c */
__u8 compile_access(const struct cgg_rule *rule);
int name_put(struct cgg_rules *rules, struct cgg_entry *e, const char *name, size_t len);
int compile_what(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rule *rule);

/* entries.c */
int rules_take_entry(struct cgg_rules *rules, struct cgg_entry *e, const char *heap);
/* used.c */
void set_put(struct cgg_entry *e, unsigned place);
int compile_set(struct cgg_rules *rules, struct cgg_entry *e, const char *name);
int set_take(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rules *from);

#endif
