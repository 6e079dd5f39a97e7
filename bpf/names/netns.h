/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* netns.h - the network namespace of a packet. */
#ifndef CGG_NAMES_NETNS_H
#define CGG_NAMES_NETNS_H

#include <bpf/bpf_core_read.h>

#include "../kernel_base.h"

/* The helper for the cookie of a namespace does not serve packets on older kernels. */
struct net___names {
	__u64 net_cookie;
} RELOCATED;
typedef struct {
	__s64 counter;
} atomic64_t;
struct net___old { /* before Linux 5.12 */
	atomic64_t net_cookie;
} RELOCATED;
typedef struct {
	struct net___names *net;
} possible_net_t;
struct sock_common___names {
	possible_net_t skc_net;
} RELOCATED;
struct sock___names {
	struct sock_common___names __sk_common;
} RELOCATED;
struct sk_buff___names {
	struct sock___names *sk;
} RELOCATED;

/* netns_of_sock - Return the cookie of the network namespace of a socket, 0: unknown. */
static __always_inline __u64 netns_of_sock(const char *sk)
{
	__u64 at_net = __builtin_preserve_field_info(
		((struct sock___names *)0)->__sk_common.skc_net.net, 0);
	__u64 at_cookie =
		__builtin_preserve_field_info(((struct net___names *)0)->net_cookie, 2)
			? __builtin_preserve_field_info(((struct net___names *)0)->net_cookie, 0)
			: __builtin_preserve_field_info(((struct net___old *)0)->net_cookie, 0);
	char *net = 0;
	__u64 cookie = 0;

	bpf_probe_read_kernel(&net, sizeof(net), sk + at_net);
	bpf_probe_read_kernel(&cookie, sizeof(cookie), net + at_cookie);
	return cookie;
}

/* netns_of - Return that of a packet's socket. */
static __always_inline __u64 netns_of(struct __sk_buff *skb)
{
	__u64 at_sk = __builtin_preserve_field_info(((struct sk_buff___names *)0)->sk, 0);
	char *sk = 0;

	bpf_probe_read_kernel(&sk, sizeof(sk), (char *)skb + at_sk);
	return netns_of_sock(sk);
}

#endif
