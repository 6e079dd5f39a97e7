/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * address.h - what struct bpf_sock_addr says, as a query in the one address shape.
 *
 * A connection to 0.0.0.0 or :: is judged as what it means: by IPv4 the socket's own
 * bound address (ip_route_output_key_hash_rcu), else 127.0.0.1; by IPv6 ::1, or
 * 127.0.0.1 when the socket is bound to a mapped address (tcp_v6_connect,
 * ip6_datagram_connect). What was judged is then written in its place: by a device
 * (SO_BINDTODEVICE, IP_PKTINFO, IP_UNICAST_IF) the kernel would make the device's own
 * address of it, which no program can know.
 */
#ifndef CGG_ADDRESS_H
#define CGG_ADDRESS_H

#if !defined(CGG_PACKETS)
#define CGG_SOCKETS
#endif

#include <linux/in.h>
#include <bpf/bpf_endian.h>

#include "report.h"

#define MAPPED bpf_htonl(0xffff)
#define LOOPBACK bpf_htonl(0x7f000001)

static __always_inline void query_ip4(struct cgg_query *q, __u32 ip)
{
	q->word[0] = 0;
	q->word[1] = join(MAPPED, ip);
	q->select |= CGG_IS_IPV4;
	if ((ip & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000))
		q->select |= CGG_IS_LOCAL;
}

static __always_inline void query_ip6(struct cgg_query *q, __u64 high, __u64 low)
{
	q->word[0] = high;
	q->word[1] = low;
	if (!high && low == join(0, bpf_htonl(1)))
		q->select |= CGG_IS_LOCAL;
}

static __always_inline int is_mapped(__u64 high, __u64 low)
{
	return !high && (low & join(~0u, 0)) == join(MAPPED, 0);
}

/* The IPv4 address in the low word of a mapped one. */
static __always_inline __u32 mapped4(__u64 low)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return low >> 32;
#else
	return low;
#endif
}

/* An address that is what it says: a mapped one is IPv4, 0.0.0.0 and :: stay. */
static __always_inline void query_plain6(struct cgg_query *q, __u64 high, __u64 low)
{
	if (is_mapped(high, low))
		query_ip4(q, mapped4(low));
	else
		query_ip6(q, high, low);
}

/* The remote end, meant by a socket that is bound to source (0: it is not). */
static __always_inline void query_remote4(struct cgg_query *q, __u32 ip, __u32 source)
{
	query_ip4(q, ip ? ip : source ? source : LOOPBACK);
}

static __always_inline void query_remote6(struct cgg_query *q, __u64 high, __u64 low,
					  __u64 source_high, __u64 source_low)
{
	int source_mapped = is_mapped(source_high, source_low);

	if (is_mapped(high, low))
		query_remote4(q, mapped4(low), source_mapped ? mapped4(source_low) : 0);
	else if (high || low)
		query_ip6(q, high, low);
	else if (source_mapped)
		query_ip4(q, LOOPBACK);
	else
		query_ip6(q, 0, join(0, bpf_htonl(1)));
}

/* go_where4 - 1: to what was judged, whatever 0.0.0.0 would have become */
static __always_inline int go_where4(struct bpf_sock_addr *ctx, const struct cgg_query *q)
{
	if (!ctx->user_ip4)
		ctx->user_ip4 = mapped4(q->word[1]);
	return 1;
}

static __always_inline int go_where6(struct bpf_sock_addr *ctx, const struct cgg_query *q)
{
	if (ctx->user_ip6[0] | ctx->user_ip6[1] | ctx->user_ip6[3])
		return 1;
	if (ctx->user_ip6[2] && ctx->user_ip6[2] != MAPPED)
		return 1;
	ctx->user_ip6[2] = q->word[1];
	ctx->user_ip6[3] = q->word[1] >> 32;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	ctx->user_ip6[2] = q->word[1] >> 32;
	ctx->user_ip6[3] = q->word[1];
#endif
	return 1;
}

#define SMC 256 /* IPPROTO_SMC of Linux 6.11 */

