/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel.h - what Linux 6.1 has, and how Linux 5.10 does the same.
 *
 * The same sources make two objects, the second one with CGG_OLD for the kernels
 * before 6.1; cgg-load carries both and loads the one that the kernel takes. What
 * the two differ in is here and nowhere else. There
 *
 *	a function that is looked at once takes numbers alone, so a name is left where
 *	each finds it;
 *	no instruction adds and tells, or exchanges, so a lock is held for it;
 *	only programs on sockets may ask which process runs. For the others its structures
 *	are read: their layout is taken from the kernel's type information at load time;
 *	no program can choose the errno.
 */
#ifndef CGG_KERNEL_H
#define CGG_KERNEL_H

#include "maps.h"
#include "subject.h"

#define RELOCATED __attribute__((preserve_access_index))
#define NOW(x) (*(volatile __typeof__(x) *)&(x))

/* Before 6.1 only programs on sockets may ask which process runs: they need no type information. */
#if !defined(CGG_OLD) || defined(CGG_SOCKETS)
static __always_inline __u64 current_pid_tgid(void)
{
	return bpf_get_current_pid_tgid();
}

static __always_inline void current_comm(char *comm)
{
	bpf_get_current_comm(comm, 16);
}

static __always_inline __u64 current_ancestor(__u32 level)
{
	return bpf_get_current_ancestor_cgroup_id(level);
}
#endif

#if !defined(CGG_OLD)

/* A name that is handed on, and what it is handed on by. */
#define NAME const struct cgg_operand *
#define NAME_OF(o) (o)->name
#define NAME_KEPT(o) 1

static __always_inline const struct cgg_operand *name_from(NAME name)
{
	return name;
}

/* A subject that is handed on, and what it is handed on by. */
#define SUBJECT const union cgg_subject *

static __always_inline const union cgg_subject *subject_from(SUBJECT subject)
{
	return subject;
}

static __always_inline SUBJECT subject_hand_on(const union cgg_subject *n)
{
	return n;
}

/* name_room - where a name can be put; 0: nowhere */
static __always_inline struct cgg_operand *name_room(struct cgg_operand *on_stack, __u64 *turn)
{
	(void)turn;
	return on_stack;
}

/* number_take - the next record's, in a ring */
static __always_inline __u64 number_take(struct cgg_ring *r, __u32 which)
{
	(void)which;
	return __sync_fetch_and_add(&r->head, 1);
}

/* slot_take - 1: nobody else writes it until slot_give() */
static __always_inline int slot_take(struct cgg_event *e, __u32 which)
{
	(void)which;
	return __sync_lock_test_and_set(&e->number, CGG_BUSY) != CGG_BUSY;
}

static __always_inline void slot_give(struct cgg_event *e, __u32 which, __u64 number)
{
	(void)which;
	__sync_lock_test_and_set(&e->number, number);
}

static __always_inline void filter_drop(struct cgg_ring *zero, __u32 which)
{
	__sync_fetch_and_and(&zero->filters, ~(1ULL << which));
}

/* As bpf_set_retval(), in 64 bits: newer verifiers want to see that it is in [-4095, 0]. */
static long (*const set_retval)(long retval) = (void *)BPF_FUNC_set_retval;

#else

#define STAGED 8
struct cgg_staged {
	__u64 turn;
	__u64 subject[STAGED][9]; /* union cgg_subject, of whichever hook */
};

#define NAME __u64
#define NAME_OF(o) ((void)(o), 0)

#if defined(CGG_NAMED)
/*
 * The name that a task of this processor is asking for. Where such a program may be
 * preempted (Linux 5.11), another one may come between: what was found out then is void.
 */
struct cgg_named {
	__u64 turn;
	struct cgg_operand name;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgg_named);
} names MAP;

static __always_inline struct cgg_operand *name_room(struct cgg_operand *on_stack, __u64 *turn)
{
	__u32 key = 0;
	struct cgg_named *named = bpf_map_lookup_elem(&names, &key);

	(void)on_stack;
	if (!named)
		return 0;
	*turn = ++NOW(named->turn);
	return &named->name;
}

static __always_inline const struct cgg_operand *name_from(NAME name)
{
	__u32 key = 0;
	struct cgg_named *named = bpf_map_lookup_elem(&names, &key);

	(void)name;
	return named ? &named->name : 0;
}

static __always_inline int name_kept(__u64 turn)
{
	__u32 key = 0;
	struct cgg_named *named = bpf_map_lookup_elem(&names, &key);

	return named && NOW(named->turn) == turn;
}
#define NAME_KEPT(o) name_kept((o)->who)
#else
#define NAME_KEPT(o) 1
#endif

#if defined(CGG_ASKED)
static __always_inline const struct cgg_operand *name_from(NAME name)
{
	__u32 key = 0;
	struct cgg_ask *ask = bpf_map_lookup_elem(&asked, &key);

	(void)name;
	return ask ? &ask->name : 0;
}
#endif

#if !defined(CGG_ASKED)
#define SUBJECT __u64

/* Those that are on their way: by turns, as a program may be interrupted by another one. */
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

struct cgroup {
	int level;
	__u64 ancestor_ids[CGG_LEVELS];
} RELOCATED;

#if !defined(CGG_SOCKETS)
struct css_set {
	struct cgroup *dfl_cgrp;
} RELOCATED;

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct css_set *cgroups;
} RELOCATED;

static __always_inline __u64 current_pid_tgid(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 pid = 0, tgid = 0;

	bpf_probe_read_kernel(&pid, sizeof(pid), &task->pid);
	bpf_probe_read_kernel(&tgid, sizeof(tgid), &task->tgid);
	return (__u64)tgid << 32 | pid;
}

static __always_inline void current_comm(char *comm)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (bpf_probe_read_kernel_str(comm, 16, &task->comm) < 0)
		__builtin_memset(comm, 0, 16);
}

static __always_inline __u64 current_ancestor(__u32 level)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct cgroup *cgroup = 0;
	struct css_set *set = 0;
	int deepest = -1;
	__u64 id = 0;

	bpf_probe_read_kernel(&set, sizeof(set), &task->cgroups);
	bpf_probe_read_kernel(&cgroup, sizeof(cgroup), &set->dfl_cgrp);
	bpf_probe_read_kernel(&deepest, sizeof(deepest), &cgroup->level);
	if ((int)level > deepest)
		return 0;
	bpf_probe_read_kernel(&id, sizeof(id), (char *)&cgroup->ancestor_ids + 8 * level);
	return id;
}

#endif

struct cgg_lock {
	struct bpf_spin_lock lock;
};

/* One for each ring: an array that user space maps cannot have one. */
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

/* What was written before the lock is taken is seen before what is written while it is held. */
static __always_inline void slot_give(struct cgg_event *e, __u32 which, __u64 number)
{
	struct cgg_lock *l = bpf_map_lookup_elem(&locks, &which);

	if (!l)
		return;
	bpf_spin_lock(&l->lock);
	e->number = number;
	bpf_spin_unlock(&l->lock);
}

/* A reader that joins just now may lose its bit by this, and joins again (lib/events/ring.c). */
static __always_inline void filter_drop(struct cgg_ring *zero, __u32 which)
{
	NOW(zero->filters) &= ~(1ULL << which);
}

static __always_inline void set_retval(long retval)
{
	(void)retval;
}

#endif
#endif
