// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tamper.c - try to change the guard from inside: tamper CGROUP LINK PROGRAM MAP
 *
 * CGROUP is the attached directory, the others are ids of objects of the guard. Prints a line
 * for each attempt: its name, and `done' or the error. Then it tries the same as root of a user
 * namespace of its own; these lines begin with `userns'.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define GUARD "/sys/fs/bpf/cgguard"

static const char *where = "";

/* tried - print the result; a descriptor, or 0, is a success */
static void tried(const char *what, int result)
{
	printf("%s%s %s\n", where, what, result >= 0 ? "done" : strerrorname_np(errno));
}

static int load(void)
{
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options,
			    .expected_attach_type = BPF_CGROUP_INET4_CONNECT);

	return bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "allow", "GPL", allow, 2, &options);
}

static int write_pid(const char *cgroup, const char *below)
{
	char path[4200];
	int file, written;

	snprintf(path, sizeof(path), "%s/%s", cgroup, below);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	written = (int)write(file, "0", 1);
	close(file);
	return written;
}

static int make_below(const char *cgroup)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/tampered", cgroup);
	return mkdir(path, 0755);
}

static void each(const char *cgroup, char **id)
{
	int dir = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__u32 next, count = 0;

	if (dir < 0)
		err(3, "%s", cgroup);
	tried("link by id", bpf_link_get_fd_by_id((__u32)atoi(id[0])));
	tried("program by id", bpf_prog_get_fd_by_id((__u32)atoi(id[1])));
	tried("map by id", bpf_map_get_fd_by_id((__u32)atoi(id[2])));
	tried("ids of links", bpf_link_get_next_id(0, &next));
	tried("programs of the cgroup",
	      bpf_prog_query(dir, BPF_CGROUP_INET4_CONNECT, 0, 0, 0, &count));
	tried("detach", bpf_prog_detach(dir, BPF_CGROUP_INET4_CONNECT));
	tried("load", load());
	tried("pin", bpf_obj_get(GUARD "/maps/policies"));
	tried("pins", open(GUARD, O_RDONLY | O_CLOEXEC));
	tried("a pin is removed", unlink(GUARD "/maps/policies"));
	tried("a pin is made", mkdir(GUARD "/links/1", 0700));
	tried("the guard is renamed", rename(GUARD, "/sys/fs/bpf/another"));
	tried("a bpffs is unmounted", umount2("/sys/fs/bpf", MNT_DETACH));
	tried("move up", write_pid(cgroup, "../cgroup.procs"));
	tried("move a thread up", write_pid(cgroup, "../cgroup.threads"));
	tried("a cgroup below", make_below(cgroup));
	tried("the cgroup is removed", rmdir(cgroup));
	tried("the root is changed", chroot("/"));
	close(dir);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		errx(2, "usage: tamper CGROUP LINK PROGRAM MAP");
	each(argv[1], argv + 2);
	fflush(stdout);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP)) {
		printf("userns none %s\n", strerrorname_np(errno));
		return 0;
	}
	where = "userns ";
	each(argv[1], argv + 2);
	return 0;
}
