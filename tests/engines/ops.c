// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ops.c - measure what a hook costs: repeat an operation in several cgroups in turn.
 *
 * ops HOOK ROUNDS CGROUP...: a process in each CGROUP does the operation of HOOK many times
 * a round; the cgroups take turns. Prints the median nanoseconds of an operation, a column
 * for each cgroup. In place of HOOK: connection, of TCP, that is opened and reset; segment, sent
 * and received in one; datagrams, a UDP socket that sends one and is closed. ops empty HOOK CGROUP
 * SECONDS attaches programs there that only return 1,
 * until it is killed.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/cgg.h"
#include "engine.h"

#define TIMES 20000

static int fd, peer;
static struct sockaddr_in there = { .sin_family = AF_INET };
static struct sockaddr_un name = { .sun_family = AF_UNIX };
static socklen_t name_len;

static int udp(void)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (s < 0)
		err(3, "socket");
	return s;
}

/* A bound UDP socket to send to, and one that sends. */
static void pair_open(void)
{
	socklen_t len = sizeof(there);

	fd = udp();
	peer = udp();
	there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(peer, (struct sockaddr *)&there, sizeof(there)) ||
	    getsockname(peer, (struct sockaddr *)&there, &len))
		err(3, "bind");
}

static void connected_open(void)
{
	pair_open();
	if (connect(fd, (struct sockaddr *)&there, sizeof(there)))
		err(3, "connect");
}

static void unix_open(void)
{
	name_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			       (size_t)sprintf(name.sun_path + 1, "ops-%d", getpid()));
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	peer = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (bind(peer, (struct sockaddr *)&name, name_len))
		err(3, "bind");
}

static void sysctl_open(void)
{
	fd = open("/proc/sys/kernel/ostype", O_RDONLY);
	if (fd < 0)
		err(3, "/proc/sys/kernel/ostype");
}

static void nothing(void)
{
	there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static void op_connect(void)
{
	connect(fd, (struct sockaddr *)&there, sizeof(there));
}

static void op_sendmsg(void)
{
	sendto(fd, "x", 1, 0, (struct sockaddr *)&there, sizeof(there));
}

static void op_roundtrip(void)
{
	char c;

	send(fd, "x", 1, 0);
	recv(peer, &c, 1, 0);
}

static void op_recvfrom(void)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char c;

	send(fd, "x", 1, 0);
	recvfrom(peer, &c, 1, 0, (struct sockaddr *)&from, &len);
}

static void op_bind(void)
{
	int s = udp();

	there.sin_port = htons(40123);
	bind(s, (struct sockaddr *)&there, sizeof(there));
	close(s);
}

static void op_unix(void)
{
	connect(fd, (struct sockaddr *)&name, name_len);
}

static void op_socket(void)
{
	close(udp());
}

static void op_device(void)
{
	close(open("/dev/null", O_RDONLY));
}

static void op_sysctl(void)
{
	char text[64];

	if (pread(fd, text, sizeof(text), 0) < 0)
		err(3, "pread");
}

static void op_setsockopt(void)
{
	int n = 0;

	setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &n, sizeof(n));
}

static void op_getsockopt(void)
{
	socklen_t len = sizeof(int);
	int n;

	getsockopt(fd, SOL_SOCKET, SO_PRIORITY, &n, &len);
}

/* A listening TCP socket. */
static void listen_open(void)
{
	socklen_t len = sizeof(there);

	peer = socket(AF_INET, SOCK_STREAM, 0);
	there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(peer, (struct sockaddr *)&there, sizeof(there)) || listen(peer, 8) ||
	    getsockname(peer, (struct sockaddr *)&there, &len))
		err(3, "listen");
}

/* A reset leaves no port in TIME_WAIT. */
static void op_connection(void)
{
	const struct linger reset = { .l_onoff = 1 };
	int taken;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&there, sizeof(there)))
		err(3, "connect");
	taken = accept(peer, 0, 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	close(taken);
}

static void stream_open(void)
{
	listen_open();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&there, sizeof(there)))
		err(3, "connect");
	peer = accept(peer, 0, 0);
}

static void datagrams_open(void)
{
	pair_open();
	close(peer);
}

static void op_datagrams(void)
{
	int s = udp();

	sendto(s, "x", 1, 0, (struct sockaddr *)&there, sizeof(there));
	close(s);
}

enum { CONNECTION = CGG_HOOKS, SEGMENT, DATAGRAMS, OPS };
static const char *const more[] = { "connection", "segment", "datagrams" };

