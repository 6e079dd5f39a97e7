// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * traffic.c - measure what several ways to guard cost traffic with another host.
 *
 * traffic serve: run a TCP and UDP server in a network namespace, until it is killed.
 * traffic OP ROUNDS VARIANT...: VARIANT is NAME:CGROUP:NETNS:ADDRESS:PORTS. For each a process
 * joins the cgroup and the namespace (/run/netns/NETNS), restricts itself by Landlock to that
 * many TCP ports unless PORTS is 0, and does OP with the server at ADDRESS many times a
 * round. Rounds take turns, and each begins with another variant. Prints a line for each: name,
 * median ns of an operation, median difference to the first variant in the same round. OP is
 *
 *	connect		TCP socket, connect, close
 *	udp		connect of a UDP socket
 *	send		sendto a UDP server
 *	request		a byte there and back, on one TCP connection
 *	bulk		64 KiB on one TCP connection
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

#define PORT 5001
#define BULK 5002
#define CHUNK 65536
#define VARIANTS 32

static struct sockaddr_in to;
static int fd;
static char chunk[CHUNK];

/* ---- the server: echoes single bytes, drops more ---- */

static int listen_on(uint16_t port, int type)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, type | SOCK_NONBLOCK, 0), one = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (s < 0 || bind(s, (struct sockaddr *)&any, sizeof(any)) ||
	    (type == SOCK_STREAM && listen(s, 1024)))
		err(3, "port %u", port);
	return s;
}

static void watch(int epoll, int s)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = s };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, s, &event))
		err(3, "epoll");
}

static void answer(int s)
{
	ssize_t got = recv(s, chunk, sizeof(chunk), 0);

	if (got == 1)
		got = send(s, chunk, 1, MSG_NOSIGNAL);
	if (got <= 0 && errno != EAGAIN)
		close(s);
}

static void serve(void)
{
	int tcp = listen_on(PORT, SOCK_STREAM), bulk = listen_on(BULK, SOCK_STREAM);
	int udp = listen_on(PORT, SOCK_DGRAM), epoll = epoll_create1(0);
	struct epoll_event event[64];

	watch(epoll, tcp);
	watch(epoll, bulk);
	watch(epoll, udp);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll, event, 64, -1);

		for (int i = 0; i < count; i++) {
			int s = event[i].data.fd, one = 1, new;

			if (s == udp) {
				while (recv(s, chunk, sizeof(chunk), 0) >= 0)
					;
			} else if (s == tcp || s == bulk) {
				while ((new = accept4(s, 0, 0, SOCK_NONBLOCK)) >= 0) {
					setsockopt(new, SOL_TCP, TCP_NODELAY, &one, sizeof(one));
					watch(epoll, new);
				}
			} else {
				answer(s);
			}
		}
	}
}

/* ---- the operations ---- */

static void must(bool done, const char *what)
{
	if (!done)
		err(3, "%s", what);
}

static int stream(uint16_t port)
{
	struct sockaddr_in there = to;
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	there.sin_port = htons(port);
	must(s >= 0 && !connect(s, (struct sockaddr *)&there, sizeof(there)), "connect");
	setsockopt(s, SOL_TCP, TCP_NODELAY, &one, sizeof(one));
	return s;
}

static void open_udp(void)
{
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	must(fd >= 0, "socket");
}

static void open_request(void)
{
	fd = stream(PORT);
}

static void open_bulk(void)
{
	fd = stream(BULK);
}

static void nothing(void)
{
}

/* Closed by a reset, so that no port stays in TIME_WAIT. */
static void op_connect(void)
{
	struct linger now = { .l_onoff = 1 };
	int s = stream(PORT);

	setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(s);
}

