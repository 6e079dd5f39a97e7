/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* value.h - whether a rule about the value that a call sets matches. */
#ifndef CGG_VALUE_H
#define CGG_VALUE_H

#include "kinds.h"

#if defined(CGG_SOCKETS) || defined(CGG_PACKETS) || defined(CGG_FLOWS) || defined(CGG_HOSTS)
#define HAS_VALUE 0
#else
#define HAS_VALUE 1
#endif

#if HAS_VALUE
/* value_of - return the value of the operation, CGG_VALUE_* */
static __always_inline __u64 value_of(CONTEXT who)
{
#if defined(CGG_ASKED)
	__u32 key = 0;
	const struct cgg_ask *ask = bpf_map_lookup_elem(&asked, &key);

	(void)who;
	return ask ? ask->value : CGG_VALUE_VAGUE;
#else
	return value_from(who);
#endif
}

/* Return whether the value of a rule matches; without one branch for each way to differ. */
static __always_inline int value_holds(const struct cgg_condition *c, CONTEXT who)
{
	__u64 value, outside, vague;

	if (!c->value.past)
		return 1;
	value = value_of(who);
	outside = (value - c->value.from) | (c->value.past - 1 - value);
	vague = (__s64)value >> 63; /* only CGG_VALUE_VAGUE has the sign bit */
	barrier_var(outside);
	barrier_var(vague);
	return ((vague & c->unknown) | (~vague & (~outside >> 63))) & 1;
}
#else
static __always_inline int value_holds(const struct cgg_condition *c, CONTEXT who)
{
	(void)c, (void)who;
	return 1;
}
#endif

#endif
