/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* key.h - how a walk for a DNS name finds the name: in a buffer, whose number is passed on. */
#ifndef CGG_NAMES_KEY_H
#define CGG_NAMES_KEY_H

#include "scratch.h"

#define NAME __u64
#define NAME_KEPT(o) 1

#if defined(CGG_HOSTS)
#define NAME_OF(o) FOR_HOST
#else
#define NAME_OF(o) (o)->buffer
#endif

static __always_inline const struct cgg_operand *name_from(NAME name)
{
	const struct scratch *s = scratch_of(name);

	if (!s)
		return 0;
	barrier_var(s); /* clang 19 adds the offset before the check, which the kernel refuses */
	return &s->name;
}

#endif