static void op_udp(void)
{
	must(!connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
}

static void op_send(void)
{
	must(sendto(fd, "xy", 2, 0, (struct sockaddr *)&to, sizeof(to)) == 2, "sendto");
}

static void op_request(void)
{
	must(send(fd, "x", 1, 0) == 1 && recv(fd, chunk, 1, 0) == 1, "request");
}

static void op_bulk(void)
{
	must(send(fd, chunk, CHUNK, MSG_WAITALL) == CHUNK, "send");
}

static const struct {
	const char *name;
	void (*open)(void);
	void (*run)(void);
	int times;
} ops[] = {
	{ "connect", nothing, op_connect, 300 }, { "udp", open_udp, op_udp, 20000 },
	{ "send", open_udp, op_send, 3000 },	 { "request", open_request, op_request, 500 },
	{ "bulk", open_bulk, op_bulk, 1000 },
};

/* ---- variants ---- */

struct variant {
	char *name, *cgroup, *network, *address;
	int ports;
	pid_t pid;
	int go[2], answer[2];
	double *ns, *more;
};
static struct variant variants[VARIANTS];

static void variant_read(struct variant *v, char *word)
{
	v->name = strsep(&word, ":");
	v->cgroup = strsep(&word, ":");
	v->network = strsep(&word, ":");
	v->address = strsep(&word, ":");
	if (!word)
		errx(2, "%s: not NAME:CGROUP:NETNS:ADDRESS:PORTS", v->name);
	v->ports = atoi(word);
}

/* The numbers of Landlock are written out: linux/landlock.h has ports only since Linux 6.7. */
static void landlock(int ports)
{
	struct {
		__u64 files, network;
	} handled = { 0, 2 };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);

	must(rules >= 0, "landlock_create_ruleset");
	for (int i = 0; i < ports; i++) {
		struct {
			__u64 access, port;
		} rule = { 2, (__u64)(PORT + i) };

		must(!syscall(SYS_landlock_add_rule, rules, 2, &rule, 0), "landlock_add_rule");
	}
	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
		     !syscall(SYS_landlock_restrict_self, rules, 0),
	     "landlock_restrict_self");
	close(rules);
}

static void pin(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)processor, &set);
	sched_setaffinity(0, sizeof(set), &set); /* with a single processor they share it */
}

static _Noreturn void worker(const struct variant *v, size_t op)
{
	char path[300], go;
	int network;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(0);
	snprintf(path, sizeof(path), "/run/netns/%s", v->network);
	network = open(path, O_RDONLY | O_CLOEXEC);
	must(network >= 0 && !setns(network, CLONE_NEWNET), path);
	join(v->cgroup);
	if (v->ports)
		landlock(v->ports);
	to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PORT) };
	must(inet_pton(AF_INET, v->address, &to.sin_addr) == 1, v->address);
	ops[op].open();
	while (read(v->go[0], &go, 1) == 1) {
		double start = now_ns(), each;

		for (int i = 0; i < ops[op].times; i++)
			ops[op].run();
		each = (now_ns() - start) / ops[op].times;
		must(write(v->answer[1], &each, sizeof(each)) == sizeof(each), "pipe");
	}
	_exit(0);
}

static void begin(struct variant *v, size_t op, int rounds)
{
	v->ns = calloc((size_t)rounds, sizeof(double));
	v->more = calloc((size_t)rounds, sizeof(double));
	if (!v->ns || !v->more)
		errx(3, "out of memory");
	if (pipe2(v->go, O_CLOEXEC) || pipe2(v->answer, O_CLOEXEC))
		err(3, "pipe");
	v->pid = fork();
	if (!v->pid)
		worker(v, op);
	close(v->go[0]);
	close(v->answer[1]);
}

static double round_of(struct variant *v)
{
	double ns;

	if (write(v->go[1], "g", 1) != 1 || read(v->answer[0], &ns, sizeof(ns)) != sizeof(ns))
		errx(3, "%s: ended", v->name);
	return ns;
}

static void measure(size_t op, int rounds, int count)
{
	for (int i = 0; i < count; i++)
		begin(&variants[i], op, rounds);
	for (int i = 0; i < count; i++) /* warm up */
		round_of(&variants[i]);
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < count; i++) {
			struct variant *v = &variants[(i + r) % count];

			v->ns[r] = round_of(v);
		}
	for (int i = 0; i < count; i++)
		for (int r = 0; r < rounds; r++)
			variants[i].more[r] = variants[i].ns[r] - variants[0].ns[r];
	for (int i = 0; i < count; i++) {
		struct variant *v = &variants[i];

		printf("%s %.0f %.0f\n", v->name, median(v->ns, rounds), median(v->more, rounds));
		kill(v->pid, SIGKILL);
		waitpid(v->pid, 0, 0);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "serve")) {
		pin(1);
		serve();
	}
	if (argc < 4 || argc - 3 > VARIANTS || atoi(argv[2]) < 1)
		errx(2, "usage: traffic serve | traffic OP ROUNDS VARIANT...");
	for (int i = 3; i < argc; i++)
		variant_read(&variants[i - 3], argv[i]);
	for (size_t op = 0; op < sizeof(ops) / sizeof(ops[0]); op++) {
		if (strcmp(ops[op].name, argv[1]))
			continue;
		measure(op, atoi(argv[2]), argc - 3);
		return fflush(stdout) ? 3 : 0;
	}
	errx(2, "%s: not an operation", argv[1]);
}
