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
#include "resolver.h"
#include "stream.h"

#define TCP_MESSAGES 4 /* of a segment that are read */
#define TCP_QUESTIONS 2 /* likewise; all others of the segment count as one that cannot be read */

/* question_parse - Read a question that goes out into the buffer; return 0 if it is none. */
__noinline __weak __u32 question_parse(struct __sk_buff *skb, __u32 at, __u32 end)
{
	struct scratch *s = scratch_of(FOR_QUESTION);
	struct message m;

	if (!s)
		return 0;
	s->end = end;
	if (at + sizeof(m) > end || bpf_skb_load_bytes(skb, at, &m, sizeof(m)))
		return 0;
	if (m.flags & bpf_htons(IS_ANSWER | OPERATION) || m.questions != bpf_htons(1))
		return 0;
	if (!question_read(skb, at + sizeof(m), FOR_QUESTION) || s->len > CGG_NAME_MOST)
		return 0;
	return 1 + bpf_ntohs(m.id);
}

/* question_keep - Keep a question with its socket; return whether the turn was kept. */
__noinline __weak int question_keep(struct __sk_buff *skb, __u32 id, __u64 turn)
{
	struct asking *asking = asking_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
	struct scratch *s = scratch_of(FOR_QUESTION);
	struct question *q;

	if (!asking || !s)
		return 1;
	q = &asking->question[asking->turn++ & (OPEN_QUESTIONS - 1)];
	q->open = 0;
	q->hash = s->hash;
	q->type = s->type;
	q->id = id;
	q->resolver[0] = s->dest[0];
	q->resolver[1] = s->dest[1];
	if (!turn_kept(FOR_QUESTION, turn))
		return 0;
	q->open = 1;
	name_count(CGG_QUESTIONS_SEEN);
	return 1;
}

/* judge_question - Judge the question in the buffer; id is 0 if it could not be read. */
static __always_inline int judge_question(struct __sk_buff *skb, struct cgg_attached *at,
					  struct scratch *s, __u32 id, __u64 turn)
{
	union cgg_subject subject = {};
	struct operation o = {};

	o.who = skb;
	o.turn = turn;
	o.q.hook = CGG_DNS;
	o.q.access = CGG_R;
	o.q.select = id ? 0 : CGG_VAGUE;
	o.q.select = as_unknown(o.q.select, turn);
	*(__u64 *)subject.net.addr = s->dest[0];
	*(__u64 *)(subject.net.addr + 8) = s->dest[1];
	*(__u64 *)subject.net.local = s->source[0];
	*(__u64 *)(subject.net.local + 8) = s->source[1];
	subject.net.port = s->dport;
	subject.net.sport = s->sport;
	subject.net.proto = s->proto;
	subject.net.len = skb->len;
	subject.net.host = id ? s->len : 0;
	return judge_bytes(at, &o, CGG_DNS_QUESTION, skb->len, &subject);
}

/*
 * question_next - Find the next question of a segment of TCP, and read it. Return 0: there is no
 * more, 1: one that cannot be read, else its id + 2.
 */
__noinline __weak __u32 question_next(struct __sk_buff *skb, __u32 stop)
{
	struct asking *asking = asking_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
	struct scratch *s = scratch_of(FOR_QUESTION);
	__u32 at = 0, end = 0, step;

	if (!s)
		return 0;
	if (!asking || s->flags & URG)
		return s->at < stop;
	if (s->flags & SYN)
		stream_begin(&asking->out, s);
	step = stream_step(skb, s, &asking->out, s->at, stop, &at, &end);
	if (step == STEP_END)
		return 0;
	if (step != STEP_MESSAGE)
		return 1;
	return 1 + question_parse(skb, at, end);
}

/* stream_back - Forget that a segment was read: it is refused, and sent again. */
__noinline __weak int stream_back(struct __sk_buff *skb, __u32 next, __u32 size, __u32 known)
{
	struct asking *asking = asking_of(skb, 0);

	if (!asking)
		return 0;
	asking->out.next = next;
	asking->out.size = size;
	asking->out.known = known;
	return 0;
}

static __always_inline int questions_tcp(struct __sk_buff *skb, struct cgg_attached *at,
					 struct scratch *s, __u64 turn, int resolver)
{
	struct asking *asking = asking_of(skb, 0);
	__u32 next = 0, size = 0, known = 0, stop = s->end;

	if (s->at >= stop && !(s->flags & SYN))
		return 1;
	if (asking) {
		next = asking->out.next;
		size = asking->out.size;
		known = asking->out.known;
	}
	for (__u32 i = 0; i <= TCP_QUESTIONS; i++) {
		__u32 id = question_next(skb, stop);

		if (!id)
			return 1;
		if (i == TCP_QUESTIONS)
			id = 1;
		if (!judge_question(skb, at, s, id - 1, turn) ||
		    (id > 1 && resolver && !question_keep(skb, id - 2, turn)))
			break;
		if (id == 1)
			return 1;
	}
	stream_back(skb, next, size, known);
	return 0;
}

