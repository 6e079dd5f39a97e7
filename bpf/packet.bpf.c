// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * packet.bpf.c - judges the packets of a cgroup's sockets, also those of open connections.
 *
 * The address is that of the other end: the destination of an outgoing packet, the source of
 * an incoming one. The port is always the destination's. A packet may hide its port, its
 * protocol or its destination; then the query says what is known (enum cgg_known). Only the
 * bytes that are present count, not the lengths that headers claim.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>

#define CGG_PACKETS
#include "address.h"
#include "extension.h"

#define MAX_OPTIONS 40 /* bytes of IPv4 options */
#define LOOPBACK_IFINDEX 1 /* that of lo, in every network namespace */

/* IPv4 options (RFC 791); the last two are source routes */
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_LSRR 131
#define OPTION_SSRR 137

static __always_inline int has_ports(__u32 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

/* has_route - Return 1 if the options before `end` contain a source route or cannot be read. */
__noinline __weak int has_route(struct __sk_buff *skb, __u32 end)
{
	__u32 offset = sizeof(struct iphdr);
	__u64 any = end;

	for (int i = 0; i < MAX_OPTIONS && offset < end; i++) {
		__u8 option[2];

		if (bpf_skb_load_bytes(skb, offset, option, 1) || option[0] == OPTION_LSRR ||
		    option[0] == OPTION_SSRR)
			return 1;
		if (option[0] == OPTION_END)
			return 0;
		if (option[0] == OPTION_NOP) {
			offset++;
		} else {
			if (bpf_skb_load_bytes(skb, offset + 1, option + 1, 1) || option[1] < 2)
				return 1;
			offset += option[1];
		}
		offset = as_unknown(offset, any);
	}
	return offset != end;
}

/* read_ip4 - Read the IPv4 header into q and net; return the position behind it. */
static __always_inline __u64 read_ip4(struct __sk_buff *skb, int out, struct cgg_query *q,
				      struct cgg_event_net *net)
{
	struct iphdr ip;
	__u64 at;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return AT(0, 0, CGG_KNOWN_NONE);
	query_ip4(q, out ? ip.daddr : ip.saddr);
	*(__u64 *)(net->local + 8) = join(MAPPED, out ? ip.saddr : ip.daddr);
	at = AT(4 * ip.ihl, ip.protocol, CGG_KNOWN_ALL);
	if (ip.frag_off & bpf_htons(0x1fff))
		at = AT(0, ip.protocol,
			ip.protocol == IPPROTO_AH ? CGG_KNOWN_ADDR
			: has_ports(ip.protocol)  ? CGG_KNOWN_PROTO
						  : CGG_KNOWN_ALL);
	else if (ip.protocol == IPPROTO_AH)
		at = headers_end(skb, at, 0, out);
	if (out && ip.ihl > 5 && has_route(skb, 4 * ip.ihl))
		at = AT(AT_OFFSET(at), AT_PROTO(at), CGG_KNOWN_NONE);
	return at;
}

/* read_ip6 - Read the IPv6 header and its extension headers; return the position behind them. */
static __always_inline __u64 read_ip6(struct __sk_buff *skb, int out, struct cgg_query *q,
				      struct cgg_event_net *net)
{
	struct ipv6hdr ip;
	__u64 source[2], dest[2];

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.version != 6)
		return AT(0, 0, CGG_KNOWN_NONE);
	__builtin_memcpy(source, &ip.saddr, sizeof(source));
	__builtin_memcpy(dest, &ip.daddr, sizeof(dest));
	query_plain6(q, out ? dest[0] : source[0], out ? dest[1] : source[1]);
	*(__u64 *)net->local = out ? source[0] : dest[0];
	*(__u64 *)(net->local + 8) = out ? source[1] : dest[1];
	if (!is_extension(ip.nexthdr, 1))
		return AT(sizeof(ip), ip.nexthdr, CGG_KNOWN_ALL);
	return headers_end(skb, AT(sizeof(ip), ip.nexthdr, CGG_KNOWN_ALL), 1, out);
}

