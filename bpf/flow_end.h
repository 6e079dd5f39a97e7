/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flow_end.h - what the event of a connection tells of it.
 *
 * The kernel counts the bytes, as TCP numbers every one of them. Beside data, its counters
 * contain the beginning of the connection (SYN) and its end (FIN), which have numbers too. They
 * are taken off here.
 */
#ifndef CGG_FLOW_END_H
#define CGG_FLOW_END_H

#include <asm/errno.h>

#include "flow.h"

struct sock_common___flow {
	unsigned long skc_flags;
} RELOCATED;

struct sock___flow {
	struct sock_common___flow __sk_common;
	int sk_err;
} RELOCATED;

struct tcp_sock___flow {
	__u32 write_seq;
} RELOCATED;

#define SOCK_DONE_BIT 1 /* in skc_flags: the other end has closed (enum sock_flags) */
/* flow_error - Return the error that ended the connection; 0: none, as when both ends closed it. */
static __always_inline int flow_error(struct bpf_sock_ops *ctx)
{
	const struct sock___flow *sk = (const struct sock___flow *)sock_address(ctx->sk);
	int error = 0;

	READ(error, sk->sk_err);
	return error;
}

/* fin_came - Return 1 if the other end has closed, else 0. */
static __always_inline __u64 fin_came(struct bpf_sock_ops *ctx)
{
	const struct sock___flow *sk = (const struct sock___flow *)sock_address(ctx->sk);
	unsigned long flags = 0;

	READ(flags, sk->__sk_common.skc_flags);
	return flags >> SOCK_DONE_BIT & 1;
}

/* fin_acked - Return 1 if the other end knows that this one has closed, else 0. */
static __always_inline __u64 fin_acked(struct bpf_sock_ops *ctx)
{
	const struct tcp_sock___flow *tcp = (const void *)sock_address(ctx->sk);
	__u32 written = 0, state = ctx->args[0];

	if (state == BPF_TCP_FIN_WAIT2)
		return 1;
	if (state != BPF_TCP_FIN_WAIT1 && state != BPF_TCP_CLOSING && state != BPF_TCP_LAST_ACK)
		return 0;
	READ(written, tcp->write_seq);
	return written == ctx->snd_una;
}

/* end_of - Return why a connection ended (enum cgg_flow_end). */
static __always_inline __u8 end_of(__u32 state, int error)
{
	if (error == ECONNABORTED)
		return CGG_CUT;
	if (error == ECONNREFUSED && state == BPF_TCP_SYN_SENT)
		return CGG_REFUSED;
	if (error == ECONNRESET || error == EPIPE || error == ECONNREFUSED)
		return CGG_RESET_THERE;
	if (error)
		return CGG_TIMEOUT;
	if (state == BPF_TCP_LAST_ACK)
		return CGG_CLOSED_THERE;
	if (state == BPF_TCP_ESTABLISHED || state == BPF_TCP_SYN_RECV ||
	    state == BPF_TCP_CLOSE_WAIT)
		return CGG_RESET_HERE;
	return CGG_CLOSED_HERE;
}

/* bytes_sent - Return the bytes of data that the other end has acknowledged. */
static __always_inline __u64 bytes_sent(struct bpf_sock_ops *ctx)
{
	const struct flow *flow = flow_of(ctx, 0);
	__u64 sent = ctx->bytes_acked;

	if (sent && !(flow && flow->opened == CGG_OPENED_THERE)) /* the SYN */
		sent--;
	return sent ? sent - fin_acked(ctx) : 0;
}

static __always_inline __u64 bytes_received(struct bpf_sock_ops *ctx)
{
	__u64 received = ctx->bytes_received;

	return received ? received - fin_came(ctx) : 0;
}

/* flow_put - Fill in what there was of the connection, now that its end is told. */
static __always_inline void flow_put(struct cgg_event_flow *e, struct bpf_sock_ops *ctx,
				     const union cgg_subject *n)
{
	const struct flow *flow = flow_of(ctx, 0);

	e->net.host = flow ? flow->host : 0;
	if (flow)
		__builtin_memcpy(e->name, flow->name, sizeof(e->name));
	e->opened = flow ? flow->opened : CGG_OPENED_UNKNOWN;
	e->duration = flow ? n->time - flow->since : 0;
	e->others = 0;
	e->sent = bytes_sent(ctx);
	e->received = bytes_received(ctx);
	e->end = end_of(ctx->args[0], flow_error(ctx));
	e->retransmits = ctx->total_retrans;
	e->rtt = ctx->srtt_us >> 3;
}

#endif
