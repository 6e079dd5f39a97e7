// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* links.c - the links of a cgroup: looked at, made, removed. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "links.h"

void link_path(char path[PATH], __u64 id, int program)
{
	snprintf(path, PATH, program < 0 ? LINKS "/%llu" : LINKS "/%llu/%s", id,
		 program < 0 ? "" : cgg_programs[program].name);
}

/*
 * link_is_own - 1: it runs the program on that cgroup; 0: another was put in its place, or
 * somebody detached it; -1: the kernel does not tell
 */
static int link_is_own(__u64 id, int program, int link)
{
	const struct cgg_program_info *is = &cgg_programs[program];
	struct bpf_link_info info = { 0 };
	const struct cgg_pinned *pin = pinned_read(program);
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
int links_read(__u64 id, unsigned *programs)
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
int hooks_check(unsigned hooks)
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
void links_remove(__u64 id, unsigned programs)
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
int links_make(__u64 id, int cgroup, unsigned programs, bool forced)
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
