/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* share.h - limits the part of a ring that one cgroup may fill. */
#ifndef CGG_SHARE_H
#define CGG_SHARE_H

#include "record.h"

static __always_inline void wake_readers(struct cgg_ring *r, __u32 which)
{
	__u64 any = 0;
	void *own;

	if (!NOW(r->waiting))
		return;
	NOW(r->waiting) = 0;
	own = which ? bpf_map_lookup_elem(&wakeups, &which) : 0;
	if (!which)
		bpf_ringbuf_output(&wakeup, &any, sizeof(any), BPF_RB_FORCE_WAKEUP);
	else if (own)
		bpf_ringbuf_output(own, &any, sizeof(any), BPF_RB_FORCE_WAKEUP);
}

/* is_heavy - Count a record; return whether the cgroup has more than its share unread. */
__noinline __weak int is_heavy(__u32 which, __u64 head, __u64 seen)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	const struct cgg_ring *r = bpf_map_lookup_elem(&ring, &which);
	struct cgg_share *share;
	__u64 part;

	if (!r || which >= CGG_RINGS)
		return 0;
	share = &at->share[which];
	part = r->slots / 8;
	if (seen >= share->mark) {
		share->before = share->written;
		share->written = 0;
		share->mark = head;
	}
	if (NOW(share->written) <= part)
		__sync_fetch_and_add(&share->written, 1);
	return share->before + NOW(share->written) > part;
}

/* harms_others - Return whether a record of a heavy cgroup would take room that others need. */
__noinline __weak int harms_others(__u32 which, __u64 head, __u64 seen)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	struct cgg_ring *r = bpf_map_lookup_elem(&ring, &which);
	__u64 unread = head - seen, slots, last = 0;
	struct cgg_event *e;

	if (!r || !r->slots)
		return 0;
	slots = r->slots;
	if (unread < slots - slots / 4)
		return 0;
	for (int i = 0; i < CGG_LIGHT; i++)
		if (i != at->cgroup % CGG_LIGHT && NOW(r->light[i]) > last)
			last = NOW(r->light[i]);
	if (last > seen)
		return 1;
	if (unread < slots)
		return 0;
	/* One that shares its place in light. */
	e = slot_of(which, head % slots);
	last = e ? NOW(e->number) : 0;
	return last > seen && last <= head && e->cgroup != at->cgroup;
}

__noinline __weak int suppress(__u32 which, __u32 rule, __u32 place, __u32 program, __u32 verdict)
{
	struct cgg_suppressed key = {};
	const struct cgg_policy *policy = bpf_map_lookup_elem(&policies, &place);
	__u64 one = 1, *there;
	struct cgg_attached *at;
	struct cgg_ring *r;

	key.rule = rule; /* first, for the stack is small */
	key.policy = place;
	key.born = policy ? policy->born : 0;
	key.ring = which;
	key.program = program;
	key.verdict = verdict;
	at = bpf_get_local_storage(&attached, 0);
	key.cgroup = at->cgroup;
	there = bpf_map_lookup_elem(&suppressed, &key);
	if (!there && bpf_map_update_elem(&suppressed, &key, &one, BPF_NOEXIST))
		there = bpf_map_lookup_elem(&suppressed, &key);
	if (there)
		__sync_fetch_and_add(there, 1);
	r = bpf_map_lookup_elem(&ring, &which);
	if (!r)
		return 0;
	__sync_fetch_and_add(&r->suppressed, 1);
	wake_readers(r, which);
	return 0;
}

#endif
