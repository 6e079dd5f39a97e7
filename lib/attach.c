// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * attach.c - which cgroup has which policy, and the links that this takes.
 *
 * The map attachments is the truth. What the kernel walks (links, and the
 * storage that tells a program its policy) is made from it, in this order: new
 * links, the record, the storage, then links that nobody needs go. So one store
 * puts all hooks of a cgroup in force, and guard_repair() can finish what a
 * killed command began.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgg.h"

#define LINKS CGG_DIR "/links"
#define PATH 256

static void link_path(char path[PATH], __u64 id, int program)
{
	snprintf(path, PATH, program < 0 ? LINKS "/%llu" : LINKS "/%llu/%s", id,
		 program < 0 ? "" : cgg_programs[program].name);
}

/* program_read - Return the id of what is pinned by that name in a directory; 0: nothing of ours. */
static __u32 program_read(const char *directory, const char *name)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	char path[PATH];
	int prog;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	prog = pin_get(path);
	if (prog < 0 || bpf_obj_get_info_by_fd(prog, &info, &len))
		info.id = 0;
	if (prog >= 0)
		close(prog);
	return info.id;
}

/* Which programs are pinned: read once for each guard that is opened, not once for each link. */
struct pinned {
	bool is_read;
	__u32 now, replaced; /* ids, 0: none */
};
static struct pinned pinned[CGG_PROGRAMS];

void pinned_forget(void)
{
	memset(pinned, 0, sizeof(pinned));
}

static const struct pinned *pinned_read(int program)
{
	const char *name = cgg_programs[program].name;
	struct pinned *p = &pinned[program];

	if (!p->is_read)
		*p = (struct pinned){ true, program_read("progs", name),
				      program_read("replaced", name) };
	return p;
}

/*
 * link_is_own - 1: it runs the program on that cgroup; 0: another was put in its place, or
 * somebody detached it; -1: the kernel does not tell
 */
static int link_is_own(__u64 id, int program, int link)
{
	const struct cgg_program_info *is = &cgg_programs[program];
	struct bpf_link_info info = { 0 };
	const struct pinned *pin = pinned_read(program);
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &len))
		return -1;
	if (info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.cgroup_id != id ||
	    info.cgroup.attach_type != (__u32)is->attach)
		return 0;
	return !pin->now || pin->now == info.prog_id || pin->replaced == info.prog_id;
}

/*
 * links_listed - Return the programs by whose names something is pinned for the cgroup, all of
 * them when that cannot be listed: 1 << enum cgg_program.
 */
static unsigned links_listed(__u64 id)
{
	unsigned programs = 0;
	struct dirent *entry;
	char path[PATH];
	DIR *list;

	link_path(path, id, -1);
	list = opendir(path);
	if (!list)
		return errno == ENOENT ? 0 : ~0u;
	errno = 0;
	while ((entry = readdir(list)))
		for (int i = 0; i < CGG_PROGRAMS; i++)
			if (!strcmp(entry->d_name, cgg_programs[i].name))
				programs |= 1u << i;
	if (errno)
		programs = ~0u;
	closedir(list);
	return programs;
}

/*
 * links_read - 1 << enum cgg_program, as pinned
 *
 * One that cannot be looked at is there, for what is in force is not undone for that; and
 * it is refused, for nobody may rely on it.
 */
static int links_read(__u64 id, unsigned *programs)
{
	const unsigned listed = links_listed(id);
	char path[PATH];
	int status = 0;

	*programs = 0;
	for (int i = 0; i < CGG_PROGRAMS; i++) {
		int link, own;

		if (!(listed & 1u << i))
			continue;
		link_path(path, id, i);
		link = pin_get(path + sizeof(CGG_DIR));
		if (link < 0 && (errno == ENOENT || errno == EACCES)) /* EACCES: a directory */
			continue;
		own = link < 0 ? -1 : link_is_own(id, i, link);
		if (own < 0)
			status = set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
		if (own)
			*programs |= 1u << i;
		if (link >= 0)
			close(link);
	}
	return status;
}

unsigned links_of(__u64 id)
{
	unsigned programs;

	links_read(id, &programs);
	return programs;
}

