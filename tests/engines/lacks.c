// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * lacks.c - run a command on a kernel that seems to lack something: lacks WHAT... -- COMMAND...
 *
 * What bpf(2) is asked to load is inspected, and refused as such a kernel refuses it:
 *	cgroups		programs for cgroups (CONFIG_CGROUP_BPF)
 *	jit		programs that call kernel functions or pass functions
 *	reads		programs that read kernel memory (lockdown=confidentiality)
 *	point:NAME	everything for the attach point of the program NAME
 *	functions	type information of functions with global linkage
 *	program:NAME	the program NAME, with EINVAL; program:NAME:EPERM: with EPERM
 *
 * A seccomp filter hands each bpf(2) to this process, which reads its arguments.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <err.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/cgg.h"

#define INSNS_MOST 65536

static char **lacking;

static bool peek(pid_t pid, unsigned long long from, void *to, size_t size)
{
	struct iovec here = { to, size }, there = { (void *)(size_t)from, size };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static bool is_for_cgroups(const union bpf_attr *attr)
{
	for (int i = 0; i < CGG_PROGRAMS; i++)
		if ((int)attr->prog_type == cgg_programs[i].type)
			return true;
	return false;
}

static bool needs_jit(const struct bpf_insn *insn)
{
	return (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_KFUNC_CALL) ||
	       (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC);
}

static bool reads_kernel(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg &&
	       (insn->imm == BPF_FUNC_probe_read_kernel ||
		insn->imm == BPF_FUNC_probe_read_kernel_str);
}

/* any - return whether an instruction of the program is one of those */
static bool any(pid_t pid, const union bpf_attr *attr, bool (*is)(const struct bpf_insn *insn))
{
	static struct bpf_insn insns[INSNS_MOST];

	if (attr->insn_cnt > INSNS_MOST ||
	    !peek(pid, attr->insns, insns, attr->insn_cnt * sizeof(*insns)))
		errx(125, "a program that cannot be read");
	for (__u32 i = 0; i < attr->insn_cnt; i++)
		if (is(&insns[i]))
			return true;
	return false;
}

/* is_point - return whether the program is for the attach point of that one */
static bool is_point(const union bpf_attr *attr, const char *name)
{
	for (int i = 0; i < CGG_PROGRAMS; i++)
		if (!strcmp(cgg_programs[i].name, name))
			return (int)attr->prog_type == cgg_programs[i].type &&
			       (int)attr->expected_attach_type == cgg_programs[i].attach;
	errx(2, "%s: no such program", name);
}

/* has_global - return whether the type information to load has a function with global linkage */
static bool has_global(pid_t pid, const union bpf_attr *attr)
{
	void *data = malloc(attr->btf_size);
	bool found = false;
	struct btf *btf;

	if (!data || !peek(pid, attr->btf, data, attr->btf_size))
		errx(125, "type information that cannot be read");
	btf = btf__new(data, attr->btf_size);
	for (__u32 i = 1; btf && !found && i < btf__type_cnt(btf); i++) {
		const struct btf_type *type = btf__type_by_id(btf, i);

		found = btf_is_func(type) && btf_vlen(type) == BTF_FUNC_GLOBAL;
	}
	btf__free(btf);
	free(data);
	return found;
}

/* refusal - return the errno of a kernel that lacks this, or 0 */
static int refusal(pid_t pid, const union bpf_attr *attr, const char *what)
{
	char name[64], error[16] = "EINVAL";

	if (!strcmp(what, "functions"))
		return 0; /* programs load */
	if (!strcmp(what, "cgroups"))
		return is_for_cgroups(attr) ? EINVAL : 0;
	if (!strcmp(what, "jit"))
		return any(pid, attr, needs_jit) ? EINVAL : 0;
	if (!strcmp(what, "reads"))
		return any(pid, attr, reads_kernel) ? EINVAL : 0;
	if (sscanf(what, "point:%63s", name) == 1)
		return is_point(attr, name) ? EINVAL : 0;
	if (sscanf(what, "program:%63[^:]:%15s", name, error) < 1)
		errx(2, "%s: no such lack", what);
	if (strncmp(attr->prog_name, name, sizeof(attr->prog_name) - 1) != 0)
		return 0;
	return strcmp(error, "EPERM") ? EINVAL : EPERM;
}

static int answer(const struct seccomp_notif *asked)
{
	size_t size = (size_t)asked->data.args[2];
	union bpf_attr attr = { 0 };
	int error = 0;

	if (asked->data.args[0] != BPF_PROG_LOAD && asked->data.args[0] != BPF_BTF_LOAD)
		return 0;
	if (size > sizeof(attr))
		size = sizeof(attr);
	if (!peek((pid_t)asked->pid, asked->data.args[1], &attr, size))
		errx(125, "bpf(2) that cannot be read");
	if (asked->data.args[0] == BPF_BTF_LOAD)
		return !strcmp(*lacking, "functions") && has_global((pid_t)asked->pid, &attr)
			       ? EINVAL
			       : 0;
	for (char **what = lacking; !error && strcmp(*what, "--") != 0; what++)
		error = refusal((pid_t)asked->pid, &attr, *what);
	return error;
}

/* filter_set - set it for this process and what it executes; return the descriptor to read from */
static int filter_set(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(125, "no_new_privs");
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

/* serve - answer until no process is left that could ask */
static void serve(int listener)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };

	while (poll(&ready, 1, -1) > 0 && ready.revents & POLLIN) {
		struct seccomp_notif asked = { 0 };
		struct seccomp_notif_resp said = { 0 };

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked))
			continue;
		said.id = asked.id;
		said.error = -answer(&asked);
		said.flags = said.error ? 0u : (__u32)SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &said);
	}
}

int main(int argc, char **argv)
{
	char **command = argv + 1;
	int pipes[2], listener, status, here;
	pid_t pid;

	while (command < argv + argc && strcmp(*command, "--") != 0)
		command++;
	if (command == argv + 1 || command + 1 >= argv + argc)
		errx(2, "usage: lacks WHAT... -- COMMAND...");
	lacking = argv + 1;
	if (pipe(pipes))
		err(125, "pipe");
	pid = fork();
	if (!pid) {
		listener = filter_set();
		if (write(pipes[1], &listener, sizeof(listener)) < 0 || listener < 0)
			err(125, "seccomp");
		raise(SIGSTOP);
		close(listener);
		close(pipes[0]);
		close(pipes[1]);
		execvp(command[1], command + 1);
		err(127, "%s", command[1]);
	}
	if (read(pipes[0], &listener, sizeof(listener)) != sizeof(listener) || listener < 0 ||
	    waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		errx(125, "the filter");
	here = (int)syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), listener, 0);
	if (here < 0)
		err(125, "pidfd_getfd");
	kill(pid, SIGCONT);
	serve(here);
	if (waitpid(pid, &status, 0) != pid)
		err(125, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
