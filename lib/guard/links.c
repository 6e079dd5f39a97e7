// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* links.c - inspect, make and remove the pinned links of a cgroup. */
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
 * Return 1 if an open link runs the guard's program on that cgroup, 0 if it does not, or -1.
 *
 * 0 means that somebody detached the link, or pinned another one in its place. -1 means that
 * the kernel does not tell; errno says why.
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
	return !pin->now || pin->now == info.prog_id || pin->replaced == info.prog_id ||
	       pin->by_name == info.prog_id || pin->replaced_by_name == info.prog_id;
}

/*
 * Return the programs for which the cgroup has a pin of that name: 1 << enum cgg_program.
 *
 * When the directory cannot be listed, return all programs.
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
 * Set *programs to the programs that have a working link to the cgroup: 1 << enum cgg_program.
 *
 * A link that cannot be inspected counts as present, so that it is kept. The call then returns
 * CGG_FAILED, because nobody may rely on that link.
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

/* Return the programs that have a link to the cgroup, or one that cannot be inspected. */
unsigned links_of(__u64 id)
{
	unsigned programs;

	links_read(id, &programs);
	return programs;
}

/* Refuse hooks whose programs this kernel did not load; hooks is 1 << enum cgg_hook. */
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

/* Create the link and pin it; unless forced, refuse when that would switch off another program. */
static int link_make(__u64 id, int cgroup, int program, bool by_name, bool forced)
{
	const struct cgg_program_info *info = &cgg_programs[program];
	const int attach = info->attach;
	struct cgg_effective before;
	char path[PATH];
	int prog, link, error, status;

	snprintf(path, sizeof(path), "progs/%s",
		 by_name && info->by_name ? info->by_name : info->name);
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
	/* A pin that is there already is not a working link of the guard: replace it. */
	error = bpf_obj_pin(link, path) ? errno : 0;
	if (error == EEXIST && !unlink(path))
		error = bpf_obj_pin(link, path) ? errno : 0;
	close(link);
	return error ? set_error(CGG_FAILED, "%s: %s", path, strerror(error)) : 0;
}

/*
 * Remove the links of programs (1 << enum cgg_program), the pin before the link.
 *
 * So a killed command never leaves the pin of a detached link. The kernel frees an unlinked
 * link some time later, but bpf_link_detach() ends its effect at once.
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

/* Remove the directory of a cgroup's links; it stays when it holds a link. */
static void directory_remove(__u64 id)
{
	char path[PATH];

	link_path(path, id, -1);
	rmdir(path);
}

/* Remove all links of a cgroup, and their directory. */
void links_clear(__u64 id)
{
	links_remove(id, links_listed(id));
	directory_remove(id);
}

/*
 * Make the links of programs, none of which may exist yet; on failure remove those just made.
 * With by_name, they run the programs that judge by name, too.
 */
int links_make(__u64 id, int cgroup, unsigned programs, bool by_name, bool forced)
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
		status = link_make(id, cgroup, i, by_name, forced);
		if (!status)
			made |= 1u << i;
	}
	if (status) {
		links_remove(id, made);
		directory_remove(id);
	}
	return status;
}
