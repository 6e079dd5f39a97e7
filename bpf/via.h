/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* via.h - a call that may have a second address: the first router of its source route. */
#ifndef CGG_VIA_H
#define CGG_VIA_H

#include "address.h"

/* Built with CGG_NAMES, the programs judge by the names of an address, too (names/host.h). */
#if defined(CGG_NAMES)
#define connect4 connect4_names
#define connect6 connect6_names
#define sendmsg4 sendmsg4_names
#define sendmsg6 sendmsg6_names
#endif

/* forget_call - Drop them on the query, and on the event's fields about the socket. */
static __always_inline void forget_call(struct cgg_query *q, struct cgg_event_net *net, __u64 any)
{
	__u64 *local = (__u64 *)net->local;

	forget_query(q, any);
	local[0] = as_unknown(local[0], any);
	local[1] = as_unknown(local[1], any);
	net->sport = as_unknown(net->sport, any);
}

/* query_again - Replace the address of a query and keep the rest; return 1. */
static __always_inline int query_again(struct cgg_query *q, __u64 high, __u64 low)
{
	q->select &= 0xffff;
	query_plain6(q, high, low);
	return 1;
}

/*
 * query_via - Ask about the first router of the socket's source route; return 0 if it has none.
 */
static __always_inline int query_via(struct operation *o)
{
	__u32 first;

	if (o->q.select & CGG_IS_IPV4) {
		first = via4(o->who);
		return first && query_again(&o->q, 0, join(MAPPED, first));
	}
	return via6(o->who, VIA_ANY) && query_again(&o->q, via6(o->who, 0), via6(o->who, 1));
}

/*
 * judge_both - Judge a call that may have a second address; both must be allowed.
 *
 * @also	changes the query to the second address; returns 0 if there is none
 */
static __always_inline int judge_both(struct cgg_attached *at, struct operation *o, __u32 program,
				      union cgg_subject *subject, int (*also)(struct operation *))
{
	forget_call(&o->q, &subject->net, at->cgroup);
	if (!judge_net(at, o, program, subject))
		return 0;
	IN_MEMORY(o);
	if (!also(o))
		return 1;
	forget_call(&o->q, &subject->net, at->cgroup);
	return judge_net(at, o, program, subject);
}

#if defined(CGG_NAMES)
#include "names/call.h"
#else
#define judge_call(ctx, at, o, program, six, subject) judge_both(at, o, program, subject, query_via)
#endif

#endif
