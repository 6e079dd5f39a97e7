/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * build.h - the builder that the files that compile an index share.
 *
 * build_fail() records the first failure. Functions called after it do nothing, so that callers
 * check `failed` only once, at the end or before they use memory.
 */
#ifndef CGG_BUILD_H
#define CGG_BUILD_H

#include <stdlib.h>
#include <string.h>

#include "index.h"

#define NONE ((__u32)-1)
#define FEW 8 /* at most so many rules of one prefix form a plain list */
#define CLASSES CGG_LIST_MOST /* conditions that share one set of intervals: one list */
#define MANY 512 /* rules that a later rule is compared with, to bound the time */

/* A rule at a prefix. high and low are the first 16 bytes of the key, in host byte order. */
struct item {
	__u64 high, low;
	const __u8 *name; /* of a long one: CGG_OPERAND bytes; 0: high and low are all */
	__u32 rule, action;
	__u16 port_min, port_max;
	__u16 bits, hooks;
};

/* A prefix and its rules. */
struct prefix {
	__u32 first, count; /* its items */
	__u32 parent; /* the next shorter prefix; NONE: none */
	__u32 best; /* the first rule of this prefix and all shorter ones */
	__u16 bits;
	__u16 depth; /* nodes from here through all shorter prefixes */
	__u64 ref; /* its first node; intervals inside the prefix lead there */
	/* If that node is a list: its rules, with those of shorter prefixes that it includes */
	__u32 list, listed; /* in the builder's listed items */
	__u64 rest; /* the reference after that list */
	__u32 rest_best;
	__u16 rest_depth;
};

struct interval {
	__u32 last;
	__u64 ref;
};

/* The nodes of one prefix, in the order of the walk. */
struct chain {
	__u64 own[CGG_CHAIN];
	__u32 best[CGG_CHAIN]; /* the first rule of each */
	__u32 count;
};

struct builder {
	const struct cgg_rules *rules;
	char *memory;
	__u64 used, room; /* units of 8 bytes */
	struct item *item;
	__u32 items, items_room;
	struct prefix *prefix;
	struct interval *interval;
	__u32 intervals, intervals_room;
	const struct item **listed;
	__u32 listed_count, listed_room;
	struct cgg_action *action;
	__u32 actions, actions_room;
	__u32 *action_hash, hash_size;
	__u8 *shadows; /* by rule: 1 if it hides another rule, see struct cgg_record */
	struct chain chain;
	unsigned steps; /* of a walk through all prefixes of a space */
	bool failed, by_owner; /* by_owner: a node is by users or groups */
};

/* condition.c */
int condition_compare(const struct cgg_condition *a, const struct cgg_condition *b);
bool condition_is_plain(const struct cgg_condition *c, bool by_proto);
bool condition_implies(const struct cgg_condition *c, const struct cgg_condition *wider);

/* memory.c */
void build_fail(struct builder *b, const char *why);
void build_refuse(struct builder *b, __u32 rule, const char *why);
void *build_grow(struct builder *b, void *array, __u32 count, __u32 *room, size_t size);
__u32 build_take(struct builder *b, __u64 units, __u32 align, bool together);
void *build_unit(struct builder *b, __u64 at);

/* actions.c */
__u32 *actions_of(struct builder *b, const struct cgg_rules *rules, struct cgg_index *head);
__u32 action_unknown(struct builder *b, __u32 action, bool value);

/* items.c */
void items_of(struct builder *b, const struct cgg_rules *rules, const __u32 *actions,
	      unsigned hooks, int space);
int key_compare(const struct item *a, const struct item *b);
void items_sort(struct builder *b, int space);

/* intervals.c: intervals of 0..65535 -> a reference to an interval node or points */
void interval_add(struct builder *b, __u32 mark, __u32 last, __u64 ref);
__u64 intervals_put(struct builder *b, __u32 mark, unsigned digit, bool outermost);

/* records.c */
void records_put(struct builder *b, const struct cgg_rules *rules, const __u32 *actions,
		 struct cgg_index *head);

/* number_rules.c: the rules of one prefix by numbers that they name, of so many kinds */
#define NUMBER_KINDS 7
typedef bool numbers_put(void *context, const struct item **item, __u32 count, __u64 *ref);
bool asks_number(const struct builder *b, const struct item *item, unsigned kind);
__u32 numbers_arrange(struct builder *b, unsigned kind, const struct item **item, __u32 count,
		      numbers_put *put, void *context, __u64 *ref, __u32 *best);

/* prefix_rules.c: the rules of one prefix -> a chain of nodes */
int by_rule(const void *first, const void *second); /* compares pointers to items, for qsort(3) */
void lists_chain(struct builder *b, struct chain *chain, const struct item **item, __u32 count);
void denials_merge(struct builder *b);
void many_chain(struct builder *b, struct chain *chain, const struct item **item, __u32 count);

#endif
