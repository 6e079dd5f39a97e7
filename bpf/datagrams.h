/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* datagrams.h - the sums of UDP sockets, for the programs that count and those that tell. */
#ifndef CGG_DATAGRAMS_H
#define CGG_DATAGRAMS_H

#include <linux/in.h>

#include "opener.h"

/* Of a socket; freed with it. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct cgg_datagrams);
} datagrams MAP;

static __always_inline int has_datagrams(__u32 proto)
{
	return proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE;
}

#endif