static const struct {
	void (*open)(void);
	void (*run)(void);
} ops[OPS] = {
	[CONNECTION] = { listen_open, op_connection },
	[SEGMENT] = { stream_open, op_roundtrip },
	[DATAGRAMS] = { datagrams_open, op_datagrams },
	[CGG_CONNECT] = { pair_open, op_connect },
	[CGG_BIND] = { nothing, op_bind },
	[CGG_SENDMSG] = { pair_open, op_sendmsg },
	[CGG_RECVMSG] = { connected_open, op_recvfrom },
	[CGG_EGRESS] = { connected_open, op_roundtrip },
	[CGG_INGRESS] = { connected_open, op_roundtrip },
	[CGG_UNIX] = { unix_open, op_unix },
	[CGG_SOCKET] = { nothing, op_socket },
	[CGG_DEVICE] = { nothing, op_device },
	[CGG_SYSCTL] = { sysctl_open, op_sysctl },
	[CGG_SETSOCKOPT] = { pair_open, op_setsockopt },
	[CGG_GETSOCKOPT] = { pair_open, op_getsockopt },
};

/* own_ns - return the nanoseconds of a processor that this process had: others want it, too */
static double own_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* worker - do a round for each byte that is read, and answer with its nanoseconds */
static void worker(int hook, const char *cgroup, int in, int out)
{
	char go;

	join(cgroup);
	ops[hook].open();
	while (read(in, &go, 1) == 1) {
		double start = own_ns(), each;

		for (int i = 0; i < TIMES; i++)
			ops[hook].run();
		each = (own_ns() - start) / TIMES;
		if (write(out, &each, sizeof(each)) != sizeof(each))
			break;
	}
	_exit(0);
}

static int measure(int hook, int rounds, int cgroups, char **cgroup)
{
	double(*each)[cgroups] = calloc((size_t)rounds, sizeof(*each));
	double *column = calloc((size_t)rounds, sizeof(*column));
	int go[cgroups][2], answer[cgroups][2];
	pid_t pid[cgroups];

	if (!each || !column)
		errx(3, "out of memory");
	for (int i = 0; i < cgroups; i++) {
		if (pipe2(go[i], O_CLOEXEC) || pipe2(answer[i], O_CLOEXEC))
			err(3, "pipe");
		pid[i] = fork();
		if (!pid[i])
			worker(hook, cgroup[i], go[i][0], answer[i][1]);
		close(go[i][0]);
		close(answer[i][1]);
	}
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < cgroups; i++)
			if (write(go[i][1], "g", 1) != 1 ||
			    read(answer[i][0], &each[r][i], sizeof(double)) != sizeof(double))
				errx(3, "a worker ended");
	for (int i = 0; i < cgroups; i++) {
		for (int r = 0; r < rounds; r++)
			column[r] = each[r][i];
		printf("%s%.0f", i ? "\t" : "", median(column, rounds));
		kill(pid[i], SIGKILL);
	}
	putchar('\n');
	while (wait(0) > 0)
		;
	return 0;
}

/* empty - attach programs that return 1 to all attach points of the hook, until killed */
static int empty(int hook, const char *cgroup)
{
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int where = open(cgroup, O_RDONLY | O_DIRECTORY);

	for (int i = 0; i < CGG_PROGRAMS; i++) {
		const struct cgg_program_info *info = &cgg_programs[i];
		DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options,
				    .expected_attach_type = (enum bpf_attach_type)info->attach);
		int prog;

		if (!(cgg_hooks[hook].programs & 1u << i))
			continue;
		prog = bpf_prog_load((enum bpf_prog_type)info->type, "empty", "GPL", allow, 2,
				     &options);
		if (prog < 0 ||
		    bpf_link_create(prog, where, (enum bpf_attach_type)info->attach, 0) < 0)
			err(3, "%s", info->name);
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	int hook;

	if (argc < 4)
		errx(2, "usage: ops HOOK ROUNDS CGROUP... | ops empty HOOK CGROUP");
	if (!strcmp(argv[1], "empty")) {
		hook = hook_find(argv[2], strlen(argv[2]));
		return hook < 0 ? 2 : empty(hook, argv[3]);
	}
	hook = hook_find(argv[1], strlen(argv[1]));
	for (int i = CGG_HOOKS; i < OPS; i++)
		if (!strcmp(argv[1], more[i - CGG_HOOKS]))
			hook = i;
	if (hook < 0 || !ops[hook].open)
		errx(2, "%s: not a hook", argv[1]);
	return measure(hook, atoi(argv[2]), argc - 3, argv + 3);
}
