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

#include "decide.h"

#include "count.h"

struct cgg_text {
	char text[CGG_NAME];
};

/* What an offer needs besides: the name, the packet, or nothing. */
#if defined(CGG_NAMED)
#define MORE NAME
#define MORE_OF(o) NAME_OF(o)
#else
#define MORE CONTEXT
#define MORE_OF(o) (o)->who
#endif

/* Each kind has an offer() of its own, as with first_match(). */
#if defined(CGG_NAMED)
#define offer offer_named
#define offer_filters offer_filters_named
#elif defined(CGG_PACKETS)
#define offer offer_packet
#define offer_filters offer_filters_packet
#elif defined(CGG_SOCKETS)
#define offer offer_socket
#define offer_filters offer_filters_socket
#endif

#define TO(ring, serial) ((serial) << 8 | (ring))
#define TO_RING(to) ((__u32)(to)&0xff)
#define TO_SERIAL(to) ((to) >> 8)

static __always_inline void copy_words(void *to, const void *from, int bytes)
{
	for (int i = 0; i < bytes / 8; i++)
		((__u64 *)to)[i] = ((const __u64 *)from)[i];
}

static __always_inline void wake_readers(struct cgg_ring *r, __u32 which)
{
	__u64 any = 0;
	void *own;

	if (!NOW(r->waiting))
		return;
	NOW(r->waiting) = 0;
	own = which ? bpf_map_lookup_elem(&wakeups, &which) : 0;
	if (!which)
		bpf_ringbuf_output(&wakeup, &any, sizeof(any), BPF_RB_FORCE_WAKEUP);
	else if (own)
		bpf_ringbuf_output(own, &any, sizeof(any), BPF_RB_FORCE_WAKEUP);
}

/* A packet has no task: it may be sent by whoever runs. It has a socket's owner. */
static __always_inline void fill_who(struct cgg_event *e, MORE more)
{
#if defined(CGG_PACKETS)
	e->pid = e->tid = e->gid = 0;
	e->uid = bpf_get_socket_uid(more);
	__builtin_memset(e->comm, 0, sizeof(e->comm));
#else
	__u64 id = current_pid_tgid(), owner = bpf_get_current_uid_gid();

	(void)more;
	e->pid = id >> 32;
	e->tid = id;
	e->uid = owner;
	e->gid = owner >> 32;
	current_comm(e->comm);
#endif
}

/* A label lies before its rule's text, in one page. */
static __always_inline const struct cgg_text *label_of_index(const struct cgg_image *image,
							     __u32 rule)
{
	void *index = index_of(image);
	const struct cgg_record *record = index ? record_at(index, &image->index, rule) : 0;
	const char *page;
	__u32 place;

	if (!record || !record->labelled)
		return 0;
	page = page_with(index, 512 * image->index.heap + record->text - CGG_NAME / 8, &place);
	if (!page || place > CGG_PAGE - CGG_NAME)
		return 0;
	return (const struct cgg_text *)(page + place);
}

/* label_of - a rule's name, where it lies; 0: it has none */
static __always_inline const struct cgg_text *label_of(const union cgg_subject *n)
{
	const struct cgg_image *image = image_at(2 * n->place + n->image);
	__u64 label = n->label;

	if (image && n->index)
		return label_of_index(image, label);
	label *= 8;
	barrier_var(label); /* what is compared is what is added */
	if (!image || !label || label > CGG_HEAP - CGG_NAME)
		return 0;
	return (const struct cgg_text *)(image->heap + label);
}

static __always_inline struct cgg_event *slot_of(__u32 which, __u32 slot)
{
	void *own;

	if (!which)
		return bpf_map_lookup_elem(&events, &slot);
	own = bpf_map_lookup_elem(&rings, &which);
	return own ? bpf_map_lookup_elem(own, &slot) : 0;
}

/* is_within - whether the guard that reports is attached at a cgroup or below it */
__noinline __weak int is_within(__u64 cgroup)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);

	for (int i = 0; i < CGG_LEVELS; i++) {
		if (at->above[i] == cgroup)
			return 1;
		if (!at->above[i])
			break;
	}
	return 0;
}

/* is_wanted - by the reader whose ring this is; one whose lease is over is asked no more */
static __always_inline int is_wanted(const union cgg_subject *n, const struct cgg_policy *policy,
				     struct cgg_ring *r, __u32 which)
{
	const __u64 *name = (const __u64 *)policy->tag, *other = (const __u64 *)r->filter.policy;
	__u64 cgroup = r->filter.cgroup, differ = 0;
	struct cgg_ring *zero;
	__u32 key = 0;

	if (n->time > NOW(r->lease)) {
		zero = bpf_map_lookup_elem(&ring, &key);
		if (zero)
			filter_drop(zero, which);
		return 0;
	}
	if (r->filter.programs && !(r->filter.programs >> (n->program & 31) & 1))
		return 0;
	if (r->filter.verdicts && !(r->filter.verdicts >> (n->verdict & 31) & 1))
		return 0;
	for (int i = 0; i < CGG_NAME / 8; i++)
		differ |= name[i] ^ other[i];
	if (*r->filter.policy && differ)
		return 0;
	return !cgroup || is_within(cgroup);
}

/* is_heavy - more than its share of what is unread is this cgroup's; counts the record in */
__noinline __weak int is_heavy(__u32 which, __u64 head, __u64 seen)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	const struct cgg_ring *r = bpf_map_lookup_elem(&ring, &which);
	struct cgg_share *share;
	__u64 part;

	if (!r || which >= CGG_RINGS)
		return 0;
	share = &at->share[which];
	part = r->slots / 8;
	if (seen >= share->mark) {
		share->before = share->written;
		share->written = 0;
		share->mark = head;
	}
	if (NOW(share->written) <= part)
		__sync_fetch_and_add(&share->written, 1);
	return share->before + NOW(share->written) > part;
}

