// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * judge.c - what the policies say of each socket now.
 *
 * The kernel's own classifier is asked (guard/query.c), once for sockets with the same question.
 * A connection that was opened from here is asked about as connect, and then as the packets that it
 * sends and gets; one that came in as its packets; a socket that waits as bind. The worst verdict
 * of all policies above the cgroup counts.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"
#include "judge.h"

static int query_add(struct queries *queries, const struct cgg_socket *s, int hook,
		     const struct cgg_end *end)
{
	const struct cgg_image *image = queries->image;
	struct query *q;

	/* A hook without rules and default decides nothing. Its verdict is counted as allow. */
	if (!(image->hooks & 1u << hook))
		return 0;
	q = grow(queries->query, queries->count, &queries->room, sizeof(*q));
	if (!q)
		return CGG_FAILED;
	queries->query = q;
	q += queries->count++;
	memset(q, 0, sizeof(*q));
	q->key.attached = queries->attached;
	q->key.hook = (__u8)hook;
	q->key.uid = s->uid;
	q->key.proto = s->kind == CGG_SOCK_MPTCP ? IPPROTO_TCP : s->proto;
	q->key.with_port = s->kind != CGG_SOCK_RAW;
	q->key.port = end->port;
	memcpy(q->key.addr, end->addr, sizeof(q->key.addr));
	if (1u << hook & CGG_PACKET_HOOKS) {
		q->key.sport = hook == CGG_EGRESS ? s->local.port : s->peer.port;
		memcpy(q->key.self, s->local.addr, sizeof(q->key.self));
	}
	q->key.scope = s->scope;
	q->key.network = image->by_name ? s->network : 0;
	q->socket = (__u32)(s - queries->all->socket);
	q->order = (__u32)queries->count;
	return 0;
}

/* An IPv6 socket that is bound to :: takes IPv4 as well, unless it has IPV6_V6ONLY. */
static int waiting_add(struct queries *queries, const struct cgg_socket *s)
{
	static const __u8 any[16];
	struct cgg_end any4 = { .addr = { [10] = 0xff, 0xff }, .port = s->local.port };
	int status;

	if (!s->local.port)
		return 0;
	status = query_add(queries, s, CGG_BIND, &s->local);
	if (!status && !s->v6only && !memcmp(s->local.addr, any, sizeof(any)))
		status = query_add(queries, s, CGG_BIND, &any4);
	return status;
}

/* Add what is asked about a socket. Packets to this end have its port as their destination. */
static int socket_add(struct queries *queries, const struct cgg_socket *s)
{
	struct cgg_end in = s->peer;
	int status = 0;

	if (s->origin == CGG_WAITS)
		return waiting_add(queries, s);
	in.port = s->local.port;
	if (s->origin == CGG_OPENED && s->kind != CGG_SOCK_RAW)
		status = query_add(queries, s, CGG_CONNECT, &s->peer);
	if (!status && s->origin == CGG_CAME_IN)
		status = query_add(queries, s, CGG_INGRESS, &in);
	if (!status)
		status = query_add(queries, s, CGG_EGRESS, &s->peer);
	if (!status && s->origin == CGG_OPENED)
		status = query_add(queries, s, CGG_INGRESS, &in);
	return status;
}

static bool applies(const struct cgg_sockets *all, const struct cgg_attachment *at, __u32 scope)
{
	const __u64 *ancestor = all->scope[scope].ancestor;

	for (int i = 0; i < CGG_LEVELS && ancestor[i]; i++)
		if (ancestor[i] == at->id)
			return true;
	return false;
}

