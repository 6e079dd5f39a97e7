/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* map.h - the macros for the declaration of a map. */
#ifndef CGG_MAP_H
#define CGG_MAP_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "cgguard.h"

#define MAP SEC(".maps") __weak

#endif
