/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* offer.h - writes an event into the rings whose readers want it. */
#ifndef CGG_OFFER_H
#define CGG_OFFER_H

#include "share.h"

/* is_within - Return whether this program is attached at a cgroup or below it. */
__noinline __weak int is_within(__u64 cgroup)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);

	for (int i = 0; i < CGG_LEVELS; i++) {
		if (at->above[i] == cgroup)
			return 1;
		if (!at->above[i])
			break;
	}
	return 0;
}

/* is_wanted - Return whether the reader of a ring wants the event; a lapsed lease drops its bit. */
static __always_inline int is_wanted(const union cgg_subject *n, const struct cgg_policy *policy,
				     struct cgg_ring *r, __u32 which)
{
	__u64 cgroup = r->filter.cgroup;
	struct cgg_ring *zero;
	__u32 key = 0;

	if (n->time > NOW(r->lease)) {
		zero = bpf_map_lookup_elem(&ring, &key);
		if (zero)
			filter_drop(zero, which);
		return 0;
	}
	if (!cgg_filter_wants(&r->filter, n->program, n->verdict, policy->tag))
		return 0;
	return !cgroup || is_within(cgroup);
}

/* offer - Write a record into the ring that TO() names; return its number there, 0: not written. */
__noinline __weak __u64 PER_KIND(offer)(SUBJECT subject, MORE more, __u64 to)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	const union cgg_subject *n = subject_from(subject);
	const struct cgg_policy *policy;
	__u32 place, which = TO_RING(to);
	__u64 head, seen, number;
	struct cgg_ring *r;
	int heavy;

	if (!n || which >= CGG_RINGS)
		return 0;
	place = n->place;
	policy = bpf_map_lookup_elem(&policies, &place);
	r = bpf_map_lookup_elem(&ring, &which);
	if (!policy || !r || !r->slots || (which && !is_wanted(n, policy, r, which)))
		return 0;
	head = NOW(r->head);
	seen = NOW(r->seen);
	heavy = is_heavy(which, head, seen);
	if (heavy && harms_others(which, head, seen)) {
		suppress(which, n->rule, n->place, n->program, n->verdict);
		return 0;
	}
	number = write_record(at, r, to, n, policy, more);
	if (!heavy && number)
		NOW(r->light[at->cgroup % CGG_LIGHT]) = number;
	wake_readers(r, which);
	return number;
}

/*
 * offer_filters - Write the record into the rings of readers with a filter.
 *
 * This is a global function so that the verifier checks the loop once, not for each caller's state.
 */
__noinline __weak int PER_KIND(offer_filters)(SUBJECT subject, MORE more, __u64 serial)
{
	__u32 zero = 0;
	/* Behind the number in ring 0: a reader that joins counts on it. */
	struct cgg_ring *r = bpf_map_lookup_elem(&ring, &zero);
	__u64 filters = r ? NOW(r->filters) : 0;

	for (__u32 which = 1; which < CGG_RINGS && filters >> which; which++)
		if (filters >> which & 1)
			PER_KIND(offer)(subject, more, TO(which, serial));
	return 0;
}

#endif
