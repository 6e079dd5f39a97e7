// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * indexes.c - print which maps for indexes each policy has, and which are spare: indexes
 *
 * A line is a policy's name, or `spare', and for each of its maps the id and the pages, like 17:64.
 * A policy without a name is `-'. Policies without maps are not printed.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/cgg.h"

static bool owned[CGG_INDEXES];
static struct cgg_guard guard;

static void map_print(__u32 number)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = inner_get("indexes", guard.indexes, number);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		err(1, "indexes/%u", number);
	close(fd);
	printf(" %u:%u", info.id, info.max_entries);
}

static void spare_print(void *any, __u32 number)
{
	if (owned[number])
		return;
	if (!*(bool *)any)
		printf("spare");
	*(bool *)any = true;
	map_print(number);
}

int main(void)
{
	bool any = false;

	if (guard_open(&guard, CGG_READ))
		errx(1, "%s", cgg_error);
	for (int place = 0; place < CGG_POLICIES; place++) {
		const struct cgg_policy *policy = &guard.policies[place];

		if (!policy->index[0] && !policy->index[1])
			continue;
		printf("%s", *policy->name ? policy->name : "-");
		for (int i = 0; i < 2; i++)
			if (policy->index[i]) {
				owned[policy->index[i] - 1] = true;
				map_print(policy->index[i] - 1);
			}
		putchar('\n');
	}
	inner_each("indexes", CGG_INDEXES - 1, spare_print, &any);
	if (any)
		putchar('\n');
	guard_close(&guard);
	return 0;
}
