// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * pin.c - opens and checks the pins of the guard below /sys/fs/bpf/cgguard.
 *
 * Everyone can write to the root of a bpffs (mode 1777). So the directory is used only if it
 * belongs to this user or root, and nobody else may enter it: then nobody else can change paths
 * below it. The lock of the guard is flock(2) on this directory.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pins.h"

int pin_check(int dir, const char *path)
{
	struct statfs fs;
	struct stat st;

	if (fstat(dir, &st) || fstatfs(dir, &fs))
		return set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	if (fs.f_type != BPF_FS_MAGIC)
		return set_error(CGG_FAILED, "%s: not on a bpffs; mount -t bpf bpf %s", path,
				 CGG_BPFFS);
	if (st.st_uid != geteuid() && st.st_uid)
		return set_error(CGG_FAILED, "%s: belongs to uid %u, not to this user; remove it",
				 path, st.st_uid);
	if (st.st_mode & 077)
		return set_error(CGG_FAILED,
				 "%s: other users may enter it (mode %04o); chmod 700 %s", path,
				 st.st_mode & 07777u, path);
	return 0;
}

int pin_directory(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * If the pin is a link, end its effect.
 *
 * The kernel frees an unlinked link some time later, but bpf_link_detach() ends its effect at
 * once. So a removed guard enforces nothing when the command returns.
 */
static void link_end(const char *path)
{
	int pin = bpf_obj_get(path);

	if (pin < 0)
		return;
	bpf_link_detach(pin); /* fails for maps and programs, and for a link without a cgroup */
	close(pin);
}

/*
 * Remove everything below dir, whose path this is, that can be removed; links end before their
 * pins go. Return 0, or the errno of a failure.
 */
static int remove_below(int dir, const char *path)
{
	DIR *list = fdopendir(dup(dir));
	struct dirent *entry;
	int why = 0;

	if (!list)
		return errno;
	rewinddir(list);
	while ((entry = readdir(list))) {
		const char *name = entry->d_name;
		char there[PATH_MAX];
		int below, error = 0;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		snprintf(there, sizeof(there), "%s/%s", path, name);
		if (entry->d_type != DT_DIR)
			link_end(there);
		if (!unlinkat(dir, name, 0))
			continue;
		below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			error = errno;
		else
			error = remove_below(below, there);
		if (!error && unlinkat(dir, name, AT_REMOVEDIR))
			error = errno;
		if (below >= 0)
			close(below);
		if (error)
			why = error;
	}
	closedir(list);
	return why;
}

static int try_to_remove(const char *path)
{
	int dir = pin_directory(path), why;

	if (dir < 0)
		return errno == ENOENT ? 0 : errno;
	why = remove_below(dir, path);
	close(dir);
	return why || !rmdir(path) ? why : errno;
}

/* Remove a directory of pins. Try twice: a removal cannot be undone, so it should be finished. */
int pin_remove(const char *path)
{
	int why = try_to_remove(path);

	if (why)
		why = try_to_remove(path);
	return why ? set_error(CGG_FAILED, "%s: %s", path, strerror(why)) : 0;
}

/*
 * Call is_ours(path) for each cgguard-new-PID directory that a killed command left, and return
 * whether a call returned true. Living commands lock theirs, so those are skipped.
 */
static bool siblings(bool is_ours(const char *path))
{
	bool any = false;
	glob_t found;

	if (glob(CGG_SIBLING "*", 0, 0, &found))
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int dir = pin_directory(found.gl_pathv[i]);

		if (dir >= 0 && !pin_check(dir, found.gl_pathv[i]) &&
		    !flock(dir, LOCK_EX | LOCK_NB))
			any |= is_ours(found.gl_pathv[i]);
		if (dir >= 0)
			close(dir);
	}
	globfree(&found);
	return any;
}

static bool is_removed(const char *path)
{
	return !pin_remove(path);
}

void siblings_sweep(void)
{
	siblings(is_removed);
}

static bool holds_cgroups(const char *path)
{
	char links[256];
	glob_t found;
	bool any;

	snprintf(links, sizeof(links), "%s/links/*/*", path);
	any = !glob(links, 0, 0, &found);
	globfree(&found);
	return any;
}

static int object_get(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), CGG_DIR "/%s", name);
	return bpf_obj_get(path);
}

/* ---- checks that pins belong to one guard: another tool may have replaced some ---- */

#define HELD 64

struct holder { /* a program and the maps that it uses */
	char name[BPF_OBJ_NAME_LEN];
	__u32 count, map[HELD];
};

/* Read the maps of a program. Return 0 or an errno. An fd that is not a program has no maps. */
static int holder_read(struct holder *holder, int program)
{
	struct bpf_prog_info info = { .nr_map_ids = HELD, .map_ids = (__u64)(size_t)holder->map };
	__u32 len = sizeof(info);

	memset(holder, 0, sizeof(*holder));
	if (bpf_obj_get_info_by_fd(program, &info, &len))
		return errno;
	memcpy(holder->name, info.name, sizeof(holder->name));
	holder->count = info.nr_map_ids < HELD ? info.nr_map_ids : HELD;
	return 0;
}

