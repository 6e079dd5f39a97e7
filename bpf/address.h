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

#include "remote.h"

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

#endif
