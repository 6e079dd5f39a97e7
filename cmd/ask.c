// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ask.c - cgg-rule test: asks the kernel, and prints the decision. */
#include <string.h>

#include "rule.h"

/* Rules to look for by their ids; the first one in the policy is found. */
struct by_id {
	__u32 id[2];
	int found; /* -1: none */
	char text[CGG_LINE_TEXT];
};

static int keep_line(void *context, const struct cgg_line *line)
{
	struct by_id *wanted = context;

	for (int i = 0; i < 2; i++)
		if (line->id == wanted->id[i])
			wanted->found = i;
	if (wanted->found < 0)
		return 0;
	line_print(line, wanted->text);
	return CGG_NO;
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
 * Ask how a policy decides an operation, or exit; `below` is the cgroup of the process (0: as the
 * words tell).
 *
 * With host, the kernel is asked about the address, and about the name: the earlier rule decides.
 */
void test_decide(struct cgg_guard *guard, int place, const struct cgg_rule *rule, const char *below,
		 struct decision *decision)
{
	struct by_id wanted = { .found = -1 };
	int queries = rule->matches & CGG_MATCH_HOST ? 2 : 1, status = 0;
	__u8 verdict[2] = { 0 };
	struct cgg_ask ask;

	for (int i = 0; i < queries && !status; i++) {
		status = query_make(&ask, rule, i);
		if (!status && below)
			status = query_in(&ask, below);
		if (!status)
			status = query_ask(&ask, place, &verdict[i], &wanted.id[i]);
	}
	if (!status && (wanted.id[0] || wanted.id[1]) &&
	    policy_each(guard, place, keep_line, &wanted) == CGG_FAILED)
		status = CGG_FAILED;
	if (status)
		die(status);
	decision->verdict = verdict[wanted.found > 0];
	decision->id = wanted.found < 0 ? 0 : wanted.id[wanted.found];
	snprintf(decision->text, sizeof(decision->text), "%s",
		 wanted.found < 0 ? "default" : wanted.text);
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
	struct decision decision;
	struct cgg_guard guard;
	int place;

	if (test_target)
		return test_in(&rule);
	guard_begin(&guard, &place, false);
	test_decide(&guard, place, &rule, 0, &decision);
	if (decision.id)
		printf("%s\t%u\t%s\n", cgg_verdicts[decision.verdict], decision.id, decision.text);
	else
		printf("%s\tdefault\n", cgg_verdicts[decision.verdict]);
	guard_close(&guard);
	return decision.verdict == CGG_DENY ? CGG_NO : CGG_DONE;
}
