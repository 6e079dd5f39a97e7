/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * own_side.h - what a rule may ask of a packet beside its other end: the source port, the
 * interface, and the address of this host.
 *
 * The program that reads a packet leaves them in the packet's control buffer, which the kernel
 * clears before the program runs and restores afterwards. There the walks find them.
 */
#ifndef CGG_OWN_SIDE_H
#define CGG_OWN_SIDE_H

#include "kinds.h"

#if (defined(CGG_PACKETS) && !defined(CGG_QUESTIONS)) || defined(CGG_ASKED)
#define HAS_OWN_SIDE 1
#else
#define HAS_OWN_SIDE 0
#endif

#if HAS_OWN_SIDE
struct own_side {
	__u64 self[2];
	__u32 iface;
	__u32 last; /* the source port, and above it enum cgg_known */
};
#define OWN_SIDE_LAST(sport, known) ((sport) | (__u32)(known) << 16)

/* own_side_get - Read what is known of a packet. */
static __always_inline void own_side_get(struct own_side *side, CONTEXT who)
{
#if defined(CGG_ASKED)
	__u32 key = 0;
	const struct cgg_ask *ask = bpf_map_lookup_elem(&asked, &key);

	(void)who;
	*side = (struct own_side){};
	if (!ask)
		return;
	side->self[0] = ask->self[0];
	side->self[1] = ask->self[1];
	side->iface = ask->iface;
	side->last = OWN_SIDE_LAST(ask->sport & 0xffff, ask->query.access);
#else
	side->self[0] = join(who->cb[0], who->cb[1]);
	side->self[1] = join(who->cb[2], who->cb[3]);
	side->iface = who->ifindex;
	side->last = who->cb[4];
#endif
}

/* own_side_differs - not 0 when a packet is not one that the rule asks for; unknown parts match */
static __always_inline __u64 own_side_differs(const struct cgg_condition *c, CONTEXT who)
{
	__u64 over, under, known, differ;
	struct own_side side;

	own_side_get(&side, who);
	known = (side.last >> 16) / CGG_KNOWN_NONE & 1;
	differ = ((side.self[0] ^ c->self[0]) & c->self_mask[0]) |
		 ((side.self[1] ^ c->self[1]) & c->self_mask[1]);
	differ &= known - 1;
	known = (side.last >> 16) / CGG_KNOWN_ALL & 1;
	over = (__u64)(side.last & 0xffff) - c->sport_min;
	under = (__u64)CGG_SPORT_MAX(c) - (side.last & 0xffff);
	barrier_var(over);
	barrier_var(under);
	differ |= (over | under) >> 63 & known;
	return differ | (c->iface ? c->iface ^ side.iface : 0);
}

/* Return whether a rule matches by these. */
static __always_inline int own_side_holds(const struct cgg_condition *c, CONTEXT who)
{
	if (!(c->sport_min | c->sport_above | c->iface | c->self_mask[0] | c->self_mask[1]))
		return 1;
	return !own_side_differs(c, who);
}

/* number_of_packet - return the number of a packet that a node goes by, CGG_BY_PACKET and up */
__noinline __weak __u32 PER_KIND(number_of_packet)(CONTEXT who, __u32 digit)
{
	struct own_side side;
	__u64 part;

	own_side_get(&side, who);
	if (digit == CGG_BY_SPORT)
		return side.last & 0xffff;
	if (digit < CGG_BY_SELF_LOW)
		return side.iface >> (16 * (digit - CGG_BY_IFACE_LOW) & 16) & 0xffff;
	digit -= CGG_BY_SELF_LOW;
	part = digit & 4 ? side.self[0] : side.self[1];
	return bpf_be64_to_cpu(part) >> (16 * digit & 48) & 0xffff;
}
#else
static __always_inline int own_side_holds(const struct cgg_condition *c, CONTEXT who)
{
	(void)c, (void)who;
	return 1;
}
#endif

#endif
