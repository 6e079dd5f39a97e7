/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sets.h - sets of addresses and of DNS names, which any policy may use.
 *
 * A set is an array of pages of its own. Page 0 is its head. Then come lines of two slots, a hash
 * table with open addressing, and then the texts of names. A slot keeps its key for ever. It counts
 * from generation `since` on, until `until` or `expires`. So a change writes slots that nobody
 * counts yet, and then raises the generation of the head: one store for all elements. What does not
 * fit makes a new table, which replaces the old one in the map of sets.
 *
 * An address is looked up once for each length of prefix that may contain it. The head lists these
 * lengths. If there are many, it lists only the short ones. Then a slot of another kind, a mark,
 * lists the longer ones for all addresses with the same first bits (CGG_MARK4, CGG_MARK6). For a
 * name, the name is looked up, and each *.NAME above it that the filter does not rule out.
 */
#ifndef CGG_CONTRACT_SETS_H
#define CGG_CONTRACT_SETS_H

#include "refs.h"

#define CGG_SETS 1024 /* of a guard */
#define CGG_SETS_OF 64 /* that one policy uses: bits of a word */
#define CGG_SET_WALK 96 /* nodes of an index that a walk through rules with sets may pass */
#define CGG_LINES 16 /* lines that a lookup passes at most */
#define CGG_FILTER 16384 /* bits */
#define CGG_LENGTHS_FEW 3 /* lengths of a family that are looked up without a mark */

enum cgg_set_kind { CGG_SET_ADDRESSES, CGG_SET_NAMES };

/* Names of sets by number: element of the map set_names. A name of "" is a free number. */
struct cgg_set_name {
	char name[CGG_NAME];
};

/* A set that a policy uses. The rules know it by its place in the image. */
struct cgg_used_set {
	char name[CGG_NAME];
	__u32 number; /* of the set + 1; 0: this place is free */
	__u32 hooks; /* 1 << enum cgg_hook, of the rules that use it; and CGG_SET_OF_NAMES */
};
#define CGG_SET_OF_NAMES 0x80000000u

struct cgg_set_head {
	__u64 seed[4]; /* random; the last two are odd. Another table has another seed[0] */
	__u32 generation;
	__u32 writing; /* the generation that a change is about to make, or generation */
	__u32 kind; /* enum cgg_set_kind */
	__u32 lines;
	__u64 few4, few6[2]; /* lengths to look up without a mark: bit 128 - length */
	__u32 marked4, marked6; /* others are in marks */
	__u32 slots; /* that are taken */
	__u32 count[2]; /* elements, by generation & 1; expired ones included */
	__u32 heap; /* first page of the texts */
	__u32 heap_used; /* units of 8 bytes */
	__u32 pages;
	__u64 filter[CGG_FILTER / 64]; /* by set_filter(): of marks, and of *.NAME */
};

/*
 * The key is a prefix, its bytes read as numbers, and its length in tag; or for a DNS name the two
 * hashes of its reversed bytes, and the place of its text in tag. A key of *.NAME has a dot at its
 * end. A tag of 0 is a free slot.
 */
struct cgg_slot {
	__u64 key[2];
	union {
		struct {
			__u32 since, until; /* CGG_SET_NEVER, or its generation */
		};
		__u64 lengths; /* of a mark: bit 128 - length */
	};
	__u32 expires; /* CLOCK_BOOTTIME in seconds, or CGG_SET_NEVER. Of a mark: further lengths */
	__u32 tag;
};
#define CGG_SET_NEVER 0xffffffffu
#define CGG_PAGE_LINES (CGG_PAGE / (2 * sizeof(struct cgg_slot)))
#define CGG_TAG_MARK 0x1000u /* and the length */
#define CGG_MARK4 112 /* bits of the address: 16 of IPv4 */
#define CGG_MARK6 32

/* Return the hash of a key. */
static inline __attribute__((always_inline)) __u64 set_hash(const __u64 seed[4], __u64 high,
							    __u64 low, __u32 tag)
{
	__u64 hash = (high ^ seed[0] ^ ((__u64)tag << 48)) * seed[2];

	hash = (hash ^ hash >> 32 ^ low ^ seed[1]) * seed[3];
	return hash ^ hash >> 29;
}

/* Return the bit of the filter for the bits of a mark, as a number; or *.NAME's first hash. */
static inline __attribute__((always_inline)) __u32 set_filter(const __u64 seed[4], __u64 first)
{
	return (__u32)((first ^ seed[1]) * seed[2] >> 50);
}

/* Return the line that a hash chooses. */
static inline __attribute__((always_inline)) __u32 set_line(__u64 hash, __u32 lines)
{
	return (__u32)((hash >> 32) * lines >> 32);
}

/* Return the hash that chooses the next line, where both slots are taken. */
static inline __attribute__((always_inline)) __u64 set_next(__u64 hash)
{
	return (hash ^ hash << 32) * 0x9e3779b97f4a7c15ULL;
}

/* Take one byte of a reversed name into one of its two hashes. */
static inline __attribute__((always_inline)) __u64 set_byte(__u64 hash, __u64 byte, __u64 odd)
{
	hash = (hash ^ byte) * odd;
	return hash ^ hash >> 32;
}

CGG_SAME(sizeof(struct cgg_slot) == 32);
CGG_SAME(sizeof(struct cgg_used_set) == 40);
CGG_SAME(sizeof(struct cgg_set_head) == 104 + CGG_FILTER / 8 && CGG_FILTER == 1 << (64 - 50));

#endif
