// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgroup.c - a TARGET's directory, its id, and the way back from the id.
 *
 * A cgroup's id is its inode number, 64 bits, never used twice while the machine
 * is up; it is also its file handle (fs/kernfs, FILEID_KERNFS).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgg.h"

#define FILEID_KERNFS 0xfe

/* Where cgroup v2 is mounted, and which cgroup is seen there: / but in some containers. */
static char mount_dir[4096], mount_root[4096];

/* unescape - \\ooo as /proc/self/mountinfo has it, in place */
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

const char *cgroup_mount(void)
{
	size_t room = 0;
	char *line = 0;
	FILE *mounts;

	if (*mount_dir)
		return mount_dir;
	mounts = fopen("/proc/self/mountinfo", "re");
	if (!mounts)
		return 0;
	while (!*mount_dir && getline(&line, &room, mounts) >= 0)
		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*s %*s %*s %4095s %4095s", mount_root, mount_dir) != 2)
			*mount_dir = 0;
	free(line);
	fclose(mounts);
	unescape(mount_root);
	unescape(mount_dir);
	if (!*mount_dir)
		errno = ENODEV;
	return *mount_dir ? mount_dir : 0;
}

static int not_mounted(void)
{
	if (errno != ENODEV)
		return refuse(CGG_FAILED, "/proc/self/mountinfo: %s", strerror(errno));
	return refuse(CGG_FAILED,
		      "cgroup v2 is not mounted; mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

/* visible - a path of /proc/PID/cgroup as one below the mount, 0: it is not there */
static const char *visible(const char *path)
{
	size_t len = strcmp(mount_root, "/") ? strlen(mount_root) : 0;

	if (!strncmp(path, "/..", 3) || strncmp(path, mount_root, len) ||
	    (path[len] && path[len] != '/'))
		return 0;
	return path + len;
}

/* pid_path - the cgroup v2 line of /proc/PID/cgroup: 0::/path */
static int pid_path(char path[4096], const char *pid)
{
	const char *mount = cgroup_mount(), *below;
	char name[64], line[4096];
	int found = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%.20s/cgroup", pid);
	file = fopen(name, "re");
	if (!file)
		return refuse(CGG_USAGE, "pid:%s: no such process", pid);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "0::/", 4))
			continue;
		below = visible(line + 3);
		found = below ? snprintf(path, 4096, "%s%s", mount, below) : -1;
	}
	fclose(file);
	if (found < 0)
		return refuse(CGG_USAGE,
			      "pid:%s: its cgroup is not below %s, as this process sees it", pid,
			      mount);
	return found && found < 4096 ? 0 : refuse(CGG_USAGE, "pid:%s: has no cgroup v2", pid);
}

static int number_path(char path[4096], const char *pid)
{
	unsigned long number;

	if (number_parse(&number, pid, strlen(pid), 4194304) || !number)
		return refuse(CGG_USAGE, "pid:%.80s: not a process id", pid);
	return pid_path(path, pid);
}

int cgroup_own(char path[4096])
{
	if (!cgroup_mount())
		return not_mounted();
	return pid_path(path, "self") ? CGG_FAILED : 0;
}

static bool is_hex(const char *text, size_t least)
{
	size_t len = strspn(text, "0123456789abcdef");

	return len >= least && (!text[len] || !strcmp(text + len, ".scope"));
}

/* behind_engine - what follows the name of an engine in a cgroup's name, 0: there is none */
static const char *behind_engine(const char *name)
{
	static const char *const engines[] = { "docker-",	  "libpod-",	 "crio-",
					       "cri-containerd-", "containerd-", "nerdctl-",
					       "crun-",		  "runc-" };

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (!strncmp(name, engines[i], strlen(engines[i])))
			return name + strlen(engines[i]);
	return 0;
}

/*
 * is_container - name is a cgroup's as engines give it, its id beginning with id:
 * ENGINE-ID.scope, ENGINE-ID, or the id alone when it is a long number; any other
 * name is one in full. conmon is an engine's own watcher.
 */
