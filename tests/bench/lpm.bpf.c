// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * lpm.bpf.c - filter packets by LPM_TRIE maps, as systemd does.
 *
 * Like IPAddressAllow= and IPAddressDeny= (src/core/bpf-firewall.c of systemd): the peer's
 * address is looked up in a map of allowed addresses, then in one of denied addresses.
 */
#include <linux/bpf.h>
#include <linux/ip.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct key {
	__u32 len;
	__u32 ip;
};

#define TRIE                                                                                       \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);                                               \
		__uint(max_entries, 1);                                                            \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__type(key, struct key);                                                           \
		__type(value, __u32);                                                              \
	}

TRIE allowed SEC(".maps");
TRIE denied SEC(".maps");

static int look(struct __sk_buff *skb, __u32 offset)
{
	struct key key = {};

	if (skb->protocol != bpf_htons(0x0800))
		return 1;
	key.len = 32;
	bpf_skb_load_bytes(skb, offset, &key.ip, sizeof(key.ip));
	if (bpf_map_lookup_elem(&allowed, &key))
		return 1;
	return !bpf_map_lookup_elem(&denied, &key);
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	return look(skb, offsetof(struct iphdr, daddr));
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	return look(skb, offsetof(struct iphdr, saddr));
}

char lpm_license[] SEC("license") = "GPL";
