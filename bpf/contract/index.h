/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* index.h - the nodes of an index. */
#ifndef CGG_CONTRACT_INDEX_H
#define CGG_CONTRACT_INDEX_H

#include "refs.h"

enum cgg_space {
	CGG_SPACE_IPV4,
	CGG_SPACE_IPV6,
	CGG_SPACE_UNIX, /* and by the hook's number */
	/* of paths and questions that may mean any, and packets of which no address is known */
	CGG_SPACE_VAGUE = CGG_SPACE_UNIX + CGG_HOOKS - CGG_UNIX,
	CGG_SPACE_HOST, /* names of addresses */
	CGG_SPACE_SET, /* sets: its root is the place of CGG_SETS_OF references */
	CGG_SPACES
};

struct cgg_index {
	__u32 number; /* place in indexes + 1; 0: there is none */
	__u32 hooks; /* 1 << enum cgg_hook, of its rules */
	__u32 rules;
	__u32 dead; /* deleted since, those whose bit is set */
	__u32 first_id; /* rule i has id first_id + i; 0: see its record */
	__u32 actions;
	__u32 records; /* first page of struct cgg_record by rule */
	__u32 bits; /* first page of a bit for each rule: 1, deleted */
	__u32 hashes; /* first page of words_hash() of each rule's words */
	__u32 heap; /* first page of the texts */
	__u32 kept; /* first page of struct cgg_kept */
	__u32 entries; /* as many of these */
	__u32 pages;
	__u32 by_name; /* a rule has CGG_BY_NAME */
	__u32 by_owner; /* a node is by a user or a group */
	__u32 limited; /* a rule has a limit */
	__u64 sets; /* 1 << place in the image, of those that its rules use */
	__u64 root[CGG_ARRAY_MOST]; /* by enum cgg_space */
};

/* The condition and the verdict that many rules share. */
struct cgg_action {
	struct cgg_condition condition;
	__u8 verdict;
	__u8 quiet;
	__u16 error;
	__u8 zero[124 - sizeof(struct cgg_condition)]; /* a power of two divides a page */
};
#define CGG_PAGE_ACTIONS (CGG_PAGE / sizeof(struct cgg_action))

struct cgg_item {
	__u32 rule;
	__u32 action; /* and the access bits: CGG_ITEM_ACCESS */
	__u16 port_min;
	__u16 port_max;
	__u16 hooks; /* and CGG_ITEM_* */
	__u16 proto;
};
#define CGG_ITEM_PROTO (1u << CGG_HOOKS_MOST) /* it has one: the lower half of select */
#define CGG_ITEM_PLAIN (2u << CGG_HOOKS_MOST) /* the item holds its whole condition */
#define CGG_ITEM_ACCESS_AT 27
#define CGG_ITEM_ACCESS(action) ((action) >> CGG_ITEM_ACCESS_AT)
#define CGG_ITEM_ACTION(action) ((action) & ((1u << CGG_ITEM_ACCESS_AT) - 1))

struct cgg_node {
	__u64 own; /* PLAIN, RULE, LIST; or CGG_OWN_DEPTH INTERVALS or POINTS that end there */
	__u64 next; /* the next shorter prefix with rules; NONE: there is none */
	__u32 best; /* the first rule of all shorter prefixes */
	__u32 zero[3];
};

struct cgg_path {
	__u64 value[2];
	__u64 mask[2];
	__u64 yes;
	__u64 no;
};

/* Text is in units of 8 bytes from the heap's first page; a label lies before it. */
struct cgg_record {
	__u32 id;
	__u32 text;
	__u32 action;
	__u32 len : 30; /* bytes of text */
	__u32 labelled : 1;
	__u32 shadows : 1; /* rules that it hides where they stand beside it were left out */
};
#define CGG_PAGE_RECORDS (CGG_PAGE / sizeof(struct cgg_record))

/*
 * What an entry has beside the record and the action of its rule. Programs do not read it:
 * commands compile the entries again, with others, into the next index.
 */
struct cgg_kept {
	__u64 value[2];
	__u32 select, select_mask;
	__u32 operand; /* in units of 8 bytes from the heap's first page; 0: the value is all */
	__u32 action; /* its first form's, which has the rest of its condition */
	__u16 port_min, port_max;
	__u16 bits; /* that are compared, one behind the other */
	__u8 skip; /* bytes before those bits */
	__u8 access : 7;
	__u8 begins : 1; /* it is the first entry of the next rule */
};

CGG_SAME(sizeof(struct cgg_action) == 128 && CGG_PAGE % sizeof(struct cgg_action) == 0);
CGG_SAME(sizeof(struct cgg_item) == 16);
CGG_FITS((2u << CGG_HOOKS_MOST) <= 0xffff && CGG_ITEM_ACCESS_AT + CGG_ACCESS_MOST <= 32);
CGG_FITS(CGG_KNOWN_BITS *(__u64)CGG_INDEX_RULES < 1ULL << CGG_ITEM_ACCESS_AT);
CGG_SAME(sizeof(struct cgg_node) == 32);
CGG_SAME(sizeof(struct cgg_path) == 48);
CGG_SAME(sizeof(struct cgg_record) == 16 && CGG_PAGE % sizeof(struct cgg_record) == 0);
CGG_SAME(sizeof(struct cgg_kept) == 40);
CGG_SAME(CGG_LIST_MOST * sizeof(struct cgg_item) <= CGG_PAGE);
CGG_SAME(sizeof(struct cgg_index) == 200);
CGG_FITS(CGG_SPACES <= CGG_ARRAY_MOST);

#endif
