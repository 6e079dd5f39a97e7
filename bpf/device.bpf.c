// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* device.bpf.c - judges open(2), mknod(2) and access(2) of a device node by its numbers. */
#define CGG_SEVERAL
#include "report.h"

SEC("cgroup/dev")
int device(struct bpf_cgroup_dev_ctx *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	o.q.word[0] = join(bpf_htonl(ctx->access_type & 0xffff), bpf_htonl(ctx->major));
	o.q.word[1] = join(bpf_htonl(ctx->minor), 0);
	o.q.hook = CGG_DEVICE;
	o.q.access = ctx->access_type >> 16 & (CGG_R | CGG_W | CGG_M);
	subject.device.major = ctx->major;
	subject.device.minor = ctx->minor;
	subject.device.access_type = ctx->access_type;
	return judge(at, &o, CGG_DEV, &subject);
}
