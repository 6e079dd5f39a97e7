// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * effective.c - list the programs that run for a cgroup, in the order the kernel runs them.
 *
 * The kernel returns the order (BPF_F_QUERY_EFFECTIVE, Linux 4.15) as program ids alone. Queries
 * of the cgroup, and of each cgroup above it up to the mount, tell where and with which flags a
 * program is attached. A program that only these queries return is attached but does not run: a
 * program below overrides it. A scan of all links of the kernel finds the link of each program,
 * and tells whether it belongs to the guard.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"

#define MOST (64 * CGG_LEVELS) /* 64 programs a hook and cgroup (BPF_CGROUP_MAX_PROGS) */

/* Hooks of the kernel that the guard does not use, by enum bpf_attach_type (Linux 6.17). */
static const struct {
	int attach;
	const char *name;
} others[] = {
	{ BPF_CGROUP_SOCK_OPS, "sock_ops" },
	{ BPF_CGROUP_INET_SOCK_RELEASE, "sock_release" },
	{ BPF_CGROUP_INET4_GETPEERNAME, "getpeername4" },
	{ BPF_CGROUP_INET6_GETPEERNAME, "getpeername6" },
	{ BPF_CGROUP_INET4_GETSOCKNAME, "getsockname4" },
	{ BPF_CGROUP_INET6_GETSOCKNAME, "getsockname6" },
	{ 51, "recvmsg_unix" },
	{ 52, "getpeername_unix" },
	{ 53, "getsockname_unix" },
	{ BPF_LSM_CGROUP, "lsm" },
};

/* A link to the cgroup or to a cgroup above it. */
struct link {
	__u32 id, program;
	__u64 cgroup;
	int attach;
	const char *name; /* of the guard's program that the link is pinned for, 0: not ours */
	bool taken;
};

static struct {
	__u64 above[CGG_LEVELS]; /* the cgroup's id, and those above it */
	int fd[CGG_LEVELS], levels;
	struct link *links;
	unsigned link_count;
	bool blind; /* other programs' names and links cannot be read: CAP_SYS_ADMIN is needed */
	struct cgg_say local[MOST]; /* of one hook, nearest first */
	unsigned local_count;
} at;

/* ---- links ---- */

static int link_add(int fd, const char *name)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	struct link *more;
	int level = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != BPF_LINK_TYPE_CGROUP)
		return 0;
	while (level < at.levels && at.above[level] != info.cgroup.cgroup_id)
		level++;
	if (level == at.levels)
		return 0;
	for (unsigned i = 0; i < at.link_count; i++)
		if (at.links[i].id == info.id) {
			at.links[i].name = name ? name : at.links[i].name;
			return 0;
		}
	more = reallocarray(at.links, at.link_count + 1, sizeof(*more));
	if (!more)
		return set_error(CGG_FAILED, "%u links: out of memory", at.link_count);
	at.links = more;
	at.links[at.link_count++] = (struct link){ .id = info.id,
						   .program = info.prog_id,
						   .cgroup = info.cgroup.cgroup_id,
						   .attach = (int)info.cgroup.attach_type,
						   .name = name };
	return 0;
}

/* Add the links that the guard has pinned for these cgroups. */
static int links_own(void)
{
	int status = 0;

	for (int i = 0; i < at.levels * CGG_PROGRAMS && !status; i++) {
		const char *program = cgg_programs[i % CGG_PROGRAMS].name;
		char name[128];
		int fd;

		snprintf(name, sizeof(name), "links/%llu/%s", at.above[i / CGG_PROGRAMS], program);
		fd = pin_get(name);
		if (fd < 0)
			continue;
		status = link_add(fd, program);
		close(fd);
	}
	return status;
}

static int links_read(bool guarded)
{
	int status = guarded ? links_own() : 0;
	__u32 id = 0;

	while (!status && !bpf_link_get_next_id(id, &id)) {
		int fd = bpf_link_get_fd_by_id(id);

		if (fd < 0 && errno == EPERM)
			at.blind = true;
		if (fd < 0)
			continue;
		status = link_add(fd, 0);
		close(fd);
	}
	at.blind |= errno == EPERM;
	return status;
}

/* ---- programs ---- */

/* own is the name of the guard's program, 0: another's. */
static void name_read(struct cgg_say *say, const char *hook, const char *own)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(say->program);
	char path[64];

	say->hook = hook;
	say->known = say->ours || !at.blind;
	snprintf(path, sizeof(path), "progs/%s", own ? own : hook);
	if (fd < 0 && say->ours) /* opening it by its id needs CAP_SYS_ADMIN, its pin does not */
		fd = pin_get(path);
	say->owned = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size);
	say->uid = info.created_by_uid;
	if (own)
		snprintf(say->name, sizeof(say->name), "%s", own);
	else if (say->owned)
		snprintf(say->name, sizeof(say->name), "%s", info.name);
	if (fd >= 0)
		close(fd);
}

