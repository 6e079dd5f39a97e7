/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* kernel_base.h - macros for old and new kernels. */
#ifndef CGG_KERNEL_BASE_H
#define CGG_KERNEL_BASE_H

#include "maps.h"
#include "subject.h"

#define RELOCATED __attribute__((preserve_access_index))
#define NOW(x) (*(volatile __typeof__(x) *)&(x))

#endif
