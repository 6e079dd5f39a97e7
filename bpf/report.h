/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report.h - the one report: an decision becomes an event in the rings.
 *
 * Writing never waits and never fails: the newest records overwrite the oldest.
 * Ring 0 gets every event, is kept while nobody reads, and costs the same for one
 * reader as for a hundred.
 *
 * A reader that filters brings a ring of its own, and with it its filter, which
 * is asked here: what it does not want is not written there, and neither wakes it
 * nor takes room from what it wants. It holds a lease, renewed while it runs, and
 * when it was killed or stopped it is asked no more once the lease is over. Its
 * way back is ring 0 (lib/events/ring.c), so nothing depends on the lease but the cost.
 *
 * A cgroup that has more than an eighth of a ring unread is heavy. It may use what
 * is free, and overwrite its own, but once a quarter alone is left, events of
 * others being among the unread, its events are suppressed: counted by cgroup and
 * rule, not written. So a lone cgroup is suppressed nothing, and with a reader that
 * keeps up nobody is; and no cgroup alone pushes out what another one did.
 */
#ifndef CGG_REPORT_H
#define CGG_REPORT_H

#include <asm/errno.h>

#include "count.h"
#include "offer.h"

/* report - one event; verdict is DENY, ALERT or AUDIT */
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
 * judge_bytes - what a hook's program returns: 1 to go on, 0 to refuse
 *
 * @o		the operation
 * @program	enum cgg_program
 * @bytes	of a packet
 * @subject	what an event says of it
 */
static __always_inline int judge_bytes(struct cgg_attached *at, struct operation *o, __u32 program,
				       __u32 bytes, union cgg_subject *subject)
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
