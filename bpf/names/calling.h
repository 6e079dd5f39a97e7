/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* calling.h - the name of the address that a socket connects to. */
#ifndef CGG_NAMES_CALLING_H
#define CGG_NAMES_CALLING_H

#include "netns.h"
#include "scratch.h"

extern __u64 host_begin(__u64 high, __u64 low, __u64 netns);
extern __u32 host_any(void);

/*
 * host_keep - Keep a name of an address with the connection. A cgroup above that does not know
 * the address leaves the name of the one below.
 */
static __always_inline void host_keep(struct flow *flow, struct bpf_sock_ops *ctx,
				      const struct cgg_query *q)
{
	__u64 netns = netns_of_sock((char *)sock_address(ctx->sk));
	__u64 begun = host_begin(q->word[0], q->word[1], netns);
	__u32 len = begun ? host_any() : 0;
	const struct scratch *s = len ? scratch_of(FOR_HOST) : 0;

	if (!s)
		return;
	flow->host = 0;
	__builtin_memcpy(flow->name, s->name.word, sizeof(flow->name));
	if (turn_kept(FOR_HOST, begun))
		flow->host = len;
}

#endif
