/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * set_find.h - whether a set contains an address (contract/sets.h).
 *
 * A command may replace the table while it is read. The kernel lets that command go on only when
 * this program has ended; so it happens once at most, and the second look sees the new table alone.
 */
#ifndef CGG_SET_FIND_H
#define CGG_SET_FIND_H

#include "set_probe.h"

/* Return the number of the lowest bit. Where clang 19 knows that, it makes a table in .rodata. */
static __always_inline __u32 lowest(__u64 bits)
{
	__u64 count = (bits & -bits) - 1;

	barrier_var(count);
	count -= count >> 1 & 0x5555555555555555ULL;
	count = (count & 0x3333333333333333ULL) + (count >> 2 & 0x3333333333333333ULL);
	count = (count + (count >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return count * 0x0101010101010101ULL >> 56;
}

/* set_lengths - Look for the prefixes of these lengths; upper: those of at most 64 bits. */
__noinline __weak __u32 set_lengths(__u32 set, __u64 high, __u64 low, __u64 lengths, __u64 when)
{
	__u64 upper = -(when >> 32 & 1);

	for (__u64 i = 0; i < 64 && lengths; i++) {
		__u64 mask = -(lengths & -lengths);

		if (set_probe(set, high & (mask | ~upper), low & mask & ~upper,
			      128 - lowest(lengths) - (upper & 64), when))
			return 1;
		lengths = as_unknown(lengths & (lengths - 1), when);
	}
	return 0;
}

/* set_word - Return the lengths to look up, the lower 64 or (part 1) the upper ones; 0: none. */
__noinline __weak __u64 set_word(__u32 set, __u64 high, __u64 low, __u32 four, __u32 part)
{
	const struct cgg_set_head *head = set_head(bpf_map_lookup_elem(&sets, &set));
	__u64 few, longer;
	__u32 bit;

	if (!head || (four && part))
		return 0;
	bit = set_filter(head->seed, four ? low >> 16 : high >> 32);
	longer = head->filter[bit / 64 % (CGG_FILTER / 64)] >> bit % 64 & 1;
	if (four) {
		few = head->few4;
		if (!longer)
			return few & ~0ULL << (128 - CGG_MARK4);
		if (head->marked4)
			few |= set_mark(set, 0, low >> 16 << 16, CGG_TAG_MARK | CGG_MARK4, 0);
	} else {
		few = head->few6[part & 1];
		if (!longer)
			return part ? few & ~0ULL << (64 - CGG_MARK6) : 0;
		if (head->marked6)
			few |= set_mark(set, high >> 32 << 32, 0, CGG_TAG_MARK | CGG_MARK6, part);
	}
	return few;
}

/* set_find - Return whether a set contains an address, which is read as two numbers. */
__noinline __weak __u32 set_find(__u32 set, __u64 high, __u64 low, __u32 four)
{
	for (int i = 0; i < 2; i++) {
		const struct cgg_set_head *head = set_head(bpf_map_lookup_elem(&sets, &set));
		__u64 seed, generation, lengths;

		if (!head || head->kind != CGG_SET_ADDRESSES)
			return 0;
		seed = head->seed[0];
		generation = NOW(head->generation);
		order_reads();
		lengths = set_word(set, high, low, four, 0);
		if (lengths && set_lengths(set, high, low, lengths, generation))
			return 1;
		lengths = four ? 0 : set_word(set, high, low, four, 1);
		if (lengths && set_lengths(set, high, low, lengths, 1ULL << 32 | generation))
			return 1;
		if (!set_moved(set, seed))
			break;
	}
	return 0;
}

#endif
