/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ring.h - rings of events, and their readers. */
#ifndef CGG_CONTRACT_RING_H
#define CGG_CONTRACT_RING_H

#include "event.h"

/* Which events a reader wants: each test must hold. */
struct cgg_filter {
	__u32 programs; /* 1 << enum cgg_program; 0: any */
	__u32 verdicts; /* 1 << enum cgg_verdict; 0: any */
	__u64 cgroup; /* attached at this id or below it; 0: anywhere */
	char policy[CGG_NAME]; /* its tag; "": any */
};

/*
 * Return whether a filter wants an event by its program, its verdict and its policy's tag, of which
 * all bytes are compared. The filter's cgroup is for the caller: programs and commands find out in
 * different ways what lies below it.
 */
static inline int cgg_filter_wants(const struct cgg_filter *f, __u32 program, __u32 verdict,
				   const char tag[CGG_NAME])
{
	typedef __u64 __attribute__((may_alias)) word;
	const word *name = (const word *)(const void *)tag;
	const word *wanted = (const word *)(const void *)f->policy;
	__u64 differ = 0;

	if (f->programs && !(f->programs >> (program & 31) & 1))
		return 0;
	if (f->verdicts && !(f->verdicts >> (verdict & 31) & 1))
		return 0;
	for (int i = 0; i < CGG_NAME / 8; i++)
		differ |= name[i] ^ wanted[i];
	return !*f->policy || !differ;
}

/*
 * A ring of events: record n lies in slot (n - 1) % slots, and the newest record
 * overwrites the oldest. Each reader keeps its own place, and removes nothing.
 *
 * All readers that want everything share ring 0, which is filled even when nobody
 * reads. Each other ring belongs to one reader with a filter, and gets only the
 * events that pass it: see report.h. A cache line is written either by programs or
 * by readers, so that they do not slow each other down.
 */
struct cgg_ring {
	/* by programs */
	__u64 head; /* records ever begun */
	__u64 suppressed; /* events that were not written, so that others keep their room */
	__u64 slots; /* set once */
	__u64 filters; /* of ring 0: 1 << ring, those that are to be asked */
	__u64 line0[4];
	__u64 light[CGG_LIGHT]; /* the last records of cgroups within their share, by id */
	/* by readers */
	__u64 seen; /* records that some reader has printed, or passed over */
	__u64 lost; /* records that readers did not get, summed over all readers */
	__u32 waiting; /* a reader sleeps: wake it by the wake-up ring */
	__u32 zero;
	__u64 lease; /* of a filter: until when it is asked */
	__u64 line1[4];
	struct cgg_filter filter;
	__u64 line2[2];
};

/* Key of suppressed: whose events were not written into which ring. Its value counts them. */
struct cgg_suppressed {
	__u64 cgroup;
	__u32 rule; /* 0: the hook's default, or not known */
	__u32 policy; /* place */
	__u8 ring, program, verdict, zero;
	__u32 born; /* of the policy: its place may be another's by now */
};

/* A reader at work, as cgg-status shows it: element ring - 1 of readers. */
struct cgg_reader_slot {
	__u32 pid;
	__u32 filters; /* it has a ring of its own */
	__u64 printed, lost;
	__u64 next; /* its place in the ring that it reads */
};

CGG_SAME(sizeof(struct cgg_filter) == 48);
CGG_SAME(sizeof(struct cgg_ring) == 320 && __builtin_offsetof(struct cgg_ring, seen) == 192);
CGG_SAME(sizeof(struct cgg_suppressed) == 24);

#endif
