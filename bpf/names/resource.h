/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* resource.h - one resource record of an answer (RFC 1035, 4.1.3). */
#ifndef CGG_NAMES_RESOURCE_H
#define CGG_NAMES_RESOURCE_H

#include <bpf/bpf_endian.h>

#include "load.h"

#define RECORD_FIXED 10 /* bytes between the name of a record and its data */
#define TTL_MOST (7 * 86400u) /* as long as resolvers keep an answer (RFC 8767) */
#define SECOND 1000000000ULL

enum record { RECORD_A = 1, RECORD_CNAME = 5, RECORD_AAAA = 28 };

/* address_read - Read the address of a record into the buffer; return whether it has one. */
static __always_inline int address_read(struct scratch *s, const struct message_bytes *m,
					__u32 offset, __u32 type, __u32 len)
{
	const __u8 *from = &m->byte[offset & (MESSAGE_MOST - 1)];
	__u32 *four = (__u32 *)s->addr;

	if (type == RECORD_A && len == 4) {
		s->addr[0] = 0;
		four[2] = bpf_htonl(0xffff);
		return !bpf_probe_read_kernel(&four[3], 4, from);
	}
	return type == RECORD_AAAA && len == 16 && !bpf_probe_read_kernel(s->addr, 16, from);
}

static __always_inline __u64 expiry_of(const __u8 ttl[4], __u64 now, __u64 keep)
{
	__u64 seconds = (__u32)ttl[0] << 24 | ttl[1] << 16 | ttl[2] << 8 | ttl[3], time;

	if (seconds > 0x7fffffff) /* RFC 2181, 8: as 0 */
		seconds = 0;
	if (seconds > TTL_MOST)
		seconds = TTL_MOST;
	time = seconds * SECOND;
	return now + (time > keep ? time : keep);
}

#endif
