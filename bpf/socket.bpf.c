// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* socket.bpf.c - judges socket(2) of the families inet and inet6. */
#define CGG_NO_ADDRESS
#include "address.h"

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	query_socket(&o.q, CGG_SOCKET, ctx->protocol, 0);
	subject.socket.family = ctx->family;
	subject.socket.type = ctx->type;
	subject.socket.proto = o.q.select;
	o.q.port = o.q.select;
	o.q.select = CGG_SOCKET_SELECT(ctx->family, ctx->type, o.q.select);
	return judge(at, &o, CGG_SOCK_CREATE, &subject);
}
