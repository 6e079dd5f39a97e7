/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bindings.h - the maps in which the addresses of a cgroup have names. */
#ifndef CGG_BINDINGS_H
#define CGG_BINDINGS_H

#include "../words/words.h"

/* names.c: the maps with the names of a cgroup */
enum cgg_names_map { CGG_BINDINGS, CGG_KNOWN };
int names_get(enum cgg_names_map map, __u64 id);
int names_make(__u64 id, __u32 room);
void names_drop(__u64 id); /* if they exist */
bool names_there(__u64 id);
void names_each(void sweep(void *context, __u64 id), void *context);
bool names_loaded(void); /* whether the programs for names are loaded */
__u64 netns_cookie(void);

/* bindings.c: what is in them; CGG_NO: the cgroup has no such maps */
struct cgg_binding {
	__u8 addr[16];
	__u64 netns; /* cookie of the network namespace */
	char name[CGG_OPERAND]; /* in lower case, without a dot at its end */
	__u64 expires; /* CLOCK_BOOTTIME, ns */
	bool alias, by_hand; /* further on in a chain of CNAMEs; by binding_add(), not an answer */
};
typedef int binding_each(void *context, const struct cgg_binding *binding);
int bindings_read(__u64 id, binding_each *each, void *context);
struct cgg_bound_before { /* what binding_add() changed */
	__u64 id;
	struct cgg_where where;
	struct cgg_bound bound;
	bool had;
};
int binding_add(__u64 id, const struct cgg_binding *binding, struct cgg_bound_before *before);
int binding_undo(const struct cgg_bound_before *before);
int bindings_flush(__u64 id);
struct cgg_fill { /* by_hand: names that binding_add() gave; room: for addresses, and for names */
	__u64 addresses, names, by_hand, room;
};
int bindings_count(__u64 id, struct cgg_fill *fill);

#endif
