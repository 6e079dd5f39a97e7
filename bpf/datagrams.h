/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * datagrams.h - what is kept of a UDP socket until it is closed: who made it, and what it sent to
 * and received from each peer.
 */
#ifndef CGG_DATAGRAMS_H
#define CGG_DATAGRAMS_H

#include <linux/in.h>

#include "opener.h"

#define PEERS 8 /* that are counted by themselves; what the others sent and got is one sum */

struct peer {
	__u64 addr[2], local[2]; /* as in a query */
	__u64 since; /* of the first datagram */
	__u64 sent, received; /* bytes of data */
	__u64 out, in; /* datagrams */
	__u16 port, local_port;
	__u32 opened; /* enum cgg_opened: who sent the first one */
};

/* Of a socket; freed with it. */
struct datagrams {
	__u64 counter; /* the attached cgroup whose programs count */
	struct opener opener;
	struct bpf_spin_lock lock; /* held to add a peer */
	__u32 peers;
	struct peer peer[PEERS + 1]; /* the last: all others */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct datagrams);
} datagrams MAP;

static __always_inline int has_datagrams(__u32 proto)
{
	return proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE;
}

#endif
