/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* kernel_locks.h - before Linux 6.1: a lock is held where no instruction exchanges. */
#ifndef CGG_KERNEL_LOCKS_H
#define CGG_KERNEL_LOCKS_H

#include "kernel_base.h"

#if defined(CGG_REORDERS)
/* There is no better instruction. */
#define order_reads() order_reads_by_clock()
#endif

struct cgg_lock {
	struct bpf_spin_lock lock;
};

/* One lock for each ring. A map that user space mmaps cannot contain a lock. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGG_RINGS);
	__type(key, __u32);
	__type(value, struct cgg_lock);
} locks MAP;

static __always_inline __u64 number_take(struct cgg_ring *r, __u32 which)
{
	struct cgg_lock *l = bpf_map_lookup_elem(&locks, &which);
	__u64 number;

	if (!l)
		return 0;
	bpf_spin_lock(&l->lock);
	number = r->head++;
	bpf_spin_unlock(&l->lock);
	return number;
}

static __always_inline int slot_take(struct cgg_event *e, __u32 which)
{
	struct cgg_lock *l = bpf_map_lookup_elem(&locks, &which);
	__u64 before;

	if (!l)
		return 0;
	bpf_spin_lock(&l->lock);
	before = e->number;
	e->number = CGG_BUSY;
	bpf_spin_unlock(&l->lock);
	return before != CGG_BUSY;
}

/* slot_give - Publish the record: the lock orders its fields before its number. */
static __always_inline void slot_give(struct cgg_event *e, __u32 which, __u64 number)
{
	struct cgg_lock *l = bpf_map_lookup_elem(&locks, &which);

	if (!l)
		return;
	bpf_spin_lock(&l->lock);
	e->number = number;
	bpf_spin_unlock(&l->lock);
}

/* filter_drop - Not atomic: a reader that joins now may lose its bit; it then joins again. */
static __always_inline void filter_drop(struct cgg_ring *zero, __u32 which)
{
	NOW(zero->filters) &= ~(1ULL << which);
}

static __always_inline void set_retval(long retval)
{
	(void)retval;
}

#endif
