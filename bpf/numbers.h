/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* numbers.h - the numbers of an operation by which the rules of one prefix are arranged. */
#ifndef CGG_NUMBERS_H
#define CGG_NUMBERS_H

#include "intervals.h"
#include "owner.h"
#include "own_side.h"
#include "value.h"

/* number_by - return the number that a node goes by: a port, a protocol, half of an owner's */
static __always_inline __u32 number_by(__u64 own, __u64 query, __u64 owner, CONTEXT who)
{
	__u32 digit = CGG_INTERVALS_DIGIT(own);

	(void)who;
#if HAS_VALUE
	if (digit >= CGG_BY_VALUE_LOW)
		return value_of(who) >> (16 * (digit - CGG_BY_VALUE_LOW) & 48) & 0xffff;
#endif
#if HAS_OWN_SIDE
	if (digit >= CGG_BY_PACKET)
		return PER_KIND(number_of_packet)(who, digit);
#endif
	if (digit == CGG_BY_PROTO)
		return QUERY_SELECT(query) & 0xffff;
	if (digit == CGG_BY_PORT)
		return QUERY_PORT(query);
	return owner >> CGG_BY_SHIFT(digit) & 0xffff;
}

#endif
