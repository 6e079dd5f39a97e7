// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dns.bpf.c - judges the questions of DNS, and learns names from the answers.
 *
 * A question goes out: the hook dns decides, and if it goes to a resolver of the policy, it is kept
 * with the socket. An answer comes in: if it comes from a resolver, and this socket asked that
 * resolver the same question and got no answer yet, the addresses in it get the name.
 * That is done before the socket receives the answer.
 */
#define CGG_QUESTIONS
#define CGG_PACKETS
#include "../report.h"
#include "answer.h"
#include "headers.h"
#include "netns.h"
#include "place.h"
#include "resolver.h"
#include "stream.h"

#define ANSWERS OPEN_QUESTIONS /* of a segment that are read */
#define QUESTIONS 4 /* of a segment that are read; the others count as one that cannot be read */

#define ALL_READ (~0u) /* in place of where the packet carries something: no question follows */

/* Return whether the message in a buffer is a question. */
static __always_inline int is_question(struct scratch *s, __u32 use)
{
	if (s->head.flags & bpf_htons(IS_ANSWER | OPERATION))
		return 0;
	return question_read(use) && s->len <= CGG_NAME_MOST;
}

/*
 * question_next - Find the next question of a packet, and read it. Return 0: there is no more, 1:
 * one that cannot be read, else its id + 2.
 */
__noinline __weak __u32 question_next(struct __sk_buff *skb, __u32 use)
{
	struct scratch *s = scratch_of(use);
	__u32 step = STEP_MESSAGE;

	if (!s || s->payload == ALL_READ)
		return 0;
	if (s->proto != IPPROTO_UDP)
		step = s->flags & URG ? STEP_LOST : stream_next(skb, use, 1);
	if (step == STEP_END)
		return 0;
	if (s->proto == IPPROTO_UDP || (step != STEP_MESSAGE && step != STEP_JOINED))
		s->payload = ALL_READ;
	if (step != STEP_MESSAGE && step != STEP_JOINED)
		return 1;
	/* With UDP_SEGMENT, more questions follow the first one. */
	if ((s->proto == IPPROTO_UDP && skb->gso_size) ||
	    !question_load(skb, use, step == STEP_JOINED) || !is_question(s, use))
		return 1;
	return 2 + bpf_ntohs(s->head.id);
}

/* question_keep - Keep a question with its socket. */
__noinline __weak int question_keep(struct __sk_buff *skb, __u32 id, __u32 use)
{
	struct asking *asking = asking_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
	struct scratch *s = scratch_of(use);
	struct question *q;

	if (!asking || !s)
		return 0;
	q = &asking->question[asking->turn++ & (OPEN_QUESTIONS - 1)];
	q->open = 0;
	q->hash = s->hash;
	q->type = s->type;
	q->id = id;
	q->resolver[0] = s->dest[0];
	q->resolver[1] = s->dest[1];
	q->open = 1;
	return name_count(CGG_QUESTIONS_SEEN);
}

/* judge_question - Judge the question in a buffer, or one that could not be read. */
static __always_inline int judge_question(struct __sk_buff *skb, struct cgg_attached *at,
					  struct scratch *s, __u32 use, int known)
{
	union cgg_subject subject = {};
	struct operation o = {};

	o.who = skb;
	o.buffer = use;
	o.q.hook = CGG_DNS;
	o.q.access = CGG_R;
	o.q.select = known ? 0 : CGG_VAGUE;
	o.q.select = as_unknown(o.q.select, at->cgroup);
	*(__u64 *)subject.net.addr = s->dest[0];
	*(__u64 *)(subject.net.addr + 8) = s->dest[1];
	*(__u64 *)subject.net.local = s->source[0];
	*(__u64 *)(subject.net.local + 8) = s->source[1];
	subject.buffer = use;
	subject.net.port = s->dport;
	subject.net.sport = s->sport;
	subject.net.proto = s->proto;
	subject.net.len = skb->len;
	subject.net.host = known ? s->len : 0;
	return judge_bytes(at, &o, CGG_DNS_QUESTION, skb->len, &subject);
}

/* out_begin - Note where a stream begins; return where it is, or 0 if that is not known. */
__noinline __weak __u64 out_begin(struct __sk_buff *skb, __u32 use)
{
	struct asking *asking = asking_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
	struct scratch *s = scratch_of(use);
	struct stream *out;

	if (!asking || !s)
		return 0;
	out = &asking->out;
	stream_begin(out, s);
	return out->known && !out->have ? 1ULL << 32 | out->next : 0;
}

/* out_end - Note that a segment is refused and sent again, or that not all of it was read. */
__noinline __weak int out_end(struct __sk_buff *skb, __u64 begun)
{
	struct asking *asking = asking_of(skb, 0);

	if (!asking)
		return 0;
	asking->out.next = begun;
	asking->out.known = begun >> 32;
	asking->out.have = 0;
	return 0;
}

/* questions_judge - Judge the questions of a packet; keep those that go to a resolver. */
static __always_inline int questions_judge(struct __sk_buff *skb, struct cgg_attached *at,
					   struct scratch *s, __u32 use, int resolver)
{
	__u64 begun = 0;

	if (s->proto == IPPROTO_TCP)
		begun = out_begin(skb, use);
	for (__u64 i = 0; i <= QUESTIONS; i++) {
		__u32 id = question_next(skb, use);

		if (!id)
			return 1;
		if (i == QUESTIONS) {
			id = 1;
			begun = 0;
		}
		if (!judge_question(skb, at, s, use, id > 1))
			break;
		if (id > 1 && resolver)
			question_keep(skb, id - 2, use);
		if (i == QUESTIONS) {
			out_end(skb, 0);
			return 1;
		}
	}
	if (s->proto == IPPROTO_TCP)
		out_end(skb, begun);
	return 0;
}

