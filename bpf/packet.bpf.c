// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * packet.bpf.c - packets of a cgroup's sockets, open connections too.
 *
 * The other end is the destination of what goes out and the source of what comes
 * in; the port is the destination's. Fragments behind the first have no ports
 * (they show 0). A packet whose headers cannot be read goes by the hook's
 * default, and is counted by itself.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>

#define CGG_PACKETS
#include "address.h"

#define MAX_HEADERS 8 /* extension headers of a packet that is read */

struct packet {
	__u32 offset; /* of the transport header */
	__u32 proto;
	__u32 later; /* a fragment behind the first */
};

static __always_inline int has_ports(__u32 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

/* read_ip4 - 0: read */
static __always_inline int read_ip4(struct __sk_buff *skb, int out, struct cgg_query *q,
				    struct cgg_event_net *net, struct packet *p)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return -1;
	p->offset = 4 * ip.ihl;
	p->proto = ip.protocol;
	p->later = ip.frag_off & bpf_htons(0x1fff);
	query_ip4(q, out ? ip.daddr : ip.saddr);
	*(__u64 *)(net->local + 8) = join(MAPPED, out ? ip.saddr : ip.daddr);
	return 0;
}

/*
 * skip_headers - goes over IPv6 extension headers (RFC 8200, RFC 4302); 0: read
 *
 * They begin with the next header's number and their own length, in units of 8
 * bytes not counting the first; AH counts units of 4, not counting two. A
 * fragment header is 8 bytes and has the offset in its second 16 bits.
 */
static __always_inline int skip_headers(struct __sk_buff *skb, struct packet *p)
{
	for (int i = 0; i < MAX_HEADERS; i++) {
		__u8 h[4];

		if (p->proto != IPPROTO_HOPOPTS && p->proto != IPPROTO_ROUTING &&
		    p->proto != IPPROTO_DSTOPTS && p->proto != IPPROTO_AH &&
		    p->proto != IPPROTO_FRAGMENT)
			return 0;
		if (p->later)
			return 0;
		if (bpf_skb_load_bytes(skb, p->offset, h, sizeof(h)))
			return -1;
		if (p->proto == IPPROTO_FRAGMENT) {
			p->later = h[2] | (h[3] & 0xf8);
			p->offset += 8;
		} else if (p->proto == IPPROTO_AH) {
			p->offset += 4 * (h[1] + 2);
		} else {
			p->offset += 8 * (h[1] + 1);
		}
		p->proto = h[0];
	}
	return -1;
}

static __always_inline int read_ip6(struct __sk_buff *skb, int out, struct cgg_query *q,
				    struct cgg_event_net *net, struct packet *p)
{
	struct ipv6hdr ip;
	__u64 source[2], dest[2];

	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.version != 6)
		return -1;
	__builtin_memcpy(source, &ip.saddr, sizeof(source));
	__builtin_memcpy(dest, &ip.daddr, sizeof(dest));
	p->offset = sizeof(ip);
	p->proto = ip.nexthdr;
	query_plain6(q, out ? dest[0] : source[0], out ? dest[1] : source[1]);
	*(__u64 *)net->local = out ? source[0] : dest[0];
	*(__u64 *)(net->local + 8) = out ? source[1] : dest[1];
	return skip_headers(skb, p);
}

static __always_inline int read_packet(struct __sk_buff *skb, int out, struct cgg_query *q,
				       struct cgg_event_net *net)
{
	struct packet p = {};
	__u16 ports[2];
	int unread;

	if (skb->protocol == bpf_htons(0x0800))
		unread = read_ip4(skb, out, q, net, &p);
	else if (skb->protocol == bpf_htons(0x86dd))
		unread = read_ip6(skb, out, q, net, &p);
	else
		unread = -1;
	if (unread)
		return -1;
	q->select |= p.proto;
	net->proto = p.proto;
	if (p.later || !has_ports(p.proto))
		return 0;
	if (bpf_skb_load_bytes(skb, p.offset, ports, sizeof(ports)))
		return -1;
	net->sport = bpf_ntohs(ports[0]);
	q->port = bpf_ntohs(ports[1]);
	return 0;
}

/* By the default alone: no rule about packets has the letter m, so none is asked. */
static __always_inline void unread_query(struct operation *o)
{
	o->q.word[0] = o->q.word[1] = o->q.select = 0;
	o->q.port = 0;
	o->q.access = CGG_M;
}

/* any_packet - the verifier has one to judge, whichever way it was read: else one a way */
static __always_inline void any_packet(struct operation *o, struct cgg_event_net *net, __u64 any)
{
	o->q.word[0] = forget(o->q.word[0], any);
	o->q.word[1] = forget(o->q.word[1], any);
	o->q.select = forget(o->q.select, any);
	o->q.port = forget(o->q.port, any);
	o->q.access = forget(o->q.access, any);
	net->sport = forget(net->sport, any);
	net->unread = forget(net->unread, any);
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
	o.q.access = CGG_R;
	subject.net.len = skb->len;
	if (read_packet(skb, out, &o.q, &subject.net)) {
		unread_query(&o);
		subject.net.unread = 1;
		if (at->policy)
			count_unread(at->policy - 1, hook);
	}
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
