/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* refs.h - the index of many rules, and the references that lead through it. */
#ifndef CGG_CONTRACT_REFS_H
#define CGG_CONTRACT_REFS_H

#include "rule.h"

/*
 * The index: many rules, compiled into an array of pages. Once it is in force only the bits of
 * deleted rules are written. The first pages hold the actions. struct cgg_index and references lead
 * to everything else.
 *
 * A reference is a word that says where to go on: a kind in its upper 4 bits, then 28
 * bits of what the kind says, and below 28 bits that are the number of a rule or a
 * place in units of 8 bytes. Rules are counted from 0 in the policy's order.
 *
 *	NONE		nothing is here
 *	RULE		a rule, and its action above
 *	PLAIN		a rule that asks for a hook and an access bit alone: CGG_PLAIN_* above
 *	LIST		so many struct cgg_item, in their order, in one page
 *	NODE		a struct cgg_node
 *	INTERVALS	so many intervals of 0..65535 at the place (17 bits), and which digit of the
 *			key is meant (above 20); behind a node: CGG_BY_*
 *	POINTS		so many single numbers at the place, and which digit, as above
 *	PATH		a struct cgg_path; above: which 16 bytes of the key are meant
 *
 * A lookup starts at root[space] and follows the key digit by digit, 16 bits each (IPv4 begins with
 * digit 6). INTERVALS and POINTS choose by one digit. PATH goes to yes if the key equals the value
 * under the mask, else to no. The walk ends at the rules of the longest prefix of the key. A NODE
 * goes on to the next shorter prefix, as long as a rule there may come before the one found.
 *
 * INTERVALS of n intervals have, in this order:
 * - the last number of each interval but the last, sorted. They lie in nodes of 31 numbers, padded
 *   with 0xffff, and form a tree: a topmost node if there are more than 32 intervals, nodes between
 *   if there are more than 32 * 32, and the lowest nodes;
 * - n references.
 * A number has 2 bytes. A node has room for 32 of them, or for 8 if there are at most 8 intervals.
 * More than CGG_INTERVALS_MOST intervals are 65536 references and nothing else.
 *
 * POINTS of n numbers have, in this order:
 * - the reference of all other numbers;
 * - the bits that the references of the n numbers have in common;
 * - the numbers, in one node of 16 or of 32; or in nodes of 32, below a topmost node with the last
 *   number of each;
 * - the lower 32 bits of each reference.
 *
 * POINTS, and INTERVALS of at most CGG_INTERVALS_PAGE intervals, lie in one page.
 *
 * Sources: the intervals that prefixes cut the address space into, and a search
 * among them by digits, are those of Degermark, Brodnik, Carlsson, Pink, "Small
 * forwarding tables for fast routing lookups" (1997) and of DXR (Zec, Rizzo, Mikuc,
 * 2012); nodes of a cache line are those of a static B-tree (Khuong, Morin, 2017).
 */
#define CGG_PAGE 4096
#define CGG_INDEX_RULES (1u << 22) /* rules an index */
#define CGG_INDEX_UNITS (1u << 28) /* of 8 bytes, an index */
#define CGG_LIST_MOST 64 /* items a list */
#define CGG_CHAIN 128 /* nodes that one walk may pass */
#define CGG_INTERVALS_SMALL 8
#define CGG_INTERVALS_NODE 32
#define CGG_INTERVALS_PAGE 384
#define CGG_INTERVALS_MOST 16384
#define CGG_POINTS_MOST 608
#define CGG_POINTS_SMALL 16
#define CGG_DIGITS (CGG_OPERAND / 2)

enum cgg_kind {
	CGG_REF_NONE,
	CGG_REF_RULE,
	CGG_REF_LIST,
	CGG_REF_NODE,
	CGG_REF_INTERVALS,
	CGG_REF_PATH,
	CGG_REF_POINTS,
	CGG_REF_PLAIN,
};
#define CGG_LOW 0xfffffffu
#define CGG_REF(kind, high, low) ((__u64)(kind) << 60 | (__u64)(high) << 28 | (low))
#define CGG_OWN_DEPTH 9 /* INTERVALS and POINTS behind a node, one after another */
#define CGG_BY_PORT 0
#define CGG_BY_PROTO 1
/* Halves of the owner's numbers, in the order of their bits in owner_of() (bpf/owner.h). */
#define CGG_BY_UID_LOW 2
#define CGG_BY_UID_HIGH 3
#define CGG_BY_GID_LOW 4
#define CGG_BY_GID_HIGH 5
#define CGG_BY_SHIFT(digit) (16 * ((digit)-CGG_BY_UID_LOW) & 48)
/* Of a packet: its source port, halves of its interface, parts of its own address. */
#define CGG_BY_PACKET 6
#define CGG_BY_SPORT 6
#define CGG_BY_IFACE_LOW 7
#define CGG_BY_SELF_LOW 9 /* and seven more, to the first two bytes */
#define CGG_BY_VALUE_LOW 17 /* parts of the value that a call sets, and three more */
#define CGG_INTERVALS(count, digit) ((__u32)(count) | (__u32)(digit) << 20)
#define CGG_INTERVALS_COUNT(ref) (CGG_REF_HIGH(ref) & 0x1ffff)
#define CGG_INTERVALS_DIGIT(ref) (CGG_REF_HIGH(ref) >> 20 & 63)
#define CGG_REF_KIND(ref) ((__u32)((ref) >> 60))
#define CGG_REF_HIGH(ref) ((__u32)((ref) >> 28 & CGG_LOW))
#define CGG_REF_LOW(ref) ((__u32)((ref)&CGG_LOW))

/* Above a plain rule's number: 1 << enum cgg_hook, the access bits, the verdict. */
#define CGG_PLAIN(hooks, access, verdict)                                                          \
	((__u32)(hooks) | (__u32)(access) << 16 | (__u32)(verdict) << 24)
#define CGG_PLAIN_HOOKS(high) ((high)&0xffff)
#define CGG_PLAIN_ACCESS(high) ((high) >> 16 & 0xff)
#define CGG_PLAIN_VERDICT(high) ((high) >> 24 & 15)
CGG_FITS(CGG_HOOKS_MOST <= 16 && CGG_ACCESS_MOST <= 8 && CGG_VERDICTS_MOST <= 16);

#endif
