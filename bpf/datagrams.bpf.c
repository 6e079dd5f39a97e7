// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * datagrams.bpf.c - counts what each UDP socket sends and receives, for the hook flow.
 *
 * The kernel does not count it. A socket that was there before the program was attached has no
 * storage, so nothing is counted. A packet that the kernel puts together, or takes apart later,
 * is seen once, with the bytes of all its datagrams.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "datagrams.h"
#include "extension.h"
#include "image.h"

#define MAPPED bpf_htonl(0xffff)

/* The ends of a datagram: the other one is `addr' and `port'; ports are in host order. */
struct ends {
	__u64 addr[2], local[2];
	__u32 port, local_port;
	__u32 bytes; /* of data */
};

struct packet4 {
	struct iphdr ip;
	struct udphdr udp;
};

struct packet6 {
	struct ipv6hdr ip;
	struct udphdr udp;
};

/* asks_datagrams - Return whether the policy of an attached cgroup has rules about UDP flows. */
__noinline __weak int asks_datagrams(__u64 cgroup)
{
	const __u32 *found = bpf_map_lookup_elem(&attachments, &cgroup);
	const struct cgg_policy *policy;
	const struct cgg_image *image;
	__u32 place;

	if (!found)
		return 0;
	place = *found & ~CGG_FORCED;
	policy = bpf_map_lookup_elem(&policies, &place);
	image = policy ? image_at(image_now(policy, place, NOW(policy->generation))) : 0;
	return image && image->hooks & CGG_ASKS_UDP;
}

/*
 * counts_here - Return whether the programs of this cgroup count for the socket.
 *
 * Those of a cgroup above see the same packets. They take over when the policy of the one below
 * no longer asks for it.
 */
static __always_inline int counts_here(struct cgg_datagrams *all)
{
	const struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	__u64 counter = NOW(all->counter);

	if (counter == at->cgroup)
		return 1;
	if (asks_datagrams(counter))
		return 0;
	NOW(all->counter) = at->cgroup;
	return 1;
}

static __always_inline void ports_of(struct ends *e, int out, const struct udphdr *udp)
{
	e->port = bpf_ntohs(out ? udp->dest : udp->source);
	e->local_port = bpf_ntohs(out ? udp->source : udp->dest);
}

/* ends_of4 - Read the headers; return where those of UDP end, or 0. */
static __always_inline __u32 ends_of4(struct __sk_buff *skb, int out, struct ends *e)
{
	struct packet4 p;
	__u32 at;

	if (bpf_skb_load_bytes(skb, 0, &p, sizeof(p)))
		return 0;
	at = 4 * p.ip.ihl;
	if (at != sizeof(p.ip) && bpf_skb_load_bytes(skb, at, &p.udp, sizeof(p.udp)))
		return 0;
	e->addr[0] = e->local[0] = 0;
	e->addr[1] = join(MAPPED, out ? p.ip.daddr : p.ip.saddr);
	e->local[1] = join(MAPPED, out ? p.ip.saddr : p.ip.daddr);
	ports_of(e, out, &p.udp);
	return at + sizeof(p.udp);
}

static __always_inline __u32 ends_of6(struct __sk_buff *skb, int out, struct ends *e)
{
	__u64 source[2], dest[2];
	struct packet6 p;
	__u32 at = sizeof(p.ip);

	if (bpf_skb_load_bytes(skb, 0, &p, sizeof(p)))
		return 0;
	if (!has_datagrams(p.ip.nexthdr)) {
		__u64 behind = headers_end(skb, AT(at, p.ip.nexthdr, CGG_KNOWN_ALL), 1, out);

		at = AT_OFFSET(behind);
		if (!has_datagrams(AT_PROTO(behind)) ||
		    bpf_skb_load_bytes(skb, at, &p.udp, sizeof(p.udp)))
			return 0;
	}
	__builtin_memcpy(source, &p.ip.saddr, sizeof(source));
	__builtin_memcpy(dest, &p.ip.daddr, sizeof(dest));
	e->addr[0] = out ? dest[0] : source[0];
	e->addr[1] = out ? dest[1] : source[1];
	e->local[0] = out ? source[0] : dest[0];
	e->local[1] = out ? source[1] : dest[1];
	ports_of(e, out, &p.udp);
	return at + sizeof(p.udp);
}

