/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* packet.h - finds packets of DNS; any other packet must cost almost nothing. */
#ifndef CGG_NAMES_PACKET_H
#define CGG_NAMES_PACKET_H

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "../extension.h"
#include "../lookup.h"
#include "../kernel_base.h"

#define DNS_PORT 53
#define LOOPBACK_IFINDEX 1 /* that of lo, in every network namespace */
#define SYN 2 /* flags of TCP */
#define URG 0x20

/* is_dns_otherwise - The same as is_dns(), where that cannot see the headers at once. */
__noinline __weak int is_dns_otherwise(struct __sk_buff *skb)
{
	struct iphdr ip;
	__u16 ports[2];

	if (skb->protocol != bpf_htons(0x0800) || bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
		return 0;
	if ((ip.protocol != IPPROTO_UDP && ip.protocol != IPPROTO_TCP) ||
	    ip.frag_off & bpf_htons(0x1fff) ||
	    bpf_skb_load_bytes(skb, 4 * ip.ihl, ports, sizeof(ports)))
		return 0;
	return ports[0] == bpf_htons(DNS_PORT) || ports[1] == bpf_htons(DNS_PORT);
}

/*
 * is_dns - Return whether a packet is UDP or TCP with port 53; any other costs no call.
 *
 * A segment that carries nothing does not count, unless it opens the connection: the kernel sends
 * such segments in the middle of another program, which would find its buffer used.
 */
static __always_inline int is_dns(struct __sk_buff *skb)
{
	const char *data = (const char *)(long)skb->data, *end = (const char *)(long)skb->data_end;
	const __u16 *ports;
	const __u8 *tcp;
	__u32 proto, head;

	if (skb->protocol == bpf_htons(0x0800)) {
		const struct iphdr *ip = (const struct iphdr *)data;

		if (data + sizeof(*ip) + 4 > end || ip->ihl != 5)
			return is_dns_otherwise(skb);
		if (ip->frag_off & bpf_htons(0x1fff))
			return 0;
		proto = ip->protocol;
		head = sizeof(*ip);
		ports = (const __u16 *)(data + sizeof(*ip));
	} else if (skb->protocol == bpf_htons(0x86dd)) {
		const struct ipv6hdr *ip = (const struct ipv6hdr *)data;

		if (data + sizeof(*ip) + 4 > end)
			return 0;
		proto = ip->nexthdr;
		head = sizeof(*ip);
		ports = (const __u16 *)(data + sizeof(*ip));
	} else {
		return 0;
	}
	if (proto != IPPROTO_UDP && proto != IPPROTO_TCP)
		return 0;
	tcp = (const __u8 *)ports;
	if (proto == IPPROTO_TCP && (const char *)tcp + 14 <= end && !(tcp[13] & SYN) &&
	    skb->len == head + 4 * (tcp[12] >> 4))
		return 0;
	return ports[0] == bpf_htons(DNS_PORT) || ports[1] == bpf_htons(DNS_PORT);
}

/* is_extended6 - Return whether a packet of IPv6 has extension headers. */
static __always_inline int is_extended6(struct __sk_buff *skb)
{
	const struct ipv6hdr *ip = (const struct ipv6hdr *)(long)skb->data;

	return skb->protocol == bpf_htons(0x86dd) &&
	       (void *)(ip + 1) <= (void *)(long)skb->data_end && is_extension(ip->nexthdr, 1);
}

#endif
