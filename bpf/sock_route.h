/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sock_route.h - the router that a socket sends to first. */
#ifndef CGG_SOCK_ROUTE_H
#define CGG_SOCK_ROUTE_H

#include "sock_types.h"

/*
 * via4 - Return the first router of the socket's source route (LSRR, SSRR), in network order;
 * 0: it has none, or unknown.
 */
__noinline __weak __u32 via4(__u64 address)
{
	const struct inet_sock *inet = (const struct inet_sock *)address;
	const struct ip_options_rcu *options = 0;
	unsigned char has_route = 0;
	__u32 first = 0;

	if (address == NO_ADDRESS || !HAS(inet_sock, inet_opt))
		return 0;
	READ(options, inet->inet_opt);
	if (!options)
		return 0;
	READ(has_route, options->opt.srr);
	READ(first, options->opt.faddr);
	return has_route ? first : 0;
}

/* The beginning of every routing header (RFC 8200, 6275, 8754). Addresses follow it. */
struct routing_header {
	__u8 next, length, type, left;
	__u32 more;
};
#define SRCRT_SEGMENTS 4

/*
 * via6 - Return a word of the first router in the socket's IPv6 routing header.
 *
 * @which	0 or 1: the high or low word of the address; VIA_ANY: whether there is a header
 */
#define VIA_ANY 2
__noinline __weak __u64 via6(__u64 address, __u32 which)
{
	const struct inet_sock *inet = (const struct inet_sock *)address;
	const struct ipv6_txoptions *options = 0;
	const struct ipv6_pinfo *six = 0;
	struct routing_header header = {};
	const char *route = 0;
	__u64 word = 0;

	if (address == NO_ADDRESS || !HAS(inet_sock, pinet6) || !HAS(ipv6_pinfo, opt))
		return 0;
	READ(six, inet->pinet6);
	if (six)
		READ(options, six->opt);
	if (options)
		READ(route, options->srcrt);
	if (!route || which >= VIA_ANY)
		return !!route;
	READ(header, *route);
	route += sizeof(header) + sizeof(word) * which;
	if (header.type ==
	    SRCRT_SEGMENTS) /* segments are listed in reverse order (fl6_update_dst) */
		route += 2 * sizeof(word) * header.left;
	READ(word, *(const __u64 *)route);
	return word;
}

#endif
