/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lookup.h - the walk through an index (cgguard.h): flat for an address, and for what
 * else a rule asks a few steps more, from a hundred rules to millions.
 *
 * The functions that are not inline are looked at once by the verifier, whatever
 * the number of calls; they take and give numbers alone.
 */
#ifndef CGG_LOOKUP_H
#define CGG_LOOKUP_H

#include <bpf/bpf_endian.h>

#include "maps.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* join - the word whose first bytes in memory are those of first */
static __always_inline __u64 join(__u32 first, __u32 second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)second << 32 | first;
#else
	return (__u64)first << 32 | second;
#endif
}

/*
 * as_unknown - x, of which the verifier knows nothing any more; any is a word that it does not
 * know. What it knows it follows through all that comes, once for each way that led here.
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

/* page_with - the page that unit of an index lies in, and its place there in bytes */
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
 * The verifier follows each turn of a loop. So what may take many steps goes some of them in
 * one function, which gives where it goes on, and is called again with that.
 */
#define DESCEND_STEPS 6 /* digits */
#define OWN_STEPS 16 /* items of a list */
#define NODE_STEPS 16
#define NODE_MORE 8 /* a kind of reference: the rule found so far (CGG_LOW: none), the next node */

/* is_interior - the reference is on the way along the key, not at its end */
static __always_inline int is_interior(__u64 ref)
{
	return CGG_REF_KIND(ref) - CGG_REF_INTERVALS <= CGG_REF_POINTS - CGG_REF_INTERVALS;
}

#endif
