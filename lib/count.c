// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* count.c - hits and bytes of rules and defaults, summed over the processors. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgg.h"

int count_open(void)
{
	return pin_get("maps/counts");
}

/* count_read - all zero when nothing was counted yet, or nothing can be read */
struct cgg_count count_read(int counts, __u32 policy, __u32 rule)
{
	struct cgg_count_key key = { .policy = policy, .rule = rule };
	struct cgg_count sum = { 0 }, *each;
	int processors = libbpf_num_possible_cpus();

	each = processors > 0 ? calloc((size_t)processors, sizeof(*each)) : 0;
	if (each && !bpf_map_lookup_elem(counts, &key, each)) {
		for (int i = 0; i < processors; i++) {
			sum.hits += each[i].hits;
			sum.bytes += each[i].bytes;
		}
	}
	free(each);
	return sum;
}

/* count_forget - drops every count of a policy */
void count_forget(__u32 policy)
{
	struct cgg_count_key key, next;
	int counts = count_open();
	bool more = counts >= 0 && !bpf_map_get_next_key(counts, 0, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(counts, &key, &next);
		if (key.policy == policy)
			bpf_map_delete_elem(counts, &key);
	}
	if (counts >= 0)
		close(counts);
}
