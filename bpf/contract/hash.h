/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hash.h - hashes of names and addresses, for which the guard has a random seed. */
#ifndef CGG_CONTRACT_HASH_H
#define CGG_CONTRACT_HASH_H

#include "names.h"

/*
 * Take a word of a name into its hash, which begins with the random seed of the guard. The seed is
 * a factor too: else names that differ in upper bits of two words often had the same hash.
 */
static inline __attribute__((always_inline)) __u64 name_step(__u64 hash, __u64 word, __u64 seed)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 32) * (seed | 1);
	return hash ^ hash >> 29;
}

/* Return whether a word of a name is its last one: only NULs follow. */
static inline __attribute__((always_inline)) int name_ends(__u64 word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return !(word >> 56);
#else
	return !(word & 255);
#endif
}

/* Return the hash of a name: of its words up to the one in which it ends. */
static inline __attribute__((always_inline)) __u64 names_hash(__u64 seed,
							      const struct cgg_operand *name)
{
	__u64 hash = seed;

	for (int i = 0; i < CGG_OPERAND_WORDS; i++) {
		hash = name_step(hash, name->word[i], seed);
		if (name_ends(name->word[i]))
			break;
	}
	return hash & ~CGG_BOUND_FLAGS;
}

/* Return the hash of an address in its network namespace. */
static inline __u64 where_hash(__u64 seed, const struct cgg_where *where)
{
	__u64 hash = ~seed;

	hash = (hash ^ where->addr[0]) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 29 ^ where->addr[1]) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 29 ^ where->netns) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

#endif
