// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * receive.bpf.c - observes received UDP messages by the address of the sender.
 *
 * The kernel accepts only programs that return 1 here, so nothing can be refused.
 */
#define CGG_OBSERVE_ONLY
#include "address.h"

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	query_ip4(&o.q, ctx->user_ip4);
	query_socket(&o.q, CGG_RECVMSG, ctx->protocol, ctx->user_port);
	local_end(&subject.net, ctx->sk, 0);
	judge_net(at, &o, CGG_RECVMSG4, &subject);
	return 1;
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	query_plain6(&o.q, join(ctx->user_ip6[0], ctx->user_ip6[1]),
		     join(ctx->user_ip6[2], ctx->user_ip6[3]));
	query_socket(&o.q, CGG_RECVMSG, ctx->protocol, ctx->user_port);
	local_end(&subject.net, ctx->sk, 1);
	judge_net(at, &o, CGG_RECVMSG6, &subject);
	return 1;
}
