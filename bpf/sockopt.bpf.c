// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sockopt.bpf.c - judges setsockopt(2) and getsockopt(2) by level and name.
 *
 * If the value is larger than a page, a program must set optlen to 0, which keeps the value;
 * otherwise the kernel returns EFAULT. Then the kernel reads the value from the process again.
 */
#include <linux/in.h>
#include <linux/in6.h>

#include "report.h"

#define PAGE 4096
#define SOL_RAW 255

/*
 * level_judged - Return one level for all that mean the same: UDP takes its options by its own
 * level and by that of UDP-Lite (udp_setsockopt).
 */
static __always_inline __u32 level_judged(__u32 level)
{
	return level == IPPROTO_UDPLITE ? IPPROTO_UDP : level;
}

/*
 * is_ipv6_alias - Return whether a raw IPv6 socket takes this option of SOL_RAW as an option of
 * SOL_IPV6 (do_rawv6_setsockopt).
 */
static __always_inline int is_ipv6_alias(__u32 level, __u32 name)
{
	return level == SOL_RAW && (name == IPV6_CHECKSUM || name == IPV6_HDRINCL);
}

/*
 * int_set - Return the value that setsockopt() sets, CGG_VALUE_*
 *
 * Some options read only the first byte, or only the first int, of what they are given. So only
 * what has the size of an int is one. The kernel has copied it, so it cannot change any more.
 */
static __always_inline __u64 int_set(struct bpf_sockopt *ctx)
{
	struct {
		int value;
	} __attribute__((packed)) *set = ctx->optval, *end = ctx->optval_end; /* not aligned */

	if (ctx->optlen != sizeof(*set) || set + 1 > end)
		return CGG_VALUE_VAGUE;
	return CGG_VALUE_OF((__s64)set->value);
}

/* sockopt - Judge an option; an alias is judged under both of its levels. */
static __always_inline int sockopt(struct bpf_sockopt *ctx, __u32 hook, __u32 program)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	__u32 level = level_judged(ctx->level), name = ctx->optname;
	union cgg_subject subject = {};
	struct operation o = {};

	o.q.word[0] = join(bpf_htonl(level), bpf_htonl(name));
	o.q.hook = hook;
	o.q.access = CGG_R;
	subject.sockopt.level = ctx->level;
	subject.sockopt.name = name;
	if (hook == CGG_SETSOCKOPT)
		o.who = as_unknown(int_set(ctx), at->cgroup);
	if (ctx->optlen > PAGE)
		ctx->optlen = 0;
	if (!judge(at, &o, program, &subject))
		return 0;
	if (!is_ipv6_alias(level, name))
		return 1;
	o.q.word[0] = join(bpf_htonl(IPPROTO_IPV6), bpf_htonl(name));
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
