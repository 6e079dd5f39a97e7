// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * attach.c - attach a cgroup to a policy, and make the links that this needs.
 *
 * The map attachments is the truth. Links, and the cgroup storage that tells a program
 * its policy, are made from it. The order of stores is: new links, the record, the
 * storage, and then superfluous links are removed. So one store puts all hooks of a
 * cgroup in force, and guard_repair() can finish an attachment that was interrupted.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "links.h"

/*
 * Store the policy in the cgroup storage, where its programs read it; return 0 or CGG_FAILED.
 *
 * A cgroup without programs has no storage: that is not an error. A storage that is right
 * already is not written, because the programs keep counters in the same value.
 */
static int storage_write(struct cgg_guard *guard, __u64 id, int cgroup, __u32 policy)
{
	struct cgg_attached value;

	if (bpf_map_lookup_elem(guard->attached, &id, &value))
		return errno == ENOENT ? 0
				       : set_error(CGG_FAILED, CGG_DIR "/maps/attached: %s",
						   strerror(errno));
	if (value.cgroup == id && value.policy == policy + 1)
		return 0;
	value.cgroup = id;
	value.netns = netns_cookie();
	value.policy = policy + 1;
	cgroup_above(cgroup, value.above);
	if (bpf_map_update_elem(guard->attached, &id, &value, BPF_EXIST) && errno != ENOENT)
		return set_error(CGG_FAILED, CGG_DIR "/maps/attached: %s", strerror(errno));
	return 0;
}

/* Unpack the value of a record of the map attachments. */
static void record_take(struct cgg_attachment *attachment, __u32 record)
{
	attachment->policy = record & ~CGG_FORCED;
	attachment->forced = record & CGG_FORCED;
}

static __u32 record_of(const struct cgg_attachment *attachment)
{
	return attachment->policy | (attachment->forced ? CGG_FORCED : 0);
}

/* Read the attachment of a cgroup; return CGG_NO when it is not attached. */
int attachment_read(struct cgg_guard *guard, __u64 id, struct cgg_attachment *attachment)
{
	__u32 record;

	if (bpf_map_lookup_elem(guard->attachments, &id, &record))
		return errno == ENOENT ? CGG_NO
				       : set_error(CGG_FAILED, CGG_DIR "/maps/attachments: %s",
						   strerror(errno));
	attachment->id = id;
	record_take(attachment, record);
	return 0;
}

int attachment_find(struct cgg_guard *guard, __u64 id, __u32 *policy)
{
	struct cgg_attachment attachment = { 0 };
	int status = attachment_read(guard, id, &attachment);

	if (!status)
		*policy = attachment.policy;
	return status;
}

/*
 * Read up to CGG_BATCH attachments in turn. *cursor says from where, and then where to go on; 0 is
 * the begin and the end. Return 0 or CGG_FAILED.
 */
int attachments_next(struct cgg_guard *guard, __u32 *cursor, struct cgg_attachment *list,
		     unsigned *count)
{
	__u64 id[CGG_BATCH];
	__u32 record[CGG_BATCH], got = CGG_BATCH, next = 0;
	int error = bpf_map_lookup_batch(guard->attachments, *cursor ? cursor : 0, &next, id,
					 record, &got, 0)
			    ? errno
			    : 0;

	*count = 0;
	if (error && error != ENOENT)
		return set_error(CGG_FAILED, CGG_DIR "/maps/attachments: %s", strerror(error));
	for (; *count < got; ++*count) {
		list[*count].id = id[*count];
		record_take(&list[*count], record[*count]);
	}
	*cursor = error ? 0 : next;
	return 0;
}

/* Read all attachments into *all, which the caller frees. */
int attachments_read(struct cgg_guard *guard, struct cgg_attachment **all, unsigned *count)
{
	struct cgg_attachment *list = 0;
	unsigned used = 0, room = 0, got;
	__u32 cursor = 0;
	int status;

	*all = 0;
	*count = 0;
	do {
		struct cgg_attachment *more = list;

		if (used + CGG_BATCH > room) {
			room = 2 * room + CGG_BATCH;
			more = realloc(list, room * sizeof(*list));
		}
		status = more ? attachments_next(guard, &cursor, more + used, &got)
			      : set_error(CGG_FAILED, "%u attachments: out of memory", room);
		if (more)
			list = more;
		used += status ? 0 : got;
	} while (!status && cursor);
	if (status) {
		free(list);
		return status;
	}
	*all = list;
	*count = used;
	return 0;
}

/*
 * Remove the record of a cgroup, then its links; return 0, or CGG_FAILED with nothing removed.
 *
 * After the record is gone, the next command can remove the links if this one is killed.
 */
int attachment_forget(struct cgg_guard *guard, __u64 id)
{
	if (bpf_map_delete_elem(guard->attachments, &id) && errno != ENOENT)
		return set_error(CGG_FAILED, CGG_DIR "/maps/attachments: %s", strerror(errno));
	links_clear(id);
	names_drop(id);
	return 0;
}

/* Return whether no killed command can have left names without their pins. */
static bool is_orderly(const struct cgg_guard *guard)
{
	return guard->how == CGG_CHANGE && !guard->torn;
}

/*
 * Make the links and the storage match the record; return the error of the first step that fails.
 *
 * cgroup is an open directory of the cgroup.
 */
