// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bind.bpf.c - bind(2), by the local address; 0.0.0.0 and :: are what they say.
 *
 * Port 0 lets the kernel choose. Then the chosen one is judged, after the fact,
 * by post_bind, for which bind leaves a mark on the socket; when that cannot be
 * left the answer is no. What listen(2), connect(2) and sendto(2) bind by
 * themselves passes none of these hooks, nor does what IP_BIND_ADDRESS_NO_PORT
 * puts off until then.
 */
#include "address.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} port_open MAP;

/* leave_to_post_bind - 1: marked, 0: could not be */
static __always_inline int leave_to_post_bind(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	__u32 *mark;

	if (!sk)
		return 0;
	mark = bpf_sk_storage_get(&port_open, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mark)
		return 0;
	*mark = 1;
	return 1;
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	if (!ctx->user_port)
		return leave_to_post_bind(ctx);
	query_ip4(&o.q, ctx->user_ip4);
	query_socket(&o.q, CGG_BIND, ctx->protocol, ctx->user_port);
	return judge_net(at, &o, CGG_BIND4, &subject);
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	if (!ctx->user_port)
		return leave_to_post_bind(ctx);
	query_plain6(&o.q, join(ctx->user_ip6[0], ctx->user_ip6[1]),
		     join(ctx->user_ip6[2], ctx->user_ip6[3]));
	query_socket(&o.q, CGG_BIND, ctx->protocol, ctx->user_port);
	return judge_net(at, &o, CGG_BIND6, &subject);
}

/* take_mark - 1: bind left it */
static __always_inline int take_mark(struct bpf_sock *sk)
{
	__u32 *mark = bpf_sk_storage_get(&port_open, sk, 0, 0);

	if (!mark || !*mark)
		return 0;
	*mark = 0;
	return 1;
}

SEC("cgroup/post_bind4")
int post_bind4(struct bpf_sock *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	if (!take_mark(ctx))
		return 1;
	query_ip4(&o.q, ctx->src_ip4);
	query_socket(&o.q, CGG_BIND, ctx->protocol, bpf_htons(ctx->src_port));
	return judge_net(at, &o, CGG_POST_BIND4, &subject);
}

SEC("cgroup/post_bind6")
int post_bind6(struct bpf_sock *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	if (!take_mark(ctx))
		return 1;
	query_plain6(&o.q, join(ctx->src_ip6[0], ctx->src_ip6[1]),
		     join(ctx->src_ip6[2], ctx->src_ip6[3]));
	query_socket(&o.q, CGG_BIND, ctx->protocol, bpf_htons(ctx->src_port));
	return judge_net(at, &o, CGG_POST_BIND6, &subject);
}
