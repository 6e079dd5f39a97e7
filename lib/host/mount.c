// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mount.c - finds the mount of cgroup v2, and opens paths and ids below it.
 *
 * A path leads to the mount on top. So a mount that another one covers is never used, and no
 * path may cross a mount that covers a part of the hierarchy.
 *
 * A cgroup's id has 64 bits, and the kernel never uses it twice while it runs. It is the
 * cgroup's file handle (fs/kernfs, FILEID_KERNFS), and its inode number: on machines of 32 bits
 * the inode number is only the lower half.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host.h"

#define FILEID_KERNFS 0xfe
struct place {
	struct file_handle handle;
	__u64 id;
};
#define PLACE                                                                                      \
	{                                                                                          \
		.handle = {.handle_bytes = sizeof(__u64), .handle_type = FILEID_KERNFS }           \
	}

/* A line of /proc/self/mountinfo: the mount's id, the directory that it shows, the mount point. */
struct mount {
	unsigned long id;
	char root[4096], dir[4096];
};

/*
 * The mount in use. Its root is "/", except in some containers. covers: it shows only a part of
 * the hierarchy and covers a mount of all of it.
 */
static struct mount mount;
static bool covers;

/* Replace each \ooo, as /proc/self/mountinfo escapes bytes, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1] && text[2] && text[3]) {
			*out++ = (char)((text[1] & 7) << 6 | (text[2] & 7) << 3 | (text[3] & 7));
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = 0;
}

static bool mount_read(struct mount *m, const char *line)
{
	if (!strstr(line, " - cgroup2 ") ||
	    sscanf(line, "%lu %*s %*s %4095s %4095s", &m->id, m->root, m->dir) != 3)
		return false;
	unescape(m->root);
	unescape(m->dir);
	return true;
}

/* Return whether no other mount covers this one. */
static bool is_on_top(const struct mount *m)
{
	__u64 id;

	return mount_id(m->dir, &id) && id == m->id;
}

/* Return whether the mount shows the whole hierarchy that this process may see. */
static bool is_whole(const struct mount *m)
{
	return !strcmp(m->root, "/");
}

/* Find the first uncovered mount of the whole hierarchy, or else the first uncovered mount. */
static bool mount_find(FILE *mounts)
{
	struct mount m;
	size_t room = 0;
	char *line = 0;

	while (getline(&line, &room, mounts) >= 0)
		if (mount_read(&m, line) && is_on_top(&m) &&
		    (!*mount.dir || (is_whole(&m) && !is_whole(&mount))))
			mount = m;
	rewind(mounts);
	while (*mount.dir && getline(&line, &room, mounts) >= 0)
		covers |= mount_read(&m, line) && is_whole(&m) && !is_whole(&mount) &&
			  !strcmp(m.dir, mount.dir);
	free(line);
	return *mount.dir;
}

const char *cgroup_mount(void)
{
	FILE *mounts;

	if (*mount.dir)
		return mount.dir;
	mounts = fopen("/proc/self/mountinfo", "re");
	if (!mounts)
		return 0;
	if (!mount_find(mounts))
		errno = ENODEV;
	fclose(mounts);
	return *mount.dir ? mount.dir : 0;
}

