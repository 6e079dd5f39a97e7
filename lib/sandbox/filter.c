// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * filter.c - the seccomp filter of cgg-run, for system calls that bypass all hooks.
 *
 * A rule compares an int as the kernel does: it ignores the upper half of the register. Each
 * rule also applies to 32-bit calls and x32. There, socketcall(2) has the family in memory,
 * which a filter cannot read: libseccomp then denies all calls that make sockets through it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define INT(n, value) SCMP_CMP(n, SCMP_CMP_MASKED_EQ, 0xffffffff, value)
#define NO_FAMILY SCMP_ACT_ERRNO(EAFNOSUPPORT) /* the error of a kernel without the family */

/* The other instruction sets that a kernel of the native one runs. */
static const struct {
	uint32_t native, other[2];
} arches[] = {
	{ SCMP_ARCH_X86_64, { SCMP_ARCH_X86, SCMP_ARCH_X32 } },
	{ SCMP_ARCH_AARCH64, { SCMP_ARCH_ARM } },
	{ SCMP_ARCH_S390X, { SCMP_ARCH_S390 } },
	{ SCMP_ARCH_PPC64, { SCMP_ARCH_PPC } },
	{ SCMP_ARCH_MIPS64, { SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64N32 } },
	{ SCMP_ARCH_MIPSEL64, { SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64N32 } },
};

/*
 * The filter allows the socket families that hooks see, and NETLINK_ROUTE of netlink, which
 * getaddrinfo(3) needs. It denies all others, including families of later kernels.
 */
static const struct {
	int family;
	unsigned keep; /* the KEEP_ bit that allows this family; ~0: always allowed */
} families[] = {
	{ AF_UNIX, ~0u },
	{ AF_INET, ~0u },
	{ AF_INET6, ~0u },
	{ AF_NETLINK, ~0u },
	{ AF_VSOCK, KEEP_VSOCK },
	{ AF_PACKET, KEEP_PACKET },
	{ 44 /* AF_XDP */, KEEP_XDP },
	{ AF_ALG, KEEP_ALG },
};
#define FAMILIES 64 /* a power of two above all families; one rule a bit denies the rest */

static const int makes_sockets[] = { SCMP_SYS(socket), SCMP_SYS(socketpair) };

static bool is_allowed(int family, unsigned keep)
{
	for (size_t i = 0; i < COUNT(families); i++)
		if (families[i].family == family)
			return families[i].keep & keep || families[i].keep == ~0u;
	return false;
}

/* Return whether glibc makes sockets by socketcall(2): a filter can only deny all or none then. */
static bool hides_families(void)
{
	uint32_t arch = seccomp_arch_native();

	return arch == SCMP_ARCH_X86 || arch == SCMP_ARCH_S390 || arch == SCMP_ARCH_S390X;
}

