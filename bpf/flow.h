/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flow.h - what is kept of a connection until it ends: who opened it. */
#ifndef CGG_FLOW_H
#define CGG_FLOW_H

#include "opener.h"
#include "sock.h"

/* Of a socket; freed with it. A connection that comes in begins with that of the listening one. */
struct flow {
	__u64 since; /* when it began; 0: it listens */
	struct cgg_opener opener;
	__u32 opened; /* enum cgg_opened */
	__u32 host; /* length of the name of the other end, when it was called; 0: none is known */
	char name[sizeof(((struct cgg_event_flow *)0)->name)];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct flow);
} flows MAP;

static __always_inline struct flow *flow_of(struct bpf_sock_ops *ctx, __u64 flags)
{
	struct bpf_sock *sk = ctx->sk;

	return sk ? bpf_sk_storage_get(&flows, sk, 0, flags) : 0;
}

/* flow_who - Fill in who opened the connection, and its cgroup. */
static __always_inline void flow_who(struct cgg_event *e, struct bpf_sock_ops *ctx)
{
	const struct flow *flow = flow_of(ctx, 0);
	struct cgg_opener none = {};
	const struct cgg_opener *who = flow ? &flow->opener : &none;

	e->own = sock_cgroup(sock_address(ctx->sk));
	e->pid = who->pid;
	e->tid = who->tid;
	e->uid = who->uid;
	e->gid = who->gid;
	__builtin_memcpy(e->comm, who->comm, sizeof(e->comm));
}

#endif
