// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * shut.c - closes the ways around a guard that no hook sees, for one process and its children.
 *
 * cgg-run does this between clone(2) and execve(2). If one cannot be closed, it fails and names
 * the word of --keep that leaves it open on purpose. It skips only the scopes of Landlock on a
 * kernel that does not have them.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <mntent.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sandbox.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* The words of --keep. */
static const struct {
	const char *word;
	unsigned bits;
} keeps[] = {
	{ "fds", KEEP_FDS },
	{ "privs", KEEP_PRIVS },
	{ "caps", KEEP_CAPS },
	{ "scopes", KEEP_SCOPES },
	{ "mounts", KEEP_MOUNTS },
	{ "mounting", KEEP_MOUNTING },
	{ "chroot", KEEP_CHROOT },
	{ "tty", KEEP_TTY },
	{ "io_uring", KEEP_IO_URING },
	{ "keys", KEEP_KEYS },
	{ "families", KEEP_FAMILIES },
	{ "vsock", KEEP_VSOCK },
	{ "packet", KEEP_PACKET },
	{ "xdp", KEEP_XDP },
	{ "alg", KEEP_ALG },
	{ "netlink", KEEP_NETLINK },
	{ "all", ~0u },
};

/* The capabilities that allow a process to remove a guard, or to bypass it. */
static const struct {
	const char *word;
	int number;
} caps[] = {
	{ "net_raw", CAP_NET_RAW }, /* packet sockets, which no hook sees */
	{ "net_admin", CAP_NET_ADMIN }, /* tunnels; detaches programs of the network hooks */
	{ "sys_admin", CAP_SYS_ADMIN }, /* detaches programs, mounts cgroupfs and bpffs */
	{ "bpf", CAP_BPF }, /* opens maps and links by their ids */
	{ "perfmon", CAP_PERFMON }, /* reads and overrides the kernel by probes */
	{ "sys_ptrace", CAP_SYS_PTRACE }, /* controls processes outside of the guard */
	{ "mknod", CAP_MKNOD }, /* makes the node of a disk, if no device rule denies it */
	{ "syslog", CAP_SYSLOG }, /* reveals addresses of the kernel */
	{ "sys_module", CAP_SYS_MODULE }, /* adds code to the kernel */
	{ "sys_rawio", CAP_SYS_RAWIO }, /* accesses memory by I/O ports and /dev/mem */
	{ "sys_boot", CAP_SYS_BOOT }, /* starts another kernel with kexec */
	{ "dac_read_search", CAP_DAC_READ_SEARCH }, /* opens files by handle, outside of mounts */
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int keep_word(struct cgg_shut *shut, const char *word, size_t len)
{
	for (size_t i = 0; i < COUNT(keeps); i++)
		if (strlen(keeps[i].word) == len && !strncmp(keeps[i].word, word, len)) {
			shut->keep |= keeps[i].bits;
			return 0;
		}
	for (size_t i = 0; i < COUNT(caps); i++)
		if (strlen(caps[i].word) == len && !strncmp(caps[i].word, word, len)) {
			shut->keep_caps |= 1ull << caps[i].number;
			return 0;
		}
	return set_error(
		CGG_USAGE,
		"%.*s: not a word of --keep (fds, privs, caps, scopes, mounts, mounting, "
		"chroot, tty, io_uring, keys, families, vsock, packet, xdp, alg, netlink, all, "
		"or a capability like net_raw)",
		(int)(len < 80 ? len : 80), word);
}

int shut_keep(struct cgg_shut *shut, const char *words)
{
	int status = 0;

	for (size_t len; !status; words += len + 1) {
		len = strcspn(words, ",");
		status = keep_word(shut, words, len);
		if (!words[len])
			break;
	}
	return status;
}

/* Look up a user and its groups early: a name service may need files and sockets. */
int shut_user(struct cgg_shut *shut, const char *name)
{
	/* A user id without an entry gets the group of the same number, and no others. */
	static char root[] = "/", shell[] = "/bin/sh";
	static struct passwd unknown = { .pw_dir = root, .pw_shell = shell };
	struct passwd *user = getpwnam(name);
	unsigned long number;
	gid_t *groups = 0, *more;
	int count = 64, room;

	if (!user && !number_parse(&number, name, strlen(name), 0xfffffffe)) {
		unknown.pw_name = (char *)(size_t)name;
		unknown.pw_uid = unknown.pw_gid = (uid_t)number;
		user = getpwuid((uid_t)number);
		user = user ? user : &unknown;
	}
	if (!user)
		return set_error(CGG_USAGE, "-u %.80s: no such user", name);
	do {
		room = count;
		more = reallocarray(groups, (size_t)room, sizeof(*groups));
		if (!more) {
			free(groups);
			return set_error(CGG_FAILED, "out of memory");
		}
		groups = more;
	} while (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0 && count > room);
	shut->user = user;
	shut->groups = groups;
	shut->group_count = (size_t)count;
	return 0;
}

/* Set an error about `what` from errno, and name the word of --keep that leaves it open. */
static int shut_failed(const char *what, const char *word)
{
	return set_error(CGG_FAILED, "%s: %s; --keep %s leaves it open", what, strerror(errno),
			 word);
}

/* Return whether dir shows a file system of this type; another mount may cover it. */
static bool is_there(const char *dir, unsigned long magic)
{
	struct statfs fs;

	return !statfs(dir, &fs) && (unsigned long)fs.f_type == magic;
}

/* Call back for each mount of a type, until a call does not return 0. Return its status. */
static int each_mount(const char *type, int (*call)(const char *dir))
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	/* Read the whole list first, because callbacks unmount. */
	size_t size;
	char *text = mounts ? slurp(mounts, &size) : 0;
	struct mntent *entry;
	int status = 0;

	if (mounts)
		endmntent(mounts);
	if (!text)
		return shut_failed("/proc/self/mounts", "mounts");
	mounts = fmemopen(text, size + 1, "r");
	while (mounts && !status && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, type))
			status = call(entry->mnt_dir);
	if (mounts)
		fclose(mounts);
	free(text);
	return mounts ? status : shut_failed("/proc/self/mounts", "mounts");
}