/* proto_judged - Return TCP for what is TCP to the other end, too. */
static __always_inline __u32 proto_judged(__u32 proto)
{
	return proto == IPPROTO_MPTCP || proto == SMC ? IPPROTO_TCP : proto;
}

static __always_inline void query_socket(struct cgg_query *q, __u32 hook, __u32 proto, __u32 port)
{
	q->select |= proto_judged(proto);
	q->port = bpf_ntohs(port);
	q->hook = hook;
	q->access |= CGG_R;
}

/* What the socket says of its own end; the port is in host order there. */
static __always_inline void local_end(struct cgg_event_net *net, struct bpf_sock *sk, int six)
{
	if (!sk)
		return;
	net->sport = sk->src_port;
	if (six) {
		*(__u64 *)net->local = join(sk->src_ip6[0], sk->src_ip6[1]);
		*(__u64 *)(net->local + 8) = join(sk->src_ip6[2], sk->src_ip6[3]);
	} else if (sk->src_ip4) {
		*(__u64 *)(net->local + 8) = join(MAPPED, sk->src_ip4);
	}
}

/* forget_query - One way on for the verifier, whichever way the query was made. */
static __always_inline void forget_query(struct cgg_query *q, __u64 any)
{
	q->word[0] = as_unknown(q->word[0], any);
	q->word[1] = as_unknown(q->word[1], any);
	q->select = as_unknown(q->select, any);
	q->port = as_unknown(q->port, any);
}

/* net_subject - Say in an event what the query is about. */
static __always_inline void net_subject(union cgg_subject *subject, const struct cgg_query *q)
{
	*(__u64 *)subject->net.addr = q->word[0];
	*(__u64 *)(subject->net.addr + 8) = q->word[1];
	subject->net.port = q->port;
	subject->net.proto = q->select;
}

/* judge_net - judges an address query; the subject has what the query does not */
static __always_inline int judge_net(struct cgg_attached *at, struct operation *o, __u32 program,
				     union cgg_subject *subject)
{
	net_subject(subject, &o->q);
	return judge_bytes(at, o, program, subject->net.len, subject);
}

#if defined(CGG_SOCKETS)
/* forget_call - The same with what an event says of the socket. */
static __always_inline void forget_call(struct cgg_query *q, struct cgg_event_net *net, __u64 any)
{
	__u64 *local = (__u64 *)net->local;

	forget_query(q, any);
	local[0] = as_unknown(local[0], any);
	local[1] = as_unknown(local[1], any);
	net->sport = as_unknown(net->sport, any);
}

/* query_again - The address of a query is another one now, all else stays. */
static __always_inline int query_again(struct cgg_query *q, __u64 high, __u64 low)
{
	q->select &= 0xffff;
	query_plain6(q, high, low);
	return 1;
}

/*
 * query_via - Ask about the router to which a source route of the socket sends packets first;
 * 0: it has none.
 */
static __always_inline int query_via(struct operation *o)
{
	__u32 first;

	if (o->q.select & CGG_IS_IPV4) {
		first = via4(o->who);
		return first && query_again(&o->q, 0, join(MAPPED, first));
	}
	return via6(o->who, VIA_ANY) && query_again(&o->q, via6(o->who, 0), via6(o->who, 1));
}

/* Keeps clang from having a copy of each part of *x on the stack, which is small. */
#define IN_MEMORY(x) asm volatile("" : : "r"(x) : "memory")

/*
 * judge_both - Judge a call that may have a second address: either may refuse it.
 *
 * @also	makes the query one about the second address; 0: there is none
 */
static __always_inline int judge_both(struct cgg_attached *at, struct operation *o, __u32 program,
				      union cgg_subject *subject, int (*also)(struct operation *))
{
	forget_call(&o->q, &subject->net, at->cgroup);
	if (!judge_net(at, o, program, subject))
		return 0;
	IN_MEMORY(o);
	if (!also(o))
		return 1;
	forget_call(&o->q, &subject->net, at->cgroup);
	return judge_net(at, o, program, subject);
}
#endif

#endif
