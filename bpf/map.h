/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* map.h - the macros for the declaration of a map. */
#ifndef CGG_MAP_H
#define CGG_MAP_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "cgguard.h"

#define MAP SEC(".maps") __weak

/*
 * The type of maps whose elements are maps. A kernel of 32 bits stores element N of an array at the
 * place where it looks for element N / 2.
 */
#ifdef CGG_NARROW
#define CGG_OF_MAPS BPF_MAP_TYPE_HASH_OF_MAPS
#else
#define CGG_OF_MAPS BPF_MAP_TYPE_ARRAY_OF_MAPS
#endif

#endif
