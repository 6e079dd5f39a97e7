// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cost-several.bpf.c - cost.bpf.c with the walks of hooks that ask for several access bits. */
#define SEVERAL
#include "cost.bpf.c"
