// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgroup.c - opens and makes the cgroup of a TARGET, and finds the cgroups above one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host.h"

static bool read_word(int dir, const char *name, char *word, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, word, size - 1);

	if (fd >= 0)
		close(fd);
	word[len < 0 ? 0 : len] = 0;
	word[strcspn(word, "\n")] = 0;
	return len >= 0;
}

static bool is_top(__u64 id)
{
	int top = mount_open();
	bool same = top >= 0 && cgroup_id(top, "") == id;

	if (top >= 0)
		close(top);
	return same;
}

/* Check the content of cgroup.type, "" for the root cgroup. */
static int type_check(const char *type, const char *target, int flags)
{
	if (!*type)
		return flags & CGG_FORCE
			       ? 0
			       : set_error(CGG_USAGE,
					   "%.512s: is the root cgroup, which holds every process; "
					   "use -f to guard it anyway",
					   target);
	if (!strcmp(type, "threaded"))
		return set_error(
			CGG_USAGE,
			"%.512s: is threaded, so its threads may leave; guard the domain above it",
			target);
	if (!strcmp(type, "domain invalid"))
		return set_error(
			CGG_USAGE,
			"%.512s: is below a threaded cgroup, so it holds nothing until it is "
			"threaded, too; guard the domain above it",
			target);
	return 0;
}

static int check(struct cgg_cgroup *cgroup, const char *target, int flags)
{
	struct statfs fs;
	char type[64];

	if (fstatfs(cgroup->fd, &fs))
		return set_error(CGG_FAILED, "%.512s: %s", target, strerror(errno));
	if (fs.f_type == CGROUP_SUPER_MAGIC)
		return set_error(CGG_USAGE, "%.512s: is in cgroup v1; cgroup v2 is mounted at %s",
				 target, cgroup_mount());
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return set_error(CGG_USAGE, "%.512s: not a cgroup; cgroup v2 is mounted at %s",
				 target, cgroup_mount());
	cgroup->id = cgroup_id(cgroup->fd, "");
	if (!cgroup->id)
		return set_error(CGG_FAILED, "%.512s: %s", target, strerror(errno));
	if (flags & CGG_ANY)
		return 0;
	if (!(flags & CGG_FORCE) && mount_hides() && is_top(cgroup->id))
		return set_error(CGG_USAGE,
				 "%.512s: is %.512s, because a mount covers the root cgroup at %s; "
				 "umount it, or guard what it shows with -f",
				 target, mount_hides(), cgroup_mount());
	if (!read_word(cgroup->fd, "cgroup.type", type, sizeof(type)) && errno != ENOENT)
		return set_error(CGG_FAILED, "%.512s/cgroup.type: %s", target, strerror(errno));
	return type_check(type, target, flags);
}

/* Return the length of the longest part of the path that exists. */
static size_t nearest(const char *path)
{
	char at[4096];
	size_t len = strlen(path);
	struct stat st;

	for (memcpy(at, path, len + 1); len > 1 && stat(at, &st); at[len] = 0)
		while (len > 1 && at[--len] != '/')
			;
	return len;
}

/*
 * Refuse to create a path unless its first `there` bytes, which exist, are in cgroup v2, and
 * the rest can be created below.
 */