SEC("cgroup_skb/egress")
int dns(struct __sk_buff *skb)
{
	struct cgg_attached *at;
	struct scratch *s;
	__u32 use;
	int go = 0, extended = 0;

	if (!is_dns(skb)) {
		extended = is_extended6(skb);
		if (!extended)
			return 1;
	}
	at = bpf_get_local_storage(&attached, 0);
	if (!at->policy)
		return 1;
	use = buffer_take(FOR_QUESTION);
	s = use ? scratch_of(--use) : 0;
	if (!s)
		return 0;
	if (!packet_read(skb, use))
		goto out; /* a header that is cut off: nobody would read it */
	/* The kernel puts fragments together, and may find a port 53 then. */
	if ((extended || s->sport == DNS_PORT) && resolver_find(s->source[0], s->source[1]))
		name_count(CGG_FORGED);
	else if (s->dport != DNS_PORT)
		go = 1;
	else
		go = questions_judge(skb, at, s, use, resolver_find(s->dest[0], s->dest[1]));
out:
	buffer_give(use);
	return go;
}

/* was_asked - Return whether the socket asked this, and got no answer yet. */
static __always_inline int was_asked(struct __sk_buff *skb, __u16 id, const struct scratch *s)
{
	struct asking *asking = asking_of(skb, 0);

	for (__u64 i = 0; i < OPEN_QUESTIONS && asking; i++) {
		struct question *q = &asking->question[i];

		if (!q->open || q->id != id || q->hash != s->hash || q->type != s->type)
			continue;
		if (q->resolver[0] != s->source[0] || q->resolver[1] != s->source[1])
			continue;
		q->open = 0;
		return 1;
	}
	return 0;
}

/* answer_in - Learn from a message of a resolver; return 0. */
__noinline __weak int answer_in(struct __sk_buff *skb, __u32 use, __u32 joined)
{
	struct scratch *s = scratch_of(use);
	__u32 offset = 0;

	if (!s)
		return 0;
	name_count(CGG_ANSWERS_SEEN);
	if (answer_load(skb, use, joined) &&
	    (s->head.flags & bpf_htons(IS_ANSWER | OPERATION)) == bpf_htons(IS_ANSWER))
		offset = question_read(use);
	if (!offset)
		return name_count(CGG_ANSWERS_BROKEN);
	if (!was_asked(skb, bpf_ntohs(s->head.id), s))
		return name_count(CGG_ANSWERS_UNASKED);
	if (s->len > CGG_NAME_MOST)
		return name_count(CGG_ANSWERS_LONG);
	if (s->head.flags & bpf_htons(TRUNCATED))
		name_count(CGG_ANSWERS_CUT);
	if (s->head.flags & bpf_htons(CODE) || !s->head.answers)
		return 0;
	s->now = bpf_ktime_get_boot_ns();
	if (answers_read(use, offset, bpf_ntohs(s->head.answers), keep_now(0)))
		name_count(CGG_ANSWERS_BOUND);
	return 0;
}

/* answers_tcp - Learn from a segment; return whether it may be received. */
__noinline __weak int answers_tcp(struct __sk_buff *skb, __u32 use)
{
	struct asking *asking = asking_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
	struct scratch *s = scratch_of(use);
	__u32 step = STEP_LOST;

	if (asking && s)
		stream_begin(&asking->in, s);
	for (__u64 i = 0; i < ANSWERS; i++) {
		step = stream_next(skb, use, 0);
		if (step != STEP_MESSAGE && step != STEP_JOINED)
			break;
		answer_in(skb, use, step == STEP_JOINED);
		step = STEP_MESSAGE;
	}
	if (step == STEP_AHEAD && asking && stream_wait(&asking->in))
		return 0;
	if (step == STEP_MESSAGE)
		step = stream_next(skb, use, 0) == STEP_END ? STEP_END : STEP_LOST;
	if (step == STEP_LOST && asking)
		asking->in.known = 0;
	if (step == STEP_LOST || step == STEP_AHEAD)
		name_count(CGG_ANSWERS_UNREAD);
	return 1;
}

/* answers_of - Learn from a packet of a resolver; return whether it may be received. */
static __always_inline int answers_of(struct __sk_buff *skb, struct cgg_attached *at, __u32 use)
{
	struct scratch *s = scratch_of(use);
	int resolver;

	if (!s || !packet_read(skb, use) || s->sport != DNS_PORT)
		return 1;
	resolver = resolver_find(s->source[0], s->source[1]);
	if (!resolver)
		return 1;
	s->netns = netns_of(skb);
	s->place = names_place();
	if (resolver == 2 ? !at->netns || s->netns != at->netns
			  : skb->ifindex == LOOPBACK_IFINDEX) {
		name_count(CGG_ANSWERS_ELSEWHERE);
		return 1;
	}
	if (s->proto == IPPROTO_TCP)
		return answers_tcp(skb, use) & 1;
	answer_in(skb, use, 0);
	return 1;
}

SEC("cgroup_skb/ingress")
int dns_answer(struct __sk_buff *skb)
{
	struct cgg_attached *at;
	__u32 use;
	int go;

	if (!is_dns(skb))
		return 1;
	at = bpf_get_local_storage(&attached, 0);
	use = at->policy ? buffer_take(FOR_ANSWER) : 0;
	if (!use)
		return 1;
	go = answers_of(skb, at, --use);
	buffer_give(use);
	return go;
}
