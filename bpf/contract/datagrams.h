/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * datagrams.h - what is kept of a UDP socket until it is closed: who made it, and what it sent to
 * and received from each peer.
 */
#ifndef CGG_CONTRACT_DATAGRAMS_H
#define CGG_CONTRACT_DATAGRAMS_H

#include <linux/bpf.h>

/* Who opened a connection, listens for it, or made a UDP socket. */
struct cgg_opener {
	__u32 pid, tid, uid, gid;
	char comm[16];
};

#define CGG_PEERS 8 /* that are counted by themselves; what the others sent and got is one sum */

struct cgg_peer {
	__u64 addr[2], local[2]; /* as in a query */
	__u64 since; /* of the first datagram; 0: there was none */
	__u64 sent, received; /* bytes of data */
	__u64 out, in; /* datagrams */
	__u16 port, local_port;
	__u32 opened; /* enum cgg_opened: who sent the first one */
};

/* The storage of a socket, in the map datagrams. */
struct cgg_datagrams {
	__u64 counter; /* the attached cgroup whose programs count */
	struct cgg_opener opener;
	struct bpf_spin_lock lock; /* held to add a peer */
	__u32 peers;
	struct cgg_peer peer[CGG_PEERS + 1]; /* the last: all others */
};

#endif
