/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hooks.h - the hooks, programs, verdicts and access bits. */
#ifndef CGG_CONTRACT_HOOKS_H
#define CGG_CONTRACT_HOOKS_H

#include "limits.h"

/* The hooks: the hook words of cgguard-rule(5). */
enum cgg_hook {
	CGG_CONNECT,
	CGG_BIND,
	CGG_SENDMSG,
	CGG_RECVMSG,
	CGG_EGRESS,
	CGG_INGRESS,
	CGG_FLOW,
	CGG_UNIX,
	CGG_SOCKET,
	CGG_DEVICE,
	CGG_SYSCTL,
	CGG_SETSOCKOPT,
	CGG_GETSOCKOPT,
	CGG_DNS,
	CGG_HOOKS
};

/*
 * The protocols whose flows rules ask for, in sets of hooks beside CGG_FLOW: each has programs of
 * its own, of which those for UDP see each packet.
 */
#define CGG_ASKS_TCP (1u << 16)
#define CGG_ASKS_UDP (1u << 17)

/* The kernel's program points; lib/words/hook.c has their names and attach types. */
enum cgg_program {
	CGG_CONNECT4,
	CGG_CONNECT6,
	CGG_BIND4,
	CGG_BIND6,
	CGG_POST_BIND4,
	CGG_POST_BIND6,
	CGG_SENDMSG4,
	CGG_SENDMSG6,
	CGG_RECVMSG4,
	CGG_RECVMSG6,
	CGG_EGRESS_SKB,
	CGG_INGRESS_SKB,
	CGG_FLOW_TCP,
	CGG_FLOW_SOCKET,
	CGG_FLOW_SENT,
	CGG_FLOW_RECEIVED,
	CGG_FLOW_UDP,
	CGG_CONNECT_UNIX,
	CGG_SENDMSG_UNIX,
	CGG_SOCK_CREATE,
	CGG_DEV,
	CGG_SYSCTL_RW,
	CGG_SETSOCKOPT_RUN,
	CGG_GETSOCKOPT_RUN,
	CGG_DNS_QUESTION,
	CGG_DNS_ANSWER,
	CGG_PROGRAMS
};

/* The worse, the larger. */
enum cgg_verdict {
	CGG_ALLOW,
	CGG_ALERT,
	CGG_DENY,
	CGG_AUDIT, /* in events only: a denial that audit mode let through */
	CGG_VERDICTS
};

/* Access bits, as BPF_DEVCG_ACC_* has them. Each that is asked for is judged by itself. */
enum cgg_access {
	CGG_M = 1,
	CGG_R = 2,
	CGG_W = 4,
};
#define CGG_ACCESS_BITS 3

/*
 * For packets (egress, ingress) an access bit says how much of the packet is known, and
 * a query asks for exactly one. A deny rule also has the access bits under which it
 * could match; an allow or alert rule only those under which it surely matches.
 */
enum cgg_known {
	CGG_KNOWN_ALL = CGG_R, /* address, protocol, and port if the protocol has ports */
	CGG_KNOWN_PROTO = CGG_W, /* address and protocol */
	CGG_KNOWN_ADDR = CGG_M, /* the address alone */
	CGG_KNOWN_NONE = 8,
};
#define CGG_KNOWN_BITS 4

/*
 * For connect and sendmsg an access bit says how a rule finds the other end. A query for the
 * address asks for the first, a query for each name that the address has for the second.
 */
enum cgg_by {
	CGG_BY_ADDRESS = CGG_R,
	CGG_BY_NAME = 16,
};
#define CGG_QUERY_BITS 5 /* of all that a query may ask for */
#define CGG_NAME_HOOKS (1u << CGG_CONNECT | 1u << CGG_SENDMSG)
#define CGG_PACKET_HOOKS (1u << CGG_EGRESS | 1u << CGG_INGRESS)

CGG_FITS(CGG_HOOKS <= CGG_HOOKS_MOST && CGG_HOOKS <= CGG_ARRAY_MOST);
CGG_FITS(CGG_PROGRAMS <= CGG_PROGRAMS_MOST);
CGG_FITS(CGG_VERDICTS <= CGG_VERDICTS_MOST);
CGG_FITS(CGG_ACCESS_BITS <= CGG_ACCESS_MOST && CGG_KNOWN_BITS <= CGG_ACCESS_MOST);
CGG_FITS(CGG_KNOWN_NONE < 1 << CGG_ACCESS_MOST && CGG_BY_NAME < 1 << CGG_ACCESS_MOST);
CGG_FITS(CGG_BY_NAME < 1 << CGG_QUERY_BITS);

#endif