static bool uses_map(const struct holder *holder, __u32 map)
{
	for (__u32 i = 0; map && i < holder->count; i++)
		if (holder->map[i] == map)
			return true;
	return false;
}

/* Compare with a name as the kernel stores it: cut to 15 bytes. */
static bool has_name(const char given[BPF_OBJ_NAME_LEN], const char *name)
{
	return !strncmp(given, name, BPF_OBJ_NAME_LEN - 1);
}

/* Read the id of a map. Return 0 or an errno; ESTALE: not a map with this name. */
static int map_id(int fd, const char *name, __u32 *id)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	*id = 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return errno;
	if (!has_name(info.name, name))
		return ESTALE;
	*id = info.id;
	return 0;
}

/*
 * Return 0 if a pinned program uses the map, or if no program is pinned at all; else ESTALE or
 * another errno.
 *
 * Ids are never reused, so the last program can be cached.
 */
static int map_check(int fd, const char *name)
{
	static struct holder holder;
	__u32 id;
	int error = map_id(fd, name, &id), unknown = 0;
	bool any = false;

	if (error || uses_map(&holder, id))
		return error;
	for (int i = 0; i < CGG_PROGRAMS; i++) {
		char path[64];
		int program;

		snprintf(path, sizeof(path), "progs/%s", cgg_programs[i].name);
		program = object_get(path);
		if (program < 0) {
			if (errno != ENOENT && errno != EACCES) /* EACCES: a directory */
				unknown = errno;
			continue;
		}
		any = true;
		error = holder_read(&holder, program);
		close(program);
		if (uses_map(&holder, id))
			return 0;
		if (error)
			unknown = error;
	}
	return unknown ? unknown : any ? ESTALE : 0;
}

/* Return 0 if the program has this name and uses the pinned map policies, else an errno. */
static int program_check(int fd, const char *name)
{
	int policies = object_get("maps/policies"), error;
	struct holder holder;
	__u32 id;

	if (policies < 0)
		return errno == ENOENT ? ESTALE : errno;
	error = map_id(policies, "policies", &id);
	close(policies);
	if (!error)
		error = holder_read(&holder, fd);
	if (error)
		return error;
	return has_name(holder.name, name) && uses_map(&holder, id) ? 0 : ESTALE;
}

/* Return 0 if fd is the guard's own object, ESTALE if not, or the errno of a check that failed. */
static int own_check(int fd, const char *name)
{
	if (!strncmp(name, "maps/", 5))
		return map_check(fd, name + 5);
	if (!strncmp(name, "progs/", 6))
		return program_check(fd, name + 6);
	return 0;
}

/*
 * Open a pin of the guard. Return an fd, or -1 with errno; ESTALE: another object is pinned there.
 *
 * Only ESTALE and ENOENT mean that a pin is lost. A check that fails proves nothing, so callers
 * get its own errno and must not treat the pin as missing.
 *
 * cgg-load binds the maps that only commands use to every program, so that they can be checked,
 * too. The caller checks links, because it knows their cgroups.
 */
int pin_get(const char *name)
{
	int fd = object_get(name), error;

	if (fd < 0)
		return fd;
	error = own_check(fd, name);
	errno = error;
	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

int pin_refusal(const char *name)
{
	bool map = !strncmp(name, "maps/", 5);

	if (errno == EPERM || errno == EACCES)
		return set_error(CGG_FAILED,
				 CGG_DIR "/%s: needs root, or CAP_BPF and CAP_NET_ADMIN", name);
	if (errno == ESTALE)
		return set_error(CGG_FAILED, CGG_DIR "/%s: not the %s of this guard; run %s", name,
				 map ? "map" : "program",
				 map ? "cgg-unload -f and cgg-load" : "cgg-load -r");
	if (errno != ENOENT && errno != EINVAL)
		return set_error(CGG_FAILED, CGG_DIR "/%s: %s", name, strerror(errno));
	return set_error(CGG_FAILED, CGG_DIR "/%s: %s; run %s", name, strerror(errno),
			 map ? "cgg-unload -f and cgg-load" : "cgg-load -r");
}

/* Return the layout of the guard, or -1 with errno; ESTALE: not the map version. */
int version_read(void)
{
	int fd = pin_get("version"), error = 0;
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), key = 0, version = 0;

	if (fd < 0)
		return -1;
	/* Check the sizes first: another tool's map may have values longer than `version`. */
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		error = errno;
	else if (!has_name(info.name, "version") || info.key_size != sizeof(key) ||
		 info.value_size != sizeof(version))
		error = ESTALE;
	else if (bpf_map_lookup_elem(fd, &key, &version))
		error = errno;
	close(fd);
	errno = error;
	return error ? -1 : (int)version;
}

