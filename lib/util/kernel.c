// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * kernel.c - its version, and calls that not every C library has: musl 1.2.3 lacks renameat2(2)
 * and statx(2).
 *
 * The kernel's headers are included alone here: those of a C library may define the same structs.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util.h"

/* Rename a file; fail with EEXIST if the new name exists. */
int rename_new(const char *from, const char *to)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

/* Exchange the names of two files in one step. */
int rename_exchange(const char *one, const char *other)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

/* Set *id to the number of the mount that a path leads to; return false if the kernel hides it. */
bool mount_id(const char *path, __u64 *id)
{
	struct statx st;

	if (syscall(SYS_statx, AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) ||
	    !(st.stx_mask & STATX_MNT_ID))
		return false;
	*id = st.stx_mnt_id;
	return true;
}

/* Return whether this is Linux major.minor or later: for what the kernel has no other sign of. */
bool kernel_since(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned is[2];

	if (uname(&name) || sscanf(name.release, "%u.%u", &is[0], &is[1]) != 2)
		return false;
	return is[0] > major || (is[0] == major && is[1] >= minor);
}
