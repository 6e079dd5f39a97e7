// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ask.c - cgg-rule test: asks the kernel, and prints the decision. */
#include <stdlib.h>
#include <string.h>

#include "rule.h"

/* What the kernel answered about an address, and about each name; the earliest rule decides. */
struct answers {
	int place;
	const char *below;
	unsigned count, found; /* found: which of them; count: none, so the default decides */
	struct {
		__u32 id;
		__u8 verdict;
	} * answer;
	bool by_address; /* the rule that was found looks at the address */
	char text[CGG_LINE_TEXT];
};

static int keep_line(void *context, const struct cgg_line *line)
{
	struct answers *all = context;
	struct cgg_rule rule;

	for (unsigned i = all->count; i--;)
		if (line->id == all->answer[i].id)
			all->found = i;
	if (all->found == all->count)
		return 0;
	line_print(line, all->text);
	all->by_address = !line_rule(line, &rule) && rule.matches & CGG_MATCH_IP;
	return CGG_NO;
}

/* Ask the kernel one question more. */
static int answer_add(struct answers *all, const struct cgg_rule *rule, bool by_name)
{
	struct cgg_ask ask;
	int status = query_make(&ask, rule, by_name);
	void *more = realloc(all->answer, (all->count + 1) * sizeof(*all->answer));

	if (!more)
		errx(CGG_FAILED, "out of memory");
	all->answer = more;
	if (!status && all->below)
		status = query_in(&ask, all->below);
	if (!status)
		status = query_ask(&ask, all->place, &all->answer[all->count].verdict,
				   &all->answer[all->count].id);
	all->count++;
	return status;
}

static int name_answer(void *context, const struct cgg_rule *rule)
{
	return answer_add(context, rule, true);
}

/* Find the earliest rule of the answers. */
static int answers_find(struct answers *all, struct cgg_guard *guard)
{
	bool any = false;

	all->found = all->count;
	all->by_address = false;
	for (unsigned i = 0; i < all->count; i++)
		any |= all->answer[i].id != 0;
	return any && policy_each(guard, all->place, keep_line, all) == CGG_FAILED ? CGG_FAILED : 0;
}

/* Exit if the words leave more than one operation. */
static void test_check(const struct cgg_rule *rule)
{
	struct cgg_ask ask;
	int status = query_make(&ask, rule, rule->matches & CGG_MATCH_HOST);

	if (status)
		die(status);
}

/*
 * Ask about a name, and about an address that no rule with `ip' matches before the rule that
 * decides. Nobody has these addresses.
 */
static int host_decide(struct answers *all, struct cgg_guard *guard, const struct cgg_rule *rule)
{
	static const char *const nobody[] = { "0.0.0.1", "192.0.2.1", "100::1", "2001:db8::1" };
	struct cgg_rule at = *rule;
	int status = 0;

	at.matches = (at.matches & ~(unsigned)CGG_MATCH_HOST) | CGG_MATCH_IP;
	for (size_t i = 0; i < sizeof(nobody) / sizeof(*nobody) && !status; i++) {
		all->count = 0;
		status = net_parse(&at.net, nobody[i]);
		if (!status)
			status = answer_add(all, &at, false);
		if (!status)
			status = answer_add(all, rule, true);
		if (!status)
			status = answers_find(all, guard);
		if (status || !all->by_address)
			return status;
	}
	return status ? status
		      : set_error(CGG_USAGE,
				  "test: a rule about addresses comes first, so write ip ADDR: %s",
				  all->text);
}

/* A question about a name, and its answer. */
struct by_name {
	struct cgg_guard *guard;
	int place;
	const char *below;
	__u64 attached;
	const struct decision *decision;
	bool told;
};

/* Warn of the first address that the name has now, and that is decided otherwise than the name. */
static int address_judge(void *context, const struct cgg_rule *rule)
{
	struct by_name *name = context;
	char addr[CGG_NET_TEXT], by[32] = "the default";
	static struct decision d;

	if (name->told)
		return 0;
	test_decide(name->guard, name->place, rule, name->below, name->attached, &d);
	name->told = d.verdict != name->decision->verdict;
	if (!name->told)
		return 0;
	addr_print(rule->net.addr, addr);
	if (d.id)
		snprintf(by, sizeof(by), "rule %u", d.id);
	warnx("warning: %s is %s now: %s by %s%s%s%s", rule->operand, addr, cgg_verdicts[d.verdict],
	      by,
	      d.verdict == CGG_DENY && (rule->inner || rule->alias)
		      ? "; to allow it by name, add to its rule:"
		      : "",
	      d.verdict == CGG_DENY && rule->inner ? " inner" : "",
	      d.verdict == CGG_DENY && rule->alias ? " alias" : "");
	return 0;
}

/*
 * Ask how a policy decides an operation, or exit; `below` is the cgroup of the process (0: as the
 * words tell), attached the one with the policy (0: any of them): its names count.
 */
void test_decide(struct cgg_guard *guard, int place, const struct cgg_rule *rule, const char *below,
		 __u64 attached, struct decision *decision)
{
	static struct answers all; /* too large for a stack */
	int status;

	memset(&all, 0, offsetof(struct answers, text) + 1);
	all.place = place;
	all.below = below;
	if (rule->matches & CGG_MATCH_HOST) {
		status = host_decide(&all, guard, rule);
	} else {
		status = answer_add(&all, rule, false);
		if (!status && rule->hooks & (1u << CGG_CONNECT | 1u << CGG_SENDMSG))
			status = names_now(guard, place, attached, rule, name_answer, &all);
		if (!status)
			status = answers_find(&all, guard);
	}
	if (status)
		die(status);
	decision->verdict = all.answer[all.found == all.count ? 0 : all.found].verdict;
	decision->id = all.found == all.count ? 0 : all.answer[all.found].id;
	snprintf(decision->text, sizeof(decision->text), "%s", decision->id ? all.text : "default");
	free(all.answer);
	if (rule->matches & CGG_MATCH_HOST &&
	    names_now(guard, place, attached, rule, address_judge,
		      &(struct by_name){ guard, place, below, attached, decision, false }))
		die(CGG_FAILED);
}

/* Parse the words of one operation, or exit. */
static struct cgg_rule operation_or_die(int count, char **word)
{
	char *all[64] = { "allow" };
	struct cgg_rule rule;

	if (!count || count > 62)
		errx(CGG_USAGE, "test: needs one operation: test HOOK MATCH...");
	memcpy(all + 1, word, (size_t)count * sizeof(*word));
	rule = parse_or_die(count + 1, all, false);
	test_check(&rule);
	return rule;
}

/* Print the kernel's decision on an operation; the lock keeps other queries out meanwhile. */
int test_operation(int count, char **word)
{
	struct cgg_rule rule = operation_or_die(count, word);
	static struct decision decision;
	struct cgg_guard guard;
	int place;

	if (test_target)
		return test_in(&rule);
	guard_begin(&guard, &place, false);
	test_decide(&guard, place, &rule, 0, 0, &decision);
	if (decision.id)
		printf("%s\t%u\t%s\n", cgg_verdicts[decision.verdict], decision.id, decision.text);
	else
		printf("%s\tdefault\n", cgg_verdicts[decision.verdict]);
	guard_close(&guard);
	return decision.verdict == CGG_DENY ? CGG_NO : CGG_DONE;
}
