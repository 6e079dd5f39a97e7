/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bucket.h - how often a rule with a limit may still match. */
#ifndef CGG_CONTRACT_BUCKET_H
#define CGG_CONTRACT_BUCKET_H

#include <linux/bpf.h>

#include "policy.h"

/*
 * A value of the map limits; the key is struct cgg_count_key. It is a token bucket that holds one
 * number (the generic cell rate algorithm, ITU-T I.371): the time when the bucket is full again. A
 * hit adds the interval to it. There is a token if it is at most depth ahead of now.
 */
struct cgg_bucket {
	struct bpf_spin_lock lock;
	__u32 zero;
	__u64 interval; /* ns for each hit */
	__u64 depth; /* ns for all hits of a burst but one */
	__u64 full; /* CLOCK_BOOTTIME, ns */
};
CGG_SAME(sizeof(struct cgg_bucket) == 32);

#endif
