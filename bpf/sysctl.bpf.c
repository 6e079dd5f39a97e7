// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sysctl.bpf.c - judges reads and writes below /proc/sys, through every mount of proc. */
#define CGG_NAMED
#include "report.h"

/* A name that cannot be read in full has length 0, so that no rule with a name matches it. */
SEC("cgroup/sysctl")
int sysctl(struct bpf_sysctl *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	struct cgg_operand on_stack, *name;
	union cgg_subject subject = {};
	struct operation o = {};
	long len;

	name = name_room(&on_stack, &o.who);
	if (!name)
		return 0;
	__builtin_memset(name, 0, sizeof(*name));
	len = bpf_sysctl_get_name(ctx, (char *)name->word, sizeof(*name), 0);
	o.name = name;
	o.q.select = len > 0 ? len : 0;
	if (len <= 0)
		name->word[CGG_OPERAND_WORDS - 1] = ~0ULL;
	o.q.hook = CGG_SYSCTL;
	o.q.access = CGG_R << (ctx->write & 1);
	subject.named.write = ctx->write & 1;
	subject.named.len = o.q.select;
	return judge(at, &o, CGG_SYSCTL_RW, &subject);
}
