/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* headers.h - reads the headers of a packet of DNS. */
#ifndef CGG_NAMES_HEADERS_H
#define CGG_NAMES_HEADERS_H

#include "packet.h"
#include "scratch.h"

/* ip_read - Read the addresses into the buffer; return where UDP or TCP begins, or 0. */
static __always_inline __u32 ip_read(struct __sk_buff *skb, struct scratch *s)
{
	__u64 behind;

	if (skb->protocol == bpf_htons(0x0800)) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
			return 0;
		s->proto = ip.protocol;
		s->source[0] = s->dest[0] = 0;
		s->source[1] = join(bpf_htonl(0xffff), ip.saddr);
		s->dest[1] = join(bpf_htonl(0xffff), ip.daddr);
		return 4 * ip.ihl;
	}
	if (bpf_skb_load_bytes(skb, 8, s->source, sizeof(s->source)) ||
	    bpf_skb_load_bytes(skb, 24, s->dest, sizeof(s->dest)))
		return 0;
	s->proto = s->raw[0] = 0;
	if (bpf_skb_load_bytes(skb, 6, s->raw, 1))
		return 0;
	s->proto = s->raw[0];
	if (!is_extension(s->proto, 1))
		return sizeof(struct ipv6hdr);
	behind = headers_end(skb, AT(sizeof(struct ipv6hdr), s->proto, CGG_KNOWN_ALL), 1, 1);
	s->proto = AT_PROTO(behind);
	return AT_OFFSET(behind);
}

/*
 * packet_read - Read the headers of a packet of DNS into a buffer: addresses, ports, and where what
 * it carries begins and ends. Return whether that went.
 */
__noinline __weak int packet_read(struct __sk_buff *skb, __u32 use)
{
	struct scratch *s = scratch_of(use);
	__u8 *head;
	__u32 at, zero = 0;
	const __u64 *key = bpf_map_lookup_elem(&seed, &zero);

	if (!s || !key)
		return 0;
	s->seed = *key;
	s->len = 0;
	s->stop = skb->len;
	at = ip_read(skb, s);
	s->sport = s->dport = 0;
	if (at && s->proto != IPPROTO_UDP && s->proto != IPPROTO_TCP)
		return 1;
	head = s->raw;
	if (!at || bpf_skb_load_bytes(skb, at, head, 8))
		return 0;
	s->sport = head[0] << 8 | head[1];
	s->dport = head[2] << 8 | head[3];
	if (s->proto == IPPROTO_UDP) {
		__u32 len = head[4] << 8 | head[5];

		if (len >= 8 && at + len < s->stop)
			s->stop = at + len;
		s->payload = s->at = at + 8;
		s->size = s->stop > s->at ? s->stop - s->at : 0;
		return 1;
	}
	s->sequence = (__u32)head[4] << 24 | head[5] << 16 | head[6] << 8 | head[7];
	if (bpf_skb_load_bytes(skb, at + 12, head, 2))
		return 0;
	s->flags = head[1];
	s->payload = at + 4 * (head[0] >> 4);
	return 1;
}

#endif
