/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* query.h - one operation, in the shape that all hooks share. */
#ifndef CGG_CONTRACT_QUERY_H
#define CGG_CONTRACT_QUERY_H

#include "hooks.h"

/* select of a query about an address, above the protocol's number */
#define CGG_IS_LOCAL 0x10000u /* 127.0.0.0/8 or ::1; of a packet: and it stays on lo */
#define CGG_IS_IPV4 0x20000u
/* and of one about a name of that address */
#define CGG_IS_INNER 0x40000u /* the address is local, private, link-local or multicast */
#define CGG_IS_ALIAS 0x80000u /* the name came further on in a chain of CNAMEs */
/* the key is not an address or a name but the sets of the policy that contain it: 1 << place */
#define CGG_IS_SET 0x40000000u

/*
 * The value that a call sets. 0: none, or a text. CGG_VALUE_VAGUE: the kernel may read it as one
 * of several numbers. Else CGG_VALUE_OF() of the number.
 */
#define CGG_VALUE_MOST ((1LL << 61) - 1)
#define CGG_VALUE_OF(n) (1ULL << 62 | ((__u64)(n) + (1ULL << 61)))
#define CGG_VALUE_VAGUE (~0ULL)

/* type of a query about a device, as in BPF_DEVCG_DEV_* of <linux/bpf.h> */
#define CGG_BLOCK 1
#define CGG_CHAR 2

/*
 * One operation, in the shape that all hooks share: a key of 16 bytes, read as two
 * words as they lie in memory, what else selects, and a port.
 *
 *	hook		key, numbers in network order		select		port
 *	connect, ...	address					proto | IS_*	destination
 *	socket		none					CGG_SOCKET_*	protocol
 *	device		type, major, minor (4 bytes each)	0		0
 *	sockopt		level, name (4 bytes each)		0		0
 *	sysctl, unix	the first 16 bytes of the name		its length	0
 *	dns		the first 16 bytes of the name		0		0
 *
 * IPv4 is ::ffff:a.b.c.d. MPTCP is shown as TCP. access has the access bits that the operation
 * asks for; for packets it is one of enum cgg_known, for hooks without access bits CGG_R. The
 * whole name is beside the query, filled up with NULs to CGG_OPERAND. Its first bytes are the key.
 *
 * A name of the address of a connect or sendmsg (CGG_BY_NAME) has the name in place of the
 * address, and nothing else differs. DNS names are reversed (names.h), and a rule about a
 * whole name compares the NUL behind it too.
 *
 * Example, connect(2) by TCP to 127.0.0.1 port 9090 on a little endian machine:
 * { { 0, 0x0100007fffff0000 }, 0x30006, 9090, CGG_CONNECT, CGG_R }
 *
 * A unix path that is relative, or has an empty component, . or .., may mean any
 * path: its length is CGG_VAGUE, and nothing of it is compared. So is the select of a
 * question of DNS that cannot be read.
 */
#define CGG_VAGUE 0xffff
#define CGG_SOCKET_SELECT(family, type, proto)                                                     \
	(((family)&0xffu) << 24 | ((type)&0xffu) << 16 | ((proto)&0xffffu))
struct cgg_query {
	__u64 word[2];
	__u32 select;
	__u16 port;
	__u8 hook;
	__u8 access;
};

/* A name, NULs behind it. */
struct cgg_operand {
	__u64 word[CGG_OPERAND_WORDS];
};

/*
 * What `cgg-rule test' asks the program ask: a query, the ids of the cgroups that
 * the task is in by their level, and a name. The answer is verdict << 30 | rule.
 */
struct cgg_ask {
	struct cgg_query query;
	__u32 policy; /* place */
	__u32 uid, gid;
	__u32 iface; /* of a packet */
	__u32 sport;
	__u32 zero;
	__u64 self[2];
	__u64 value; /* CGG_VALUE_* */
	__u64 ancestor[CGG_LEVELS];
	struct cgg_operand name;
};

/* The answer of the program ask: 30 bits of the rule's id, and the verdict above. */
#define CGG_ANSWER_BITS 30
#define CGG_ANSWER(verdict, rule)                                                                  \
	((__u32)(verdict) << CGG_ANSWER_BITS | ((rule) & ((1u << CGG_ANSWER_BITS) - 1)))
#define CGG_ANSWER_VERDICT(answer) ((answer) >> CGG_ANSWER_BITS)
#define CGG_ANSWER_RULE(answer) ((answer) & ((1u << CGG_ANSWER_BITS) - 1))
CGG_FITS(CGG_VERDICTS_MOST <= 1 << (32 - CGG_ANSWER_BITS));
CGG_SAME(sizeof(struct cgg_query) == 24);

#endif
