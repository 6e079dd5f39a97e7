// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * message.bpf.c - sendto(2), sendmsg(2), sendmmsg(2) with an address, by UDP.
 *
 * sendmsg4 runs also for a mapped address given to an IPv6 socket, and for
 * AF_UNSPEC: the family that the caller wrote is never looked at. The source is
 * what IP_PKTINFO or bind(2) chose.
 */
#include "address.h"

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct bpf_sock *sk = ctx->sk;
	struct operation o = {};

	query_remote4(&o.q, ctx->user_ip4, ctx->msg_src_ip4);
	query_socket(&o.q, CGG_SENDMSG, ctx->protocol, ctx->user_port);
	local_end(&subject.net, sk, 0);
	return judge_net(at, &o, CGG_SENDMSG4, &subject) && go_where4(ctx, &o.q);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct bpf_sock *sk = ctx->sk;
	struct operation o = {};

	query_remote6(&o.q, join(ctx->user_ip6[0], ctx->user_ip6[1]),
		      join(ctx->user_ip6[2], ctx->user_ip6[3]),
		      join(ctx->msg_src_ip6[0], ctx->msg_src_ip6[1]),
		      join(ctx->msg_src_ip6[2], ctx->msg_src_ip6[3]));
	query_socket(&o.q, CGG_SENDMSG, ctx->protocol, ctx->user_port);
	local_end(&subject.net, sk, 1);
	return judge_net(at, &o, CGG_SENDMSG6, &subject) && go_where6(ctx, &o.q);
}
