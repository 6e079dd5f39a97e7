/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* place.h - where the names of a cgroup are. */
#ifndef CGG_NAMES_PLACE_H
#define CGG_NAMES_PLACE_H

#include "maps.h"

/*
 * names_place - Return the place of the names of the program's cgroup, + 1; 0: it has none.
 *
 * A place that is another cgroup's by now counts as none.
 */
static __always_inline __u32 names_place(void)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	__u32 place = at->names, key = place - 1;
	const __u64 *owner = bpf_map_lookup_elem(&name_owners, &key);

	return owner && *owner == at->cgroup ? place : 0;
}

#endif
