// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* replace.c - replace the programs of live links, as cgg-load -r does. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "links.h"

/* Make a link run prog; a missing link, or one whose cgroup is gone, is not an error. */
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

/*
 * Open a program of progs/ in *prog, which is -1 if name is 0 or the program is not loaded.
 * Return 0 or CGG_FAILED.
 */
static int program_get(const char *name, int *prog)
{
	char path[PATH];

	*prog = -1;
	if (!name)
		return 0;
	snprintf(path, sizeof(path), "progs/%s", name);
	*prog = pin_get(path);
	return *prog >= 0 || errno == ENOENT || errno == ESTALE ? 0 : pin_refusal(path);
}

/* Make the links of one program run what progs/ has for it. */
static int program_renew(struct cgg_guard *guard, int program, const struct cgg_attachment *all,
			 unsigned count)
{
	int prog, by_name = -1, status = program_get(cgg_programs[program].name, &prog);

	if (!status)
		status = program_get(cgg_programs[program].by_name, &by_name);
	for (unsigned at = 0; at < count && prog >= 0 && !status; at++) {
		unsigned programs = 0;

		status = policy_programs(guard, (int)all[at].policy, &programs);
		if (!status)
			status = link_renew(all[at].id, program,
					    uses_names(programs) && by_name >= 0 ? by_name : prog);
	}
	if (prog >= 0)
		close(prog);
	if (by_name >= 0)
		close(by_name);
	return status;
}

/* Make every link run the program in progs/, and then remove replaced/. */
int programs_renew(struct cgg_guard *guard)
{
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count);

	for (int i = 0; i < CGG_PROGRAMS && !status; i++)
		status = program_renew(guard, i, all, count);
	free(all);
	/* After a failure, replaced/ stays: going back needs it, and the next command retries. */
	if (!status)
		pin_remove(CGG_REPLACED);
	return status;
}

/* Move each program from replaced/ to progs/ with rename(2). */
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
 * Exchange replaced/ and progs/; a second call undoes the first.
 *
 * Linux 5.10 cannot exchange names in a bpffs. There the new programs overwrite the old ones,
 * so a later failure cannot be undone: the next command finishes the replacement.
 */
static int programs_exchange(void)
{
	pinned_forget();
	mkdir(CGG_DIR "/progs", 0700); /* somebody may have removed it */
	if (!rename_exchange(CGG_REPLACED, CGG_DIR "/progs"))
		return 0;
	if (errno == EINVAL)
		return programs_move();
	return set_error(CGG_FAILED, CGG_REPLACED ": %s", strerror(errno));
}

/*
 * Replace progs/ by the programs that are pinned in CGG_REPLACED; on failure go back.
 *
 * bpf_link_update() changes the program of a link in one step, so a link always runs a program.
 * Old and new programs use the same maps and may run side by side. When this command is
 * killed, replaced/ is still there, and the next command goes on.
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
