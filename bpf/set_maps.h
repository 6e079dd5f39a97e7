/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* set_maps.h - the maps of sets of addresses and names. */
#ifndef CGG_SET_MAPS_H
#define CGG_SET_MAPS_H

#include "map.h"

/* The tables of sets (contract/sets.h), each as large as it needs; pinned under sets/. */
struct {
	__uint(type, CGG_OF_MAPS);
	__uint(max_entries, CGG_SETS);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
			__type(key, __u32);
			__type(value, char[CGG_PAGE]);
		});
} sets MAP;

/* The names of sets. Only commands read it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGG_SETS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_set_name);
} set_names MAP;

#endif