static bool is_container(const char *name, const char *id)
{
	const char *behind = behind_engine(name), *dash = strrchr(name, '-');

	if (behind)
		return strncmp(behind, "conmon-", 7) && !strncmp(behind, id, strlen(id));
	if (dash && is_hex(dash + 1, 64))
		name = dash + 1;
	return is_hex(name, 32) ? !strncmp(name, id, strlen(id)) : !strcmp(name, id);
}

/* may_be_container - when there is none: [PREFIX-]NAME that begins with id, and is not systemd's */
static bool may_be_container(const char *name, const char *id)
{
	const char *dot = strrchr(name, '.'), *dash = strrchr(name, '-');

	if (behind_engine(name) || !strcmp(name, "init.scope") ||
	    (dot && (!strcmp(dot, ".slice") || !strcmp(dot, ".service"))))
		return false;
	return !strncmp(name, id, strlen(id)) || (dash && !strncmp(dash + 1, id, strlen(id)));
}

/* is_unit - a service's suffix may be left out, as for systemctl(1) */
static bool is_unit(const char *name, const char *unit)
{
	size_t len = strlen(unit);

	return !strncmp(name, unit, len) &&
	       (!name[len] || (!strchr(unit, '.') && !strcmp(name + len, ".service")));
}

/* search - the directory below root whose name fits word; gives how many do, and lists them */
static unsigned search(char path[4096], const char *root,
		       bool (*fits)(const char *name, const char *word), const char *word,
		       char list[600])
{
	char *const roots[] = { (char *)(size_t)root, 0 };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, 0);
	unsigned found = 0;
	FTSENT *entry;

	*list = 0;
	while (tree && (entry = fts_read(tree))) {
		size_t used = strlen(list), len = strlen(entry->fts_path) - strlen(root);

		if (entry->fts_info != FTS_D || !entry->fts_level || !fits(entry->fts_name, word))
			continue;
		if (!found++)
			snprintf(path, 4096, "%s", entry->fts_path);
		if (used + len + 3 < 600)
			sprintf(list + used, "%s%s", used ? ", " : "",
				entry->fts_path + strlen(root));
		else
			strcpy(list + used, strstr(list, " ...") ? "" : " ...");
		fts_set(tree, entry, FTS_SKIP);
	}
	if (tree)
		fts_close(tree);
	return found;
}

/* elsewhere - the refusal of what cgroup v2 does not have; it may be in v1 */
static int elsewhere(const char *kind, bool (*fits)(const char *name, const char *word),
		     const char *word)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char path[4096], list[600];
	struct mntent *entry;
	bool found = false;

	while (mounts && !found && (entry = getmntent(mounts)))
		found = !strcmp(entry->mnt_type, "cgroup") &&
			search(path, entry->mnt_dir, fits, word, list);
	if (mounts)
		endmntent(mounts);
	if (found)
		return refuse(CGG_USAGE, "%s:%.80s: is in cgroup v1 alone (%.600s), not below %s",
			      kind, word, path, cgroup_mount());
	return refuse(CGG_USAGE, "%s:%.80s: no such cgroup below %s", kind, word, cgroup_mount());
}

static int name_path(char path[4096], const char *kind, const char *word)
{
	bool (*fits)(const char *, const char *) = *kind == 'u' ? is_unit : is_container;
	char list[600];
	unsigned found;

	if (!*word || strchr(word, '/'))
		return refuse(CGG_USAGE, "%s:%.80s: not a name", kind, word);
	found = search(path, cgroup_mount(), fits, word, list);
	if (!found && fits == is_container)
		found = search(path, cgroup_mount(), may_be_container, word, list);
	if (!found)
		return elsewhere(kind, fits, word);
	return found == 1 ? 0 : refuse(CGG_USAGE, "%s:%.80s: may be any of %s", kind, word, list);
}

