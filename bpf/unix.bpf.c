// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * unix.bpf.c - judges connect(2) and sendmsg(2) to the name of a UNIX socket.
 *
 * The name is the one that the caller wrote; the kernel has not resolved it yet. A name that
 * could also be written in another way (relative, or with an empty component, . or ..) is
 * vague: it matches every deny of a path, and no allow.
 *
 * The context does not contain the name. It is read from the kernel's struct
 * bpf_sock_addr_kern, to which ctx points. libbpf relocates its fields by the kernel's type
 * information (BTF). The kernel function bpf_cast_to_kern_ctx would need a JIT.
 */
#define CGG_NAMED
#include "report.h"

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
} RELOCATED;

struct bpf_sock_addr_kern {
	void *uaddr;
	__u32 uaddrlen;
} RELOCATED;

#define PATH_MAX_UN 108

/* 1 if c is that character, else 0; without a branch */
#define IS(c, wanted) ((((__u64)(__u8)(c) ^ (wanted)) - 1) >> 63)
#define ENDS(c) (IS(c, 0) | IS(c, '/'))

/* path_length - Return the length of a path that NULs follow, or CGG_VAGUE if the path is vague. */
static __always_inline __u64 path_length(const char *path)
{
	__u64 vague = !IS(path[0], '/'), len = 0;

	for (int i = 0; i < PATH_MAX_UN; i++) {
		__u64 dots = ENDS(path[i + 2]) | (IS(path[i + 2], '.') & ENDS(path[i + 3]));
		__u64 odd = IS(path[i + 1], '/') | (IS(path[i + 1], '.') & dots);

		if (!path[i])
			break;
		odd &= IS(path[i], '/');
		barrier_var(odd);
		vague |= odd;
		len++;
	}
	return vague ? CGG_VAGUE : len;
}

static __always_inline int unix_name(struct bpf_sock_addr *ctx, __u32 program)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	struct bpf_sock_addr_kern *kern = (void *)ctx;
	struct cgg_operand name = {};
	union cgg_subject subject = {};
	struct operation o = {};
	char *path = (char *)name.word;
	struct sockaddr_un *address = 0;
	__u32 len = 0;

	/* If the read fails, the name stays empty, which is vague. */
	if (!bpf_probe_read_kernel(&address, sizeof(address), &kern->uaddr))
		bpf_probe_read_kernel(&len, sizeof(len), &kern->uaddrlen);
	len = len > 2 ? len - 2 : 0;
	if (len > PATH_MAX_UN)
		len = PATH_MAX_UN;
	if (len)
		bpf_probe_read_kernel(path, len, address->sun_path);
	o.name = &name;
	VALUE_PUT(&o, &subject, 0);
	o.q.hook = CGG_UNIX;
	o.q.access = CGG_R;
	subject.named.len = len;
	if (len && !path[0]) {
		path[0] = '@';
		o.q.select = len;
	} else {
		o.q.select = path_length(path);
	}
	return judge(at, &o, program, &subject);
}

SEC("cgroup/connect_unix")
int connect_unix(struct bpf_sock_addr *ctx)
{
	return unix_name(ctx, CGG_CONNECT_UNIX);
}

SEC("cgroup/sendmsg_unix")
int sendmsg_unix(struct bpf_sock_addr *ctx)
{
	return unix_name(ctx, CGG_SENDMSG_UNIX);
}
