// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ask.c - asks the kernel's classifier about sockets, and looks up the rules of its answers. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "judge.h"
#include "../../bpf/names/inner.h"

static int by_question(const void *one, const void *other)
{
	const struct query *a = one, *b = other;

	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static int by_rule(const void *one, const void *other)
{
	const struct wanted *a = one, *b = other;

	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* Return the rule of an answer; 0: it is the default. */
const struct wanted *wanted_find(const struct queries *queries, const struct answer *answer)
{
	struct wanted key = { .place = answer->place, .rule = answer->rule };

	return answer->rule && queries->wanted_count
		       ? bsearch(&key, queries->wanted, queries->wanted_count, sizeof(key), by_rule)
		       : 0;
}

/* ---- the names of addresses ---- */

struct names {
	struct cgg_binding *binding;
	size_t count, room;
	__u64 cgroup; /* of which they are */
};

static int by_address(const void *one, const void *other)
{
	const struct cgg_binding *a = one, *b = other;
	int order = memcmp(a->addr, b->addr, sizeof(a->addr));

	if (order)
		return order;
	return a->netns < b->netns ? -1 : a->netns > b->netns;
}

static int name_take(void *context, const struct cgg_binding *binding)
{
	struct names *names = context;
	struct cgg_binding *more = grow(names->binding, names->count, &names->room, sizeof(*more));

	if (!more)
		return CGG_FAILED;
	names->binding = more;
	names->binding[names->count++] = *binding;
	return 0;
}

/* Read the names that addresses have now for an attached cgroup, unless they are those at hand. */
static int names_read(struct names *names, __u64 cgroup)
{
	int status;

	if (names->cgroup == cgroup)
		return 0;
	names->cgroup = cgroup;
	names->count = 0;
	status = bindings_read(cgroup, name_take, names);
	if (names->count)
		qsort(names->binding, names->count, sizeof(*names->binding), by_address);
	return status == CGG_NO ? 0 : status;
}

/* Return the index of the first name of an address in a namespace. */
static size_t name_first(const struct names *names, const struct cgg_binding *key)
{
	size_t low = 0, high = names->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (by_address(&names->binding[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- questions ---- */

static void rule_make(struct cgg_rule *rule, const struct question *key)
{
	bool with_port = key->with_port;

	memset(rule, 0, sizeof(*rule));
	rule->access = CGG_R;
	rule->hooks = 1u << key->hook;
	rule->matches = CGG_MATCH_IP | CGG_MATCH_PROTO | (with_port ? CGG_MATCH_PORT : 0u);
	rule->proto = key->proto;
	rule->port_min = rule->port_max = key->port;
	memcpy(rule->net.addr, key->addr, sizeof(rule->net.addr));
	rule->net.len = 128;
}

static int answer_add(struct queries *queries, int program, struct query *q,
		      const struct cgg_rule *rule, bool by_name)
{
	const struct cgg_sockets *all = queries->all;
	struct answer answer = { .place = all->attached[q->key.attached].policy };
	struct answer *more = grow(queries->answer, queries->answers, &queries->answer_room,
				   sizeof(*queries->answer));
	struct cgg_ask ask;
	int status;

	if (!more)
		return CGG_FAILED;
	queries->answer = more;
	status = query_fill(&ask, rule, by_name);
	ask.uid = q->key.uid;
	ask.sport = q->key.sport;
	memcpy(ask.self, q->key.self, sizeof(ask.self));
	memcpy(ask.ancestor, all->scope[q->key.scope].ancestor, sizeof(ask.ancestor));
	if (!status)
		status = query_run(program, &ask, (int)answer.place, &answer.verdict, &answer.rule);
	if (status)
		return CGG_FAILED;
	queries->answer[queries->answers++] = answer;
	q->answers++;
	return 0;
}

/* Ask about each name that the address has now; they are judged as in bpf/names/host.h. */
static int names_ask(struct queries *queries, int program, struct query *q, struct cgg_rule *rule,
		     const struct names *names)
{
	struct cgg_binding key = { .netns = queries->all->network[q->key.network].cookie };
	int status = 0;
	__u64 addr[2];

	memcpy(key.addr, q->key.addr, sizeof(key.addr));
	memcpy(addr, key.addr, sizeof(addr));
	for (size_t i = name_first(names, &key);
	     !status && i < names->count && !by_address(&names->binding[i], &key); i++) {
		rule->matches |= CGG_MATCH_HOST;
		rule->alias = names->binding[i].alias;
		rule->inner = is_inner(addr);
		memcpy(rule->operand, names->binding[i].name, sizeof(rule->operand));
		status = answer_add(queries, program, q, rule, true);
	}
	return status;
}

static int query_answer(struct queries *queries, int program, struct query *q, struct names *names)
{
	const struct cgg_attachment *at = &queries->all->attached[q->key.attached];
	const struct cgg_image *image = policy_image(queries->all->guard, (int)at->policy);
	struct cgg_rule rule;
	int status;

	if (!image)
		return CGG_FAILED;
	rule_make(&rule, &q->key);
	q->answer = (__u32)queries->answers;
	status = answer_add(queries, program, q, &rule, false);
	if (status || !image->by_name || q->key.hook != CGG_CONNECT)
		return status;
	status = names_read(names, at->id);
	return status ? status : names_ask(queries, program, q, &rule, names);
}

/* ---- the rules of the answers ---- */

/* Collect the rules of the answers, each once. */
static int wanted_collect(struct queries *queries)
{
	size_t count = 0, kept = 0;

	queries->wanted = calloc(queries->answers + 1, sizeof(*queries->wanted));
	if (!queries->wanted)
		return set_error(CGG_FAILED, "out of memory");
	for (size_t i = 0; i < queries->answers; i++)
		if (queries->answer[i].rule)
			queries->wanted[count++] =
				(struct wanted){ .place = queries->answer[i].place,
						 .rule = queries->answer[i].rule,
						 .position = ~0u };
	if (count)
		qsort(queries->wanted, count, sizeof(*queries->wanted), by_rule);
	for (size_t i = 0; i < count; i++)
		if (!kept || by_rule(&queries->wanted[kept - 1], &queries->wanted[i]))
			queries->wanted[kept++] = queries->wanted[i];
	queries->wanted_count = kept;
	return 0;
}

struct reading {
	struct queries *queries;
	__u32 place, position;
};

static int line_take(void *context, const struct cgg_line *line)
{
	struct reading *reading = context;
	struct answer answer = { .place = reading->place, .rule = line->id };
	struct wanted *wanted = (struct wanted *)wanted_find(reading->queries, &answer);
	static char text[CGG_LINE_TEXT];

	reading->position++;
	if (!wanted)
		return 0;
	line_print(line, text);
	wanted->position = reading->position;
	free(wanted->text);
	wanted->text = strdup(text);
	return wanted->text ? 0 : set_error(CGG_FAILED, "out of memory");
}

/* Look up the positions and the words of these rules, in one walk of each policy. */
static int wanted_read(struct queries *queries)
{
	int status = 0;

	for (size_t i = 0; i < queries->wanted_count && !status; i++) {
		struct reading reading = { queries, queries->wanted[i].place, 0 };

		if (i && queries->wanted[i - 1].place == reading.place)
			continue;
		status = policy_each(queries->all->guard, (int)reading.place, line_take, &reading);
		status = status == CGG_FAILED ? status : 0;
	}
	return status;
}

int queries_ask(struct queries *queries)
{
	struct names names = { 0 };
	int program = pin_get("progs/ask"), status = 0;

	if (program < 0)
		return pin_refusal("progs/ask");
	qsort(queries->query, queries->count, sizeof(*queries->query), by_question);
	for (size_t i = 0; i < queries->count && !status; i++) {
		struct query *q = &queries->query[i];

		if (i && !by_question(q - 1, q)) {
			q->answer = q[-1].answer;
			q->answers = q[-1].answers;
		} else {
			status = query_answer(queries, program, q, &names);
		}
	}
	close(program);
	free(names.binding);
	if (!status)
		status = wanted_collect(queries);
	return status ? status : wanted_read(queries);
}
