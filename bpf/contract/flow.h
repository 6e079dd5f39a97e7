/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flow.h - what an event tells of a network operation, and of a flow that ended. */
#ifndef CGG_CONTRACT_FLOW_H
#define CGG_CONTRACT_FLOW_H

#include <linux/types.h>

/* The addresses of a network event. */
struct cgg_event_net {
	__u8 addr[16]; /* the other end (bind: the local one), as in a query */
	__u8 local[16]; /* this end, all zero: not known */
	__u16 port; /* destination */
	__u16 sport; /* source, 0: not known */
	__u16 proto;
	__u8 unread; /* unknown of a packet: 1 its port, 2 its protocol too, 3 its address too */
	__u8 host; /* length of the name, 0: none is known; struct cgg_event_host has it */
	__u32 len; /* of a packet, bytes */
};

enum cgg_opened { CGG_OPENED_UNKNOWN, CGG_OPENED_HERE, CGG_OPENED_THERE };

/* Why a connection ended. */
enum cgg_flow_end {
	CGG_CLOSED_HERE, /* both ends closed, this one first */
	CGG_CLOSED_THERE,
	CGG_RESET_HERE,
	CGG_RESET_THERE,
	CGG_REFUSED, /* by a reset, before there was a connection */
	CGG_TIMEOUT, /* nothing came from the other end any more, or it cannot be reached */
	CGG_CUT, /* by SOCK_DESTROY, as cgg-sockets -k does */
	CGG_FLOW_ENDS
};

/*
 * A flow that ended: a connection, or what a UDP socket and one peer sent each other. net.len is
 * the number of datagrams that the socket dropped, since it had no room for them. The name is that
 * of struct cgg_event_host, but shorter.
 */
struct cgg_event_flow {
	struct cgg_event_net net;
	char name[40];
	__u8 opened; /* enum cgg_opened */
	__u8 end; /* enum cgg_flow_end */
	__u8 others; /* of UDP: the sum of the peers that are not counted by themselves */
	__u8 zero;
	__u64 sent, received; /* bytes of data, without headers and without repetitions */
	__u64 duration; /* ns */
	union {
		struct {
			__u32 retransmits; /* segments */
			__u32 rtt; /* us, smoothed; 0: not measured */
		}; /* of TCP */
		struct {
			__u32 out, in; /* datagrams; the largest number if there were more */
		}; /* of UDP */
	};
};

#endif
