// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hook.c - the one table of hooks, and the one of the kernel's program points.
 *
 * A new hook is an enum in bpf/cgguard.h, a row in each table here, and a file
 * in bpf/. Parser, attach, status, completions and tests read these tables.
 */
#include <linux/bpf.h>
#include <string.h>

#include "cgg.h"

#define NET (CGG_MATCH_PROTO | CGG_MATCH_IP | CGG_MATCH_PORT)

const struct cgg_hook_info cgg_hooks[CGG_HOOKS] = {
	[CGG_CONNECT] = { "connect", 0, NET, 1 << CGG_CONNECT4 | 1 << CGG_CONNECT6, 0 },
	[CGG_SENDMSG] = { "sendmsg", 0, NET, 1 << CGG_SENDMSG4 | 1 << CGG_SENDMSG6, 0 },
	[CGG_DEVICE] = { "device", "c|b|a MAJOR:MINOR|/dev/PATH [rwm]", 0, 1 << CGG_DEV,
			 CGG_R | CGG_W | CGG_M },
	[CGG_SYSCTL] = { "sysctl", "NAME [r|w|rw]", 0, 1 << CGG_SYSCTL_RW, CGG_R | CGG_W },
};

const struct cgg_program_info cgg_programs[CGG_PROGRAMS] = {
	[CGG_CONNECT4] = { "connect4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT },
	[CGG_CONNECT6] = { "connect6", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT },
	[CGG_SENDMSG4] = { "sendmsg4", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG },
	[CGG_SENDMSG6] = { "sendmsg6", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG },
	[CGG_DEV] = { "device", BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE },
	[CGG_SYSCTL_RW] = { "sysctl", BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL },
};

const char *const cgg_verdicts[] = {
	[CGG_ALLOW] = "allow", [CGG_ALERT] = "alert", [CGG_DENY] = "deny", [CGG_AUDIT] = "audit"
};

int hook_find(const char *word, size_t len)
{
	for (int i = 0; i < CGG_HOOKS; i++)
		if (!strncmp(cgg_hooks[i].word, word, len) && !cgg_hooks[i].word[len])
			return i;
	return -1;
}

unsigned hook_programs(unsigned hooks)
{
	unsigned programs = 0;

	for (int i = 0; i < CGG_HOOKS; i++)
		if (hooks & 1u << i)
			programs |= cgg_hooks[i].programs;
	return programs;
}
