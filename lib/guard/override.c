// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * override.c - refuse links that would switch off programs of others, and explain why a link fails.
 *
 * For each hook the kernel runs the programs on the nearest cgroup that has any. From the cgroups
 * further up it runs those that were attached with BPF_F_ALLOW_MULTI. So a program attached with
 * BPF_F_ALLOW_OVERRIDE stops running for a cgroup below it when anything is attached there.
 * Below a program that was attached with neither flag, nothing can be attached.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "links.h"

/* The programs of one hook on the nearest cgroup that has any: a given cgroup, or one above. */
struct nearest {
	__u32 ids[CGG_BESIDE], count, flags;
	bool itself; /* they are on the given cgroup */
	char path[4096];
};

/*
 * Find the nearest cgroup that has programs of that type; return false when none has any.
 *
 * The search starts at the given cgroup, or above it, and ends at the mount of cgroup v2.
 */
static bool nearest_find(int cgroup, int attach, bool above, struct nearest *n)
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", cgroup);
	len = readlink(link, n->path, sizeof(n->path) - 1);
	n->path[len < 0 ? 0 : len] = 0;
	n->itself = true;
	for (; strlen(n->path) >= strlen(cgroup_mount()); n->itself = false) {
		struct cgg_cgroup at = { .fd = -1 };
		int status = n->itself && above ? CGG_NO
						: cgroup_open(&at, n->path, CGG_ANY | CGG_EXACT);

		n->count = CGG_BESIDE;
		n->flags = 0;
		if (!status)
			status = bpf_prog_query(at.fd, (enum bpf_attach_type)attach, 0, &n->flags,
						n->ids, &n->count);
		cgroup_close(&at, false);
		if (!status && n->count)
			return true;
		*strrchr(n->path, '/') = 0;
	}
	return false;
}

/* Write ` (NAME)' for a program, or "" when it has none or cannot be read without CAP_SYS_ADMIN. */
static void name_of(__u32 id, char text[32])
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	*text = 0;
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && *info.name)
		snprintf(text, 32, " (%s)", info.name);
	if (fd >= 0)
		close(fd);
}

/* Write the path of an open cgroup as messages show it. */
static void where_is(int cgroup, char text[512])
{
	__u64 above[CGG_LEVELS];

	cgroup_above(cgroup, above);
	cgroup_name(above[0], text, 512);
}

/* Explain why a link could not be made, error being its errno; return CGG_FAILED. */
int link_refusal(int cgroup, int program, int error)
{
	const struct cgg_program_info *info = &cgg_programs[program];
	struct nearest n;
	char name[512];

	where_is(cgroup, name);
	if (error == EPERM && nearest_find(cgroup, info->attach, false, &n) &&
	    !(n.flags & BPF_F_ALLOW_MULTI) && (n.itself || !(n.flags & BPF_F_ALLOW_OVERRIDE)))
		return set_error(
			CGG_FAILED,
			"%s: %s: program %u on %.400s allows none beside it; detach that first",
			name, info->name, n.ids[0], n.path);
	if (error == EPERM)
		return set_error(CGG_FAILED, "%s: %s: needs root, or CAP_BPF and CAP_NET_ADMIN",
				 name, info->name);
	if (error == E2BIG)
		return set_error(
			CGG_FAILED,
			"%s: %s: 64 programs are attached there, and the kernel takes no more; "
			"detach one first (cgg-status --effective lists them)",
			name, info->name);
	return set_error(CGG_FAILED, "%s: %s: %s", name, info->name, strerror(error));
}

static int override_refusal(int cgroup, int program, __u32 id, const char *path)
{
	char name[512], named[32];

	where_is(cgroup, name);
	name_of(id, named);
	return set_error(
		CGG_FAILED,
		"%s: %s: this would switch off program %u%s on %.300s, which was attached with "
		"BPF_F_ALLOW_OVERRIDE; attach that with BPF_F_ALLOW_MULTI, or run "
		"cgg-attach -f",
		name, cgg_programs[program].name, id, named, path);
}

/* Read the programs that the kernel runs for the hook; none if the kernel does not tell. */
static int effective_of(int cgroup, int program, struct cgg_effective *all)
{
	const enum bpf_attach_type attach = (enum bpf_attach_type)cgg_programs[program].attach;
	char name[512];

	all->count = sizeof(all->ids) / sizeof(all->ids[0]);
	if (!bpf_prog_query(cgroup, attach, BPF_F_QUERY_EFFECTIVE, 0, all->ids, &all->count))
		return 0;
	all->count = 0;
	if (errno == EPERM || errno == EINVAL) /* the link will fail, too: with a better message */
		return 0;
	where_is(cgroup, name);
	return set_error(CGG_FAILED, "%s: %s: %s", name, cgg_programs[program].name,
			 strerror(errno));
}

static int override_above(int cgroup, int program, const struct nearest *n)
{
	if (n->flags & BPF_F_ALLOW_OVERRIDE)
		return override_refusal(cgroup, program, n->ids[0], n->path);
	return 0;
}

/* Refuse a link that would switch off another program; record the programs that run now. */
int override_check(int cgroup, int program, struct cgg_effective *before)
{
	int status = effective_of(cgroup, program, before);
	struct nearest n;

	before->alone = true;
	if (status || !nearest_find(cgroup, cgg_programs[program].attach, false, &n))
		return status;
	before->alone = !n.itself;
	return before->alone ? override_above(cgroup, program, &n) : 0;
}

static bool is_in(const struct cgg_effective *all, __u32 id)
{
	__u32 i = 0;

	while (i < all->count && all->ids[i] != id)
		i++;
	return i < all->count;
}

/*
 * Refuse a link that has switched off another program; the caller must detach the link.
 *
 * override_check() cannot see a program above the mount, or one attached at the same moment.
 */
int override_recheck(int cgroup, int program, const struct cgg_effective *before)
{
	struct cgg_effective now;
	struct nearest n;
	int status = effective_of(cgroup, program, &now);

	if (!status && before->alone &&
	    nearest_find(cgroup, cgg_programs[program].attach, true, &n))
		status = override_above(cgroup, program, &n);
	for (__u32 i = 0; !status && i < before->count; i++)
		if (!is_in(&now, before->ids[i]))
			status =
				override_refusal(cgroup, program, before->ids[i], "a cgroup above");
	return status;
}
