/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* kernel_now.h - names, subjects and rings from Linux 6.1 on. */
#ifndef CGG_KERNEL_NOW_H
#define CGG_KERNEL_NOW_H

#include "kernel_base.h"

/* How a function passes a name on: by its address. */
#if !defined(NAME)
#define NAME const struct cgg_operand *
#define NAME_OF(o) (o)->name

static __always_inline const struct cgg_operand *name_from(NAME name)
{
	return name;
}
#endif
#if !defined(NAME_KEPT)
#define NAME_KEPT(o) 1
#endif

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

/*
 * The value that a call sets is who calls. That of a name waits in the subject, where the time of
 * an event will be: it has no room of its own on the stack.
 */
#if defined(CGG_NAMED)
#define WHO_OF(o) (*(o)->value)
#define VALUE_PUT(o, subject, written) ((subject)->time = (written), (o)->value = &(subject)->time)
#endif

static __always_inline __u64 value_from(__u64 who)
{
	return who;
}

#if defined(CGG_REORDERS)
/* An atomic instruction that returns the old value orders all reads and writes around it. */
__noinline __weak int reads_ordered(__u32 unused)
{
	volatile __u64 word = unused;

	return (int)__sync_fetch_and_add(&word, unused);
}
#define order_reads() reads_ordered(0)
#endif

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

#endif
