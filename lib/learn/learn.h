/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* learn.h - events -> a policy file that allows them. */
#ifndef CGG_LEARN_H
#define CGG_LEARN_H

#include "../words/words.h"

/* learn.c: events -> a policy file that allows them */
struct json_t;
struct cgg_learn { /* starts as all zero, but for the first three */
	const char *policy; /* take events of this policy alone; 0: there must be one only */
	const char *cgroup; /* this path below the mount, and cgroups below it; 0: one only */
	bool denied; /* take what was denied, and nothing else */
	void *tree;
	struct json_t *policies, *cgroups; /* the names that the chosen events had */
	struct json_t *paths; /* cgroup id -> path */
	unsigned unique, hooks; /* hooks: of which events came */
	__u64 events, lost, skipped, unchosen; /* skipped: denials */
};
struct cgg_widen { /* bits that addresses share, ports that may lie between; 32, 128, 0: not at all */
	unsigned prefix4, prefix6, gap;
};
int learn_line(struct cgg_learn *learn, const char *line, size_t len); /* CGG_NO: left out */
int learn_check(const struct cgg_learn *learn); /* CGG_USAGE: events of several policies */
int learn_write(struct cgg_learn *learn, const struct cgg_widen *widen, FILE *file); /* once */
void learn_free(struct cgg_learn *learn);

#endif