int programs_loaded(unsigned *programs)
{
	const __u32 key = CGG_VERSION_PROGRAMS;
	int fd = pin_get("version"), status = 0;

	if (fd < 0)
		return pin_refusal("version");
	if (bpf_map_lookup_elem(fd, &key, programs))
		status = set_error(CGG_FAILED, CGG_DIR "/version: %s", strerror(errno));
	close(fd);
	return status;
}

/* Store the set of loaded programs for programs_loaded(). */
int programs_record(unsigned programs)
{
	const __u32 key = CGG_VERSION_PROGRAMS;
	int fd = pin_get("version"), status = 0;

	if (fd < 0)
		return pin_refusal("version");
	if (bpf_map_update_elem(fd, &key, &programs, BPF_EXIST))
		status = set_error(CGG_FAILED, CGG_DIR "/version: %s", strerror(errno));
	close(fd);
	return status;
}

/* Set the error for a pin directory that does not open. */
static int open_refusal(int error)
{
	struct statfs fs;
	struct stat st;

	if (error == EACCES || error == EPERM)
		return set_error(CGG_FAILED, CGG_DIR ": needs root");
	if (error == ENOENT && !statfs(CGG_BPFFS, &fs) && fs.f_type != BPF_FS_MAGIC)
		return set_error(CGG_FAILED,
				 "not loaded, and no bpffs on " CGG_BPFFS "; run cgg-load first");
	if (error == ENOENT && siblings(holds_cgroups))
		return set_error(CGG_FAILED,
				 "not loaded, but a killed cgg-unload left rules in force; "
				 "run cgg-unload or cgg-load");
	if (error == ENOENT)
		return set_error(CGG_FAILED, "not loaded; run cgg-load first");
	if (!lstat(CGG_DIR, &st) && !S_ISDIR(st.st_mode))
		return set_error(CGG_FAILED,
				 CGG_DIR ": not a directory, and made by uid %u; remove it",
				 st.st_uid);
	return set_error(CGG_FAILED, CGG_DIR ": %s", strerror(error));
}

/*
 * Open and lock the pin directory. Retry when another command renamed it while this one waited
 * for the lock.
 */
static int locked_directory(struct cgg_guard *guard, enum cgg_open how)
{
	for (;;) {
		struct stat ours, there;
		int status;

		guard->dir = pin_directory(CGG_DIR);
		if (guard->dir < 0)
			return open_refusal(errno);
		status = pin_check(guard->dir, CGG_DIR);
		if (status)
			return status;
		status = lock_take(guard->dir, how);
		if (status)
			return status;
		if (!fstat(guard->dir, &ours) && !stat(CGG_DIR, &there) &&
		    ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
			return 0;
		close(guard->dir);
	}
}

static int map_get(int *fd, const char *name)
{
	*fd = pin_get(name);
	return *fd < 0 ? pin_refusal(name) : 0;
}

static int version_check(void)
{
	int version = version_read();

	if (version == CGG_LAYOUT)
		return 0;
	if (version < 0 && errno != ENOENT && errno != ESTALE && errno != EACCES)
		return set_error(CGG_FAILED, CGG_DIR "/version: %s", strerror(errno));
	if (version < 0)
		return set_error(CGG_FAILED,
				 CGG_DIR "/version: missing, or not the map of this guard; "
					 "run cgg-unload -f and cgg-load");
	return set_error(CGG_FAILED,
			 "the guard that is loaded has layout %d, this command knows %d; "
			 "run cgg-unload -f and cgg-load, or see UPGRADES in cgguard(7)",
			 version, CGG_LAYOUT);
}

int guard_open(struct cgg_guard *guard, enum cgg_open how)
{
	int policies = -1, status;

	*guard = (struct cgg_guard){ .dir = -1,
				     .how = how,
				     .image_maps = -1,
				     .tally_maps = -1,
				     .indexes = -1,
				     .attachments = -1,
				     .attached = -1 };
	pinned_forget();
	status = locked_directory(guard, how);
	if (!status)
		status = map_get(&policies, "maps/policies");
	if (!status)
		status = version_check();
	if (status)
		return status;
	guard->policies = mmap(0, sizeof(*guard->policies) * CGG_POLICIES,
			       how == CGG_CHANGE ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
			       policies, 0);
	close(policies);
	if (guard->policies == MAP_FAILED) {
		guard->policies = 0;
		return set_error(CGG_FAILED, CGG_DIR "/maps/policies: %s", strerror(errno));
	}
	status = map_get(&guard->image_maps, "maps/images");
	if (!status)
		status = map_get(&guard->tally_maps, "maps/tallies");
	if (!status)
		status = map_get(&guard->indexes, "maps/indexes");
	if (!status)
		status = map_get(&guard->attachments, "maps/attachments");
	if (!status)
		status = map_get(&guard->attached, "maps/attached");
	return status;
}

/* Close the guard. Its mappings stay until the process ends: a command opens one guard. */
void guard_close(struct cgg_guard *guard)
{
	const int fds[] = { guard->image_maps,	guard->tally_maps, guard->indexes,
			    guard->attachments, guard->attached,   guard->dir };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}