/* hooks_check - whether this kernel loaded the programs of all these hooks */
static int hooks_check(unsigned hooks)
{
	unsigned loaded;

	if (programs_loaded(&loaded))
		return CGG_FAILED;
	for (int hook = 0; hook < CGG_HOOKS; hook++)
		if (hooks & 1u << hook && cgg_hooks[hook].programs & ~loaded)
			return set_error(
				CGG_FAILED,
				"%s: not loaded: this kernel lacks it, or something that it "
				"needs; cgg-load --check says what",
				cgg_hooks[hook].word);
	return 0;
}

/* Create the link and pin it. Unless forced, no other program may be switched off by that */
static int link_make(__u64 id, int cgroup, int program, bool forced)
{
	const int attach = cgg_programs[program].attach;
	struct cgg_effective before;
	char path[PATH];
	int prog, link, error, status;

	snprintf(path, sizeof(path), "progs/%s", cgg_programs[program].name);
	prog = pin_get(path);
	if (prog < 0 && errno == ENOENT) {
		for (int hook = 0; hook < CGG_HOOKS; hook++)
			if (cgg_hooks[hook].programs & 1u << program && hooks_check(1u << hook))
				return CGG_FAILED;
		errno = ENOENT;
	}
	if (prog < 0)
		return pin_refusal(path);
	status = forced ? 0 : override_check(cgroup, program, &before);
	if (status) {
		close(prog);
		return status;
	}
	link = bpf_link_create(prog, cgroup, (enum bpf_attach_type)attach, 0);
	error = errno;
	close(prog);
	if (link < 0)
		return link_refusal(cgroup, program, error);
	status = forced ? 0 : override_recheck(cgroup, program, &before);
	if (status) {
		bpf_link_detach(link);
		close(link);
		return status;
	}
	link_path(path, id, program);
	/* What lies there is no link of ours, or one that was detached. */
	error = bpf_obj_pin(link, path) ? errno : 0;
	if (error == EEXIST && !unlink(path))
		error = bpf_obj_pin(link, path) ? errno : 0;
	close(link);
	return error ? set_error(CGG_FAILED, "%s: %s", path, strerror(error)) : 0;
}

/*
 * The pin goes first: whoever is killed here leaves no pin whose link is bound to nothing,
 * which links_of() would take for one that is. The kernel lets go of an unlinked link some
 * time later; what it guards is let go of at once.
 */
static void links_remove(__u64 id, unsigned programs)
{
	char path[PATH];

	for (int i = 0; i < CGG_PROGRAMS; i++) {
		int link;

		if (!(programs & 1u << i))
			continue;
		link_path(path, id, i);
		link = pin_get(path + sizeof(CGG_DIR));
		if (!unlink(path) && link >= 0 && link_is_own(id, i, link))
			bpf_link_detach(link);
		if (link >= 0)
			close(link);
	}
}

/* links_make - Make the links of programs, none of which is there; on failure none of them. */
static int links_make(__u64 id, int cgroup, unsigned programs, bool forced)
{
	unsigned made = 0;
	char path[PATH];
	int status = 0;

	if (!programs)
		return 0;
	link_path(path, id, -1);
	if ((mkdir(LINKS, 0700) && errno != EEXIST) || (mkdir(path, 0700) && errno != EEXIST))
		return set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	for (int i = 0; i < CGG_PROGRAMS && !status; i++) {
		if (!(programs & 1u << i))
			continue;
		status = link_make(id, cgroup, i, forced);
		if (!status)
			made |= 1u << i;
	}
	if (status)
		links_remove(id, made);
	return status;
}

/*
 * storage_write - tells the programs of a cgroup their policy; there are none: nothing
 *
 * What is right already is let be, for the programs write there, too.
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
	value.policy = policy + 1;
	cgroup_above(cgroup, value.above);
	if (bpf_map_update_elem(guard->attached, &id, &value, BPF_EXIST) && errno != ENOENT)
		return set_error(CGG_FAILED, CGG_DIR "/maps/attached: %s", strerror(errno));
	return 0;
}

/* The value of a record, there and back. */
static void record_take(struct cgg_attachment *attachment, __u32 record)
{
	attachment->policy = record & ~CGG_FORCED;
	attachment->forced = record & CGG_FORCED;
}