/* Read the program ids of one cgroup and, unless 0, their flags; return 1: no such hook. */
static int query(int fd, int attach, __u32 how, __u32 *ids, __u32 *flags, unsigned *count)
{
	DECLARE_LIBBPF_OPTS(bpf_prog_query_opts, q, .query_flags = how, .prog_ids = ids,
			    .prog_cnt = MOST);
	int error;

	/* Programs of BPF_LSM_CGROUP are for many LSM hooks, so their flags may differ. */
	if (attach == BPF_LSM_CGROUP)
		q.prog_attach_flags = flags;
	error = bpf_prog_query_opts(fd, (enum bpf_attach_type)attach, &q) ? errno : 0;
	*count = error ? 0 : q.prog_cnt;
	for (unsigned i = 0; flags && !q.prog_attach_flags && i < *count; i++)
		flags[i] = q.attach_flags;
	if (error == EINVAL)
		return 1;
	if (error == EPERM)
		return set_error(CGG_FAILED, "needs root, or CAP_BPF and CAP_NET_ADMIN");
	return error ? set_error(CGG_FAILED, "hook %d: %s", attach, strerror(error)) : 0;
}

/*
 * Find the link that attaches a program, and mark that link as taken; return the name of the
 * guard's program, or 0.
 */
static const char *link_find(struct cgg_say *say, int attach)
{
	for (unsigned i = 0; i < at.link_count; i++) {
		struct link *link = &at.links[i];

		if (link->taken || link->program != say->program || link->cgroup != say->cgroup ||
		    link->attach != attach)
			continue;
		link->taken = true;
		say->link = link->id;
		say->ours = link->name;
		return link->name;
	}
	return 0;
}

/* Read all programs of a hook on the cgroup and above it, including those that do not run. */
static int local_read(int attach, const char *hook)
{
	static __u32 ids[MOST], flags[MOST];
	int status = 0;

	at.local_count = 0;
	for (int level = 0; level < at.levels && !status; level++) {
		unsigned count;

		status = query(at.fd[level], attach, 0, ids, flags, &count);
		for (unsigned i = 0; i < count && at.local_count < MOST; i++) {
			struct cgg_say *say = &at.local[at.local_count++];

			*say = (struct cgg_say){ .program = ids[i],
						 .flags = flags[i],
						 .cgroup = at.above[level],
						 .level = level };
			name_read(say, hook, link_find(say, attach));
		}
	}
	return status;
}

/*
 * Return the nearest attachment of a program that is not listed yet, or 0.
 *
 * The kernel's query does not report BPF_F_PREORDER: only the order shows that a program has it.
 */
static struct cgg_say *local_find(__u32 id)
{
	for (unsigned i = 0; i < at.local_count; i++)
		if (at.local[i].program == id && !at.local[i].asked)
			return &at.local[i];
	return 0;
}

static int hook_read(int attach, const char *hook, struct cgg_say **all, unsigned *count)
{
	static __u32 ids[MOST];
	struct cgg_say *more;
	unsigned asked;
	int status = query(at.fd[0], attach, BPF_F_QUERY_EFFECTIVE, ids, 0, &asked);

	if (status || !asked)
		return status == 1 ? 0 : status;
	status = local_read(attach, hook);
	if (status == CGG_FAILED)
		return status;
	more = reallocarray(*all, *count + asked + at.local_count, sizeof(**all));
	if (!more)
		return set_error(CGG_FAILED, "%u programs: out of memory", *count + asked);
	*all = more;
	for (unsigned i = 0; i < asked; i++) {
		struct cgg_say *say = local_find(ids[i]);
		struct cgg_say unseen = { .program = ids[i], .level = -1 };

		if (!say) {
			say = &unseen;
			name_read(say, hook, 0);
		}
		say->asked = true;
		(*all)[(*count)++] = *say;
	}
	for (unsigned i = 0; i < at.local_count; i++)
		if (!at.local[i].asked)
			(*all)[(*count)++] = at.local[i];
	return 0;
}

/* Open the cgroup and all cgroups above it; return false when one of them is gone. */
static bool above_open(int cgroup)
{
	cgroup_above(cgroup, at.above);
	for (at.levels = 0; at.levels < CGG_LEVELS && at.above[at.levels]; at.levels++) {
		at.fd[at.levels] = cgroup_open_id(at.above[at.levels]);
		if (at.fd[at.levels] < 0)
			return false;
	}
	return at.levels > 0;
}

/*
 * List the programs that run for an open cgroup, hook by hook, in *all, which the caller frees.
 *
 * With guarded, the links that the guard pinned are marked as its own. The descriptors that
 * this opens stay open until the process ends.
 */
int effective_read(int cgroup, bool guarded, struct cgg_say **all, unsigned *count)
{
	int status;

	*all = 0;
	*count = 0;
	if (!above_open(cgroup))
		return set_error(CGG_FAILED, "the cgroups above it: %s", strerror(errno));
	status = links_read(guarded);
	/* Programs for names share the hooks of others. */
	for (int i = 0; i < CGG_PROGRAMS && !status; i++)
		if (!cgg_programs[i].names)
			status =
				hook_read(cgg_programs[i].attach, cgg_programs[i].name, all, count);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && !status; i++)
		status = hook_read(others[i].attach, others[i].name, all, count);
	return status;
}