/* read_packet - Read the packet into q and net; return how much is known (enum cgg_known). */
static __always_inline __u32 read_packet(struct __sk_buff *skb, int out, struct cgg_query *q,
					 struct cgg_event_net *net)
{
	__u64 at = AT(0, 0, CGG_KNOWN_NONE);
	__u32 known;
	__u16 ports[2];

	if (skb->protocol == bpf_htons(0x0800))
		at = read_ip4(skb, out, q, net);
	else if (skb->protocol == bpf_htons(0x86dd))
		at = read_ip6(skb, out, q, net);
	/* A packet on any interface may carry 127.0.0.1 or ::1; only lo keeps it on this host. */
	if (skb->ifindex != LOOPBACK_IFINDEX)
		q->select &= ~CGG_IS_LOCAL;
	q->select |= AT_PROTO(at);
	known = AT_KNOWN(at);
	if (known != CGG_KNOWN_ALL || !AT_OFFSET(at) || !has_ports(AT_PROTO(at)))
		return known;
	if (bpf_skb_load_bytes(skb, AT_OFFSET(at), ports, sizeof(ports)))
		return CGG_KNOWN_PROTO;
	net->sport = bpf_ntohs(ports[0]);
	q->port = bpf_ntohs(ports[1]);
	return known;
}

/* unread_of - Return the number that an event shows for enum cgg_known. */
static __always_inline __u8 unread_of(__u32 known)
{
	return known == CGG_KNOWN_ALL	  ? 0
	       : known == CGG_KNOWN_PROTO ? 1
	       : known == CGG_KNOWN_ADDR  ? 2
					  : 3;
}

/* own_side_put - Leave what own_side.h reads in the packet. */
static __always_inline void own_side_put(struct __sk_buff *skb, const struct cgg_event_net *net,
					 __u32 known)
{
	const __u32 *self = (const __u32 *)net->local;

	skb->cb[0] = self[0];
	skb->cb[1] = self[1];
	skb->cb[2] = self[2];
	skb->cb[3] = self[3];
	skb->cb[4] = OWN_SIDE_LAST(net->sport, known);
}

/* any_packet - Drop the verifier's bounds on the packet, or it follows each way to read one. */
static __always_inline void any_packet(struct operation *o, struct cgg_event_net *net, __u64 any)
{
	forget_query(&o->q, any);
	o->q.access = as_unknown(o->q.access, any);
	net->sport = as_unknown(net->sport, any);
	net->unread = as_unknown(net->unread, any);
}

static __always_inline void count_packet(int way, int allowed, __u32 bytes)
{
	struct cgg_packets *sum = bpf_get_local_storage(&packets, 0);

	if (allowed) {
		sum->allowed[way]++;
		sum->allowed_bytes[way] += bytes;
	} else {
		sum->denied[way]++;
		sum->denied_bytes[way] += bytes;
	}
}

static __always_inline int packet(struct __sk_buff *skb, int out, __u32 hook, __u32 program)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};
	int allowed;

	o.who = skb;
	o.q.hook = hook;
	subject.net.len = skb->len;
	o.q.access = read_packet(skb, out, &o.q, &subject.net);
	subject.net.unread = unread_of(o.q.access);
	own_side_put(skb, &subject.net, o.q.access);
	if (subject.net.unread && at->policy)
		count_unread(at->policy - 1, hook);
	any_packet(&o, &subject.net, at->cgroup);
	allowed = judge_net(at, &o, program, &subject);
	count_packet(out ? CGG_OUT : CGG_IN, allowed, skb->len);
	return allowed;
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	return packet(skb, 1, CGG_EGRESS, CGG_EGRESS_SKB);
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	return packet(skb, 0, CGG_INGRESS, CGG_INGRESS_SKB);
}
