// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * message.bpf.c - judges sendto(2), sendmsg(2) and sendmmsg(2) of UDP to an address.
 *
 * The kernel also runs sendmsg4 for a mapped address on an IPv6 socket, and for AF_UNSPEC. So
 * the programs ignore the address family in the call. The source address is the one that
 * IP_PKTINFO or bind(2) chose.
 *
 * On a connected socket the kernel asks about some messages without an address as well:
 *
 *	messages with control data: it passes port 0, which no real message has;
 *	all messages of an IPv6 socket that is connected to a mapped address: it passes
 *	that address (udpv6_sendmsg).
 *
 * These go to the peer of the socket, so they are judged as connect to the peer.
 *
 * If the socket has a source route, its messages go to the first router of that route, so the
 * router is judged as well. A route in the control data of one message is not visible.
 */
#include "address.h"

/* source4 - Copy the source address of the message, if it has one, into the event. */
static __always_inline void source4(struct cgg_event_net *net, __u32 source)
{
	if (source)
		*(__u64 *)(net->local + 8) = join(MAPPED, source);
}

/* source6 - Do the same for IPv6. */
static __always_inline void source6(struct cgg_event_net *net, __u64 high, __u64 low)
{
	if (!(high | low))
		return;
	*(__u64 *)net->local = high;
	*(__u64 *)(net->local + 8) = low;
}

#if defined(CGG_NAMES)
/* this_end - Copy address and port of this end into the event, when a decision is reported. */
static __always_inline void this_end(struct cgg_event_net *net, struct bpf_sock_addr *ctx, int six)
{
	local_end(net, ctx->sk, six);
	if (six)
		source6(net, join(ctx->msg_src_ip6[0], ctx->msg_src_ip6[1]),
			join(ctx->msg_src_ip6[2], ctx->msg_src_ip6[3]));
	else
		source4(net, ctx->msg_src_ip4);
}
#define PER_CALL(name) name##_sendmsg
#endif
#include "via.h"

/* peer_port - Return the port of the peer in network order, or 0 if there is no peer. */
static __always_inline __u32 peer_port(struct bpf_sock *sk)
{
	/* Read 32 bits: Linux 5.10 accepts no shorter read, later ones clear the upper half. */
	return sk ? *(volatile __u32 *)((char *)sk + offsetof(struct bpf_sock, dst_port)) : 0;
}

#define AF_INET6 10

/* to_peer4 - Return whether the message goes to the peer of the socket (see above). */
static __always_inline int to_peer4(const struct bpf_sock_addr *ctx, struct bpf_sock *sk)
{
	if (!ctx->user_port)
		return 1;
	return sk->family == AF_INET6 && sk->dst_ip4 && ctx->user_ip4 == sk->dst_ip4 &&
	       ctx->user_port == peer_port(sk);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	__u32 port = ctx->user_port, hook = CGG_SENDMSG;
	union cgg_subject subject = {};
	struct bpf_sock *sk = ctx->sk;
	struct operation o = {};

	o.who = sock_address(sk);
	if (sk && to_peer4(ctx, sk)) {
		port = peer_port(sk);
		hook = CGG_CONNECT;
		query_ip4(&o.q, sk->dst_ip4);
	} else {
		query_remote4(&o.q, ctx->user_ip4, ctx->msg_src_ip4);
		go_where4(ctx, &o.q);
	}
	hook = as_unknown(hook, at->cgroup); /* one way on, not one for each hook */
	query_socket(&o.q, hook, ctx->protocol, port);
	local_end(&subject.net, sk, 0);
	source4(&subject.net, ctx->msg_src_ip4);
	return judge_call(ctx, at, &o, hook == CGG_CONNECT ? CGG_CONNECT4 : CGG_SENDMSG4, 0,
			  &subject);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	__u32 port = ctx->user_port, hook = CGG_SENDMSG;
	union cgg_subject subject = {};
	struct bpf_sock *sk = ctx->sk;
	struct operation o = {};
	__u64 high = join(ctx->msg_src_ip6[0], ctx->msg_src_ip6[1]);
	__u64 low = join(ctx->msg_src_ip6[2], ctx->msg_src_ip6[3]);

	o.who = sock_address(sk);
	if (!port && sk) {
		port = peer_port(sk);
		hook = CGG_CONNECT;
		query_plain6(&o.q, join(sk->dst_ip6[0], sk->dst_ip6[1]),
			     join(sk->dst_ip6[2], sk->dst_ip6[3]));
	} else {
		query_remote6(&o.q, join(ctx->user_ip6[0], ctx->user_ip6[1]),
			      join(ctx->user_ip6[2], ctx->user_ip6[3]), high, low);
		go_where6(ctx, &o.q);
	}
	hook = as_unknown(hook, at->cgroup); /* one way on, not one for each hook */
	query_socket(&o.q, hook, ctx->protocol, port);
	local_end(&subject.net, sk, 1);
	source6(&subject.net, high, low);
	return judge_call(ctx, at, &o, hook == CGG_CONNECT ? CGG_CONNECT6 : CGG_SENDMSG6, 1,
			  &subject);
}
