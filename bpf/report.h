/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report.h - turns a decision into an event in the rings.
 *
 * Writing never waits and never fails: the newest records overwrite the oldest. Ring 0 gets every
 * event, also while nobody reads, and costs the same for one reader as for a hundred.
 *
 * A reader with a filter has a ring of its own. Its filter is checked here, so an unwanted event is
 * not written there: it neither wakes the reader nor takes room. The reader renews a lease while it
 * runs. Once the lease has expired, its filter is not checked any more. A reader that was stopped
 * goes on in ring 0 (lib/events/ring.c), so the lease only saves time.
 *
 * A cgroup is heavy if more than an eighth of a ring are unread records of it. It may use free
 * slots and overwrite its own records. Its events are suppressed (counted by cgroup and rule, not
 * written) if at most a quarter of the ring is free and others have unread events there. So no
 * event is suppressed if only one cgroup has events, or if the reader keeps up. And no cgroup
 * overwrites the unread events of others.
 */
#ifndef CGG_REPORT_H
#define CGG_REPORT_H

#include <asm/errno.h>

#include "count.h"
#include "offer.h"

/* report - Write an event; the verdict of out is DENY, ALERT or AUDIT. */
static __always_inline void report(__u32 place, const struct cgg_decision *out, __u32 program,
				   const struct operation *o, union cgg_subject *n)
{
	SUBJECT subject;
	__u64 serial;

	n->time = bpf_ktime_get_boot_ns();
	n->rule = out->rule;
	n->verdict = out->verdict;
	n->program = program;
	n->place = place;
	n->label = out->label;
	n->index = !!out->index;
	n->image = out->image;
	subject = subject_hand_on(n);
	serial = PER_KIND(offer)(subject, MORE_OF(o), TO(0, 0ULL));
	PER_KIND(offer_filters)(subject, MORE_OF(o), serial);
}

/*
 * errno_choose - Choose the errno of a denied call; 0 stands for EPERM.
 *
 * The kernel makes EPERM of a denial by itself, unless an error is there already. For
 * getsockopt it may be: the kernel's own answer, which is known before the program runs.
 */
static __always_inline void errno_choose(__u32 error, __u32 program)
{
	if (program == CGG_GETSOCKOPT_RUN && !error)
		error = EPERM;
	if (error)
		set_retval(-(long)(error & 4095));
}

/* Count a denial for the cgroup; packet.bpf.c counts packets, the allowed ones too. */
static __always_inline void count_denial(__u32 hook)
{
#if !defined(CGG_PACKETS) || defined(CGG_QUESTIONS)
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);

	__sync_fetch_and_add(&at->denied[hook % CGG_ARRAY_MOST], 1);
#else
	(void)hook;
#endif
}

/*
 * judge_bytes - Decide, count and report an operation; return 1: go on, or 0: refuse
 *
 * @o		the operation
 * @program	enum cgg_program
 * @bytes	of a packet, or of a connection that ended
 * @subject	what an event says of it
 */
static __always_inline int judge_bytes(struct cgg_attached *at, struct operation *o, __u32 program,
				       __u64 bytes, union cgg_subject *subject)
{
	const struct cgg_policy *policy;
	const struct cgg_image *image;
	struct cgg_decision out = {};
	__u32 place;

	if (!at->policy)
		return 1;
	place = at->policy - 1;
	policy = bpf_map_lookup_elem(&policies, &place);
	if (!policy)
		return 0;
	image = decide(policy, place, o, &out);
	if (out.verdict == CGG_DENY && image && image->audit)
		out.verdict = CGG_AUDIT;
	count(place, o->q.hook, out.rule, out.verdict, bytes);
	if (out.verdict != CGG_ALLOW && !out.quiet)
		report(place, &out, program, o, subject);
	if (out.verdict != CGG_DENY)
		return 1;
	count_denial(o->q.hook);
#if !defined(CGG_PACKETS) && !defined(CGG_FLOWS) && !defined(CGG_OBSERVE_ONLY)
	errno_choose(out.error, program);
#endif
	return 0;
}

static __always_inline int judge(struct cgg_attached *at, struct operation *o, __u32 program,
				 union cgg_subject *subject)
{
	return judge_bytes(at, o, program, 0, subject);
}

#endif
