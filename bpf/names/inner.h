/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* inner.h - addresses that `allow host' does not match, unless the rule says inner. */
#ifndef CGG_NAMES_INNER_H
#define CGG_NAMES_INNER_H

#include <linux/types.h>
#include <bpf/bpf_endian.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* Local, private, link-local, multicast, reserved; a is in host order. */
static __always_inline int is_inner4(__u32 a)
{
	return a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 20 == 0xac1 ||
	       a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe || a >> 22 == 0x191 || a >> 28 >= 14;
}

/*
 * Return whether an address (as in a query) is inner. The addresses of NAT64 (RFC 6052, RFC 8215)
 * and of 6to4 count as the IPv4 address in them.
 */
static __always_inline int is_inner(const __u64 addr[2])
{
	__u64 high = bpf_be64_to_cpu(addr[0]), low = bpf_be64_to_cpu(addr[1]);

	if (!high)
		return low >> 32 != 0xffff || is_inner4((__u32)low);
	if (high == 0x64ff9b00000000ULL || high >> 16 == 0x64ff9b0001ULL)
		return is_inner4((__u32)low);
	if (high >> 48 == 0x2002)
		return is_inner4((__u32)(high >> 16));
	return high >> 57 == 0xfc >> 1 || high >> 54 == 0xfe80 >> 6 || high >> 54 == 0xfec0 >> 6 ||
	       high >> 56 == 0xff;
}

#endif
