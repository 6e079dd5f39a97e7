// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* limits.c - makes the buckets of rules with a limit; count.c deletes them with the counts. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"

static int bucket_make(int limits, __u32 place, const struct cgg_condition *c)
{
	const struct cgg_count_key key = { .policy = place, .rule = c->limit };
	const struct cgg_bucket bucket = { .interval = c->interval,
					   .depth = (c->burst - 1) * c->interval };

	if (!bpf_map_update_elem(limits, &key, &bucket, BPF_NOEXIST) || errno == EEXIST)
		return 0;
	if (errno == E2BIG)
		return set_error(CGG_FAILED, "limit: a guard holds at most %u rules with a limit",
				 CGG_LIMITS);
	return set_error(CGG_FAILED, CGG_DIR "/maps/limits: %s", strerror(errno));
}

/* Make the buckets that rules need; a rule that had one keeps it. Return 0 or CGG_FAILED. */
int limits_make(__u32 place, const struct cgg_rules *rules)
{
	int limits = -1, status = 0;
	__u32 last = 0;

	for (unsigned i = 0; i < rules->count && !status; i++) {
		const struct cgg_condition *c = &rules->entry[i].condition;

		if (!c->limit || c->limit == last)
			continue;
		last = c->limit;
		if (limits < 0)
			limits = pin_get("maps/limits");
		status = limits < 0 ? pin_refusal("maps/limits") : bucket_make(limits, place, c);
	}
	if (limits >= 0)
		close(limits);
	return status;
}
