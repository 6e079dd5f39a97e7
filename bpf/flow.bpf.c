// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * flow.bpf.c - observes TCP connections when they end.
 *
 * The kernel calls this when a connection begins. It then asks to be called when the state of the
 * socket changes, and never for a packet. A connection that was there before the program was
 * attached does not ask, so its end is not seen.
 *
 * The port of a query, and of a rule, is that of the end that was called, whichever end that is.
 */
#define CGG_FLOWS
#include "address.h"
#if defined(CGG_NAMES)
#include "names/calling.h"
#define PROGRAM flow_names
#else
#define PROGRAM flow
#define host_keep(flow, ctx, q)
#endif

#define AF_INET6 10

/* Half of an address of the context, which is read by 4 bytes only. */
#define WORD(address, half) join(NOW(address[2 * (half)]), NOW(address[2 * (half) + 1]))

/* watch - Ask for the changes of state, beside what other programs ask for. */
static __always_inline void watch(struct bpf_sock_ops *ctx)
{
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
}

/* flow_remote - Ask about the address of the other end. */
static __always_inline void flow_remote(struct bpf_sock_ops *ctx, struct cgg_query *q)
{
	if (ctx->family == AF_INET6)
		query_plain6(q, WORD(ctx->remote_ip6, 0), WORD(ctx->remote_ip6, 1));
	else
		query_ip4(q, ctx->remote_ip4);
}

/* flow_opens - Keep who calls connect(2) or listen(2); since is 0 for a socket that listens. */
static __always_inline void flow_opens(struct bpf_sock_ops *ctx, __u64 since)
{
	struct flow *flow = flow_of(ctx, BPF_SK_STORAGE_GET_F_CREATE);
	struct cgg_query q = {};

	if (!flow)
		return;
	opener_now(&flow->opener);
	flow->since = since;
	flow->opened = since ? CGG_OPENED_HERE : CGG_OPENED_THERE;
	if (!since)
		return;
	flow_remote(ctx, &q);
	host_keep(flow, ctx, &q);
}

/* flow_begins - Keep when a connection began, unless its socket called connect(2) itself. */
static __always_inline void flow_begins(struct bpf_sock_ops *ctx, __u64 opened)
{
	struct flow *flow = flow_of(ctx, BPF_SK_STORAGE_GET_F_CREATE);

	if (!flow || flow->since)
		return;
	flow->since = bpf_ktime_get_boot_ns();
	flow->opened = opened;
}

/* flow_query - Make the query and the event's addresses; return 0: it is no connection's end. */
static __always_inline int flow_query(struct bpf_sock_ops *ctx, struct cgg_query *q,
				      struct cgg_event_net *net)
{
	const struct flow *flow = flow_of(ctx, 0);
	__u32 remote = bpf_ntohl(ctx->remote_port), local = ctx->local_port;

	if (flow && !flow->since)
		return 0;
	flow_remote(ctx, q);
	if (ctx->family == AF_INET6) {
		*(__u64 *)net->local = WORD(ctx->local_ip6, 0);
		*(__u64 *)(net->local + 8) = WORD(ctx->local_ip6, 1);
	} else {
		*(__u64 *)(net->local + 8) = join(MAPPED, ctx->local_ip4);
	}
	if (flow && flow->opened == CGG_OPENED_THERE) {
		net->sport = remote;
		remote = local;
	} else {
		net->sport = local;
	}
	query_socket(q, CGG_FLOW, IPPROTO_TCP, bpf_htons(remote));
	return 1;
}

static __always_inline void flow_ends(struct bpf_sock_ops *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	if (!flow_query(ctx, &o.q, &subject.net))
		return;
	o.who = ctx;
	forget_query(&o.q, at->cgroup);
	subject.net.sport = as_unknown(subject.net.sport, at->cgroup);
	net_subject(&subject, &o.q);
	judge_bytes(at, &o, CGG_FLOW_TCP, bytes_sent(ctx) + bytes_received(ctx), &subject);
}

SEC("sockops")
int PROGRAM(struct bpf_sock_ops *ctx)
{
	switch (ctx->op) {
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		flow_opens(ctx, 0);
		break;
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		flow_opens(ctx, bpf_ktime_get_boot_ns());
		watch(ctx);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		flow_begins(ctx, CGG_OPENED_HERE);
		watch(ctx);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		flow_begins(ctx, CGG_OPENED_THERE);
		watch(ctx);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ctx->args[1] == BPF_TCP_CLOSE && ctx->args[0] != BPF_TCP_CLOSE &&
		    ctx->args[0] != BPF_TCP_LISTEN)
			flow_ends(ctx);
		break;
	}
	return 1;
}
