/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * owner.h - the user and group of an operation, and whether a rule about them matches.
 *
 * For a call they are those of the calling thread: its real user and group, as the first user
 * namespace numbers them. For a packet the user is that of its socket, and a packet without a
 * whole socket has an unknown one: the kernel shows it as 65534. A worker of the kernel connects
 * the subflows of MPTCP for others, so its user says nothing. It is in the root cgroup.
 */
#ifndef CGG_OWNER_H
#define CGG_OWNER_H

#include "kinds.h"

#define OVERFLOW_UID 65534
#define OWNER_UNKNOWN (~0ULL)

/* A function of its own only where it fits the stack, which is full for the other kinds. */
#if defined(CGG_SOCKETS)
#define OWNER_FUNCTION __noinline __weak
#else
#define OWNER_FUNCTION static __always_inline
#endif

/* owner_of - return the user, and the group in the upper half; OWNER_UNKNOWN if not known */
OWNER_FUNCTION __u64 PER_KIND(owner_of)(CONTEXT who)
{
#if defined(CGG_ASKED)
	__u32 key = 0;
	const struct cgg_ask *ask = bpf_map_lookup_elem(&asked, &key);

	(void)who;
	return ask ? (__u64)ask->gid << 32 | ask->uid : OWNER_UNKNOWN;
#elif defined(CGG_PACKETS)
	__u32 uid = bpf_get_socket_uid(who);

	return uid == OVERFLOW_UID ? OWNER_UNKNOWN : uid;
#elif defined(CGG_FLOWS) /* rules about connections have no user */
	(void)who;
	return OWNER_UNKNOWN;
#else
	__u64 owner = bpf_get_current_uid_gid();

	(void)who;
#if defined(CGG_SOCKETS)
	if (!(__u32)owner && !current_ancestor(1))
		return OWNER_UNKNOWN;
#endif
	return owner;
#endif
}

/* not_in - the sign bit is set when a number is not in the range */
static __always_inline __u64 not_in(const struct cgg_ids *ids, __u32 n)
{
	__u64 under = (__u64)n - ids->from, over = (__u64)ids->past - 1 - n, any = ids->past;

	barrier_var(under);
	barrier_var(over);
	barrier_var(any);
	return (under | over) & ~(any - 1); /* past 0: any - 1 has every bit */
}

/* Return whether a rule about users or groups matches. */
static __always_inline int owner_holds(const struct cgg_condition *c, CONTEXT who)
{
	__u64 owner = PER_KIND(owner_of)(who);

	if (owner == OWNER_UNKNOWN)
		return c->unknown & 1;
	return !((not_in(&c->uid, owner) | not_in(&c->gid, owner >> 32)) >> 63);
}

#endif
