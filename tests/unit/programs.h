/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * programs.h - decide() of the programs, built for this machine; after cmocka.h and cgg.h.
 *
 * The test defines map_lookup(), and may give the programs a clock as bpf_ktime_get_boot_ns().
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define bpf_map_lookup_elem(map, key) map_lookup(map, key)
static void *map_lookup(const void *map, const void *key);
#define CGG_ASKED
#define CGG_SEVERAL
#include "../../bpf/decide.h"
#pragma GCC diagnostic pop