/* find_path - TARGET as a path; whether it is in cgroup v2 is not yet known */
static int find_path(char path[4096], const char *target)
{
	const char *mount = cgroup_mount();
	size_t len = mount ? strlen(mount) : 0;
	struct stat st;

	if (!mount)
		return not_mounted();
	if (!*target)
		return refuse(CGG_USAGE, "a cgroup's path is empty");
	if (strlen(target) >= 4096)
		return refuse(CGG_USAGE, "%.80s...: the path is too long", target);
	if (!strncmp(target, "pid:", 4))
		return number_path(path, target + 4);
	if (!strncmp(target, "unit:", 5))
		return name_path(path, "unit", target + 5);
	if (!strncmp(target, "container:", 10))
		return name_path(path, "container", target + 10);
	if (!strncmp(target, mount, len) && (!target[len] || target[len] == '/')) {
		strcpy(path, target);
		return 0;
	}
	if (snprintf(path, 4096, "%s/%s", mount, target) >= 4096)
		return refuse(CGG_USAGE, "%.80s...: the path is too long", target);
	if (*target == '/' && stat(path, &st) && !stat(target, &st))
		strcpy(path, target);
	return 0;
}

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

static int check(struct cgg_cgroup *cgroup, const char *target, int flags)
{
	struct statfs fs;
	struct stat st;
	char type[64];

	if (fstatfs(cgroup->fd, &fs) || fstat(cgroup->fd, &st))
		return refuse(CGG_FAILED, "%s: %s", target, strerror(errno));
	if (fs.f_type == CGROUP_SUPER_MAGIC)
		return refuse(CGG_USAGE, "%s: is in cgroup v1; cgroup v2 is mounted at %s", target,
			      cgroup_mount());
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return refuse(CGG_USAGE, "%s: not a cgroup; cgroup v2 is mounted at %s", target,
			      cgroup_mount());
	cgroup->id = st.st_ino;
	if (flags & CGG_ANY)
		return 0;
	if (!read_word(cgroup->fd, "cgroup.type", type, sizeof(type)) && errno != ENOENT)
		return refuse(CGG_FAILED, "%s/cgroup.type: %s", target, strerror(errno));
	if (!*type)
		return flags & CGG_FORCE ? 0
					 : refuse(CGG_USAGE,
						  "%s: is the root cgroup, of every process; "
						  "-f guards it all the same",
						  target);
	if (!strcmp(type, "threaded"))
		return refuse(
			CGG_USAGE,
			"%s: is threaded, so its threads may leave; guard the domain above it",
			target);
	if (!strcmp(type, "domain invalid"))
		return refuse(CGG_USAGE,
			      "%s: is below a threaded cgroup, so it holds nothing until it is "
			      "threaded, too; guard the domain above it",
			      target);
	return 0;
}

/* create - makes the directory unless it is there; its parent is a cgroup */
static int create(struct cgg_cgroup *cgroup, const char *target)
{
	char parent[4096], *slash;
	struct statfs fs;

	snprintf(parent, sizeof(parent), "%s", cgroup->path);
	slash = strrchr(parent, '/');
	*(slash == parent ? slash + 1 : slash) = 0;
	/* A path that is nowhere is taken as one below the mount; it may have meant a place elsewhere. */
	if (*target == '/' && statfs(parent, &fs)) {
		snprintf(parent, sizeof(parent), "%s", target);
		slash = strrchr(parent, '/');
		*(slash == parent ? slash + 1 : slash) = 0;
	}
	if (!statfs(parent, &fs) && fs.f_type != CGROUP2_SUPER_MAGIC)
		return refuse(CGG_USAGE, "%s: not in cgroup v2, which is mounted at %s", target,
			      cgroup_mount());
	cgroup->made = !mkdir(cgroup->path, 0755);
	if (cgroup->made || errno == EEXIST)
		return 0;
	if (errno == ENOENT)
		return refuse(CGG_USAGE, "%s: no such cgroup; cgroup v2 is mounted at %s", target,
			      cgroup_mount());
	return refuse(CGG_FAILED, "%s: %s", target, strerror(errno));
}

