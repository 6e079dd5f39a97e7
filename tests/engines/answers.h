/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* answers.h - what answers.c tells the program that it runs by BPF_PROG_TEST_RUN. */
#pragma once

#include "../../bpf/cgguard.h"

/* As in the storage of the cgroup, and the question that the socket has asked. */
struct answers_run {
	__u64 cgroup, netns;
	__u32 policy, names;
	__u64 hash, resolver[2];
	__u32 id, type;
};
