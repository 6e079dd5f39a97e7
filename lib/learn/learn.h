/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* learn.h - turns events into a policy file. */
#ifndef CGG_LEARN_H
#define CGG_LEARN_H

#include "../words/words.h"

/* learn.c: events -> a policy file that allows them */
struct json_t;
typedef const char *learn_set(const __u8 addr[16], const char *name); /* 0: none contains it */
struct cgg_learn { /* the caller sets the first six, and zeroes the others */
	const char *policy; /* take only events of this policy; 0: all must be of one */
	const char *cgroup; /* take only this path in the mount, and below; 0: all of one */
	bool denied; /* take only denied operations, not only allowed ones */
	bool users; /* allow a call only to the users who made it */
	bool answers; /* allow answers of servers by their source port, to any port */
	learn_set *set_of; /* write an address, or else a name, as a set; 0: do not */
	void *tree;
	struct json_t *policies, *cgroups; /* the names in the chosen events */
	struct json_t *paths; /* cgroup id -> path */
	struct json_t *resolvers; /* addresses that were asked for names */
	struct json_t *flows; /* connections that ended: where to, and how much */
	unsigned unique, hooks; /* hooks: those with events */
	__u64 events, lost, skipped, unchosen; /* skipped: denials */
};
struct cgg_widen { /* prefix lengths, and the largest gap between ports; 32, 128, 0: do not widen */
	unsigned prefix4, prefix6, gap;
	unsigned labels; /* names that share so many last labels become one; 0: none */
};
int learn_line(struct cgg_learn *learn, const char *line, size_t len); /* CGG_NO: no rule for it */
int learn_check(const struct cgg_learn *learn); /* CGG_USAGE: several policies or cgroups */
int learn_write(struct cgg_learn *learn, const struct cgg_widen *widen, FILE *file); /* once */
void learn_free(struct cgg_learn *learn);

/* join.c: rules -> fewer rules with lists, which match the same operations */
struct cgg_joining {
	const char *(*apart)(const struct cgg_rule *rule); /* what else keeps rules apart */
	void (*merge)(struct cgg_rule *into, struct cgg_rule *from); /* `from' is given up */
};
int rules_join(struct cgg_rule **rule, unsigned *count, const struct cgg_joining *how);

#endif