static __u32 record_of(const struct cgg_attachment *attachment)
{
	return attachment->policy | (attachment->forced ? CGG_FORCED : 0);
}

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

int attachments_read(struct cgg_guard *guard, struct cgg_attachment **all, unsigned *count)
{
	struct cgg_attachment *list = 0;
	__u64 id, *previous = 0;
	unsigned room = 0, used = 0;
	__u32 record;

	*all = 0;
	*count = 0;
	while (!bpf_map_get_next_key(guard->attachments, previous, &id)) {
		if (used == room) {
			struct cgg_attachment *more;

			room = room ? 2 * room : 64;
			more = realloc(list, room * sizeof(*list));
			if (!more) {
				free(list);
				return set_error(CGG_FAILED, "%u attachments: out of memory", room);
			}
			list = more;
		}
		list[used].id = id;
		if (!bpf_map_lookup_elem(guard->attachments, &id, &record))
			record_take(&list[used++], record);
		else if (errno != ENOENT)
			break;
		previous = &list[used ? used - 1 : 0].id;
	}
	if (errno != ENOENT) {
		free(list);
		return set_error(CGG_FAILED, CGG_DIR "/maps/attachments: %s", strerror(errno));
	}
	*all = list;
	*count = used;
	return 0;
}

/* attachment_forget - the record goes first: what else there is goes with the next command, too */
static int attachment_forget(struct cgg_guard *guard, __u64 id)
{
	char path[PATH];

	if (bpf_map_delete_elem(guard->attachments, &id) && errno != ENOENT)
		return set_error(CGG_FAILED, CGG_DIR "/maps/attachments: %s", strerror(errno));
	links_remove(id, ~0u);
	link_path(path, id, -1);
	rmdir(path);
	return 0;
}

/* settle - makes links and storage what the record says, cgroup being open */
static int settle(struct cgg_guard *guard, const struct cgg_attachment *attachment, int cgroup)
{
	__u64 id = attachment->id;
	unsigned programs, there;
	int status = policy_programs(guard, (int)attachment->policy, &programs);

	if (!status)
		status = links_read(id, &there);
	if (!status)
		status = links_make(id, cgroup, programs & ~there, attachment->forced);
	if (!status)
		status = storage_write(guard, id, cgroup, attachment->policy);
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

/* attach - forced: programs above may be switched off by it, now and when a rule needs a hook */
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
		status = links_make(cgroup->id, cgroup->fd, programs & ~before, forced);
	if (!status && (found == CGG_NO || record_of(&old) != record_of(&wanted)))
		status = record_write(guard, cgroup->path, &wanted);
	if (!status)
		return settle(guard, &wanted, cgroup->fd);
	if (found == CGG_NO)
		attachment_forget(guard, cgroup->id);
	else
		links_remove(cgroup->id, links_of(cgroup->id) & ~before);
	return status;
}

int detach(struct cgg_guard *guard, __u64 id)
{
	__u32 policy;
	int found = attachment_find(guard, id, &policy);

	return found ? found : attachment_forget(guard, id);
}

int attach_hooks(struct cgg_guard *guard, __u32 policy, unsigned hooks)
{
	struct cgg_attachment *all;
	unsigned count, done = 0, *before;
	int status = hooks_check(hooks);

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
		status = links_read(all[done].id, &before[done]);
		if (!status)
			status = links_make(all[done].id, cgroup,
					    hook_programs(hooks) & ~before[done], all[done].forced);
		if (!status)
			status = storage_write(guard, all[done].id, cgroup, policy);
		close(cgroup);
	}
	while (status && before && done-- > 0)
		links_remove(all[done].id, links_of(all[done].id) & ~before[done]);
	free(before);
	free(all);
	return status;
}

void detach_hooks(struct cgg_guard *guard, __u32 policy, unsigned hooks)
{
	struct cgg_attachment *all;
	unsigned count;

	if (attachments_read(guard, &all, &count))
		return;
	for (unsigned i = 0; i < count; i++)
		if (all[i].policy == policy)
			links_remove(all[i].id, hook_programs(hooks));
	free(all);
}

/* ---- programs that are replaced under live links ---- */