int cgroup_open(struct cgg_cgroup *cgroup, const char *target, int flags)
{
	int status;

	*cgroup = (struct cgg_cgroup){ .fd = -1 };
	status = find_path(cgroup->path, target);
	if (status)
		return status;
	status = flags & CGG_CREATE ? create(cgroup, target) : 0;
	if (status)
		return status;
	cgroup->fd = open(cgroup->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup->fd < 0 && (errno == EACCES || errno == EMFILE || errno == ENFILE))
		return refuse(CGG_FAILED, "%s: %s", target, strerror(errno));
	if (cgroup->fd < 0)
		return refuse(CGG_USAGE, "%s: %s; cgroup v2 is mounted at %s", target,
			      errno == ENOENT ? "no such cgroup" : strerror(errno), cgroup_mount());
	return check(cgroup, target, flags);
}

void cgroup_close(struct cgg_cgroup *cgroup, bool undo)
{
	if (cgroup->fd >= 0)
		close(cgroup->fd);
	if (undo && cgroup->made)
		rmdir(cgroup->path);
	cgroup->fd = -1;
}

/*
 * look_below - the cgroup below dir that has the id, -1: none; closes dir
 *
 * Why there may be one all the same is in *error: what may not be opened is not looked at,
 * nor what something is mounted over.
 */
static int look_below(int dir, __u64 id, int *error)
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
			found = st.st_ino == id ? at : look_below(at, id, error);
		}
	}
	if (found < 0 && errno)
		*error = errno;
	closedir(list);
	return found;
}

/* look_for - the same from the mount on, with errno; only one of all of cgroup v2 shows that it is gone */
static int look_for(int mount, __u64 id)
{
	int all = open(cgroup_mount(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), error, found;
	struct stat st;

	if (all < 0 || fstat(all, &st))
		return -1;
	if (st.st_ino == id)
		return all;
	error = faccessat(mount, "cgroup.type", F_OK, 0) && errno == ENOENT ? ESTALE : EPERM;
	found = look_below(all, id, &error);
	errno = error;
	return found;
}

/* cgroup_open_id - by its handle; who may not do that looks at each cgroup */
int cgroup_open_id(__u64 id)
{
	struct {
		struct file_handle handle;
		__u64 id;
	} at = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	int mount, fd, error;

	mount = cgroup_mount() ? open(cgroup_mount(), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (mount < 0) {
		errno = errno == ENOENT ? ENODEV : errno; /* it is not the cgroup that is gone */
		return -1;
	}
	memcpy(at.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount, &at.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == EPERM || errno == EACCES))
		fd = look_for(mount, id);
	error = errno;
	close(mount);
	errno = error;
	return fd;
}

bool cgroup_name(__u64 id, char *text, size_t size)
{
	char link[64], path[4096];
	int fd = cgroup_open_id(id);
	ssize_t len = -1;
	size_t skip;

	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, path, sizeof(path) - 1);
		close(fd);
	}
	if (len < 0) {
		snprintf(text, size, "%llu", id);
		return false;
	}
	path[len] = 0;
	skip = strlen(cgroup_mount());
	snprintf(text, size, "%s", path[skip] ? path + skip : "/");
	return true;
}

/* Above the mount there are other file systems, or the same directory again. */
void cgroup_above(int fd, __u64 above[CGG_LEVELS])
{
	int at = dup(fd);

	memset(above, 0, CGG_LEVELS * sizeof(*above));
	for (int i = 0; i < CGG_LEVELS && at >= 0; i++) {
		int parent = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct statfs fs;
		struct stat st;
		bool inside = !fstatfs(at, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC &&
			      !fstat(at, &st) && (!i || above[i - 1] != st.st_ino);

		close(at);
		at = parent;
		if (!inside)
			break;
		above[i] = st.st_ino;
	}
	if (at >= 0)
		close(at);
}

/* cgroup_is_below - asked for each record of a backlog: the last answers are kept */
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
