/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sock_types.h - the kernel's sockets, as far as they are read: by type information. */
#ifndef CGG_SOCK_TYPES_H
#define CGG_SOCK_TYPES_H

#include <bpf/bpf_core_read.h>

#include "kernel.h"

struct sock_common {
	unsigned char skc_ipv6only : 1;
} RELOCATED;

#if !defined(CGG_OLD)
struct kernfs_node {
	__u64 id;
} RELOCATED;

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *ancestors[CGG_LEVELS];
} RELOCATED;
#endif

struct sock_cgroup_data {
	struct cgroup *cgroup;
	__u64 val; /* before Linux 5.15: a pointer with flags in its two lowest bits */
} RELOCATED;

struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
} RELOCATED;

struct ip_options {
	__u32 faddr;
	unsigned char srr;
} RELOCATED;

struct ip_options_rcu {
	struct ip_options opt;
} RELOCATED;

struct ipv6_txoptions {
	void *srcrt;
} RELOCATED;

struct ipv6_pinfo {
	struct ipv6_txoptions *opt;
} RELOCATED;

struct inet_sock {
	struct ipv6_pinfo *pinet6;
	struct ip_options_rcu *inet_opt;
	unsigned long inet_flags; /* since Linux 6.6 */
	unsigned char bind_address_no_port : 1; /* before */
} RELOCATED;

#define NO_PORT_FLAG 18 /* INET_FLAGS_BIND_ADDRESS_NO_PORT */

#define HAS(type, field) bpf_core_field_exists(((struct type *)0)->field)
#define READ(to, from) bpf_probe_read_kernel(&(to), sizeof(to), &(from))

#define NO_ADDRESS 1ULL

#endif
