/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rule.h - one rule as the kernel sees it, and what is decided where none matches. */
#ifndef CGG_CONTRACT_RULE_H
#define CGG_CONTRACT_RULE_H

#include "query.h"

/* Numbers of users or groups: from `from' to below `past'; past 0: any. */
struct cgg_ids {
	__u32 from, past;
};

/* Values that a call sets, by CGG_VALUE_OF(): from `from' to below `past'; past 0: any. */
struct cgg_values {
	__u64 from, past;
};

/*
 * The condition of a rule: everything that it asks for beside its prefix and its ports.
 *
 * Every byte counts, and a byte that is 0 asks for nothing: lib/index/condition.c compares
 * whole conditions, so a new match must be here, and in condition_differs() or
 * condition_holds() of bpf/condition.h.
 */
struct cgg_condition {
	__u64 expires; /* CGG_NEVER, or when it no longer matches */
	__u64 cgroup; /* 0: any; else the id of one that the task is in or below */
	__u32 select;
	__u32 select_mask;
	__u32 hooks; /* 1 << enum cgg_hook */
	__u8 access;
	__u8 level; /* of cgroup: 0 is the root */
	__u16 unknown; /* 1: matches an owner or a value that is not known */
	struct cgg_ids uid, gid;
	/* Of a packet. A range of ports is stored so that 0 and 0 mean any. */
	__u16 sport_min, sport_above; /* the last port is 65535 - sport_above */
	__u32 iface; /* 0: any */
	__u64 self[2], self_mask[2]; /* the address of this host */
	struct cgg_values value;
	/* The rule's id, if it is limited: the key of its bucket in the map limits. */
	__u32 limit;
	__u32 burst;
	__u64 interval; /* ns for each hit */
};
#define CGG_CONDITION_MORE __builtin_offsetof(struct cgg_condition, uid) /* to the end: 0 is any */
#define CGG_SPORT_MAX(c) (65535u - (c)->sport_above)
#define CGG_NEVER 0x7fffffffffffffffULL

/*
 * One rule as the kernel sees it. It matches when it has the query's hook and
 * access bit, the key and select equal the values under their masks, the port is in
 * [port_min, port_max], and the name equals the operand as far as this goes: from
 * word 2 up to operand_words, and under operand_last in the word there. Texts are
 * places in the heap, in units of 8 bytes; 0 is "". A rule may have several
 * entries; those behind its first have no text.
 */
struct cgg_entry {
	__u64 value[2];
	__u64 mask[2];
	__u32 id; /* 1 and up, never used twice in a policy */
	__u32 before; /* it stands before this rule of the index */
	__u16 port_min;
	__u16 port_max;
	__u8 verdict;
	__u8 quiet;
	__u8 error; /* errno of a denial, 0: EPERM */
	__u8 operand_words; /* 0: nothing to compare */
	struct cgg_condition condition;
	__u32 operand;
	__u32 label; /* of "name WORD", CGG_NAME bytes */
	__u32 text; /* the rule's words as rule_print() gives them */
	__u32 text_len; /* bytes, no NUL counted */
	__u64 operand_last;
};

/* What is decided where no rule matches, by enum cgg_hook. */
struct cgg_defaults {
	__u8 verdict[CGG_ARRAY_MOST]; /* enum cgg_verdict */
	__u8 error[CGG_ARRAY_MOST]; /* errno of a denial, 0: EPERM */
	__u32 quiet; /* 1 << enum cgg_hook: without an event */
	__u32 zero;
};

CGG_SAME(sizeof(struct cgg_defaults) == 2 * CGG_ARRAY_MOST + 8);
CGG_SAME(sizeof(struct cgg_condition) == 120);
CGG_SAME(CGG_CONDITION_MORE % 8 == 0);
CGG_SAME(sizeof(struct cgg_entry) == 192);

#endif
