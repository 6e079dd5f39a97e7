/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* condition.h - decides whether the condition of a rule matches; nothing else does. */
#ifndef CGG_CONDITION_H
#define CGG_CONDITION_H

#include "owner.h"
#include "own_side.h"
#include "value.h"
#if defined(CGG_SOCKETS) || defined(CGG_FLOWS)
#include "sock.h"
#endif

/* Masks of the known bits of a query. An unknown bit matches every rule. */
struct known {
	__u64 key, port; /* ~0, or 0 */
	__u64 select;
};

/* Return the masks for a packet's access bit (enum cgg_known), without a branch. */
static __always_inline struct known known_of(__u64 query)
{
	struct known known = { ~0ULL, ~0ULL, ~0ULL };
#if defined(CGG_PACKETS) || defined(CGG_ASKED)
	__u64 hooks = CGG_PACKET_HOOKS, bit = 1ULL << QUERY_ACCESS(query);
	__u64 packet = -(hooks >> QUERY_HOOK(query) & 1);

	known.key = ~(packet & -(bit / CGG_KNOWN_NONE & 1));
	known.port = ~(packet & ((bit / CGG_KNOWN_ALL & 1) - 1));
	known.select = known.key & (~0xffffULL | ~(packet & -(bit / CGG_KNOWN_ADDR & 1)));
#else
	(void)query;
#endif
	return known;
}

/*
 * Return not 0 where the condition does not match, or the sign bit of signs is set; without a
 * branch, for the verifier follows every branch of every turn of a loop. What depends on who asks
 * is condition_holds().
 */
static __always_inline __u64 condition_differs(const struct cgg_condition *c, __u64 query,
					       __u64 known_select, __u64 now, __u64 signs)
{
	__u64 differ =
		~(__u64)(c->hooks >> QUERY_HOOK(query) & c->access >> QUERY_ACCESS(query)) & 1;
	__u64 late = c->expires - 1 - now;

	differ |= (QUERY_SELECT(query) ^ c->select) & c->select_mask & known_select;
	barrier_var(late);
	return differ | (signs | late) >> 63;
}

#if defined(CGG_SOCKETS)
/*
 * asker_is_in - Return whether a rule about a cgroup matches the caller.
 *
 * A task of the root cgroup is in no other. A worker of the kernel is one, which connects
 * the subflows of MPTCP for others: then the cgroup counts that the socket was made in.
 * Where that is not known, only a denial matches. Without a socket, who is 0.
 */
__noinline __weak int asker_is_in(__u64 who, __u64 id, __u32 level, __u32 verdict)
{
	int is_in;

	if (current_ancestor(level) == id)
		return 1;
	if (!who || current_ancestor(1))
		return 0;
	is_in = sock_is_in(who, id, level);
	return is_in < 0 ? verdict == CGG_DENY : is_in;
}
#endif

/* in_cgroup - Tell whether a rule of this verdict matches by its cgroup. */
static __always_inline int in_cgroup(CONTEXT who, __u64 id, __u32 level, __u32 verdict)
{
	(void)verdict;
#if defined(CGG_ASKED)
	__u32 key = 0;
	const struct cgg_ask *ask = bpf_map_lookup_elem(&asked, &key);

	(void)who;
	return ask && ask->ancestor[level % CGG_LEVELS] == id;
#elif defined(CGG_PACKETS)
	return bpf_skb_ancestor_cgroup_id(who, level) == id;
#elif defined(CGG_DATAGRAMS)
	return sock_is_in(sock_address(who), id, level) == 1;
#elif defined(CGG_FLOWS)
	return sock_is_in(sock_address(who->sk), id, level) == 1;
#elif defined(CGG_SOCKETS)
	return asker_is_in(who, id, level, verdict);
#else
	(void)who;
	return current_ancestor(level) == id;
#endif
}

/* Return not 0 if a condition sets cgroup, or any member from uid to the last. */
static __always_inline __u64 asks_more(const struct cgg_condition *c)
{
	const __u64 *word = (const __u64 *)c;
	__u64 any = c->cgroup;

	for (__u32 i = CGG_CONDITION_MORE / 8; i < sizeof(*c) / 8; i++)
		any |= word[i];
	return any;
}

/* Return whether a rule whose condition does not differ also matches the caller; not its limit. */
static __always_inline int condition_holds(const struct cgg_condition *c, CONTEXT who,
					   __u32 verdict)
{
	if (c->cgroup && !in_cgroup(who, c->cgroup, c->level, verdict))
		return 0;
	if (!own_side_holds(c, who) || !value_holds(c, who))
		return 0;
	return !(c->uid.past | c->gid.past) || owner_holds(c, who);
}

#endif
