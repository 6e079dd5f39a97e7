// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * run.c - make a new cgroup for one command, and remove it afterwards.
 *
 * Everything is noted in struct cgg_run before it is made. That struct lies in memory shared
 * with a second process, so whichever of the two survives removes the cgroup and the policy.
 * If both are killed, the next run removes them: it holds the guard's lock. So an unattached
 * policy with the name of a run belongs to no live run. Nor does an empty cgroup with such a
 * name, unless a run of another guard on this host has just made it: making_lock() excludes that.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "links.h"

#define PREFIX "cgg-" /* the cgroup's name is this and the name of the run */
#define PATIENCE 10000 /* ms that killed processes may take to end */

/* Return whether a name is that of a run: run-PID-TIME, TIME having 8 hexadecimal digits. */
static bool is_ours(const char *name)
{
	size_t pid, time;

	if (strncmp(name, "run-", 4))
		return false;
	pid = strspn(name + 4, "0123456789");
	if (!pid || name[4 + pid] != '-')
		return false;
	time = strspn(name + 5 + pid, "0123456789abcdef");
	return time == 8 && !name[5 + pid + time];
}

/* Write to a file of a cgroup; return false when that fails, as when the file does not exist. */
static bool write_file(const char *dir, const char *name, const char *text)
{
	char path[4200];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, text, strlen(text)) > 0;
	if (fd >= 0)
		close(fd);
	return done;
}

/* Call a function for a cgroup and all cgroups below it, the deepest first. */
static void each_below(const char *path, void (*call)(const char *dir))
{
	char *const roots[] = { (char *)(size_t)path, 0 };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, 0);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_DP)
			call(entry->fts_path);
	if (tree)
		fts_close(tree);
}

static void kill_those(const char *dir)
{
	char path[4200], line[32];
	FILE *list;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	list = fopen(path, "re");
	while (list && fgets(line, sizeof(line), list))
		if (atoi(line) > 0)
			kill(atoi(line), SIGKILL);
	if (list)
		fclose(list);
}

static void remove_it(const char *dir)
{
	rmdir(dir);
}

/*
 * Return whether a cgroup has no processes or is gone; if not, wait up to wait ms for a change.
 */
static bool is_empty(const char *path, int wait)
{
	char name[4200], text[256] = "";
	struct pollfd events = { .events = POLLPRI };
	bool empty;

	snprintf(name, sizeof(name), "%s/cgroup.events", path);
	events.fd = open(name, O_RDONLY | O_CLOEXEC);
	if (events.fd < 0)
		return true;
	empty = read(events.fd, text, sizeof(text) - 1) <= 0 || strstr(text, "populated 0");
	if (!empty)
		poll(&events, 1, wait);
	close(events.fd);
	return empty;
}

/*
 * Kill all processes of a cgroup and below it; return whether they are gone within PATIENCE.
 *
 * Linux before 5.14 has no cgroup.kill: there, freeze the cgroup and kill them one by one.
 */
static bool empty_out(const char *path)
{
	__u64 end = time_now() + PATIENCE * 1000000ull;
	bool killed = write_file(path, "cgroup.kill", "1");

	if (!killed)
		write_file(path, "cgroup.freeze", "1");
	do {
		if (!killed)
			each_below(path, kill_those);
		if (is_empty(path, 100))
			return true;
	} while (time_now() < end);
	return false;
}

static int making = -1; /* the parent of the cgroup that is being made, locked */

/*
 * Lock the parent of the new cgroup until run_clone() has put a process into that; return
 * whether no other run is making one below it.
 *
 * Never wait: whoever can open the parent could hold its lock for ever.
 */
static bool making_lock(const char *parent)
{
	making = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return making >= 0 && !flock(making, LOCK_EX | LOCK_NB);
}

/* Let other runs make their cgroups, but not remove the one that is being made. */
static void making_share(void)
{
	if (making >= 0)
		flock(making, LOCK_SH | LOCK_NB);
}

static void making_end(void)
{
	if (making >= 0)
		close(making);
	making = -1;
}

/*
 * Return whether the cgg-run that made a cgroup of this name may be alive. It may have made the
 * cgroup just now, for another guard.
 */
static bool is_alive(const char *name)
{
	return process_is_alive(atoi(name + strlen(PREFIX "run-")));
}

/* Remove the empty cgroups of runs whose processes were all killed. */
static void cgroups_sweep(const char *parent)
{
	DIR *list = opendir(parent);
	struct dirent *entry;
	char path[8200];

	while (list && (entry = readdir(list))) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) ||
		    !is_ours(entry->d_name + strlen(PREFIX)) || is_alive(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", parent, entry->d_name);
		if (is_empty(path, 0))
			each_below(path, remove_it);
	}
	if (list)
		closedir(list);
}

