/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* key.h - how a walk for a DNS name finds the name: in the buffer of its kind. */
#ifndef CGG_NAMES_KEY_H
#define CGG_NAMES_KEY_H

#include "scratch.h"

#if defined(CGG_HOSTS)
#define NAME_USE FOR_HOST
#else
#define NAME_USE FOR_QUESTION
#endif

#define NAME __u64
#define NAME_OF(o) ((void)(o), 0)
#define NAME_KEPT(o) turn_kept(NAME_USE, (o)->turn)

static __always_inline const struct cgg_operand *name_from(NAME name)
{
	const struct scratch *s = scratch_of(NAME_USE);

	(void)name;
	return s ? &s->name : 0;
}

#endif
