/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* keep.h - enters a name in the names of a cgroup. */
#ifndef CGG_NAMES_KEEP_H
#define CGG_NAMES_KEEP_H

#include "scratch.h"

/* Count something for the cgroup of the program; a function, for the stack is small. */
__noinline __weak int name_count(__u32 what)
{
	struct cgg_names_count *counts = bpf_get_local_storage(&name_counts, 0);

	if (what < CGG_NAME_COUNTS)
		counts->count[what]++;
	return 0;
}

/*
 * name_keep - Enter the name in a buffer in the names of the cgroup; return when its
 * entry was born, or 0 if there is no room, or another name has the same hash.
 */
__noinline __weak __u64 name_keep(__u32 use)
{
	struct scratch *s = scratch_of(use);
	const struct cgg_known_name *there;
	__u64 differ = 0, now;
	__u32 place;
	void *own;

	if (!s)
		return 0;
	place = s->place - 1;
	own = bpf_map_lookup_elem(&known, &place);
	if (!own)
		return 0;
	there = bpf_map_lookup_elem(own, &s->hash);
	if (!there) {
		now = bpf_ktime_get_boot_ns();
		s->fresh.born = s->fresh.born_too = now;
		s->fresh.name = s->name;
		s->fresh.len = s->len;
		if (!bpf_map_update_elem(own, &s->hash, &s->fresh, BPF_NOEXIST)) {
			name_count(CGG_NAMES_ADDED);
			bpf_map_lookup_elem(own, &s->hash); /* see bind_one() */
			return now;
		}
		there = bpf_map_lookup_elem(own, &s->hash); /* another processor was first */
		if (!there)
			return 0;
	}
	now = *(const volatile __u64 *)&there->born_too;
	order_reads_by_clock();
	for (__u32 i = 0; i < CGG_OPERAND_WORDS; i++)
		differ |= there->name.word[i] ^ s->name.word[i];
	order_reads_by_clock();
	return differ || *(const volatile __u64 *)&there->born != now ? 0 : now;
}

#endif
