/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * address.h - turns the addresses of struct bpf_sock_addr into queries.
 *
 * Each address has one shape: IPv4 is a mapped IPv6 address.
 *
 * A call to 0.0.0.0 or :: is judged by the address that the kernel then uses. For IPv4 this is
 * the address to which the socket is bound (ip_route_output_key_hash_rcu), otherwise 127.0.0.1.
 * For IPv6 it is ::1, or 127.0.0.1 if the socket is bound to a mapped address (tcp_v6_connect,
 * ip6_datagram_connect). The program then writes the judged address into the call. Otherwise
 * a socket with a device (SO_BINDTODEVICE, IP_PKTINFO, IP_UNICAST_IF) would reach the address
 * of that device, which no program can know.
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

/* mapped4 - Return the IPv4 address in the low word of a mapped address, in network order. */
static __always_inline __u32 mapped4(__u64 low)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return low >> 32;
#else
	return low;
#endif
}

/* query_plain6 - Ask about this address as it is: a mapped one is IPv4, 0.0.0.0 and :: stay. */
static __always_inline void query_plain6(struct cgg_query *q, __u64 high, __u64 low)
{
	if (is_mapped(high, low))
		query_ip4(q, mapped4(low));
	else
		query_ip6(q, high, low);
}

/* query_remote4 - Ask about the address that the kernel uses; source is the bound one, 0: none. */
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

/* go_where4 - Replace 0.0.0.0 in the call by the address that is judged. */
static __always_inline void go_where4(struct bpf_sock_addr *ctx, const struct cgg_query *q)
{
	if (!ctx->user_ip4)
		ctx->user_ip4 = mapped4(q->word[1]);
}

/* go_where6 - Replace :: and ::ffff:0.0.0.0 in the call by the address that is judged. */
static __always_inline void go_where6(struct bpf_sock_addr *ctx, const struct cgg_query *q)
{
	if (ctx->user_ip6[0] | ctx->user_ip6[1] | ctx->user_ip6[3])
		return;
	if (ctx->user_ip6[2] && ctx->user_ip6[2] != MAPPED)
		return;
	ctx->user_ip6[2] = q->word[1];
	ctx->user_ip6[3] = q->word[1] >> 32;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	ctx->user_ip6[2] = q->word[1] >> 32;
	ctx->user_ip6[3] = q->word[1];
#endif
}

#define SMC 256 /* IPPROTO_SMC of Linux 6.11 */

/* proto_judged - Return TCP for the protocols that are TCP to the other end. */
static __always_inline __u32 proto_judged(__u32 proto)
{
	return proto == IPPROTO_MPTCP || proto == SMC ? IPPROTO_TCP : proto;
}

/* query_socket - Add hook, protocol and port (network order) to a query about an address. */
static __always_inline void query_socket(struct cgg_query *q, __u32 hook, __u32 proto, __u32 port)
{
	q->select |= proto_judged(proto);
	q->port = bpf_ntohs(port);
	q->hook = hook;
	q->access |= CGG_R;
}

/* local_end - Copy address and port of this end into the event; src_port is in host order. */
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

/* forget_query - Drop the verifier's bounds on the query, or it follows each way that made one. */
static __always_inline void forget_query(struct cgg_query *q, __u64 any)
{
	q->word[0] = as_unknown(q->word[0], any);
	q->word[1] = as_unknown(q->word[1], any);
	q->select = as_unknown(q->select, any);
	q->port = as_unknown(q->port, any);
}

/* net_subject - Copy the address, port and protocol of the query into the event. */
static __always_inline void net_subject(union cgg_subject *subject, const struct cgg_query *q)
{
	*(__u64 *)subject->net.addr = q->word[0];
	*(__u64 *)(subject->net.addr + 8) = q->word[1];
	subject->net.port = q->port;
	subject->net.proto = q->select;
}

/* judge_net - Judge a query about an address; the subject has the rest of the event. */
static __always_inline int judge_net(struct cgg_attached *at, struct operation *o, __u32 program,
				     union cgg_subject *subject)
{
	net_subject(subject, &o->q);
	return judge_bytes(at, o, program, subject->net.len, subject);
}

#if defined(CGG_SOCKETS)
/* forget_call - Drop them on the query, and on the event's fields about the socket. */
static __always_inline void forget_call(struct cgg_query *q, struct cgg_event_net *net, __u64 any)
{
	__u64 *local = (__u64 *)net->local;

	forget_query(q, any);
	local[0] = as_unknown(local[0], any);
	local[1] = as_unknown(local[1], any);
	net->sport = as_unknown(net->sport, any);
}

/* query_again - Replace the address of a query and keep the rest; return 1. */
static __always_inline int query_again(struct cgg_query *q, __u64 high, __u64 low)
{
	q->select &= 0xffff;
	query_plain6(q, high, low);
	return 1;
}

/*
 * query_via - Ask about the first router of the socket's source route; return 0 if it has none.
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

/*
 * judge_both - Judge a call that may have a second address; both must be allowed.
 *
 * @also	changes the query to the second address; returns 0 if there is none
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
