/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* set_probe.h - looks for one key in the table of a set (contract/sets.h). */
#ifndef CGG_SET_PROBE_H
#define CGG_SET_PROBE_H

#include "lookup.h"

static __always_inline const struct cgg_set_head *set_head(void *table)
{
	__u32 zero = 0;

	return table ? bpf_map_lookup_elem(table, &zero) : 0;
}

/*
 * slot_differs - Return not 0 unless the slot has this key, this tag if it is not 0, and counts in
 * this generation; without a branch, for the verifier follows each one in every turn of a loop.
 */
static __always_inline __u64 slot_differs(const struct cgg_slot *s, __u64 high, __u64 low,
					  __u32 tag, __u64 generation)
{
	__u64 given = -(__u64)tag, other = s->tag ^ tag, early = generation - s->since,
	      late = ~(generation - s->until);

	barrier_var(given);
	barrier_var(early);
	barrier_var(late);
	return (s->key[0] ^ high) | (s->key[1] ^ low) | (other & ((__s64)given >> 63)) |
	       (early | late) >> 63;
}

/* Return whether the table of a set has been replaced since its first seed was read. */
static __always_inline int set_moved(__u32 set, __u64 seed)
{
	const struct cgg_set_head *head = set_head(bpf_map_lookup_elem(&sets, &set));

	return !head || NOW(head->seed[0]) != seed;
}

/* Return whether an element has not expired. */
static __always_inline int slot_lives(const struct cgg_slot *s)
{
	return s->expires == CGG_SET_NEVER || s->expires > bpf_ktime_get_boot_ns() / 1000000000;
}

/*
 * set_walk - Look at the lines of a key. For an element return 1 if one is there; for a mark (mark
 * is a constant) its lengths, of part 1 the upper ones; 0: there is none.
 */
static __always_inline __u64 set_walk(__u32 set, __u64 high, __u64 low, __u32 tag, __u32 generation,
				      int mark, __u32 part)
{
	void *table = bpf_map_lookup_elem(&sets, &set);
	const struct cgg_set_head *head = set_head(table);
	__u64 hash;
	__u32 lines;

	if (!head)
		return 0;
	lines = head->lines;
	hash = set_hash(head->seed, high, low, tag);
	for (__u64 i = 0; i < CGG_LINES; i++, hash = set_next(hash)) {
		__u32 line = set_line(hash, lines), page = 1 + line / CGG_PAGE_LINES;
		const struct cgg_slot *s = bpf_map_lookup_elem(table, &page);

		if (!s)
			return 0;
		s += 2 * (line % CGG_PAGE_LINES);
		for (int k = 0; k < 2; k++, s++) {
			if (mark && !((s->key[0] ^ high) | (s->key[1] ^ low) | (s->tag ^ tag)))
				return part ? s->expires : s->lengths;
			if (!mark && !slot_differs(s, high, low, tag, generation) && slot_lives(s))
				return 1;
		}
		if (!s[-1].tag)
			return 0;
		hash = as_unknown(hash, high);
	}
	return 0;
}

/* set_probe - Return whether a key is an element. For the key of a name (tag 0) any tag will do. */
__noinline __weak __u32 set_probe(__u32 set, __u64 high, __u64 low, __u32 tag, __u32 generation)
{
	return (__u32)set_walk(set, high, low, tag, generation, 0, 0);
}

/*
 * set_mark - Return the lengths of a mark, the lower 64, or if part is 1 the upper ones; 0: there
 * is no such mark.
 */
__noinline __weak __u64 set_mark(__u32 set, __u64 high, __u64 low, __u32 tag, __u32 part)
{
	return set_walk(set, high, low, tag, 0, 1, part);
}

#endif
