// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* attached.c - find attached cgroups by what a user typed, for several commands. */
#include <string.h>

#include "cmd.h"

/* Return whether the target is the id of an attached cgroup: cgg-status prints it for a path. */
static bool is_attached(struct cgg_guard *guard, const char *target, __u64 *id)
{
	char text[24];
	__u32 policy;

	*id = strtoull(target, 0, 10);
	snprintf(text, sizeof(text), "%llu", *id);
	return !strcmp(text, target) && !attachment_find(guard, *id, &policy);
}

/* Find the id of a cgroup that may be attached: a TARGET, or the id of a removed cgroup. */
int attached_find(struct cgg_guard *guard, const char *target, __u64 *id)
{
	struct cgg_cgroup cgroup;
	int status = cgroup_open(&cgroup, target, CGG_ANY);

	*id = cgroup.id;
	cgroup_close(&cgroup, false);
	return status == CGG_USAGE && is_attached(guard, target, id) ? 0 : status;
}