int mount_refusal(void)
{
	if (errno != ENODEV)
		return set_error(CGG_FAILED, "/proc/self/mountinfo: %s", strerror(errno));
	return set_error(CGG_FAILED,
			 "cgroup v2 is not mounted; mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

/* Return the cgroup that the mount shows in place of the root that it covers, or 0. */
const char *mount_hides(void)
{
	return cgroup_mount() && covers ? mount.root : 0;
}

/* Return a path of /proc/PID/cgroup relative to the mount, or 0 if the mount does not show it. */
const char *mount_visible(const char *path)
{
	size_t len = is_whole(&mount) ? 0 : strlen(mount.root);

	if (!strncmp(path, "/..", 3) || !strncmp(mount.root, "/..", 3) ||
	    strncmp(path, mount.root, len) || (path[len] && path[len] != '/'))
		return 0;
	return path + len + !strcmp(path + len, "/");
}

/* Return the part of an absolute path below the mount, "" or with a slash; 0: not below it. */
const char *mount_below(const char *path)
{
	const char *dir = cgroup_mount();
	size_t len = dir ? strlen(dir) : 0;

	if (!dir || strncmp(path, dir, len) || (path[len] && path[len] != '/'))
		return 0;
	return path + len;
}

int mount_open(void)
{
	const char *dir = cgroup_mount();

	return dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* Return the id of a cgroup. */
__u64 cgroup_id(int dir, const char *path)
{
	struct place at = PLACE;
	__u64 id = 0;
	struct stat st;
	int mount_id;

	if (sizeof(long) == sizeof(id))
		return fstatat(dir, path, &st, AT_EMPTY_PATH) ? 0 : st.st_ino;
	if (!name_to_handle_at(dir, path, &at.handle, &mount_id, AT_EMPTY_PATH))
		memcpy(&id, at.handle.f_handle, sizeof(id));
	return id;
}

/*
 * Return an fd of the cgroup below dir that has the id, or -1. Close dir.
 *
 * Set *error when the search was incomplete: it skips directories that cannot be opened, and
 * directories with another mount on top.
 */
static int search_below(int dir, __u64 id, int *error)
{
	DIR *list = fdopendir(dir);
	struct dirent *entry;
	int found = -1;

	if (!list) {
		*error = errno;
		close(dir);
		return -1;
	}
	while (found < 0 && (errno = 0, entry = readdir(list))) {
		struct statfs fs;
		struct stat st;
		int at;

		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		at = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (at < 0) {
			*error = errno == ENOENT ? *error : errno;
		} else if (fstatfs(at, &fs) || fstat(at, &st) || st.st_ino != entry->d_ino ||
			   fs.f_type != CGROUP2_SUPER_MAGIC) {
			*error = EPERM;
			close(at);
		} else {
			found = cgroup_id(at, "") == id ? at : search_below(at, id, error);
		}
	}
	if (found < 0 && errno)
		*error = errno;
	closedir(list);
	return found;
}

/*
 * Return an fd of the cgroup with the id, found by a search of the whole mount, or -1 with errno.
 * ESTALE, which says that the cgroup is gone, needs a complete search from the real root.
 */
static int search_mount(int dir, __u64 id)
{
	int all = mount_open(), error, found;

	if (all < 0)
		return -1;
	if (cgroup_id(all, "") == id)
		return all;
	error = faccessat(dir, "cgroup.type", F_OK, 0) && errno == ENOENT ? ESTALE : EPERM;
	found = search_below(all, id, &error);
	errno = error;
	return found;
}

/* Open a cgroup by its file handle, or without that privilege by a search. Return an fd, or -1. */
int cgroup_open_id(__u64 id)
{
	struct place at = PLACE;
	int top, fd, error;

	top = mount_open();
	if (top < 0) {
		errno = errno == ENOENT ? ENODEV : errno; /* ENOENT would say: the cgroup is gone */
		return -1;
	}
	memcpy(at.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(top, &at.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == EPERM || errno == EACCES))
		fd = search_mount(top, id);
	error = errno;
	close(top);
	errno = error;
	return fd;
}

bool cgroup_name(__u64 id, char *text, size_t size)
{
	char link[64], path[4096];
	int fd = cgroup_open_id(id);
	const char *below = 0;
	ssize_t len = -1;

	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, path, sizeof(path) - 1);
		close(fd);
	}
	if (len >= 0) {
		path[len] = 0;
		below = mount_below(path);
		errno = EXDEV; /* when this mount does not show the cgroup */
	}
	if (below)
		snprintf(text, size, "%s", *below ? below : "/");
	else
		snprintf(text, size, "%llu", id);
	return below;
}

/* Return whether fd, reached through another mount, is the cgroup with this path in our mount. */
static bool is_itself(int fd, const char *below)
{
	char name[4096];
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC &&
	       cgroup_name(cgroup_id(fd, ""), name, sizeof(name)) && !strcmp(name, below);
}

/*
 * Open a directory. Return an fd, or -1 with errno; EXDEV: the path crosses another mount, or
 * leaves this one.
 */
int mount_open_path(const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV };
	const char *below = mount_below(path);
	int top, fd, error;

	if (!below)
		return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	top = mount_open();
	if (top < 0)
		return -1;
	below += strspn(below, "/");
	fd = (int)syscall(SYS_openat2, top, *below ? below : ".", &how, sizeof(how));
	error = errno;
	close(top);
	errno = error;
	if (fd >= 0 || error != EXDEV)
		return fd;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && is_itself(fd, below - 1))
		return fd;
	if (fd >= 0)
		close(fd);
	errno = EXDEV;
	return -1;
}
