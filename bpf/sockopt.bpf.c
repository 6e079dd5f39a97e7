// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sockopt.bpf.c - setsockopt(2) and getsockopt(2), by level and name.
 *
 * The option's value is never looked at. One that is larger than a page must be
 * handed back to the kernel by optlen = 0, or it would answer EFAULT.
 */
#include "report.h"

#define PAGE 4096

static __always_inline int sockopt(struct bpf_sockopt *ctx, __u32 hook, __u32 program)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	o.q.word[0] = join(bpf_htonl(ctx->level), bpf_htonl(ctx->optname));
	o.q.hook = hook;
	o.q.access = CGG_R;
	subject.sockopt.level = ctx->level;
	subject.sockopt.name = ctx->optname;
	if (ctx->optlen > PAGE)
		ctx->optlen = 0;
	return judge(at, &o, program, &subject);
}

SEC("cgroup/setsockopt")
int setsockopt(struct bpf_sockopt *ctx)
{
	return sockopt(ctx, CGG_SETSOCKOPT, CGG_SETSOCKOPT_RUN);
}

SEC("cgroup/getsockopt")
int getsockopt(struct bpf_sockopt *ctx)
{
	return sockopt(ctx, CGG_GETSOCKOPT, CGG_GETSOCKOPT_RUN);
}
