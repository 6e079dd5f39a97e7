/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lookup.h - helpers to walk an index (contract/refs.h). The number of steps hardly depends on the
 * number of rules.
 *
 * The verifier checks a global function once, whatever the number of calls. Such functions take and
 * return only scalars, and a context.
 */
#ifndef CGG_LOOKUP_H
#define CGG_LOOKUP_H

#include <bpf/bpf_endian.h>

#include "maps.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* join - Return a word whose first four bytes in memory are those of first. */
static __always_inline __u64 join(__u32 first, __u32 second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)second << 32 | first;
#else
	return (__u64)first << 32 | second;
#endif
}

/*
 * as_unknown - Return x as an unknown scalar: drop the verifier's bounds on it. any: a word that
 * the verifier does not know. Without this, it follows the rest of the program once for each bound.
 */
static __always_inline __u64 as_unknown(__u64 x, __u64 any)
{
#if defined(__bpf__) /* the unit tests compile this for the processor */
	asm volatile("%0 ^= %1\n\t%0 ^= %1" : "+r"(x) : "r"(any));
#else
	(void)any;
#endif
	return x;
}

/* Keep clang from copying the fields of *x to the stack, which has only 512 bytes. */
#define IN_MEMORY(x) asm volatile("" : : "r"(x) : "memory")

/* The rest of a query, packed into one word: an argument of a walk beside the key. */
#define QUERY(q, access_bit)                                                                       \
	((__u64)(q)->select << 32 | (__u32)(q)->port << 16 | (__u32)(q)->hook << 8 | (access_bit))
#define QUERY_SELECT(query) ((__u32)((query) >> 32))
#define QUERY_PORT(query) ((__u32)((query) >> 16 & 0xffff))
#define QUERY_HOOK(query) ((__u32)((query) >> 8 & 15))
#define QUERY_ACCESS(query) ((__u32)((query)&7))

/* A rule that was found, and its action; 0: none. */
#define FOUND(rule, action) CGG_REF(CGG_REF_RULE, action, rule)

/* page_with - Return the page with a unit of an index, or 0; *place: its offset there, in bytes. */
static __always_inline char *page_with(void *index, __u32 unit, __u32 *place)
{
	__u32 page = unit >> 9;

	*place = (unit & 511) << 3;
	return bpf_map_lookup_elem(index, &page);
}

static __always_inline struct cgg_action *action_at(void *index, __u32 action)
{
	__u32 page = action / CGG_PAGE_ACTIONS;
	char *there = bpf_map_lookup_elem(index, &page);

	return there ? (struct cgg_action *)there + action % CGG_PAGE_ACTIONS : 0;
}

static __always_inline struct cgg_record *record_at(void *index, const struct cgg_index *head,
						    __u32 rule)
{
	__u32 page = head->records + rule / CGG_PAGE_RECORDS;
	char *there = bpf_map_lookup_elem(index, &page);

	return there ? (struct cgg_record *)there + rule % CGG_PAGE_RECORDS : 0;
}

static __always_inline __u64 word_at(const char *page, __u32 place)
{
	return *(const __u64 *)(page + (place & 0xff8));
}

static __always_inline __u64 ref_at(void *index, __u32 unit)
{
	__u32 place;
	const char *page = page_with(index, unit, &place);

	return page ? word_at(page, place) : 0;
}

/*
 * The verifier follows each turn of a loop. So a long walk takes some of its steps in one function,
 * which returns where to go on, and is called again with that.
 */
#define DESCEND_STEPS 6 /* digits */
#define OWN_STEPS 16 /* items of a list */
#define NODE_STEPS 16
#define NODE_MORE 8 /* a kind of reference: the rule found so far (CGG_LOW: none), the next node */

/* is_interior - Return whether a reference leads on along the key. */
static __always_inline int is_interior(__u64 ref)
{
	return CGG_REF_KIND(ref) - CGG_REF_INTERVALS <= CGG_REF_POINTS - CGG_REF_INTERVALS;
}

#endif
