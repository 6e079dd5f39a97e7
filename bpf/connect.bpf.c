// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * connect.bpf.c - judges connect(2) by TCP, MPTCP and UDP, TCP fast open, and io_uring.
 *
 * If the socket has a source route, its packets go to the first router of that route, so the
 * router is judged as well.
 */
#include "address.h"
#if defined(CGG_NAMES)
#define PER_CALL(name) name##_connect
#define this_end(net, ctx, six) local_end(net, (ctx)->sk, six)
#endif
#include "via.h"

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct bpf_sock *sk = ctx->sk;
	struct operation o = {};

	o.who = sock_address(sk);
	query_remote4(&o.q, ctx->user_ip4, sk ? sk->src_ip4 : 0);
	query_socket(&o.q, CGG_CONNECT, ctx->protocol, ctx->user_port);
	local_end(&subject.net, sk, 0);
	go_where4(ctx, &o.q);
	return judge_call(ctx, at, &o, CGG_CONNECT4, 0, &subject);
}

/* Runs for ::ffff:a.b.c.d too; connect4 does not. */
SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct bpf_sock *sk = ctx->sk;
	struct operation o = {};
	__u64 high = 0, low = 0;

	if (sk) {
		high = join(sk->src_ip6[0], sk->src_ip6[1]);
		low = join(sk->src_ip6[2], sk->src_ip6[3]);
	}
	o.who = sock_address(sk);
	query_remote6(&o.q, join(ctx->user_ip6[0], ctx->user_ip6[1]),
		      join(ctx->user_ip6[2], ctx->user_ip6[3]), high, low);
	query_socket(&o.q, CGG_CONNECT, ctx->protocol, ctx->user_port);
	local_end(&subject.net, sk, 1);
	go_where6(ctx, &o.q);
	return judge_call(ctx, at, &o, CGG_CONNECT6, 1, &subject);
}
