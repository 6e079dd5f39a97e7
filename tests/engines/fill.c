// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* fill - make the policies pFIRST to pLAST, each with the rule `port N': fill FIRST LAST */
#include <err.h>
#include <stdlib.h>

#include "../../lib/cgg.h"

static int make(struct cgg_guard *guard, long n)
{
	char name[CGG_NAME], port[16], *const words[] = { "port", port };
	struct cgg_rules rules;
	struct cgg_rule rule;
	int place, status;

	snprintf(name, sizeof(name), "p%ld", n);
	snprintf(port, sizeof(port), "%ld", n);
	rules_begin(&rules);
	status = rule_parse(&rule, 2, words);
	if (!status)
		status = rules_add(&rules, &rule);
	if (!status)
		status = policy_make(guard, name, &place);
	if (!status)
		status = policy_restore(guard, place, &rules, 0);
	rules_free(&rules);
	return status;
}

int main(int argc, char **argv)
{
	struct cgg_guard guard;
	int status;

	if (argc != 3)
		errx(2, "usage: fill FIRST LAST");
	if (system("cgg-load --hooks connect,sendmsg"))
		errx(3, "cgg-load: it fails");
	status = guard_open(&guard, CGG_CHANGE);
	for (long n = atol(argv[1]); n <= atol(argv[2]) && !status; n++)
		status = make(&guard, n);
	if (status)
		errx(status, "%s", cgg_error);
	return 0;
}
