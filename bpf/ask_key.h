/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ask_key.h - how a walk for a question by hand finds its key: in the map asked. */
#ifndef CGG_ASK_KEY_H
#define CGG_ASK_KEY_H

#include "kernel_base.h"

#define NAME __u64
#define NAME_OF(o) ((void)(o), 0)
#define NAME_KEPT(o) 1

static __always_inline const struct cgg_operand *name_from(NAME name)
{
	__u32 key = 0;
	struct cgg_ask *ask = bpf_map_lookup_elem(&asked, &key);

	(void)name;
	return ask ? &ask->name : 0;
}

#endif