/* harms_others - what a heavy cgroup writes now would take room that others need */
__noinline __weak int harms_others(__u32 which, __u64 head, __u64 seen)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	struct cgg_ring *r = bpf_map_lookup_elem(&ring, &which);
	__u64 unread = head - seen, slots, last = 0;
	struct cgg_event *e;

	if (!r || !r->slots)
		return 0;
	slots = r->slots;
	if (unread < slots - slots / 4)
		return 0;
	for (int i = 0; i < CGG_LIGHT; i++)
		if (i != at->cgroup % CGG_LIGHT && NOW(r->light[i]) > last)
			last = NOW(r->light[i]);
	if (last > seen)
		return 1;
	if (unread < slots)
		return 0;
	/* One that shares its place in light. */
	e = slot_of(which, head % slots);
	last = e ? NOW(e->number) : 0;
	return last > seen && last <= head && e->cgroup != at->cgroup;
}

__noinline __weak int suppress(__u32 which, __u32 rule, __u32 place, __u32 program, __u32 verdict)
{
	struct cgg_suppressed key = {};
	const struct cgg_policy *policy = bpf_map_lookup_elem(&policies, &place);
	__u64 one = 1, *there;
	struct cgg_attached *at;
	struct cgg_ring *r;

	key.rule = rule; /* first, for the stack is small */
	key.policy = place;
	key.born = policy ? policy->born : 0;
	key.ring = which;
	key.program = program;
	key.verdict = verdict;
	at = bpf_get_local_storage(&attached, 0);
	key.cgroup = at->cgroup;
	there = bpf_map_lookup_elem(&suppressed, &key);
	if (!there && bpf_map_update_elem(&suppressed, &key, &one, BPF_NOEXIST))
		there = bpf_map_lookup_elem(&suppressed, &key);
	if (there)
		__sync_fetch_and_add(there, 1);
	r = bpf_map_lookup_elem(&ring, &which);
	if (!r)
		return 0;
	__sync_fetch_and_add(&r->suppressed, 1);
	wake_readers(r, which);
	return 0;
}

/* write_record - gives its number, or 0: another program is in this slot still */
static __always_inline __u64 write_record(const struct cgg_attached *at, struct cgg_ring *r,
					  __u64 to, const union cgg_subject *n,
					  const struct cgg_policy *policy, MORE more)
{
	__u64 number = number_take(r, TO_RING(to));
	struct cgg_event *e = slot_of(TO_RING(to), number % r->slots);
	const struct cgg_text *label = label_of(n);
#if defined(CGG_NAMED)
	const struct cgg_operand *name = name_from(more);
#endif

	if (!e || !slot_take(e, TO_RING(to)))
		return 0;
	e->time = n->time;
	e->cgroup = at->cgroup;
	fill_who(e, more);
	e->rule = n->rule;
	e->verdict = n->verdict;
	e->program = n->program;
	e->place = n->place;
	copy_words(e->policy, policy->tag, CGG_NAME);
	if (label)
		copy_words(e->label, label, CGG_NAME);
	else
		__builtin_memset(e->label, 0, CGG_NAME);
	copy_words(e->words, n->words, sizeof(n->words));
#if defined(CGG_NAMED)
	if (name)
		copy_words(e->named.name, name, sizeof(e->named.name));
#endif
	e->serial = TO_SERIAL(to);
	slot_give(e, TO_RING(to), number + 1);
	return number + 1;
}

/* offer - one record to one ring (TO); gives its number there, 0: it was not written */
__noinline __weak __u64 offer(SUBJECT subject, MORE more, __u64 to)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	const union cgg_subject *n = subject_from(subject);
	const struct cgg_policy *policy;
	__u32 place, which = TO_RING(to);
	__u64 head, seen, number;
	struct cgg_ring *r;
	int heavy;

	if (!n || which >= CGG_RINGS)
		return 0;
	place = n->place;
	policy = bpf_map_lookup_elem(&policies, &place);
	r = bpf_map_lookup_elem(&ring, &which);
	if (!policy || !r || !r->slots || (which && !is_wanted(n, policy, r, which)))
		return 0;
	head = NOW(r->head);
	seen = NOW(r->seen);
	heavy = is_heavy(which, head, seen);
	if (heavy && harms_others(which, head, seen)) {
		suppress(which, n->rule, n->place, n->program, n->verdict);
		return 0;
	}
	number = write_record(at, r, to, n, policy, more);
	if (!heavy && number)
		NOW(r->light[at->cgroup % CGG_LIGHT]) = number;
	wake_readers(r, which);
	return number;
}

/*
 * offer_filters - to those that filter: the verifier goes through the loop once, not from
 * every state in which a report may begin
 */
__noinline __weak int offer_filters(SUBJECT subject, MORE more, __u64 serial)
{
	__u32 zero = 0;
	/* Behind the number in ring 0: a reader that joins counts on it. */
	struct cgg_ring *r = bpf_map_lookup_elem(&ring, &zero);
	__u64 filters = r ? NOW(r->filters) : 0;

	for (__u32 which = 1; which < CGG_RINGS && filters >> which; which++)
		if (filters >> which & 1)
			offer(subject, more, TO(which, serial));
	return 0;
}

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
	serial = offer(subject, MORE_OF(o), TO(0, 0ULL));
	offer_filters(subject, MORE_OF(o), serial);
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
#if !defined(CGG_PACKETS) && !defined(CGG_OBSERVE_ONLY)
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
