/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel.h - hides the differences between Linux 6.1 and Linux 5.10.
 *
 * The same sources make two objects. The second one, built with CGG_OLD, is for kernels before
 * 6.1. cgg-load contains both and loads the one that the kernel accepts. Almost all
 * differences are in this file. Before 6.1
 *
 *	a global function takes only scalars and a context, so a name and a subject are passed
 *	through a per-CPU map;
 *	there is no atomic fetch-and-add or exchange, so a spin lock protects the value;
 *	only programs of sockets may call the helpers for the current task; the others read
 *	struct task_struct, whose fields libbpf relocates by BTF;
 *	a program cannot choose the errno.
 */
#ifndef CGG_KERNEL_H
#define CGG_KERNEL_H

#include "maps.h"
#include "subject.h"

#define RELOCATED __attribute__((preserve_access_index))
#define NOW(x) (*(volatile __typeof__(x) *)&(x))

/* Helpers for the current task: before 6.1 only programs of sockets have them. */
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

/* How a function passes a name on: by its address. */
#define NAME const struct cgg_operand *
#define NAME_OF(o) (o)->name
#define NAME_KEPT(o) 1

static __always_inline const struct cgg_operand *name_from(NAME name)
{
	return name;
}

/* How a function passes a subject on: by its address. */
#define SUBJECT const union cgg_subject *

static __always_inline const union cgg_subject *subject_from(SUBJECT subject)
{
	return subject;
}

static __always_inline SUBJECT subject_hand_on(const union cgg_subject *n)
{
	return n;
}

/* name_room - Return room for a name, or 0. */
static __always_inline struct cgg_operand *name_room(struct cgg_operand *on_stack, __u64 *turn)
{
	(void)turn;
	return on_stack;
}

/* number_take - Return the number of the next record in a ring, and count it. */
static __always_inline __u64 number_take(struct cgg_ring *r, __u32 which)
{
	(void)which;
	return __sync_fetch_and_add(&r->head, 1);
}

/* slot_take - Lock a slot until slot_give(); return 0 if another program holds it. */
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

/* bpf_set_retval() with a 64-bit argument: newer verifiers require that it is in [-4095, 0]. */
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
 * The name in the operation that this processor is judging. From Linux 5.11 on, another program
 * may preempt this one and overwrite the name. `turn` then differs, and decide() tries again.
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
#endif