/* is_peer - Return whether a peer is this one, without a branch for each part. */
static __always_inline int is_peer(const struct cgg_peer *p, const struct ends *e)
{
	return !((p->addr[0] ^ e->addr[0]) | (p->addr[1] ^ e->addr[1]) | (p->port ^ e->port));
}

/* peer_find - Return the number of a peer, or CGG_PEERS: it is not among those of the socket. */
static __always_inline __u32 peer_find(const struct cgg_datagrams *all, const struct ends *e)
{
	__u32 n = CGG_PEERS;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < CGG_PEERS; i++)
		if (n == CGG_PEERS && is_peer(&all->peer[i], e))
			n = i;
	return n;
}

/* peer_fill - Begin the sums of a peer. */
static __always_inline void peer_fill(struct cgg_peer *p, const struct ends *e, int out, __u64 now)
{
	p->addr[0] = e->addr[0];
	p->addr[1] = e->addr[1];
	p->local[0] = e->local[0];
	p->local[1] = e->local[1];
	p->port = e->port;
	p->local_port = e->local_port;
	p->since = now;
	p->opened = out ? CGG_OPENED_HERE : CGG_OPENED_THERE;
}

static __always_inline void others_fill(struct cgg_peer *p, const struct ends *e, int out,
					__u64 now)
{
	peer_fill(p, e, out, now);
	p->addr[0] = p->addr[1] = 0;
	p->port = 0;
}

/* peer_add - Return the number of a peer that is added, or of the sum of all others. */
static __always_inline __u32 peer_add(struct cgg_datagrams *all, const struct ends *e, int out)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 n;

	bpf_spin_lock(&all->lock);
	n = peer_find(all, e); /* another processor may have added it */
	if (n == CGG_PEERS && all->peers < CGG_PEERS)
		n = all->peers++;
	if (n < CGG_PEERS && !all->peer[n].since)
		peer_fill(&all->peer[n], e, out, now);
	if (n == CGG_PEERS && !all->peer[CGG_PEERS].since)
		others_fill(&all->peer[CGG_PEERS], e, out, now);
	bpf_spin_unlock(&all->lock);
	return n;
}

/* datagram - Count a packet of a UDP socket. */
static __always_inline int datagram(struct __sk_buff *skb, int out)
{
	struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : 0;
	struct cgg_datagrams *all;
	struct ends e = {};
	struct cgg_peer *p;
	__u32 at, n;

	if (!sk || !has_datagrams(sk->protocol))
		return 1;
	all = bpf_sk_storage_get(&datagrams, sk, 0, 0);
	if (!all || !counts_here(all))
		return 1;
	at = skb->protocol == bpf_htons(0x0800) ? ends_of4(skb, out, &e) : ends_of6(skb, out, &e);
	if (!at || at > skb->len)
		return 1;
	n = peer_find(all, &e);
	if (n == CGG_PEERS)
		n = peer_add(all, &e, out);
	if (n > CGG_PEERS)
		return 1;
	p = &all->peer[n];
	__sync_fetch_and_add(out ? &p->sent : &p->received, skb->len - at);
	__sync_fetch_and_add(out ? &p->out : &p->in, skb->gso_segs ? skb->gso_segs : 1);
	return 1;
}

SEC("cgroup_skb/egress")
int flow_sent(struct __sk_buff *skb)
{
	return datagram(skb, 1);
}

SEC("cgroup_skb/ingress")
int flow_received(struct __sk_buff *skb)
{
	return datagram(skb, 0);
}