static int create_check(const char *path, size_t there, const char *target)
{
	size_t place = *target == '/' && !mount_below(target) ? nearest(target) : 0;
	const char *below = mount_below(path);
	char at[4096];
	struct statfs fs;

	memcpy(at, path, there);
	at[there] = 0;
	/* An absolute path that exists only in part, outside the mount, does not mean the mount. */
	if (statfs(at, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC ||
	    (place > 1 && below && path + there <= below))
		return set_error(CGG_USAGE, "%.512s: not in cgroup v2, which is mounted at %s",
				 target, cgroup_mount());
	for (path += there; *path; path += strcspn(path, "/")) {
		path += strspn(path, "/");
		if (*path == '.' && strspn(path, ".") < 3 && strchr("/", path[strspn(path, ".")]))
			return set_error(CGG_USAGE, "%.512s: no cgroup can be named . or ..",
					 target);
	}
	return 0;
}

static int create_refusal(const char *target, int error)
{
	const char *why = error == EINVAL   ? "a cgroup's name has no newline"
			  : error == EAGAIN ? "allows no more cgroups below it (cgroup.max.*)"
					    : strerror(error);
	int status = error == EINVAL || error == ENAMETOOLONG ? CGG_USAGE : CGG_FAILED;

	set_error(status, "%.512s: %s", target, why);
	errno = error;
	return status;
}

/* Create the missing directories of cgroup->path and count them in cgroup->made. */
static int create(struct cgg_cgroup *cgroup, const char *target)
{
	size_t there = nearest(cgroup->path);
	int status = create_check(cgroup->path, there, target);
	char *at = cgroup->path + there;

	while (!status && at[strspn(at, "/")]) {
		char *end = at + strspn(at, "/"), keep;

		end += strcspn(end, "/");
		keep = *end;
		*end = 0;
		if (!mkdir(cgroup->path, 0755)) {
			cgroup->made++;
		} else if (errno == EEXIST) {
			cgroup->made = 0; /* another process uses the directories above it now */
		} else {
			*at = 0;
			return create_refusal(target, errno);
		}
		*end = keep;
		at = end;
	}
	*at = 0;
	return status;
}

bool process_is_alive(pid_t pid)
{
	return !kill(pid, 0) || errno == EPERM;
}

/* Return whether a word is the number of a living process. */
static bool is_process(const char *word)
{
	pid_t pid = strlen(word) < 10 && !word[strspn(word, "0123456789")] ? atoi(word) : 0;

	return pid > 0 && process_is_alive(pid);
}

static int open_refusal(const char *target, int error)
{
	if (error == EACCES || error == EMFILE || error == ENFILE)
		return set_error(CGG_FAILED, "%.512s: %s", target, strerror(error));
	if (error == EXDEV)
		return set_error(CGG_USAGE,
				 "%.512s: another mount covers a part of that path, "
				 "or the path leaves cgroup v2 at %s",
				 target, cgroup_mount());
	if (error == ENOENT && !strpbrk(target, "/:") && strstr(target, ".service"))
		return set_error(CGG_USAGE, "%.512s: no such cgroup; for a unit write unit:%.512s",
				 target, target);
	return set_error(CGG_USAGE, "%.512s: %s; cgroup v2 is mounted at %s%s%s", target,
			 error == ENOENT ? "no such cgroup" : strerror(error), cgroup_mount(),
			 is_process(target) ? "; for a process write pid:" : "",
			 is_process(target) ? target : "");
}

int cgroup_open(struct cgg_cgroup *cgroup, const char *target, int flags)
{
	int status;

	*cgroup = (struct cgg_cgroup){ .fd = -1 };
	status = target_find(cgroup, target, flags);
	if (!status && cgroup->fd < 0 && flags & CGG_CREATE)
		status = create(cgroup, target);
	if (status)
		return status;
	if (cgroup->fd < 0)
		cgroup->fd = mount_open_path(cgroup->path);
	return cgroup->fd < 0 ? open_refusal(target, errno) : check(cgroup, target, flags);
}

int cgroup_again(struct cgg_cgroup *cgroup)
{
	cgroup->fd = mount_open_path(cgroup->path);
	if (cgroup->fd < 0)
		return set_error(CGG_FAILED, "%.512s: %s", cgroup->path, strerror(errno));
	if (cgroup_id(cgroup->fd, "") != cgroup->id)
		return set_error(CGG_FAILED, "%.512s: was removed and created again meanwhile",
				 cgroup->path);
	return 0;
}

void cgroup_let_go(struct cgg_cgroup *cgroup)
{
	if (cgroup->fd >= 0)
		close(cgroup->fd);
	cgroup->fd = -1;
}

void cgroup_close(struct cgg_cgroup *cgroup, bool undo)
{
	cgroup_let_go(cgroup);
	for (; undo && cgroup->made; cgroup->made--) {
		rmdir(cgroup->path);
		*strrchr(cgroup->path, '/') = 0;
	}
}

/*
 * Write the ids of an open cgroup and of its ancestors. They end at another file system, or
 * where .. is the same directory again.
 */
void cgroup_above(int fd, __u64 above[CGG_LEVELS])
{
	int at = dup(fd);

	memset(above, 0, CGG_LEVELS * sizeof(*above));
	for (int i = 0; i < CGG_LEVELS && at >= 0; i++) {
		int parent = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		__u64 id = cgroup_id(at, "");
		struct statfs fs;
		bool inside = !fstatfs(at, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC && id &&
			      (!i || above[i - 1] != id);

		close(at);
		at = parent;
		if (!inside)
			break;
		above[i] = id;
	}
	if (at >= 0)
		close(at);
}

/*
 * Return whether a cgroup is top or below it. Readers ask this for each event of a backlog, so
 * the last answers are cached.
 */
bool cgroup_is_below(__u64 id, __u64 top)
{
	static struct {
		__u64 id, top;
		bool below;
	} kept[64];
	size_t place = id % (sizeof(kept) / sizeof(kept[0]));
	__u64 above[CGG_LEVELS] = { id };
	int fd;

	if (kept[place].id == id && kept[place].top == top)
		return kept[place].below;
	fd = cgroup_open_id(id);
	if (fd >= 0) {
		cgroup_above(fd, above);
		close(fd);
	}
	kept[place].id = id;
	kept[place].top = top;
	kept[place].below = false;
	for (int i = 0; i < CGG_LEVELS; i++)
		kept[place].below |= above[i] == top;
	return kept[place].below;
}
