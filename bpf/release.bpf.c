// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * release.bpf.c - observes UDP sockets when they are made and when they are closed.
 *
 * Each peer of the socket is a flow of its own. The port of a query is that of the end that got
 * the first datagram.
 */
#define CGG_FLOWS
#define CGG_DATAGRAMS
#include "address.h"
#if defined(CGG_NAMES)
#include "names/netns.h"
#define PROGRAM flow_udp_names

extern __u64 host_begin(__u64 high, __u64 low, __u64 netns);
extern __u32 host_any(void);
#else
#define PROGRAM flow_udp
#endif

/* flow_of_peer - Make the query about a peer, and the addresses of the event. */
static __always_inline void flow_of_peer(const struct cgg_peer *p, __u32 proto, struct cgg_query *q,
					 struct cgg_event_net *net)
{
	int there = p->opened == CGG_OPENED_THERE;

	query_socket(q, CGG_FLOW, proto, 0);
	query_plain6(q, p->addr[0], p->addr[1]);
	*(__u64 *)net->local = p->local[0];
	*(__u64 *)(net->local + 8) = p->local[1];
	net->sport = there ? p->port : p->local_port;
	q->port = there ? p->local_port : p->port;
}

/* host_find - Leave a name of the peer in the buffer for names, and its length in the event. */
static __always_inline void host_find(struct bpf_sock *ctx, const struct cgg_query *q,
				      struct cgg_event_net *net)
{
#if defined(CGG_NAMES)
	__u64 netns = netns_of_sock((char *)sock_address(ctx));

	if (host_begin(q->word[0], q->word[1], netns))
		net->host = host_any();
#else
	(void)ctx, (void)q, (void)net;
#endif
}

/* peer_tell - Judge what was sent to and received from one peer; return 1: there is such a peer. */
__noinline __weak int peer_tell(struct bpf_sock *ctx, __u32 n)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	const struct cgg_datagrams *all;
	struct operation o = {};
	const struct cgg_peer *p;

	all = bpf_sk_storage_get(&datagrams, ctx, 0, 0);
	if (!all || n > CGG_PEERS)
		return 0;
	p = &all->peer[n];
	if (!p->since)
		return 0;
	flow_of_peer(p, ctx->protocol, &o.q, &subject.net);
	o.who = ctx;
	subject.buffer = n;
	subject.net.len = drops_of(ctx);
	host_find(ctx, &o.q, &subject.net);
	forget_query(&o.q, at->cgroup);
	net_subject(&subject, &o.q);
	judge_bytes(at, &o, CGG_FLOW_UDP, p->sent + p->received, &subject);
	return 1;
}

SEC("cgroup/sock_release")
int PROGRAM(struct bpf_sock *ctx)
{
	if (has_datagrams(ctx->protocol))
		for (__u32 n = 0; n <= CGG_PEERS; n++)
			if (!peer_tell(ctx, n))
				break;
	return 1;
}

#if !defined(CGG_NAMES)
/* untold_in - Add a socket whose flows no event will report to what a ring has suppressed. */
__noinline __weak int untold_in(__u32 which)
{
	const struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject n = { .program = CGG_FLOW_UDP, .verdict = CGG_ALERT };
	__u32 place = at->policy - 1;
	const struct cgg_policy *policy = bpf_map_lookup_elem(&policies, &place);
	struct cgg_ring *r = bpf_map_lookup_elem(&ring, &which);

	if (!at->policy || !policy || !r)
		return 0;
	n.time = bpf_ktime_get_boot_ns();
	if (!which || is_wanted(&n, policy, r, which))
		suppress(which, 0, place, n.program, n.verdict); /* its rule is not known */
	return 0;
}

static __always_inline void untold(void)
{
	__u32 zero = 0;
	struct cgg_ring *r = bpf_map_lookup_elem(&ring, &zero);
	__u64 rings = r ? NOW(r->filters) | 1 : 0;

	for (__u32 which = 0; which < CGG_RINGS && rings >> which; which++)
		if (rings >> which & 1)
			untold_in(which);
}

/* Keep who made a UDP socket. A process can take the room for it (net.core.optmem_max). */
SEC("cgroup/sock_create")
int flow_socket(struct bpf_sock *ctx)
{
	const struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	struct cgg_datagrams *all;

	if (!has_datagrams(ctx->protocol))
		return 1;
	all = bpf_sk_storage_get(&datagrams, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!all)
		untold();
	if (!all || all->counter)
		return 1;
	all->counter = at->cgroup;
	opener_now(&all->opener);
	return 1;
}
#endif
