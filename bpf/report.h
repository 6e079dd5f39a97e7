/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report.h - the one report: an outcome becomes an event in the ring.
 *
 * The newest records overwrite the oldest: writing never waits, never fails,
 * and costs the same for one reader as for a hundred.
 */
#ifndef CGG_REPORT_H
#define CGG_REPORT_H

#include "decide.h"

/* What a hook fills in for its event: the union of struct cgg_event, but for a name's bytes. */
union cgg_subject {
#if defined(CGG_NAMED)
	struct {
		__u8 write;
		__u8 zero[3];
		__u32 len;
	} named;
	__u64 words[1];
#else
	struct cgg_event_net net;
	struct cgg_event_device device;
	struct cgg_event_socket socket;
	struct cgg_event_sockopt sockopt;
	__u64 words[15];
#endif
};

static __always_inline void copy_words(void *to, const void *from, int bytes)
{
	for (int i = 0; i < bytes / 8; i++)
		((__u64 *)to)[i] = ((const __u64 *)from)[i];
}

static __always_inline void wake_readers(struct cgg_ring *r)
{
	__u64 any = 0;

	if (!*(volatile __u32 *)&r->waiting)
		return;
	*(volatile __u32 *)&r->waiting = 0;
	bpf_ringbuf_output(&bell, &any, sizeof(any), BPF_RB_FORCE_WAKEUP);
}

/* A packet has no task: it may be sent by whoever runs. It has a socket's owner. */
static __always_inline void fill_who(struct cgg_event *e, WHO who)
{
#if defined(CGG_PACKETS)
	e->pid = e->tid = e->gid = 0;
	e->uid = bpf_get_socket_uid(who);
	__builtin_memset(e->comm, 0, sizeof(e->comm));
#else
	__u64 id = bpf_get_current_pid_tgid(), owner = bpf_get_current_uid_gid();

	(void)who;
	e->pid = id >> 32;
	e->tid = id;
	e->uid = owner;
	e->gid = owner >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
#endif
}

/* A label lies before its rule's text, in one page. */
static __always_inline void label_of_base(char *label, const struct cgg_image *image, __u32 rule)
{
	void *base = base_of(image);
	const struct cgg_record *record = base ? record_at(base, &image->base, rule) : 0;
	const char *page;
	__u32 place;

	if (!record || !record->labelled)
		return;
	page = page_with(base, 512 * image->base.heap + record->text - CGG_NAME / 8, &place);
	if (page && place <= CGG_PAGE - CGG_NAME)
		copy_words(label, page + place, CGG_NAME);
}

static __always_inline void fill_event(struct cgg_event *e, const struct cgg_policy *policy,
				       const struct cgg_image *image, const struct cgg_outcome *out)
{
	e->time = bpf_ktime_get_boot_ns();
	e->rule = out->rule;
	e->zero = 0;
	__builtin_memset(e->label, 0, CGG_NAME);
	copy_words(e->policy, policy->name, CGG_NAME);
	if (image && out->base)
		label_of_base(e->label, image, out->label);
	else if (image && 8 * out->label <= CGG_HEAP - CGG_NAME)
		copy_words(e->label, image->heap + 8 * out->label, CGG_NAME);
}

/* report - writes one record; verdict is DENY, ALERT or AUDIT */
static __always_inline void report(const struct cgg_attached *at, const struct cgg_policy *policy,
				   const struct cgg_image *image, const struct cgg_outcome *out,
				   __u32 program, const struct operation *o,
				   const union cgg_subject *subject)
{
	struct cgg_event *e;
	struct cgg_ring *r;
	__u64 number, sum = 0;
	__u32 slot = 0;

	r = bpf_map_lookup_elem(&ring, &slot);
	if (!r || !r->slots)
		return;
	number = __sync_fetch_and_add(&r->head, 1);
	slot = number % r->slots;
	e = bpf_map_lookup_elem(&events, &slot);
	if (!e)
		return;
	*(volatile __u64 *)&e->number = 0;
	fill_who(e, o->who);
	fill_event(e, policy, image, out);
	e->cgroup = at->cgroup;
	e->verdict = out->verdict;
	e->program = program;
	copy_words(e->words, subject->words, sizeof(subject->words));
#if defined(CGG_NAMED)
	copy_words(e->named.name, o->name, sizeof(e->named.name));
#endif
	for (int i = 0; i < (int)(__builtin_offsetof(struct cgg_event, sum) / 8); i++)
		sum += ((volatile __u64 *)e)[i];
	e->sum = sum;
	__sync_lock_test_and_set(&e->number, number + 1);
	wake_readers(r);
}

/* As bpf_set_retval(), in 64 bits: newer verifiers want to see that it is in [-4095, 0]. */
static long (*const set_retval)(long retval) = (void *)BPF_FUNC_set_retval;

/*
 * judge_bytes - what a hook's program returns: 1 to go on, 0 to refuse
 *
 * @o		the operation
 * @program	enum cgg_program
 * @bytes	of a packet
 * @subject	what an event says of it
 */
static __always_inline int judge_bytes(const struct cgg_attached *at, struct operation *o,
				       __u32 program, __u32 bytes, const union cgg_subject *subject)
{
	const struct cgg_policy *policy;
	const struct cgg_image *image;
	struct cgg_outcome out = {};
	__u32 place;

	if (!at->policy)
		return 1;
	place = at->policy - 1;
	policy = bpf_map_lookup_elem(&policies, &place);
	if (!policy)
		return 0;
	image = decide(policy, place, o, &out);
	count(place, out.rule ? out.rule : CGG_DEFAULT_RULE | o->q.hook, bytes);
	if (out.verdict == CGG_DENY && image && image->audit)
		out.verdict = CGG_AUDIT;
	if (out.verdict != CGG_ALLOW && !out.quiet)
		report(at, policy, image, &out, program, o, subject);
	if (out.verdict != CGG_DENY)
		return 1;
#if !defined(CGG_PACKETS) && !defined(CGG_WATCHES)
	if (out.error)
		set_retval(-(long)(out.error & 4095));
#endif
	return 0;
}

static __always_inline int judge(const struct cgg_attached *at, struct operation *o, __u32 program,
				 const union cgg_subject *subject)
{
	return judge_bytes(at, o, program, 0, subject);
}

#endif
