/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* datagrams_end.h - what the event of a UDP socket that is closed tells of one of its peers. */
#ifndef CGG_DATAGRAMS_END_H
#define CGG_DATAGRAMS_END_H

#include <asm/errno.h>

#include "datagrams.h"
#include "sock.h"
#if defined(CGG_NAMES)
#include "names/scratch.h"
#endif

struct atomic___end {
	int counter;
} RELOCATED;

struct numa_drop_counters___end { /* since Linux 6.18, beside the one */
	struct atomic___end drops0, drops1;
} RELOCATED;

struct sock___end {
	int sk_err;
	struct atomic___end sk_drops;
	struct numa_drop_counters___end *sk_drop_counters;
} RELOCATED;

/* drops_of - Return how many datagrams came and were dropped, as there was no room for them. */
static __always_inline __u32 drops_of(struct bpf_sock *ctx)
{
	const struct sock___end *sk = (const struct sock___end *)sock_address(ctx);
	const struct numa_drop_counters___end *counters = 0;
	__u32 drops = 0, more = 0;

	if (HAS(sock___end, sk_drops))
		READ(drops, sk->sk_drops.counter);
	if (!HAS(sock___end, sk_drop_counters))
		return drops;
	READ(counters, sk->sk_drop_counters);
	if (!counters)
		return drops;
	READ(drops, counters->drops0.counter);
	READ(more, counters->drops1.counter);
	return drops + more;
}

/* close_of - Return why the socket was closed (enum cgg_flow_end). */
static __always_inline __u8 close_of(struct bpf_sock *ctx)
{
	const struct sock___end *sk = (const struct sock___end *)sock_address(ctx);
	int error = 0;

	READ(error, sk->sk_err);
	return error == ECONNABORTED   ? CGG_CUT
	       : error == ECONNREFUSED ? CGG_REFUSED
				       : CGG_CLOSED_HERE;
}

/* flow_who - Fill in who made the socket, and its cgroup. */
static __always_inline void flow_who(struct cgg_event *e, struct bpf_sock *ctx)
{
	const struct cgg_datagrams *all = bpf_sk_storage_get(&datagrams, ctx, 0, 0);

	e->own = sock_cgroup(sock_address(ctx));
	if (!all)
		return;
	e->pid = all->opener.pid;
	e->tid = all->opener.tid;
	e->uid = all->opener.uid;
	e->gid = all->opener.gid;
	__builtin_memcpy(e->comm, all->opener.comm, sizeof(e->comm));
}

static __always_inline __u32 at_most(__u64 count)
{
	return count > ~0u ? ~0u : count;
}

/* flow_put - Fill in what one peer got and sent; peer_tell() has left its number in the subject. */
static __always_inline void flow_put(struct cgg_event_flow *e, struct bpf_sock *ctx,
				     const union cgg_subject *n)
{
	const struct cgg_datagrams *all = bpf_sk_storage_get(&datagrams, ctx, 0, 0);
	__u32 number = n->buffer;
	const struct cgg_peer *p;

	if (!all || number > CGG_PEERS)
		return;
	p = &all->peer[number];
	e->opened = p->opened;
	e->others = number == CGG_PEERS;
	e->duration = n->time - p->since;
	e->sent = p->sent;
	e->received = p->received;
	e->out = at_most(p->out);
	e->in = at_most(p->in);
	e->end = close_of(ctx);
}

#endif
