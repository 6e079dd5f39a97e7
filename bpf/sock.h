/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sock.h - reads fields of the kernel's struct sock that struct bpf_sock does not show.
 *
 * libbpf relocates the fields by the kernel's type information (BTF) at load time. If the
 * kernel has no BTF, or no such field, HAS() becomes 0. Then the verifier skips the code that
 * reads the field, and each function returns the value that its comment gives for "unknown".
 * They are global functions because the stack of a program has only 512 bytes.
 */
#ifndef CGG_SOCK_H
#define CGG_SOCK_H

#include "sock_route.h"

/* sock_address - Return the address of the kernel's struct sock, or NO_ADDRESS if unknown. */
static __always_inline __u64 sock_address(struct bpf_sock *sk)
{
	__u64 address = NO_ADDRESS;

	if (sk && HAS(sock, __sk_common))
		READ(address, sk);
	return address;
}

/* is_v6only - Return whether an IPv6 socket has IPV6_V6ONLY; unknown: 0. */
__noinline __weak int is_v6only(__u64 address)
{
	const struct sock *sk = (const struct sock *)address;

	if (address == NO_ADDRESS || !HAS(sock, __sk_common.skc_ipv6only))
		return 0;
	return BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only);
}

/* puts_port_off - Return whether the socket has IP_BIND_ADDRESS_NO_PORT; unknown: 1. */
__noinline __weak int puts_port_off(__u64 address)
{
	const struct inet_sock *inet = (const struct inet_sock *)address;
	unsigned long flags = 0;

	if (address == NO_ADDRESS)
		return 1;
	if (HAS(inet_sock, bind_address_no_port))
		return BPF_CORE_READ_BITFIELD_PROBED(inet, bind_address_no_port);
	if (!HAS(inet_sock, inet_flags))
		return 1;
	READ(flags, inet->inet_flags);
	return flags >> NO_PORT_FLAG & 1;
}

#if !defined(CGG_OLD)
#define HAS_ANCESTORS HAS(cgroup, ancestors) && HAS(cgroup, kn) && HAS(kernfs_node, id)
static __always_inline __u64 ancestor_of(const struct cgroup *cgroup, __u32 level)
{
	__u64 word = 0; /* one for all: the stack is small */

	bpf_probe_read_kernel(&word, sizeof(word), (char *)&cgroup->ancestors + 8 * level);
	READ(word, ((const struct cgroup *)word)->kn);
	READ(word, ((const struct kernfs_node *)word)->id);
	return word;
}
#else
#define HAS_ANCESTORS HAS(cgroup, ancestor_ids)
static __always_inline __u64 ancestor_of(const struct cgroup *cgroup, __u32 level)
{
	__u64 id = 0;

	bpf_probe_read_kernel(&id, sizeof(id), (char *)&cgroup->ancestor_ids + 8 * level);
	return id;
}
#endif

/* cgroup_of_sock - Return the cgroup that the socket was made in; 0: unknown. */
static __always_inline const struct cgroup *cgroup_of_sock(__u64 address)
{
	const struct sock *sk = (const struct sock *)address;
	__u64 word = 0;

	if (address == NO_ADDRESS || !HAS(cgroup, level) || !(HAS_ANCESTORS))
		return 0;
	if (HAS(sock_cgroup_data, cgroup)) {
		READ(word, sk->sk_cgrp_data.cgroup);
	} else if (HAS(sock_cgroup_data, val)) {
		READ(word, sk->sk_cgrp_data.val);
		word = word & 1 ? 0 : word & ~3ULL; /* a set bit means that the cgroup is unknown */
	}
	return (const struct cgroup *)word;
}

/* sock_cgroup - Return the id of that cgroup; 0: unknown. */
static __always_inline __u64 sock_cgroup(__u64 address)
{
	const struct cgroup *cgroup = cgroup_of_sock(address);
	__u32 level = 0;

	if (!cgroup)
		return 0;
	READ(level, cgroup->level);
	return level < CGG_LEVELS ? ancestor_of(cgroup, level) : 0;
}

/*
 * sock_is_in - Return whether the socket was made in that cgroup or below it; -1: unknown.
 */
static __always_inline int sock_is_in(__u64 address, __u64 id, __u32 level)
{
	const struct cgroup *cgroup = cgroup_of_sock(address);
	int deepest = -1;

	if (!cgroup)
		return -1;
	READ(deepest, cgroup->level);
	if ((int)level > deepest)
		return 0;
	return ancestor_of(cgroup, level) == id;
}

#endif
