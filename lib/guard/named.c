// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * named.c - turns the names that an address has now into queries, as the programs ask for them, and
 * the addresses of a name.
 */
#include <stdlib.h>
#include <string.h>

#include "guard.h"

/* What a search looks for, a name or an address, and what it calls with each of the other. */
struct search {
	const struct cgg_rule *about;
	query_each *each;
	void *context;
};

static int bound_found(void *context, const struct cgg_binding *b)
{
	const struct search *search = context;
	struct cgg_rule rule = *search->about;

	if (rule.matches & CGG_MATCH_HOST ? strcmp(b->name, rule.operand) != 0
					  : memcmp(b->addr, rule.net.addr, sizeof(b->addr)) != 0)
		return 0;
	rule.matches ^= CGG_MATCH_IP | CGG_MATCH_HOST;
	rule.inner = addr_is_inner(b->addr);
	rule.alias = b->alias;
	memcpy(rule.operand, b->name, sizeof(b->name));
	rule.net = (struct cgg_net){ .len = 128 };
	memcpy(rule.net.addr, b->addr, sizeof(b->addr));
	return search->each(search->context, &rule);
}

/*
 * Call each with the words of a query for each name that the address of a rule has now, or for
 * each address that its name has: in the cgroup with this id, or (0) in every cgroup that has the
 * policy.
 */
int names_now(struct cgg_guard *guard, int place, __u64 id, const struct cgg_rule *rule,
	      query_each *each, void *context)
{
	struct search search = { rule, each, context };
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count);

	if (status)
		return status;
	for (unsigned i = 0; i < count && !status; i++) {
		if (all[i].policy != (__u32)place || (id && all[i].id != id))
			continue;
		status = bindings_read(all[i].id, bound_found, &search);
		if (status == CGG_NO) /* it has no names */
			status = 0;
	}
	free(all);
	return status;
}
