// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cost-named.bpf.c - cost.bpf.c with the walks of hooks that have a name. */
#define NAMED
#include "cost.bpf.c"