/* Add what is asked of the policy of one attachment. */
static int attachment_add(struct queries *queries, __u32 attached)
{
	struct cgg_sockets *all = queries->all;
	const struct cgg_attachment *at = &all->attached[attached];
	long last = -1;
	bool is_below = false;
	int status = 0;

	queries->attached = attached;
	queries->image = policy_image(all->guard, (int)at->policy);
	if (!queries->image)
		return CGG_FAILED;
	for (size_t i = 0; i < all->count && !status; i++) {
		struct cgg_socket *s = &all->socket[i];

		if ((long)s->scope != last)
			is_below = applies(all, at, s->scope);
		last = (long)s->scope;
		if (!is_below)
			continue;
		if (s->verdict == CGG_VERDICTS && (s->origin != CGG_WAITS || s->local.port)) {
			s->verdict = CGG_ALLOW;
			s->place = (int)at->policy;
		}
		status = socket_add(queries, s);
	}
	return status;
}

/* Rank the verdicts: an audited denial is worse than an alert, and refuses nothing. */
static int rank(__u8 verdict)
{
	return verdict == CGG_DENY ? 3 : verdict == CGG_AUDIT ? 2 : verdict == CGG_ALERT;
}

/* Return the answer whose rule stands first in the policy: of the address and of its names. */
static const struct answer *first_answer(const struct queries *queries, const struct query *q)
{
	const struct answer *first = &queries->answer[q->answer];
	const struct wanted *at = wanted_find(queries, first);

	for (__u32 i = 1; i < q->answers; i++) {
		const struct answer *other = &queries->answer[q->answer + i];
		const struct wanted *there = wanted_find(queries, other);

		if (there && (!at || there->position < at->position)) {
			first = other;
			at = there;
		}
	}
	return first;
}

/* Let the answers to one question count for its socket. */
static void query_settle(struct queries *queries, const struct query *q)
{
	struct cgg_socket *s = &queries->all->socket[q->socket];
	const struct answer *answer = first_answer(queries, q);
	const struct wanted *wanted = wanted_find(queries, answer);
	const struct cgg_image *image = policy_image(queries->all->guard, (int)answer->place);
	__u8 verdict = answer->verdict;

	if (verdict == CGG_DENY && image && image->audit)
		verdict = CGG_AUDIT;
	if (verdict == CGG_DENY && q->key.hook == CGG_EGRESS)
		s->is_mute = true;
	if (queries->decided[q->socket] && rank(verdict) <= rank(s->verdict) &&
	    (rank(verdict) != rank(s->verdict) || q->order > queries->decided[q->socket]))
		return;
	queries->decided[q->socket] = q->order;
	s->verdict = verdict;
	s->place = (int)answer->place;
	s->rule = answer->rule;
	s->text = wanted ? wanted->text : 0;
}

static int queries_settle(struct queries *queries)
{
	struct cgg_sockets *all = queries->all;

	queries->decided = calloc(all->count + 1, sizeof(*queries->decided));
	all->text = calloc(queries->wanted_count + 1, sizeof(*all->text));
	if (!queries->decided || !all->text)
		return set_error(CGG_FAILED, "out of memory");
	for (size_t i = 0; i < queries->count; i++)
		query_settle(queries, &queries->query[i]);
	for (size_t i = 0; i < queries->wanted_count; i++)
		all->text[all->texts++] = queries->wanted[i].text;
	queries->wanted_count = 0;
	return 0;
}

static void queries_free(struct queries *queries)
{
	for (size_t i = 0; i < queries->wanted_count; i++)
		free(queries->wanted[i].text);
	free(queries->wanted);
	free(queries->query);
	free(queries->answer);
	free(queries->decided);
}

int sockets_judge(struct cgg_sockets *all)
{
	struct queries queries = { .all = all };
	int status = 0;

	for (size_t i = 0; i < all->count; i++)
		all->socket[i].verdict = CGG_VERDICTS;
	for (__u32 i = 0; i < all->attachments && !status; i++)
		if (all->place < 0 || (unsigned)all->place == all->attached[i].policy)
			status = attachment_add(&queries, i);
	if (!status && queries.count)
		status = queries_ask(&queries);
	if (!status)
		status = queries_settle(&queries);
	queries_free(&queries);
	return status;
}