SEC("cgroup_skb/egress")
int dns(struct __sk_buff *skb)
{
	struct cgg_attached *at;
	struct scratch *s;
	__u64 turn;
	__u32 id;
	int resolver;

	if (!is_dns(skb))
		return 1;
	at = bpf_get_local_storage(&attached, 0);
	s = scratch_of(FOR_QUESTION);
	turn = packet_read(skb, FOR_QUESTION);
	if (!at->policy || !s)
		return 1;
	if (!turn)
		return 0; /* a header that is cut off: nobody would read it */
	if (s->sport == DNS_PORT && resolver_find(s->source[0], s->source[1])) {
		name_count(CGG_FORGED);
		return 0;
	}
	if (s->dport != DNS_PORT)
		return 1;
	resolver = resolver_find(s->dest[0], s->dest[1]);
	if (s->proto != IPPROTO_UDP)
		return questions_tcp(skb, at, s, turn, resolver);
	/* With UDP_SEGMENT, more questions follow the first one. */
	id = skb->gso_size ? 0 : question_parse(skb, s->at, s->end);
	if (!judge_question(skb, at, s, id, turn))
		return 0;
	return !id || !resolver || question_keep(skb, id - 1, turn) ? 1 : 0;
}

/* was_asked - Return whether the socket asked this, and got no answer yet. */
static __always_inline int was_asked(struct __sk_buff *skb, __u16 id, const struct scratch *s)
{
	struct asking *asking = asking_of(skb, 0);

	for (__u32 i = 0; i < OPEN_QUESTIONS && asking; i++) {
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
__noinline __weak int answer_in(struct __sk_buff *skb, __u32 at, __u32 end)
{
	struct scratch *s = scratch_of(FOR_ANSWER);
	struct message m;
	__u32 offset = 0;

	if (!s)
		return 0;
	s->end = end;
	name_count(CGG_ANSWERS_SEEN);
	if (at + sizeof(m) <= end && !bpf_skb_load_bytes(skb, at, &m, sizeof(m)) &&
	    (m.flags & bpf_htons(IS_ANSWER | OPERATION)) == bpf_htons(IS_ANSWER) &&
	    m.questions == bpf_htons(1))
		offset = question_read(skb, at + sizeof(m), FOR_ANSWER);
	if (!offset)
		return name_count(CGG_ANSWERS_BROKEN);
	if (!was_asked(skb, bpf_ntohs(m.id), s))
		return name_count(CGG_ANSWERS_UNASKED);
	if (s->len > CGG_NAME_MOST)
		return name_count(CGG_ANSWERS_LONG);
	if (m.flags & bpf_htons(TRUNCATED))
		name_count(CGG_ANSWERS_CUT);
	if (m.flags & bpf_htons(CODE) || !m.answers)
		return 0;
	if (answers_read(skb, at, offset, bpf_ntohs(m.answers), keep_now(0)))
		name_count(CGG_ANSWERS_BOUND);
	return 0;
}

static __always_inline void answers_tcp(struct __sk_buff *skb, struct scratch *s)
{
	struct asking *asking = asking_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
	__u32 payload = s->at, stop = s->end, at = 0, end = 0, step = STEP_LOST;

	if (s->flags & SYN && asking)
		stream_begin(&asking->in, s);
	for (__u32 i = 0; i <= TCP_MESSAGES && asking; i++) {
		step = stream_step(skb, s, &asking->in, payload, stop, &at, &end);
		if (step != STEP_MESSAGE)
			break;
		if (i == TCP_MESSAGES)
			asking->in.known = 0;
		else
			answer_in(skb, at, end);
	}
	if (payload < stop && step != STEP_END)
		name_count(CGG_ANSWERS_CUT);
}

SEC("cgroup_skb/ingress")
int dns_answer(struct __sk_buff *skb)
{
	struct cgg_attached *at;
	struct scratch *s;
	int resolver;

	if (!is_dns(skb))
		return 1;
	at = bpf_get_local_storage(&attached, 0);
	s = scratch_of(FOR_ANSWER);
	if (!at->policy || !s || !packet_read(skb, FOR_ANSWER) || s->sport != DNS_PORT)
		return 1;
	resolver = resolver_find(s->source[0], s->source[1]);
	if (!resolver)
		return 1;
	s->netns = netns_of(skb);
	if (resolver == 2 ? !at->netns || s->netns != at->netns
			  : skb->ifindex == LOOPBACK_IFINDEX) {
		name_count(CGG_ANSWERS_ELSEWHERE);
		return 1;
	}
	if (s->proto == IPPROTO_UDP)
		answer_in(skb, s->at, s->end);
	else if (s->proto == IPPROTO_TCP)
		answers_tcp(skb, s);
	return 1;
}
