/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* kernel_base.h - macros for old and new kernels. */
#ifndef CGG_KERNEL_BASE_H
#define CGG_KERNEL_BASE_H

#include "maps.h"
#include "subject.h"

#define RELOCATED __attribute__((preserve_access_index))
#define NOW(x) (*(volatile __typeof__(x) *)&(x))

/*
 * order_reads - Keep reads before it from being served after those behind it.
 *
 * Some machines keep their reads in order by themselves. For others (CGG_REORDERS) kernel_now.h and
 * kernel_locks.h have a way each. doc/memory-order.md has the reasons.
 */
#if defined(CGG_REORDERS)
/* The kernel reads its clock before a read barrier. It takes no stack, but more time. */
#define order_reads_by_clock() ((void)bpf_ktime_get_ns())
#else
#define order_reads()
#define order_reads_by_clock()
#endif

#endif
