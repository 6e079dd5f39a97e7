/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* kernel_task.h - before Linux 6.1: which process runs is read from its structures. */
#ifndef CGG_KERNEL_TASK_H
#define CGG_KERNEL_TASK_H

#include "kernel_base.h"

struct cgroup {
	int level;
	__u64 ancestor_ids[CGG_LEVELS];
} RELOCATED;

#if !defined(CGG_SOCKETS)
struct css_set {
	struct cgroup *dfl_cgrp;
} RELOCATED;

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct css_set *cgroups;
} RELOCATED;

static __always_inline __u64 current_pid_tgid(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 pid = 0, tgid = 0;

	bpf_probe_read_kernel(&pid, sizeof(pid), &task->pid);
	bpf_probe_read_kernel(&tgid, sizeof(tgid), &task->tgid);
	return (__u64)tgid << 32 | pid;
}

static __always_inline void current_comm(char *comm)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (bpf_probe_read_kernel_str(comm, 16, &task->comm) < 0)
		__builtin_memset(comm, 0, 16);
}

static __always_inline __u64 current_ancestor(__u32 level)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct cgroup *cgroup = 0;
	struct css_set *set = 0;
	int deepest = -1;
	__u64 id = 0;

	bpf_probe_read_kernel(&set, sizeof(set), &task->cgroups);
	bpf_probe_read_kernel(&cgroup, sizeof(cgroup), &set->dfl_cgrp);
	bpf_probe_read_kernel(&deepest, sizeof(deepest), &cgroup->level);
	if ((int)level > deepest)
		return 0;
	bpf_probe_read_kernel(&id, sizeof(id), (char *)&cgroup->ancestor_ids + 8 * level);
	return id;
}

#endif

#endif