static int add_families(scmp_filter_ctx filter, unsigned keep)
{
	int error = 0;

	if (keep & KEEP_FAMILIES || hides_families())
		return 0;
	for (size_t i = 0; i < COUNT(makes_sockets); i++) {
		for (int family = 0; !error && family < FAMILIES; family++)
			if (!is_allowed(family, keep))
				error = seccomp_rule_add(filter, NO_FAMILY, makes_sockets[i], 1,
							 INT(0, (__u32)family));
		/* One rule for each higher bit: a comparison would read the upper half, too. */
		for (__u32 bit = FAMILIES; !error && bit; bit <<= 1)
			error = seccomp_rule_add(filter, NO_FAMILY, makes_sockets[i], 1,
						 SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
		for (__u32 bit = 1; !error && bit && !(keep & KEEP_NETLINK); bit <<= 1)
			error = seccomp_rule_add(filter, NO_FAMILY, makes_sockets[i], 2,
						 INT(0, AF_NETLINK),
						 SCMP_A2(SCMP_CMP_MASKED_EQ, bit, bit));
	}
	return error;
}

/*
 * Deny ioctls that inject input into the terminal, which the shell outside reads next: TIOCSTI
 * types characters, TIOCLINUX pastes.
 */
static int add_tty(scmp_filter_ctx filter, unsigned keep)
{
	static const __u32 requests[] = { TIOCSTI, TIOCLINUX };
	int error = 0;

	for (size_t i = 0; i < COUNT(requests) && !(keep & KEEP_TTY) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
					 INT(1, requests[i]));
	return error;
}

/*
 * io_uring makes sockets of any family without socket(2). For request_key(2) the kernel starts a
 * program in the root cgroup, which may ask DNS for the name in the call. After chroot(2) or a
 * mount, a path that a rule allows can lead to another socket. Landlock denies mounts, too, where
 * it works.
 */
static const struct {
	const char *name;
	unsigned keep;
	__u32 error;
} calls[] = {
	{ "io_uring_setup", KEEP_IO_URING, ENOSYS },
	{ "io_uring_enter", KEEP_IO_URING, ENOSYS },
	{ "io_uring_register", KEEP_IO_URING, ENOSYS },
	{ "request_key", KEEP_KEYS, ENOSYS },
	{ "chroot", KEEP_CHROOT, EPERM },
	{ "mount", KEEP_MOUNT_CALLS, EPERM },
	{ "umount", KEEP_MOUNT_CALLS, EPERM },
	{ "umount2", KEEP_MOUNT_CALLS, EPERM },
	{ "pivot_root", KEEP_MOUNT_CALLS, EPERM },
	{ "move_mount", KEEP_MOUNT_CALLS, EPERM },
	{ "open_tree", KEEP_MOUNT_CALLS, EPERM },
	{ "fsopen", KEEP_MOUNT_CALLS, EPERM },
	{ "fspick", KEEP_MOUNT_CALLS, EPERM },
	{ "fsmount", KEEP_MOUNT_CALLS, EPERM },
	{ "mount_setattr", KEEP_MOUNT_CALLS, EPERM },
};

static int add_calls(scmp_filter_ctx filter, unsigned keep)
{
	int error = 0;

	for (size_t i = 0; i < COUNT(calls) && !error; i++) {
		int number = seccomp_syscall_resolve_name(calls[i].name);

		if (keep & calls[i].keep)
			continue;
		error = number == __NR_SCMP_ERROR
				? -ENOSYS
				: seccomp_rule_add(filter, SCMP_ACT_ERRNO(calls[i].error), number,
						   0);
	}
	return error;
}

static int add_arches(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < COUNT(arches); i++)
		for (int j = 0; j < 2 && !error; j++)
			if (arches[i].native == seccomp_arch_native() && arches[i].other[j])
				error = seccomp_arch_add(filter, arches[i].other[j]);
	return error;
}

/* Export the filter as a classic BPF program; the caller frees program->filter. */
static int export(scmp_filter_ctx filter, struct sock_fprog *program)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int error = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	struct stat st = { 0 };

	if (!error && (fstat(fd, &st) || !(program->filter = malloc((size_t)st.st_size)) ||
		       pread(fd, program->filter, (size_t)st.st_size, 0) != st.st_size))
		error = -errno;
	program->len = (unsigned short)((size_t)st.st_size / sizeof(*program->filter));
	if (fd >= 0)
		close(fd);
	return error;
}

int shut_filter(unsigned keep, struct sock_fprog *program)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter ? add_arches(filter) : -ENOMEM;

	*program = (struct sock_fprog){ 0 };
	if (!error)
		error = add_families(filter, keep);
	if (!error)
		error = add_tty(filter, keep);
	if (!error)
		error = add_calls(filter, keep);
	if (!error)
		error = export(filter, program);
	seccomp_release(filter);
	errno = -error;
	return error ? -1 : 0;
}

/*
 * Load the filter into this process. seccomp_load() would also set no_new_privs, which --keep
 * privs forbids.
 */
int filter_load(unsigned keep)
{
	struct sock_fprog program;
	int error = shut_filter(keep, &program) ? errno : 0;

	if (!error && prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, &program))
		error = errno;
	free(program.filter);
	errno = error;
	return error ? -1 : 0;
}
