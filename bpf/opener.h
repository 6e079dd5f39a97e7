/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * opener.h - the current process, for programs that may not call the helpers for pid, uid and comm.
 *
 * Its fields are found by the kernel's type information (BTF).
 */
#ifndef CGG_OPENER_H
#define CGG_OPENER_H

#include "kernel.h"

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct cred___opener {
	kuid_t uid;
	kgid_t gid;
} RELOCATED;

struct task_struct___opener {
	int pid;
	int tgid;
	char comm[16];
	struct cred___opener *cred;
} RELOCATED;

/* opener_now - Fill in the current process. */
static __always_inline void opener_now(struct cgg_opener *who)
{
	const struct task_struct___opener *task = (void *)bpf_get_current_task();
	const struct cred___opener *cred = 0;

	bpf_probe_read_kernel(&who->pid, sizeof(who->pid), &task->tgid);
	bpf_probe_read_kernel(&who->tid, sizeof(who->tid), &task->pid);
	bpf_probe_read_kernel(&cred, sizeof(cred), &task->cred);
	bpf_probe_read_kernel(&who->uid, sizeof(who->uid), &cred->uid.val);
	bpf_probe_read_kernel(&who->gid, sizeof(who->gid), &cred->gid.val);
	bpf_probe_read_kernel_str(who->comm, sizeof(who->comm), &task->comm);
}

#endif
