/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel.h - hides the differences between Linux 6.1 and Linux 5.10.
 *
 * The same sources make two objects. The second one, built with CGG_OLD, is for kernels before
 * 6.1. cgg-load contains both and loads the one that the kernel accepts. Almost all
 * differences are in the headers kernel_*.h. Before 6.1
 *
 *	a global function takes only scalars and a context, so a name and a subject are passed
 *	through a per-CPU map;
 *	there is no atomic fetch-and-add or exchange, so a spin lock protects the value;
 *	only programs of sockets may call the helpers for the current task; the others read
 *	struct task_struct, whose fields libbpf relocates by BTF;
 *	a program cannot choose the errno.
 */
#ifndef CGG_KERNEL_H
#define CGG_KERNEL_H

#include "kernel_base.h"
#if defined(CGG_HOSTS) || defined(CGG_QUESTIONS)
#include "names/key.h"
#elif defined(CGG_ASKED)
#include "ask_key.h"
#endif

/* Helpers for the current task: before 6.1 only programs of sockets have them. */
#if !defined(CGG_OLD) || defined(CGG_SOCKETS)
static __always_inline __u64 current_pid_tgid(void)
{
	return bpf_get_current_pid_tgid();
}

static __always_inline void current_comm(char *comm)
{
	bpf_get_current_comm(comm, 16);
}

static __always_inline __u64 current_ancestor(__u32 level)
{
	return bpf_get_current_ancestor_cgroup_id(level);
}
#endif

#if defined(CGG_OLD)
#include "kernel_locks.h"
#include "kernel_staged.h"
#include "kernel_task.h"
#else
#include "kernel_now.h"
#endif
#if !defined(WHO_OF)
#define WHO_OF(o) ((o)->who)
#endif

#endif
