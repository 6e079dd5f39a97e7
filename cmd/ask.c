// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ask.c - cgg-rule test: asks the kernel, and prints the decision. */
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
void test_check(const struct cgg_rule *rule)
{
	struct cgg_ask ask;
	int status = query_make(&ask, rule, rule->matches & CGG_MATCH_HOST);

	if (status)
		die(status);
}

/*
 * Print the decision on an operation, and return the command's status.
 *
 * With host, the kernel is asked about the address, and about the name: the earlier rule decides.
 */
int test_print(struct cgg_guard *guard, int place, const struct cgg_rule *rule)
{
	struct by_id wanted = { .found = -1 };
	int queries = rule->matches & CGG_MATCH_HOST ? 2 : 1, status = 0;
	__u8 verdict[2] = { 0 };
	struct cgg_ask ask;

	for (int i = 0; i < queries && !status; i++) {
		status = query_make(&ask, rule, i);
		if (!status)
			status = query_ask(&ask, place, &verdict[i], &wanted.id[i]);
	}
	if (!status && (wanted.id[0] || wanted.id[1]) &&
	    policy_each(guard, place, keep_line, &wanted) == CGG_FAILED)
		status = CGG_FAILED;
	if (status)
		die(status);
	if (wanted.found < 0)
		printf("%s\tdefault\n", cgg_verdicts[verdict[0]]);
	else
		printf("%s\t%u\t%s\n", cgg_verdicts[verdict[wanted.found]], wanted.id[wanted.found],
		       wanted.text);
	return verdict[wanted.found > 0] == CGG_DENY ? CGG_NO : CGG_DONE;
}
