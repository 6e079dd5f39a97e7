/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* seen.h - struct seen, which this folder's files share: a rule and the events that it allows. */
#ifndef CGG_SEEN_H
#define CGG_SEEN_H

#include "learn.h"

#define SEEN_COMMS 4 /* how many program names are kept for each rule */

struct seen {
	struct cgg_rule rule; /* allows the operations of the events; id: of the one that denied */
	__u64 count;
	unsigned comms;
	bool others; /* more program names than comm[] has room for */
	bool widened; /* the prefix is more than one address */
	char comm[SEEN_COMMS][16];
	char first[32], last[32]; /* times of the first and last event; "": no event had a time */
};

#define COMPARE(a, b)                                                                              \
	if ((a) != (b))                                                                            \
	return (a) < (b) ? -1 : 1

/* allow.c */
const char *text_of(const struct json_t *event, const char *key); /* 0: none, or with a NUL */
int rule_of(const struct cgg_learn *learn, struct cgg_rule *rule, const struct json_t *event,
	    int hook);

/* names.c */
const char *resolver_of(const struct json_t *event, int hook);
void resolvers_write(const struct cgg_learn *learn, struct seen *const *list, unsigned count,
		     FILE *file);
unsigned labels_join(struct seen **list, unsigned count, unsigned labels);

/* flows.c */
int flow_take(struct cgg_learn *learn, const struct json_t *event);
int flows_write(const struct cgg_learn *learn, FILE *file);

/* sets.c */
unsigned sets_join(struct seen **list, unsigned count, learn_set *set_of);

/* widen.c */
int seen_compare(const struct cgg_rule *a, const struct cgg_rule *b);
void seen_merge(struct seen *into, const struct seen *from);
int seen_widen(struct seen **list, unsigned *count, const struct cgg_widen *widen);

#endif
