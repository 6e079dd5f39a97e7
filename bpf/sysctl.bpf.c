// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sysctl.bpf.c - reads and writes below /proc/sys, from whichever mount of proc. */
#include "report.h"

/* A name that cannot be read whole has length 0: no rule with a name is its. */
SEC("cgroup/sysctl")
int sysctl(struct bpf_sysctl *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	__u64 name[CGG_OPERAND_WORDS] = {};
	union cgg_subject subject = {};
	struct cgg_query q = {};
	long len;

	len = bpf_sysctl_get_name(ctx, (char *)name, sizeof(name), 0);
	q.word[0] = len > 0 ? len : 0;
	q.word[1] = name[0];
	q.word[2] = name[1];
	q.hook = CGG_SYSCTL;
	q.access = CGG_R << (ctx->write & 1);
	subject.sysctl.write = ctx->write & 1;
	subject.sysctl.len = q.word[0];
	__builtin_memcpy(subject.sysctl.name, name, sizeof(subject.sysctl.name));
	return judge(at, &q, name, CGG_SYSCTL_RW, &subject);
}
