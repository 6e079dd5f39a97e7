/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* kernel_staged.h - before Linux 6.1: names and subjects are left where each finds them. */
#ifndef CGG_KERNEL_STAGED_H
#define CGG_KERNEL_STAGED_H

#include "kernel_base.h"

#define STAGED 8
struct cgg_staged {
	__u64 turn;
	__u64 subject[STAGED][9]; /* union cgg_subject, of whichever hook */
};

#if !defined(NAME)
#define NAME __u64
#define NAME_OF(o) ((void)(o), 0)
#endif

#if defined(CGG_NAMED)
#include "staged_name.h"
#define NAME_KEPT(o) name_kept((o)->who)
#else
#if !defined(NAME_KEPT)
#define NAME_KEPT(o) 1
#endif

static __always_inline __u64 value_from(__u64 who)
{
	return who;
}
#endif

#if !defined(CGG_ASKED)
#define SUBJECT __u64

/* Subjects in use on this processor. Several slots, because programs may interrupt each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgg_staged);
} staged MAP;

static __always_inline const union cgg_subject *subject_from(SUBJECT turn)
{
	__u32 key = 0;
	struct cgg_staged *all = bpf_map_lookup_elem(&staged, &key);

	return all ? (void *)&all->subject[turn % STAGED] : 0;
}

static __always_inline SUBJECT subject_hand_on(const union cgg_subject *n)
{
	__u32 key = 0;
	struct cgg_staged *all = bpf_map_lookup_elem(&staged, &key);
	__u64 turn;

	if (!all)
		return 0;
	turn = all->turn++ % STAGED;
	for (__u32 i = 0; i < sizeof(*n) / 8; i++)
		all->subject[turn][i] = ((const __u64 *)n)[i];
	return turn;
}
#endif

#endif