/* link_renew - the link runs prog from now on; one whose cgroup is gone runs nothing */
static int link_renew(__u64 id, int program, int prog)
{
	char path[PATH];
	int link, error;

	link_path(path, id, program);
	link = pin_get(path + sizeof(CGG_DIR));
	if (link < 0)
		return errno == ENOENT ? 0 : set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	error = bpf_link_update(link, prog, 0) ? errno : 0;
	close(link);
	return !error || error == ENOLINK ? 0
					  : set_error(CGG_FAILED, "%s: %s", path, strerror(error));
}

/* programs_renew - every link runs what lies in progs/; then nothing needs replaced/ any more */
static int programs_renew(struct cgg_guard *guard)
{
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count);

	for (int i = 0; i < CGG_PROGRAMS && !status; i++) {
		char path[PATH];
		int prog;

		snprintf(path, sizeof(path), "progs/%s", cgg_programs[i].name);
		prog = pin_get(path);
		for (unsigned at = 0; at < count && prog >= 0 && !status; at++)
			status = link_renew(all[at].id, i, prog);
		if (prog >= 0)
			close(prog);
	}
	free(all);
	/* To go back needs those programs whole: what is left of them is for the next command. */
	if (!status)
		pin_remove(CGG_REPLACED);
	return status;
}

/* programs_move - those in replaced/ into progs/, each in one step */
static int programs_move(void)
{
	DIR *list = opendir(CGG_REPLACED);
	struct dirent *entry;
	int error = list ? 0 : errno;

	while (list && !error && (entry = readdir(list))) {
		char from[PATH + sizeof(CGG_REPLACED)], to[PATH + sizeof(CGG_REPLACED)];

		snprintf(from, sizeof(from), CGG_REPLACED "/%s", entry->d_name);
		snprintf(to, sizeof(to), CGG_DIR "/progs/%s", entry->d_name);
		if (*entry->d_name != '.' && rename(from, to))
			error = errno;
	}
	if (list)
		closedir(list);
	return error ? set_error(CGG_FAILED, CGG_REPLACED ": %s", strerror(error)) : 0;
}

/*
 * programs_exchange - replaced/ and progs/, there and back
 *
 * Linux 5.10 cannot exchange what lies in a bpffs. There the new programs take the
 * places of the old ones, and what fails behind that is for the next command to finish.
 */
static int programs_exchange(void)
{
	pinned_forget();
	mkdir(CGG_DIR "/progs", 0700); /* somebody may have removed it */
	if (!renameat2(AT_FDCWD, CGG_REPLACED, AT_FDCWD, CGG_DIR "/progs", RENAME_EXCHANGE))
		return 0;
	if (errno == EINVAL)
		return programs_move();
	return set_error(CGG_FAILED, CGG_REPLACED ": %s", strerror(errno));
}

/*
 * programs_replace - what was pinned in CGG_REPLACED takes the place of progs/
 *
 * A link's program changes in one step (bpf_link_update), so that no moment is without
 * one. Old and new ones have the same maps and may run side by side. When this
 * command is killed, replaced/ is still there and tells the next one to go on.
 */
int programs_replace(struct cgg_guard *guard)
{
	char why[CGG_ERROR];
	int status = programs_exchange();

	if (status)
		return status;
	status = programs_renew(guard);
	if (status) {
		memcpy(why, cgg_error, sizeof(why));
		if (!programs_exchange())
			programs_renew(guard);
		memcpy(cgg_error, why, sizeof(why));
	}
	return status;
}

/* Directories of links that no record is of: a killed attach or detach left them. */
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

int guard_repair(struct cgg_guard *guard)
{
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count), worst = status;

	for (unsigned i = 0; i < count && status != CGG_FAILED; i++) {
		int cgroup = cgroup_open_id(all[i].id);

		if (cgroup < 0 && (errno == ESTALE || errno == ENOENT)) {
			attachment_forget(guard, all[i].id);
		} else if (cgroup >= 0) {
			status = settle(guard, &all[i], cgroup);
			close(cgroup);
			if (status > worst)
				worst = status;
		}
	}
	free(all);
	links_sweep(guard);
	if (guard->how == CGG_CHANGE)
		policies_sweep(guard);
	if (guard->how == CGG_CHANGE && !access(CGG_REPLACED, F_OK))
		status = programs_renew(guard);
	return status > worst ? status : worst;
}
