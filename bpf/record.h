/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* record.h - writes one event into a slot of a ring. */
#ifndef CGG_RECORD_H
#define CGG_RECORD_H

#include "label.h"
#if defined(CGG_DATAGRAMS)
#include "datagrams_end.h"
#elif defined(CGG_FLOWS)
#include "flow_end.h"
#endif

/* The further argument of offer(): the name, the packet, or the context of the operation. */
#if defined(CGG_NAMED)
#define MORE NAME
#define MORE_OF(o) NAME_OF(o)
#else
#define MORE CONTEXT
#define MORE_OF(o) (o)->who
#endif

#define TO(ring, serial) ((serial) << 8 | (ring))
#define TO_RING(to) ((__u32)(to)&0xff)
#define TO_SERIAL(to) ((to) >> 8)

static __always_inline void copy_words(void *to, const void *from, int bytes)
{
	for (int i = 0; i < bytes / 8; i++)
		((__u64 *)to)[i] = ((const __u64 *)from)[i];
}

/* A packet has no task: any task may be running. Its uid and its cgroup are those of its socket. */
static __always_inline void fill_who(struct cgg_event *e, MORE more)
{
#if defined(CGG_PACKETS)
	e->pid = e->tid = e->gid = 0;
	e->own = bpf_skb_cgroup_id(more);
	e->uid = bpf_get_socket_uid(more);
	__builtin_memset(e->comm, 0, sizeof(e->comm));
#elif defined(CGG_FLOWS)
	flow_who(e, more);
#else
	__u64 id = current_pid_tgid(), owner = bpf_get_current_uid_gid();

	(void)more;
	e->own = bpf_get_current_cgroup_id();
	e->pid = id >> 32;
	e->tid = id;
	e->uid = owner;
	e->gid = owner >> 32;
	current_comm(e->comm);
#endif
}

#if defined(CGG_NAMES) && (!defined(CGG_FLOWS) || defined(CGG_DATAGRAMS))
#if defined(CGG_DATAGRAMS)
#define HOST_ROOM sizeof(((struct cgg_event *)0)->flow.name)
#else
#define HOST_ROOM sizeof(((struct cgg_event *)0)->host.name)
#endif

/* host_copy - Copy the name that belongs to an event, reversed: so its end is kept. */
static __always_inline void host_copy(struct cgg_event *e, __u32 len, __u32 buffer)
{
#if defined(CGG_QUESTIONS)
	const struct scratch *s = len ? scratch_of(buffer) : 0;
#else
	const struct scratch *s = len ? scratch_of(FOR_HOST) : 0;

	(void)buffer;
#endif

	for (unsigned i = 0; s && i < HOST_ROOM / 4; i++) /* as it is aligned there */
		((__u32 *)e->host.name)[i] = ((const __u32 *)s->name.word)[i];
}
#endif

/* write_record - Write a record; return its number, or 0 if another program writes this slot. */
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
#if defined(CGG_NAMES) && (!defined(CGG_FLOWS) || defined(CGG_DATAGRAMS))
	host_copy(e, n->net.host, n->buffer);
#endif
#if defined(CGG_FLOWS)
	flow_put(&e->flow, more, n);
#endif
#if defined(CGG_NAMED)
	if (name)
		copy_words(e->named.name, name, sizeof(e->named.name));
#endif
	e->serial = TO_SERIAL(to);
	slot_give(e, TO_RING(to), number + 1);
	return number + 1;
}

#endif
