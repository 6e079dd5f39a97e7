// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * pin.c - opens, checks and locks the directory of pins, /sys/fs/bpf/cgguard.
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
	if ((unsigned)fs.f_type != BPF_FS_MAGIC)
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

/* Return whether an open directory still has that path: another command may have removed it. */
bool pin_is_at(int dir, const char *path)
{
	struct stat ours, there;

	return !fstat(dir, &ours) && !stat(path, &there) && ours.st_ino == there.st_ino &&
	       ours.st_dev == there.st_dev;
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
 * Call is_ours(dir, path) for each cgguard-new-PID directory that a killed command left, and return
 * whether a call returned true. Living commands lock theirs, so those are skipped. The directory is
 * locked for reading: commands that look at it at once do not take each other for its owner.
 */
static bool siblings(bool is_ours(int dir, const char *path))
{
	bool any = false;
	glob_t found;

	if (glob(CGG_SIBLING "*", 0, 0, &found))
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int dir = pin_directory(found.gl_pathv[i]);

		if (dir >= 0 && !pin_check(dir, found.gl_pathv[i]) &&
		    !flock(dir, LOCK_SH | LOCK_NB))
			any |= is_ours(dir, found.gl_pathv[i]);
		if (dir >= 0)
			close(dir);
	}
	globfree(&found);
	return any;
}

/* Others that look at the directory now do so briefly: wait for them. */
static bool is_removed(int dir, const char *path)
{
	return !lock_take(dir, CGG_CHANGE) && pin_is_at(dir, path) && !pin_remove(path);
}

void siblings_sweep(void)
{
	siblings(is_removed);
}

static bool holds_cgroups(int dir, const char *path)
{
	char links[256];
	glob_t found;
	bool any;

	(void)dir;
	snprintf(links, sizeof(links), "%s/links/*/*", path);
	any = !glob(links, 0, 0, &found);
	globfree(&found);
	return any;
}

/* Set the error for a pin directory that does not open. */
static int open_refusal(int error)
{
	struct statfs fs;
	struct stat st;

	if (error == EACCES || error == EPERM)
		return set_error(CGG_FAILED, CGG_DIR ": needs root");
	if (error == ENOENT && !statfs(CGG_BPFFS, &fs) && (unsigned)fs.f_type != BPF_FS_MAGIC)
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
		if (pin_is_at(guard->dir, CGG_DIR))
			return 0;
		close(guard->dir);
	}
}

bool guard_is_gone(void)
{
	return faccessat(AT_FDCWD, CGG_DIR, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT;
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

/*
 * Open the guard and lock it as `how` says. Return 0, or CGG_FAILED with cgg_error.
 *
 * Call guard_close() after a failure, too.
 */
int guard_open(struct cgg_guard *guard, enum cgg_open how)
{
	int policies = -1, status;

	*guard = (struct cgg_guard){ .dir = -1,
				     .how = how,
				     .image_maps = -1,
				     .tally_maps = -1,
				     .indexes = -1,
				     .attachments = -1,
				     .attached = -1,
				     .version = -1 };
	pinned_forget();
	tallies_close();
	status = locked_directory(guard, how);
	if (!status)
		status = map_open("policies", &policies);
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
	status = map_open("images", &guard->image_maps);
	if (!status)
		status = map_open("tallies", &guard->tally_maps);
	if (!status)
		status = map_open("indexes", &guard->indexes);
	if (!status)
		status = map_open("attachments", &guard->attachments);
	if (!status)
		status = map_open("attached", &guard->attached);
	if (!status && how == CGG_CHANGE)
		status = change_begin(guard);
	return status;
}

/*
 * Close the guard. Its mappings stay until guard_unmap(), or until the process ends.
 *
 * This ends a change. If a command ends without it, or is killed, the next change repairs
 * everything.
 */
void guard_close(struct cgg_guard *guard)
{
	const int fds[] = { guard->image_maps,	guard->tally_maps, guard->indexes,
			    guard->attachments, guard->attached,   guard->version,
			    guard->dir };

	if (guard->version >= 0)
		change_end(guard);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}