static int read_only(const char *dir)
{
	struct statvfs fs;
	unsigned long same;

	if (!is_there(dir, CGROUP2_SUPER_MAGIC) && !is_there(dir, CGROUP_SUPER_MAGIC))
		return 0;
	if (statvfs(dir, &fs))
		return shut_failed(dir, "mounts");
	same = fs.f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
	return mount(0, dir, 0, MS_REMOUNT | MS_BIND | MS_RDONLY | same, 0)
		       ? shut_failed(dir, "mounts")
		       : 0;
}

static int gone(const char *dir)
{
	while (is_there(dir, BPF_FS_MAGIC))
		if (umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW))
			return shut_failed(dir, "mounts");
	return 0;
}

/*
 * Hide bpffs and make cgroup mounts read-only, in a private mount namespace.
 *
 * Root needs no capability to write cgroup.procs or a v1 release_agent, to remove a pin or to
 * write a pinned map. Private propagation keeps later mounts from outside away.
 */
static int shut_mounts(void)
{
	int status;

	if (unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0))
		return shut_failed("a mount namespace", "mounts");
	status = each_mount("bpf", gone);
	if (!status)
		status = each_mount("cgroup2", read_only);
	return status ? status : each_mount("cgroup", read_only);
}

/* The attributes of Landlock ABI 6 (Linux 6.12), which older headers lack. */
struct ruleset {
	__u64 fs, net, scoped;
};
#define SCOPE_ABSTRACT_UNIX_SOCKET 1
#define SCOPE_SIGNAL 2

/* Return the ABI version of Landlock, or -1. */
static int landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* Allow the handled file rights everywhere: the domain handles them only to deny mounts. */
static int allow_everywhere(int ruleset, __u64 rights)
{
	struct landlock_path_beneath_attr root = { .allowed_access = rights };
	int status, error;

	root.parent_fd = open("/", O_PATH | O_CLOEXEC);
	status = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &root, 0);
	error = errno;
	close(root.parent_fd);
	errno = error;
	return status;
}

/*
 * Return whether to enter a Landlock domain. --keep scopes excludes any domain, since each one
 * restricts ptrace(2).
 */
static bool has_domain(const struct cgg_shut *shut, int abi)
{
	return abi >= 2 && !(shut->keep & KEEP_SCOPES);
}

/*
 * Enter a Landlock domain. A process inside cannot trace one outside, even of the same user, so
 * it cannot take its descriptors or enter its /proc/PID/root. A domain that handles a file
 * right also denies mounts, even in a user namespace. Before ABI 6 a domain must handle a file
 * right; before ABI 2 a domain breaks rename(2).
 */