/* Remove the empty cgroups and unattached policies of runs whose processes were all killed. */
static int sweep(struct cgg_guard *guard, const char *parent)
{
	int status;

	if (making_lock(parent))
		cgroups_sweep(parent);
	making_share();
	status = guard_tidy(guard);
	return status ? status : policies_drop_idle(guard, is_ours);
}

/* Make a policy of these rules, with the name of the run. */
static int own_policy(struct cgg_run *run, struct cgg_guard *guard, struct cgg_rules *rules,
		      const char *name, int *place)
{
	int status;

	strcpy(run->policy, name);
	status = policy_make(guard, name, place);
	return status ? status : policy_restore(guard, *place, rules, 0);
}

static int make_cgroup(struct cgg_run *run, struct cgg_cgroup *cgroup, const char *parent,
		       const char *name)
{
	char path[4096];
	int status;

	if (snprintf(path, sizeof(path), "%s/" PREFIX "%s", parent, name) >= (int)sizeof(path))
		return set_error(CGG_FAILED, "%.80s...: the path is too long", parent);
	strcpy(run->path, path);
	status = cgroup_open(cgroup, path, CGG_CREATE | CGG_EXACT);
	run->id = cgroup->id;
	if (!status || cgroup->made)
		return status;
	if (errno == EROFS)
		return set_error(CGG_FAILED, "%s: cgroup v2 is mounted read-only here", parent);
	if (errno == EACCES || errno == EPERM)
		return set_error(CGG_FAILED,
				 "%s: this user may not create a cgroup there; "
				 "start the command below systemd-run --scope -p Delegate=yes",
				 parent);
	if (errno == EAGAIN)
		return set_error(CGG_FAILED, "%s: allows no more cgroups below it (cgroup.max.*)",
				 parent);
	return set_error(CGG_FAILED, "%s: no cgroup can be made there: %s", parent,
			 strerror(errno));
}

/*
 * Make a cgroup below the caller's, and attach it to a new policy of rules, or to policy.
 *
 * rules may be 0; then the policy called policy must exist. On failure run_end() cleans up.
 */
int run_begin(struct cgg_run *run, struct cgg_guard *guard, struct cgg_cgroup *cgroup,
	      const char *policy, struct cgg_rules *rules)
{
	char parent[4096], name[CGG_NAME];
	int place, status = cgroup_own(parent);

	snprintf(name, sizeof(name), "run-%d-%08x", getpid(), (__u32)(time_now() >> 10));
	if (!status)
		status = sweep(guard, parent);
	if (status)
		return status;
	place = rules ? -1 : policy_find(guard, policy);
	if (!rules && place < 0)
		return set_error(CGG_NO,
				 "policy %s: there is none; cgg-rule -p %s add RULE makes it",
				 policy, policy);
	status = rules ? own_policy(run, guard, rules, name, &place) : 0;
	if (!status)
		status = make_cgroup(run, cgroup, parent, name);
	return status ? status : attach(guard, cgroup, (__u32)place, false);
}

/* Kill what is left in the run's cgroup, and remove the cgroup and the run's own policy. */
int run_end(struct cgg_run *run)
{
	struct cgg_guard guard;
	int status, place;

	if (!*run->path && !*run->policy)
		return 0;
	if (*run->path && !empty_out(run->path))
		return set_error(
			CGG_FAILED,
			"%s: its processes do not end; the cgroup stays, and stays guarded",
			run->path);
	if (*run->path)
		each_below(run->path, remove_it);
	if (*run->path && !access(run->path, F_OK))
		return set_error(CGG_FAILED, "%s: cannot be removed; it stays guarded", run->path);
	status = guard_open(&guard, CGG_CHANGE);
	if (status && guard_is_gone()) {
		guard_close(&guard);
		return 0; /* cgg-unload -f removed the rest */
	}
	if (!status)
		status = guard_tidy(&guard);
	if (!status && *run->path)
		status = attachment_forget(&guard, run->id);
	if (!status && *run->policy) {
		place = policy_find(&guard, run->policy);
		status = place < 0 ? 0 : policy_drop(&guard, place);
	}
	guard_close(&guard);
	return status;
}

/*
 * Fork a child in the cgroup; return as fork(2) does, -1 with errno.
 *
 * In the child, *inside says whether it got into the cgroup.
 */
pid_t run_clone(const struct cgg_cgroup *cgroup, bool *inside)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (__u64)cgroup->fd,
	};
	int error;
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	*inside = true;
	/* Before Linux 5.7, or if a seccomp filter denies clone3, the child enters by itself. */
	if (pid < 0 && (errno == ENOSYS || errno == E2BIG || errno == EINVAL || errno == EPERM)) {
		pid = fork();
		if (!pid)
			*inside = write_file(cgroup->path, "cgroup.procs", "0");
	}
	error = errno;
	making_end();
	errno = error;
	return (pid_t)pid;
}
