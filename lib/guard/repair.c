// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* repair.c - finish, or remove, what a killed command or a removed cgroup left. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "links.h"

/* Remove links without a record, which a killed attach or detach leaves. */
static void links_sweep(struct cgg_guard *guard)
{
	DIR *list = opendir(LINKS);
	struct dirent *entry;
	__u32 policy;

	while (list && (entry = readdir(list))) {
		__u64 id = strtoull(entry->d_name, 0, 10);

		if (id && attachment_find(guard, id, &policy) == CGG_NO)
			attachment_forget(guard, id);
	}
	if (list)
		closedir(list);
}

static void name_sweep(void *context, __u64 id)
{
	__u32 policy;

	if (attachment_find(context, id, &policy) == CGG_NO)
		names_drop(id);
}

/* Remove the maps of cgroups that are not attached, which a killed command leaves. */
static void names_sweep(struct cgg_guard *guard)
{
	if (names_loaded())
		names_each(name_sweep, guard);
}

/* Return whether the errno of cgroup_open_id() says that the cgroup was removed. */
static bool says_gone(int error)
{
	return error == ESTALE || error == ENOENT;
}

/* Return whether a cgroup was removed. */
bool cgroup_is_gone(__u64 id)
{
	int cgroup = cgroup_open_id(id);

	if (cgroup >= 0)
		close(cgroup);
	return cgroup < 0 && says_gone(errno);
}

/* Settle one attachment, or forget it if its cgroup was removed, also if that happens just now. */
static int attachment_repair(struct cgg_guard *guard, const struct cgg_attachment *attachment)
{
	int cgroup = cgroup_open_id(attachment->id), status = 0;
	bool gone = cgroup < 0 && says_gone(errno);

	if (cgroup >= 0) {
		status = attachment_settle(guard, attachment, cgroup);
		close(cgroup);
		gone = status && cgroup_is_gone(attachment->id);
	}
	if (gone) {
		attachment_forget(guard, attachment->id);
		status = 0;
	}
	return status;
}

/*
 * Repair attachments; return the worst status. Go on after a failure, so that one cgroup keeps no
 * other one unguarded.
 */
static int repair_each(struct cgg_guard *guard, const struct cgg_attachment *list, unsigned count)
{
	int status = 0, worst = 0;

	for (unsigned i = 0; i < count; i++) {
		status = attachment_repair(guard, &list[i]);
		if (status > worst)
			worst = status;
	}
	return worst;
}

/* Repair what is not part of an attachment; whole: also what a scan of all attachments finds. */
static int repair_rest(struct cgg_guard *guard, bool whole, int worst)
{
	int status = 0;

	if (whole) {
		links_sweep(guard);
		names_sweep(guard);
	}
	if (guard->how == CGG_CHANGE)
		policies_sweep(guard);
	if (guard->how == CGG_CHANGE && !access(CGG_REPLACED, F_OK))
		status = programs_renew(guard);
	if (status > worst)
		worst = status;
	if (whole && !worst)
		guard->torn = false;
	return worst;
}

/*
 * Make links and storage match the records of attachments, and remove leftovers.
 *
 * Go on after a failure; return the worst status. A guard that is open for reading keeps the
 * leftovers of policies and of replaced programs, because others may read them.
 */
int guard_repair(struct cgg_guard *guard)
{
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count);

	if (!status)
		status = repair_each(guard, all, count);
	free(all);
	return repair_rest(guard, true, status);
}

/*
 * Repair before a change what may be wrong.
 *
 * If the last change did not end, that is everything. Else a command repairs CGG_BATCH attachments
 * in turn, so that a change costs the same in a guard of any size: cgroups that were removed need
 * to be forgotten at some time, and others may have detached links.
 */
int guard_tidy(struct cgg_guard *guard)
{
	struct cgg_attachment list[CGG_BATCH];
	unsigned count;
	__u32 cursor;
	bool first;
	int status;

	if (guard->torn)
		return guard_repair(guard);
	status = cursor_read(guard, &cursor);
	first = !cursor;
	if (!status)
		status = attachments_next(guard, &cursor, list, &count);
	if (!status && !(first && !cursor))
		status = cursor_write(guard, cursor);
	if (!status)
		status = repair_each(guard, list, count);
	return repair_rest(guard, first && !cursor, status);
}
