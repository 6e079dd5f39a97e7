/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* staged_name.h - before Linux 6.1: where a name, and the value that is written to it, are left. */
#ifndef CGG_STAGED_NAME_H
#define CGG_STAGED_NAME_H

#include "kernel_base.h"

/*
 * The name in the operation that this processor is judging. From Linux 5.11 on, another program
 * may preempt this one and overwrite the name. `turn` then differs, and decide() tries again.
 */
struct cgg_named {
	__u64 turn;
	__u64 value; /* that is written, CGG_VALUE_* */
	struct cgg_operand name;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgg_named);
} names MAP;

static __always_inline struct cgg_named *named_here(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&names, &key);
}

static __always_inline struct cgg_operand *name_room(struct cgg_operand *on_stack, __u64 *turn)
{
	struct cgg_named *named = named_here();

	(void)on_stack;
	if (!named)
		return 0;
	*turn = ++NOW(named->turn);
	return &named->name;
}

static __always_inline const struct cgg_operand *name_from(NAME name)
{
	struct cgg_named *named = named_here();

	(void)name;
	return named ? &named->name : 0;
}

static __always_inline void value_put(__u64 value)
{
	struct cgg_named *named = named_here();

	if (named)
		named->value = value;
}

static __always_inline __u64 value_from(__u64 who)
{
	struct cgg_named *named = named_here();

	(void)who;
	return named ? named->value : CGG_VALUE_VAGUE;
}

static __always_inline int name_kept(__u64 turn)
{
	struct cgg_named *named = named_here();

	return named && NOW(named->turn) == turn;
}

#define VALUE_PUT(o, subject, written) value_put(written)

#endif