int attachment_settle(struct cgg_guard *guard, const struct cgg_attachment *attachment, int cgroup)
{
	__u64 id = attachment->id;
	unsigned programs, there;
	int status = policy_programs(guard, (int)attachment->policy, &programs);

	if (!status)
		status = links_read(id, &there);
	if (!status)
		status = links_make(id, cgroup, programs & ~there, uses_names(programs),
				    attachment->forced);
	if (!status)
		status = storage_write(guard, id, cgroup, attachment->policy);
	if (!status && (uses_names(programs) || !is_orderly(guard) || names_there(id)))
		status = links_settle_names(id, policy_image(guard, (int)attachment->policy),
					    programs);
	if (!status)
		links_remove(id, there & ~programs);
	return status;
}

static int record_write(struct cgg_guard *guard, const char *path,
			const struct cgg_attachment *attachment)
{
	__u32 record = record_of(attachment);

	if (!bpf_map_update_elem(guard->attachments, &attachment->id, &record, BPF_ANY))
		return 0;
	return errno == E2BIG
		       ? set_error(CGG_FAILED, "%s: 65536 cgroups are attached, no more fit", path)
		       : set_error(CGG_FAILED, CGG_DIR "/maps/attachments: %s", strerror(errno));
}

/*
 * Attach a cgroup to the policy at a place, or change its policy.
 *
 * If the record cannot be written, the new links are undone. After the record is written, a failure
 * leaves it: the caller must detach the cgroup, or attach it to its old policy.
 *
 * With forced, links may switch off programs above the cgroup, now and when a rule needs a hook.
 */
int attach(struct cgg_guard *guard, const struct cgg_cgroup *cgroup, __u32 policy, bool forced)
{
	const struct cgg_attachment wanted = { cgroup->id, policy, forced };
	unsigned before, programs;
	struct cgg_attachment old = wanted;
	int found = attachment_read(guard, cgroup->id, &old), status;

	if (found == CGG_FAILED || policy_programs(guard, (int)policy, &programs))
		return CGG_FAILED;
	status = links_read(cgroup->id, &before);
	if (!status)
		status = links_make(cgroup->id, cgroup->fd, programs & ~before,
				    uses_names(programs), forced);
	if (!status && (found == CGG_NO || record_of(&old) != record_of(&wanted)))
		status = record_write(guard, cgroup->path, &wanted);
	if (!status)
		return attachment_settle(guard, &wanted, cgroup->fd);
	if (found == CGG_NO)
		attachment_forget(guard, cgroup->id);
	else
		links_remove(cgroup->id, links_of(cgroup->id) & ~before);
	return status;
}

/* Detach a cgroup; return CGG_NO when it is not attached. */
int detach(struct cgg_guard *guard, __u64 id)
{
	__u32 policy;
	int found = attachment_find(guard, id, &policy);

	return found ? found : attachment_forget(guard, id);
}

/* Make the links of one cgroup that an image needs; *before is set to those that were there. */
static int hooks_add(struct cgg_guard *guard, const struct cgg_attachment *attachment, int cgroup,
		     const struct cgg_image *image, unsigned *before)
{
	unsigned programs = hook_programs(image->hooks);
	int status = links_read(attachment->id, before);

	if (!status)
		status = links_make(attachment->id, cgroup, programs & ~*before,
				    uses_names(programs), attachment->forced);
	if (!status)
		status = storage_write(guard, attachment->id, cgroup, attachment->policy);
	if (!status && uses_names(programs))
		status = links_settle_names(attachment->id, image, programs);
	return status;
}

/*
 * Make the links that an image needs and that are missing, for all cgroups of a policy.
 *
 * On failure remove the new links again. A cgroup that is gone is not an error.
 */
int attach_hooks(struct cgg_guard *guard, __u32 policy, const struct cgg_image *image)
{
	struct cgg_attachment *all;
	unsigned count, done = 0, *before, programs = hook_programs(image->hooks);
	int status = hooks_check(image->hooks);

	if (!status)
		status = attachments_read(guard, &all, &count);
	if (status)
		return status;
	before = calloc(count + 1, sizeof(*before));
	if (!before) {
		free(all);
		return set_error(CGG_FAILED, "%u attachments: out of memory", count);
	}
	for (; done < count && !status; done++) {
		int cgroup = all[done].policy == policy ? cgroup_open_id(all[done].id) : -1;

		if (all[done].policy == policy && cgroup < 0 && errno != ESTALE && errno != ENOENT)
			status = set_error(CGG_FAILED, "cgroup %llu: %s%s", all[done].id,
					   strerror(errno),
					   errno == EPERM || errno == EACCES
						   ? "; needs root, or CAP_DAC_READ_SEARCH"
						   : "");
		if (cgroup < 0) {
			before[done] = links_of(all[done].id);
			continue;
		}
		status = hooks_add(guard, &all[done], cgroup, image, &before[done]);
		close(cgroup);
	}
	while (status && before && done-- > 0) {
		if (uses_names(programs) && !uses_names(before[done]))
			links_forget_names(all[done].id);
		links_remove(all[done].id, links_of(all[done].id) & ~before[done]);
	}
	free(before);
	free(all);
	return status;
}

/* Remove the links of hooks for all cgroups of a policy; the next command retries a failure. */
void detach_hooks(struct cgg_guard *guard, __u32 policy, unsigned hooks)
{
	struct cgg_attachment *all;
	unsigned count;

	if (attachments_read(guard, &all, &count))
		return;
	for (unsigned i = 0; i < count; i++) {
		if (all[i].policy != policy)
			continue;
		if (uses_names(hook_programs(hooks)))
			links_forget_names(all[i].id);
		links_remove(all[i].id, hook_programs(hooks));
	}
	free(all);
}