static int shut_landlock(const struct cgg_shut *shut, int abi)
{
	struct ruleset rules = { 0 };
	int fd, error = 0;

	if (!has_domain(shut, abi))
		return 0;
	if (abi >= 6)
		rules.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	if (abi < 6 || !(shut->keep & KEEP_MOUNTING))
		rules.fs = LANDLOCK_ACCESS_FS_REFER;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules,
			  abi >= 6 ? sizeof(rules) : sizeof(__u64), 0);
	if (fd < 0)
		return shut_failed("Landlock", "scopes");
	if ((rules.fs && allow_everywhere(fd, rules.fs)) ||
	    syscall(SYS_landlock_restrict_self, fd, 0))
		error = errno;
	close(fd);
	errno = error;
	return error ? shut_failed("Landlock", "scopes") : 0;
}

/* Return the KEEP_ bits for the filter. */
static unsigned calls_kept(const struct cgg_shut *shut, int abi)
{
	bool root = shut->user ? !shut->user->pw_uid : !geteuid();
	unsigned keep = shut->keep & ~(unsigned)KEEP_MOUNT_CALLS;

	/* Root can replace any socket without chroot(2), so denying it to root gains nothing. */
	if (root)
		keep |= KEEP_CHROOT;
	if (has_domain(shut, abi) || keep & KEEP_MOUNTING)
		keep |= KEEP_MOUNT_CALLS;
	return keep;
}

static __u64 lost_caps(const struct cgg_shut *shut)
{
	__u64 lost = 0;

	for (size_t i = 0; i < COUNT(caps); i++)
		lost |= 1ull << caps[i].number;
	return shut->keep & KEEP_CAPS ? 0 : lost & ~shut->keep_caps;
}

/*
 * Drop capabilities from the bounding set, so that no executable brings them back. This needs
 * CAP_SETPCAP; without it no_new_privs has the same effect.
 */
static int shut_bounding(const struct cgg_shut *shut)
{
	__u64 lost = lost_caps(shut);

	for (int cap = 0; cap < 64; cap++)
		if (lost & 1ull << cap && prctl(PR_CAPBSET_DROP, cap) &&
		    (errno != EPERM || shut->keep & KEEP_PRIVS))
			return shut_failed("capabilities", "caps");
	return 0;
}

static int shut_caps(const struct cgg_shut *shut)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2];
	__u64 lost = lost_caps(shut);

	if (!lost)
		return 0;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &head, set))
		return shut_failed("capabilities", "caps");
	for (int i = 0; i < 2; i++) {
		__u32 keep = (__u32) ~(lost >> 32 * i);

		set[i].effective &= keep;
		set[i].permitted &= keep;
		set[i].inheritable &= keep;
	}
	return syscall(SYS_capset, &head, set) ? shut_failed("capabilities", "caps") : 0;
}

static int become(const struct cgg_shut *shut)
{
	const struct passwd *user = shut->user;

	if (!user)
		return 0;
	if (setgroups(shut->group_count, shut->groups) || setgid(user->pw_gid) ||
	    setuid(user->pw_uid))
		return set_error(CGG_FAILED, "-u %s: %s", user->pw_name, strerror(errno));
	return 0;
}

/*
 * Apply all restrictions. The order matters: mounts, Landlock, seccomp and the bounding set need
 * privileges that the change of user and of the capability sets drops.
 */
int shut_all(const struct cgg_shut *shut)
{
	int abi = landlock_abi(), status = 0;

	if (!(shut->keep & KEEP_MOUNTS))
		status = shut_mounts();
	if (!status && !(shut->keep & KEEP_PRIVS) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		status = shut_failed("no_new_privs", "privs");
	if (!status)
		status = shut_landlock(shut, abi);
	if (!status && shut->keep != ~0u && filter_load(calls_kept(shut, abi)))
		status = shut_failed("seccomp", "families,io_uring,keys,chroot,mounting,tty");
	if (!status)
		status = shut_bounding(shut);
	if (!status)
		status = become(shut);
	if (!status)
		status = shut_caps(shut);
	if (!status && !(shut->keep & KEEP_FDS) && syscall(SYS_close_range, 3, ~0u, 0))
		status = shut_failed("descriptors", "fds");
	return status;
}
