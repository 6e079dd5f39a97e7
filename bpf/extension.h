/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* extension.h - the headers between that of IP and those of TCP, UDP and others. */
#ifndef CGG_EXTENSION_H
#define CGG_EXTENSION_H

#include <linux/in.h>

#include "kernel.h"
#include "lookup.h"

#define MAX_HEADERS 16 /* extension headers read; if there are more, the protocol is unknown */

/* IPv6 extension headers that we do not read; a protocol may follow them (RFC 7045). */
#define IPPROTO_HIP 139
#define IPPROTO_SHIM6 140
#define IPPROTO_TEST1 253
#define IPPROTO_TEST2 254

/* Position in a packet, protocol and enum cgg_known: one word that a function can return. */
#define AT(offset, proto, known)                                                                   \
	((__u64)(known) << 40 | (__u64)((proto)&0xff) << 32 | (__u32)(offset))
#define AT_OFFSET(at) ((__u32)(at))
#define AT_PROTO(at) ((__u32)((at) >> 32 & 0xff))
#define AT_KNOWN(at) ((__u32)((at) >> 40 & 15))

/* Return whether another header may follow this one. In IPv4 only AH is such a header. */
static __always_inline int is_extension(__u32 proto, int six)
{
	if (proto == IPPROTO_AH)
		return 1;
	return six &&
	       (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
		proto == IPPROTO_FRAGMENT || proto == IPPROTO_MH || proto == IPPROTO_HIP ||
		proto == IPPROTO_SHIM6 || proto == IPPROTO_TEST1 || proto == IPPROTO_TEST2);
}

/*
 * headers_end - Skip the extension headers from `at` on (RFC 8200, RFC 4302); return the position
 * behind them.
 *
 * A header begins with the number of the next header and its own length, in units of 8 bytes,
 * without the first unit. AH counts in units of 4 bytes, without the first two. A fragment
 * header has 8 bytes, with the offset in its second 16 bits. The next header is only valid in
 * the first fragment. A routing header with segments left sends the packet on to other
 * addresses than the destination in the IPv6 header.
 */
__noinline __weak __u64 headers_end(struct __sk_buff *skb, __u64 at, int six, int out)
{
	__u32 offset = AT_OFFSET(at), proto = AT_PROTO(at), known = CGG_KNOWN_ALL;

	for (int i = 0; i < MAX_HEADERS; i++) {
		__u8 h[4];

		if (bpf_skb_load_bytes(skb, offset, h, sizeof(h)))
			break;
		if (proto == IPPROTO_FRAGMENT) {
			if (h[2] | (h[3] & 0xf8))
				break;
			offset += 8;
		} else if (proto == IPPROTO_AH) {
			offset += 4 * (h[1] + 2);
		} else if (proto == IPPROTO_HOPOPTS || proto == IPPROTO_DSTOPTS ||
			   proto == IPPROTO_ROUTING) {
			if (proto == IPPROTO_ROUTING && out && h[3])
				known = CGG_KNOWN_NONE;
			offset += 8 * (h[1] + 1);
		} else {
			break;
		}
		proto = h[0];
		if (!is_extension(proto, six))
			return AT(offset, proto, known);
		offset = as_unknown(offset, at);
		proto = as_unknown(proto, at);
		known = as_unknown(known, at);
	}
	return AT(offset, proto, known == CGG_KNOWN_NONE ? known : CGG_KNOWN_ADDR);
}

#endif
