/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bind.h - an address gets a name. */
#ifndef CGG_NAMES_BIND_H
#define CGG_NAMES_BIND_H

#include "keep.h"

/* name_write - Write a name where it is, or where one expires first; return if that one is lost. */
static __always_inline int name_write(struct cgg_bound *bound, __u64 hash, __u64 check,
				      __u64 expires, __u64 now)
{
	__u64 oldest = ~0ULL;
	__u32 pick = 0;

	for (__u32 i = 0; i < CGG_NAMES_OF; i++) {
		__u64 one = bound->name[i].hash == hash ? 0 : bound->name[i].expires;

		if (one < oldest) {
			oldest = one;
			pick = i;
		}
		if (bound->name[i].hash == hash && bound->name[i].expires > expires &&
		    bound->name[i].check == check)
			expires = bound->name[i].expires;
	}
	pick &= CGG_NAMES_OF - 1;
	bound->name[pick].hash = hash;
	bound->name[pick].check = check;
	bound->name[pick].expires = expires;
	return oldest > now;
}

/*
 * bind_one - Give the address in a buffer a name; return 1 if it has it now.
 *
 * A new element is looked up, for the kernel evicts first what was never looked up.
 */
__noinline __weak __u32 bind_one(__u32 use, __u64 hash, __u64 born, __u64 expires)
{
	struct scratch *s = scratch_of(use);
	struct cgg_where where = {};
	struct cgg_bound *bound;
	struct bind_lock *l;
	__u64 place;
	__u32 lock, number;
	int lost;
	void *own;

	if (!s)
		return 0;
	where.addr[0] = s->addr[0];
	where.addr[1] = s->addr[1];
	where.netns = s->netns;
	place = where_hash(s->seed, &where);
	number = s->place - 1;
	own = bpf_map_lookup_elem(&bindings, &number);
	if (!own)
		return 0;
	bound = bpf_map_lookup_elem(own, &where);
	if (!bound) {
		/* All other names of it are zero for ever. */
		s->bound.name[0] = (struct cgg_bound_name){ hash, born + place, expires };
		if (!bpf_map_update_elem(own, &where, &s->bound, BPF_NOEXIST)) {
			name_count(CGG_ADDRESSES_ADDED);
			return !!bpf_map_lookup_elem(own, &where);
		}
		bound = bpf_map_lookup_elem(own, &where);
	}
	lock = place % BIND_LOCKS;
	l = bound ? bpf_map_lookup_elem(&bind_locks, &lock) : 0;
	if (!bound || !l)
		return 0;
	bpf_spin_lock(&l->lock);
	lost = name_write(bound, hash, born + place, expires, s->now);
	bpf_spin_unlock(&l->lock);
	if (lost)
		name_count(CGG_NAMES_FULL);
	return 1;
}

#endif
