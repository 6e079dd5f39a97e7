// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* target.c - finds the cgroup of a TARGET: a path or pid:PID; named.c has the other forms. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host.h"

/* ---- pid:PID ---- */

/* Read the cgroup v2 line, 0::/PATH, of /proc/PID/cgroup as a path in the mount. */
static int pid_path(char path[4096], const char *pid)
{
	const char *dir = cgroup_mount(), *below;
	char name[64], *line = 0;
	size_t room = 0;
	int found = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%.20s/cgroup", pid);
	file = fopen(name, "re");
	if (!file)
		return set_error(CGG_USAGE, "pid:%s: no such process", pid);
	while (getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = 0; /* names of cgroups have no newline */
		if (strncmp(line, "0::/", 4))
			continue;
		below = mount_visible(line + 3);
		found = below ? snprintf(path, 4096, "%s%s", dir, below) : -1;
	}
	free(line);
	fclose(file);
	if (found < 0)
		return set_error(CGG_USAGE, "pid:%s: its cgroup is not visible below %s", pid, dir);
	return found && found < 4096 ? 0 : set_error(CGG_USAGE, "pid:%s: has no cgroup v2", pid);
}

/* Return whether cgroup.procs or cgroup.threads lists the id. */
static bool lists(int cgroup, const char *name, unsigned long id)
{
	int fd = openat(cgroup, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? 0 : fdopen(fd, "r");
	unsigned long number;
	bool found = false;

	while (file && !found && fscanf(file, "%lu", &number) == 1)
		found = number == id;
	if (file)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	return found;
}

/* Return whether the cgroup has the process, or in a threaded cgroup the thread. */
static bool has_process(int cgroup, unsigned long pid)
{
	return lists(cgroup, "cgroup.procs", pid) || lists(cgroup, "cgroup.threads", pid);
}

/* Open the cgroup of a process. Retry, since the process may move to another cgroup meanwhile. */
static int own_open(struct cgg_cgroup *cgroup, const char *pid, unsigned long number)
{
	for (int tries = 0; tries < 4; tries++) {
		int status = pid_path(cgroup->path, pid);

		if (status)
			return status;
		cgroup->fd = mount_open_path(cgroup->path);
		if (cgroup->fd < 0)
			continue;
		if (has_process(cgroup->fd, number))
			return 0;
		close(cgroup->fd);
		cgroup->fd = -1;
	}
	return set_error(CGG_USAGE,
			 "pid:%s: %.512s is not its cgroup, or the process has ended; "
			 "is something mounted over cgroup v2?",
			 pid, cgroup->path);
}

/*
 * Open the cgroup of a process and verify it.
 *
 * The path alone is not enough: under a mount of another part of the hierarchy it is another
 * cgroup. So the cgroup must list the process. The pidfd proves that the process still lives:
 * otherwise a new process might have the same id.
 */
static int pid_open(struct cgg_cgroup *cgroup, const char *pid, unsigned long number)
{
	int process = (int)syscall(SYS_pidfd_open, (pid_t)number, 0);
	int status = own_open(cgroup, pid, number);

	if (!status && process >= 0 && syscall(SYS_pidfd_send_signal, process, 0, 0, 0) &&
	    errno == ESRCH)
		status = set_error(CGG_USAGE, "pid:%s: no such process", pid);
	if (process >= 0)
		close(process);
	return status;
}

static int number_open(struct cgg_cgroup *cgroup, const char *pid)
{
	unsigned long number;

	if (number_parse(&number, pid, strlen(pid), 4194304) || !number)
		return set_error(CGG_USAGE, "pid:%.80s: not a process id", pid);
	return pid_open(cgroup, pid, number);
}

int cgroup_own(char path[4096])
{
	struct cgg_cgroup cgroup = { .fd = -1 };
	int status;

	if (!cgroup_mount())
		return mount_refusal();
	status = pid_open(&cgroup, "self", (unsigned long)getpid());
	if (cgroup.fd >= 0)
		close(cgroup.fd);
	strcpy(path, cgroup.path);
	return status ? CGG_FAILED : 0;
}

/* ---- paths ---- */

static bool starts(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* Return whether the path, or its nearest existing ancestor, is in cgroup v2. */
static bool in_cgroup2(const char *path)
{
	struct statfs fs;
	char at[4096], *slash;

	snprintf(at, sizeof(at), "%s", path);
	while (statfs(at, &fs)) {
		slash = strrchr(at, '/');
		if (!slash || slash == at)
			return false;
		*slash = 0;
	}
	return fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Turn TARGET, an absolute path or one relative to the mount, into an absolute path. */
static int any_path(char path[4096], const char *target)
{
	struct stat st;

	if (!strlen(target))
		return set_error(CGG_USAGE, "a cgroup's path is empty");
	if (strlen(target) >= 4096)
		return set_error(CGG_USAGE, "%.80s...: the path is too long", target);
	if (*target == '/' && mount_below(target)) {
		strcpy(path, target);
		return 0;
	}
	if (snprintf(path, 4096, "%s/%s", cgroup_mount(), target + (*target == '/')) >= 4096)
		return set_error(CGG_USAGE, "%.80s...: the path is too long", target);
	if (*target == '/' && stat(path, &st) && (!stat(target, &st) || in_cgroup2(target)))
		strcpy(path, target);
	return 0;
}

/* Return whether the path with each \xNN replaced by its byte is different and exists. */
static bool printed_path(char path[4096], const char *target)
{
	struct stat st;

	if (!strstr(target, "\\x") || strlen(target) >= 4096)
		return false;
	strcpy(path, target);
	word_unescape(path);
	return strcmp(path, target) && !stat(path, &st);
}

static int path_path(char path[4096], const char *target, int flags)
{
	int status = any_path(path, target);
	char printed[4096];
	struct stat st;

	if (status || flags & CGG_EXACT || !printed_path(printed, path))
		return status;
	if (!stat(path, &st))
		return set_error(
			CGG_USAGE,
			"%.512s: is ambiguous: one cgroup has this name, another is printed so; "
			"for the first write \\x5c for the backslash",
			target);
	strcpy(path, printed);
	return 0;
}

/* Find TARGET: write its path to cgroup->path, and for pid:PID open it in cgroup->fd. */
int target_find(struct cgg_cgroup *cgroup, const char *target, int flags)
{
	if (!cgroup_mount())
		return mount_refusal();
	if (starts(target, "pid:"))
		return number_open(cgroup, target + 4);
	if (starts(target, "unit:"))
		return name_path(cgroup->path, "unit", target + 5);
	if (starts(target, "container:"))
		return name_path(cgroup->path, "container", target + 10);
	return path_path(cgroup->path, target, flags);
}
