/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* remote.h - the address of a call, as a query. */
#ifndef CGG_REMOTE_H
#define CGG_REMOTE_H

#if !defined(CGG_PACKETS) && !defined(CGG_FLOWS)
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

#endif
