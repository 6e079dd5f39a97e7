// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reach.c - make one attempt to reach something, and print in one line how it ended.
 *
 * Tests run it inside and outside a guarded cgroup. The line is `ok', the name of an errno, or
 * `skip: REASON' when this kernel cannot make the attempt. A preceding step that a guard could
 * deny too (socket, bind, a first connect) ends the attempt with its errno; stderr then names
 * the step. One process makes one attempt: its descriptors are left for exit to close.
 *
 * A new attempt is a function and a row in the table at the end.
 */
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <linux/io_uring.h>
#include <linux/openat2.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, REFUSED = 1, WRONG_WORDS = 2, BROKEN = 3, SKIP = 77 };

#define LIMIT 5 /* seconds; a connect whose packets are dropped would take two minutes */
#define DISCARD "9" /* the port of RFC 863 */
#define I386_SOCKETCALL 102
#define I386_SOCKET 359
#define I386_CONNECT 362 /* connect(2) in the 32-bit table */

/* ---- the result ---- */

/* Signal handlers call it too: it may only make system calls. */
static _Noreturn void end(int status, const char *line)
{
	struct iovec out[] = { { (char *)line, strlen(line) }, { "\n", 1 } };

	_exit(writev(STDOUT_FILENO, out, 2) < 0 ? BROKEN : status);
}

static _Noreturn void end_errno(int error)
{
	const char *name = strerrorname_np(error);

	end(error ? REFUSED : OK, !error ? "ok" : name ? name : "an unknown errno");
}

static _Noreturn __attribute__((format(printf, 1, 2))) void skip(const char *format, ...)
{
	char line[256] = "skip: ";
	size_t used = strlen(line);
	va_list ap;

	va_start(ap, format);
	vsnprintf(line + used, sizeof(line) - used, format, ap);
	va_end(ap);
	end(SKIP, line);
}

/* A step before the attempt itself failed. */
static _Noreturn void fail(const char *step)
{
	int error = errno;

	warn("%s", step);
	end_errno(error);
}

static int result(long returned)
{
	return returned < 0 ? errno : 0;
}

static void too_late(int signal_number)
{
	(void)signal_number;
	end_errno(ETIMEDOUT);
}

/* ---- words ---- */

static unsigned int number(const char *what, const char *text, unsigned int max)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long n = strtoul(text, NULL, 10);

	if (!digits || digits > 9 || text[digits] || n > max)
		errx(WRONG_WORDS, "%s %s: not a number from 0 to %u", what, text, max);
	return (unsigned int)n;
}

static int open_flags(const char *mode)
{
	if (!strcmp(mode, "r"))
		return O_RDONLY | O_NOCTTY | O_CLOEXEC;
	if (!strcmp(mode, "w"))
		return O_WRONLY | O_NOCTTY | O_CLOEXEC;
	if (!strcmp(mode, "rw"))
		return O_RDWR | O_NOCTTY | O_CLOEXEC;
	errx(WRONG_WORDS, "mode %s: not r, w or rw", mode);
}

struct place {
	union {
		struct sockaddr_in6 in6; /* first, since it is the longest: { 0 } clears all */
		struct sockaddr_in in;
		struct sockaddr any;
	};
	socklen_t len;
};

/* An IPv4 or an IPv6 place, by the form of the address. */
static struct place place_parse(const char *addr, const char *port)
{
	in_port_t network_port = htons((uint16_t)number("port", port, UINT16_MAX));
	struct place p = { 0 };

	if (inet_pton(AF_INET, addr, &p.in.sin_addr) == 1) {
		p.in.sin_family = AF_INET;
		p.in.sin_port = network_port;
		p.len = sizeof(p.in);
	} else if (inet_pton(AF_INET6, addr, &p.in6.sin6_addr) == 1) {
		p.in6.sin6_family = AF_INET6;
		p.in6.sin6_port = network_port;
		p.len = sizeof(p.in6);
	} else {
		errx(WRONG_WORDS, "address %s: neither IPv4 nor IPv6", addr);
	}
	return p;
}

static struct place place(char **arg)
{
	return place_parse(arg[0], arg[1]);
}

static struct place place_v4(char **arg)
{
	struct place p = place(arg);

	if (p.any.sa_family != AF_INET)
		errx(WRONG_WORDS, "address %s: not IPv4", arg[0]);
	return p;
}

/* An IPv6 place; an IPv4 address becomes ::ffff:ADDR. */
static struct place place_v6(char **arg)
{
	struct place p = place(arg);
	struct place p6 = { .len = sizeof(p6.in6) };

	if (p.any.sa_family == AF_INET6)
		return p;
	p6.in6.sin6_family = AF_INET6;
	p6.in6.sin6_port = p.in.sin_port;
	memset(&p6.in6.sin6_addr.s6_addr[10], 0xff, 2);
	memcpy(&p6.in6.sin6_addr.s6_addr[12], &p.in.sin_addr, sizeof(p.in.sin_addr));
	return p6;
}

static struct place place_mapped(char **arg)
{
	place_v4(arg);
	return place_v6(arg);
}

/* ---- sockets ---- */

/* Look up what the kernel lacks, since a guard may answer with any errno. */
static int socket_open(int family, int type, int proto)
{
	int fd = socket(family, type | SOCK_CLOEXEC, proto);
	int error = errno;

	if (fd >= 0)
		return fd;
	if (family == AF_INET6 && access("/proc/net/if_inet6", F_OK) < 0)
		skip("no IPv6");
	if (proto == IPPROTO_MPTCP && access("/proc/sys/net/mptcp", F_OK) < 0)
		skip("no MPTCP");
	if (proto == IPPROTO_MPTCP && error == ENOPROTOOPT)
		skip("MPTCP is off (net.mptcp.enabled)");
	errno = error;
	fail("socket");
}

static int socket_bound(const char *source, int type)
{
	struct place from = place_parse(source, "0");
	int fd = socket_open(from.any.sa_family, type, 0);

	if (bind(fd, &from.any, from.len) < 0)
		fail("bind");
	return fd;
}

static int connect_to(int fd, struct place to)
{
	return result(connect(fd, &to.any, to.len));
}

static int connect_new(struct place to, int type, int proto)
{
	return connect_to(socket_open(to.any.sa_family, type, proto), to);
}

static int try_tcp(char **arg)
{
	return connect_new(place(arg), SOCK_STREAM, 0);
}

static int try_tcp6_mapped(char **arg)
{
	return connect_new(place_mapped(arg), SOCK_STREAM, 0);
}

static int try_udp_connect(char **arg)
{
	return connect_new(place(arg), SOCK_DGRAM, 0);
}

static int try_udp6_mapped(char **arg)
{
	return connect_new(place_mapped(arg), SOCK_DGRAM, 0);
}

static int try_mptcp(char **arg)
{
	return connect_new(place(arg), SOCK_STREAM, IPPROTO_MPTCP);
}

static int try_mptcp6(char **arg)
{
	return connect_new(place_v6(arg), SOCK_STREAM, IPPROTO_MPTCP);
}

static int try_bind(char **arg)
{
	struct place from = place(arg);

	return result(bind(socket_open(from.any.sa_family, SOCK_STREAM, 0), &from.any, from.len));
}

/* A socket of IPv4, by the numbers of socket(2). */
static int try_socket(char **arg)
{
	return result(socket(AF_INET, (int)number("type", arg[0], 255),
			     (int)number("protocol", arg[1], 255)));
}

static int try_setsockopt(char **arg)
{
	return result(setsockopt(
		socket_open(AF_INET, SOCK_STREAM, 0), (int)number("level", arg[0], INT16_MAX),
		(int)number("option", arg[1], INT16_MAX), &(int){ 1 }, sizeof(int)));
}

static int try_getsockopt(char **arg)
{
	int value;
	socklen_t size = sizeof(value);

	return result(getsockopt(socket_open(AF_INET, SOCK_STREAM, 0),
				 (int)number("level", arg[0], INT16_MAX),
				 (int)number("option", arg[1], INT16_MAX), &value, &size));
}

static int try_tcp_bound(char **arg)
{
	struct place to = place_v4(arg);

	return connect_to(socket_bound("127.0.0.2", SOCK_STREAM), to);
}

static int try_tcp6_bound(char **arg)
{
	struct place to = place_v6(arg);

	return connect_to(socket_bound("::ffff:127.0.0.1", SOCK_STREAM), to);
}

static int try_udp_bound(char **arg)
{
	struct place to = place_v4(arg);

	return connect_to(socket_bound("127.0.0.2", SOCK_DGRAM), to);
}

static int try_tcp_nonblock(char **arg)
{
	struct place to = place(arg);
	int fd = socket_open(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	int error = connect_to(fd, to);
	socklen_t size = sizeof(error);

	if (error != EINPROGRESS)
		return error;
	if (poll(&writable, 1, -1) < 0)
		fail("poll");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		fail("SO_ERROR");
	return error;
}

/* ---- messages ---- */

static const char text[] = "reach\n";
#define TEXT_SIZE (sizeof(text) - 1)

static char content[4096];

static int send_to(int fd, struct place to, int flags)
{
	return result(sendto(fd, text, TEXT_SIZE, flags | MSG_NOSIGNAL, &to.any, to.len));
}

static int send_new(struct place to)
{
	return send_to(socket_open(to.any.sa_family, SOCK_DGRAM, 0), to, 0);
}

static int try_sendto(char **arg)
{
	return send_new(place(arg));
}

/* Wait ARG[2] milliseconds for the answer of a server, or return ETIMEDOUT. */
static int try_echo(char **arg)
{
	struct place to = place(arg);
	int fd = socket_open(to.any.sa_family, SOCK_DGRAM, 0);
	struct pollfd answer = { .fd = fd, .events = POLLIN };
	int error = send_to(fd, to, 0);

	if (error)
		return error;
	if (!poll(&answer, 1, (int)number("milliseconds", arg[2], 60000)))
		return ETIMEDOUT;
	to.len = sizeof(to.in6); /* the hook is asked only if the sender's address is wanted */
	return result(recvfrom(fd, content, sizeof(content), 0, &to.any, &to.len));
}

static int try_sendto_mapped(char **arg)
{
	return send_new(place_mapped(arg));
}

static int try_sendto6_v4name(char **arg)
{
	struct place to = place_v4(arg);

	return send_to(socket_open(AF_INET6, SOCK_DGRAM, 0), to, 0);
}

static int try_sendto_unspec(char **arg)
{
	struct place to = place_v4(arg);

	to.any.sa_family = AF_UNSPEC;
	return send_to(socket_open(AF_INET, SOCK_DGRAM, 0), to, 0);
}

static int try_sendto_connected(char **arg)
{
	struct place to = place(arg);
	int fd = socket_open(to.any.sa_family, SOCK_DGRAM, 0);

	if (connect_to(fd, place_parse(arg[0], DISCARD)))
		fail("connect to port " DISCARD);
	return send_to(fd, to, 0);
}

static int try_sendto_bound(char **arg)
{
	struct place to = place_v4(arg);

	return send_to(socket_bound("127.0.0.1", SOCK_DGRAM), to, 0);
}

/* Without the client's bit in net.ipv4.tcp_fastopen both ways fail with EOPNOTSUPP. */
static int fastopen_result(int error)
{
	if (error == EOPNOTSUPP)
		skip("no TCP Fast Open (net.ipv4.tcp_fastopen)");
	return error;
}

static int try_tfo_sendto(char **arg)
{
	struct place to = place(arg);
	int fd = socket_open(to.any.sa_family, SOCK_STREAM, 0);

	return fastopen_result(send_to(fd, to, MSG_FASTOPEN));
}

/* With a cookie from an earlier connection the write connects. */
static int try_tfo_connect(char **arg)
{
	struct place to = place(arg);
	int fd = socket_open(to.any.sa_family, SOCK_STREAM, 0);
	int error;

	if (setsockopt(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 }, sizeof(int)) < 0) {
		fastopen_result(errno);
		fail("TCP_FASTOPEN_CONNECT");
	}
	error = connect_to(fd, to);
	return error ? error : result(send(fd, text, TEXT_SIZE, MSG_NOSIGNAL));
}

struct message {
	struct msghdr header;
	struct iovec body;
	struct place to;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control;
};

/* message_init - fill it; it points to itself, so do not copy it afterwards */
static void message_init(struct message *m, struct place to)
{
	*m = (struct message){ .to = to };
	m->body = (struct iovec){ (char *)text, TEXT_SIZE };
	m->header.msg_name = &m->to.any;
	m->header.msg_namelen = to.len;
	m->header.msg_iov = &m->body;
	m->header.msg_iovlen = 1;
}

static void message_control(struct message *m, int level, int type, const void *data, size_t size)
{
	struct cmsghdr *control;

	m->header.msg_control = m->control.bytes;
	m->header.msg_controllen = CMSG_SPACE(size);
	control = CMSG_FIRSTHDR(&m->header);
	control->cmsg_level = level;
	control->cmsg_type = type;
	control->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(control), data, size);
}

static int message_send(const struct message *m)
{
	int fd = socket_open(m->to.any.sa_family, SOCK_DGRAM, 0);

	return result(sendmsg(fd, &m->header, 0));
}

/* Control data without an address, on a socket that is connected to the place. */
static int try_sendmsg_connected(char **arg)
{
	struct place to = place(arg);
	bool four = to.any.sa_family == AF_INET;
	int fd = socket_open(to.any.sa_family, SOCK_DGRAM, 0);
	struct message m;

	if (connect_to(fd, to))
		fail("connect");
	message_init(&m, to);
	message_control(&m, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_TOS : IPV6_TCLASS,
			&(int){ 2 }, sizeof(int));
	m.header.msg_name = NULL;
	m.header.msg_namelen = 0;
	return result(sendmsg(fd, &m.header, MSG_NOSIGNAL));
}

/* Neither address nor control data, on an IPv6 socket that is connected to a mapped address. */
static int try_send_mapped(char **arg)
{
	struct place to = place_mapped(arg);
	int fd = socket_open(AF_INET6, SOCK_DGRAM, 0);

	if (connect_to(fd, to))
		fail("connect");
	return result(send(fd, text, TEXT_SIZE, MSG_NOSIGNAL));
}

static int try_sendmsg(char **arg)
{
	struct message m;

	message_init(&m, place(arg));
	return message_send(&m);
}

static int try_sendmsg_pktinfo(char **arg)
{
	struct in_pktinfo source = { .ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK) };
	struct message m;

	message_init(&m, place_v4(arg));
	message_control(&m, IPPROTO_IP, IP_PKTINFO, &source, sizeof(source));
	return message_send(&m);
}

static int try_udp_segment(char **arg)
{
	uint16_t segment = TEXT_SIZE / 2;
	struct message m;

	message_init(&m, place(arg));
	message_control(&m, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	return message_send(&m);
}

/* sendmmsg only returns how many were sent; send the second again for its errno. */
static int try_sendmmsg(char **arg)
{
	struct mmsghdr both[2];
	struct message m;
	int fd, sent;

	message_init(&m, place(arg));
	both[0] = both[1] = (struct mmsghdr){ .msg_hdr = m.header };
	fd = socket_open(m.to.any.sa_family, SOCK_DGRAM, 0);
	sent = sendmmsg(fd, both, 2, 0);
	if (sent != 1)
		return result(sent);
	warnx("sendmmsg: only the first message went");
	return sendmsg(fd, &m.header, 0) < 0 ? errno : EIO;
}

/* ---- io_uring ---- */

struct uring {
	struct io_uring_params params;
	int fd;
	char *rings; /* both, as IORING_FEAT_SINGLE_MMAP has them */
	struct io_uring_sqe *entries;
};

static void *uring_map(int fd, size_t size, off_t what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, what);

	if (p == MAP_FAILED)
		skip("mmap of io_uring: %s", strerrorname_np(errno));
	return p;
}

static void uring_open(struct uring *u, unsigned int flags)
{
	const struct io_uring_params *p = &u->params;
	size_t submissions, completions;

	*u = (struct uring){ .params = { .flags = flags, .sq_thread_idle = 100 } };
	u->fd = (int)syscall(SYS_io_uring_setup, 1, &u->params);
	if (u->fd < 0)
		skip("io_uring_setup: %s", strerrorname_np(errno));
	if (!(p->features & IORING_FEAT_SINGLE_MMAP))
		skip("io_uring is older than Linux 5.4");
	submissions = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	completions = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	u->rings = uring_map(u->fd, submissions > completions ? submissions : completions,
			     IORING_OFF_SQ_RING);
	u->entries = uring_map(u->fd, p->sq_entries * sizeof(*u->entries), IORING_OFF_SQES);
}

static uint32_t *uring_word(const struct uring *u, uint32_t offset)
{
	return (uint32_t *)(void *)(u->rings + offset);
}

/* uring_submit - submit the only operation of a ring; return its errno or 0 */
static int uring_submit(const struct uring *u, struct io_uring_sqe operation)
{
	const struct io_uring_params *p = &u->params;
	unsigned int flags = IORING_ENTER_GETEVENTS;
	const struct io_uring_cqe *done = (void *)(u->rings + p->cq_off.cqes);

	if (p->flags & IORING_SETUP_SQPOLL)
		flags |= IORING_ENTER_SQ_WAKEUP;
	u->entries[0] = operation;
	*uring_word(u, p->sq_off.array) = 0;
	__atomic_store_n(uring_word(u, p->sq_off.tail), 1, __ATOMIC_RELEASE);
	do {
		if (syscall(SYS_io_uring_enter, u->fd, 1, 1, flags, NULL, 0) < 0 && errno != EINTR)
			fail("io_uring_enter");
	} while (!__atomic_load_n(uring_word(u, p->cq_off.tail), __ATOMIC_ACQUIRE));
	return done->res < 0 ? -done->res : 0;
}

static int uring_do(struct io_uring_sqe operation)
{
	struct uring u;

	uring_open(&u, 0);
	return uring_submit(&u, operation);
}

static struct io_uring_sqe uring_connect(int fd, const struct place *to)
{
	return (struct io_uring_sqe){
		.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&to->any, .off = to->len
	};
}

static int try_uring_connect(char **arg)
{
	struct place to = place(arg);

	return uring_do(uring_connect(socket_open(to.any.sa_family, SOCK_STREAM, 0), &to));
}

/* The socket is registered, which SQPOLL needs before Linux 5.11. */
static int try_uring_sqpoll(char **arg)
{
	struct place to = place(arg);
	int fd = socket_open(to.any.sa_family, SOCK_STREAM, 0);
	struct io_uring_sqe operation = uring_connect(0, &to);
	struct uring u;

	operation.flags = IOSQE_FIXED_FILE;
	uring_open(&u, IORING_SETUP_SQPOLL);
	if (syscall(SYS_io_uring_register, u.fd, IORING_REGISTER_FILES, &fd, 1) < 0)
		skip("IORING_REGISTER_FILES: %s", strerrorname_np(errno));
	return uring_submit(&u, operation);
}

static int try_uring_sendmsg(char **arg)
{
	struct io_uring_sqe operation = { .opcode = IORING_OP_SENDMSG, .len = 1 };
	struct message m;

	message_init(&m, place(arg));
	operation.fd = socket_open(m.to.any.sa_family, SOCK_DGRAM, 0);
	operation.addr = (uintptr_t)&m.header;
	return uring_do(operation);
}

/* ---- the same from other processes and places ---- */

struct job {
	int (*try)(char **arg);
	char **arg;
	int error;
};

static void *job_run(void *p)
{
	struct job *job = p;

	job->error = job->try(job->arg);
	return NULL;
}

static int in_thread(int (*try)(char **arg), char **arg)
{
	struct job job = { .try = try, .arg = arg };
	pthread_t thread;

	errno = pthread_create(&thread, NULL, job_run, &job);
	if (!errno)
		errno = pthread_join(thread, NULL);
	if (errno)
		fail("thread");
	return job.error;
}

/* The child goes on as if it were the program; its parent only copies its end. */
static int in_child(int (*try)(char **arg), char **arg)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		fail("fork");
	alarm(child ? 0 : LIMIT);
	if (!child)
		return try(arg);
	if (waitpid(child, &status, 0) < 0)
		fail("wait");
	if (!WIFEXITED(status))
		errx(BROKEN, "child: %s", strsignal(WTERMSIG(status)));
	_exit(WEXITSTATUS(status));
}

static int try_thread_connect(char **arg)
{
	return in_thread(try_tcp, arg);
}

static int try_fork_connect(char **arg)
{
	return in_child(try_tcp, arg);
}

#ifdef __x86_64__
static void no_int80(int signal_number)
{
	(void)signal_number;
	end(SKIP, "skip: no 32-bit system calls");
}

/* Make a 32-bit system call. */
static int int80(int number, unsigned long b, unsigned long c, unsigned long d)
{
	int returned;

	signal(SIGSEGV, no_int80);
	__asm__ volatile("int $0x80"
			 : "=a"(returned)
			 : "a"(number), "b"(b), "c"(c), "d"(d)
			 : "memory", "cc", "r8", "r9", "r10", "r11");
	return returned;
}

static int try_int80_socket(char **arg)
{
	int fd = int80(I386_SOCKET, number("family", arg[0], 255), number("type", arg[1], 255), 0);

	return fd < 0 ? -fd : 0;
}

/* The family is in memory, where no filter sees it. */
static int try_int80_socketcall(char **arg)
{
	unsigned *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd;

	if (low == MAP_FAILED)
		skip("no memory below 4 GiB");
	low[0] = (unsigned)number("family", arg[0], 255);
	low[1] = (unsigned)number("type", arg[1], 255);
	fd = int80(I386_SOCKETCALL, 1 /* SYS_SOCKET */, (unsigned long)low, 0);
	return fd < 0 ? -fd : 0;
}

static int try_x32_socket(char **arg)
{
	return result(syscall(0x40000000 + SYS_socket, number("family", arg[0], 255),
			      number("type", arg[1], 255), 0));
}

static int try_int80_connect(char **arg)
{
	struct place to = place(arg), *low;
	int fd = socket_open(to.any.sa_family, SOCK_STREAM, 0);
	int returned;

	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		skip("no memory below 4 GiB");
	*low = to;
	returned = int80(I386_CONNECT, (unsigned long)fd, (unsigned long)&low->any, to.len);
	if (returned == -ENOSYS)
		skip("no 32-bit connect");
	return -returned;
}
#else
static int try_int80_connect(char **arg)
{
	place(arg);
	skip("not an x86-64 program");
}

static int try_other_socket(char **arg)
{
	(void)arg;
	skip("not an x86-64 program");
}
#define try_int80_socket try_other_socket
#define try_int80_socketcall try_other_socket
#define try_x32_socket try_other_socket
#endif

/* ---- devices ---- */

struct scratch {
	char dir[32];
	char node[40];
};

/* scratch_make - make a fresh directory, where device nodes work if want_devices; else skip */
static void scratch_make(struct scratch *s, int want_devices)
{
	static const char *const places[] = { "/dev/shm", "/tmp", "." };
	struct statvfs fs;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (statvfs(places[i], &fs) < 0 || (want_devices && fs.f_flag & ST_NODEV))
			continue;
		snprintf(s->dir, sizeof(s->dir), "%s/reach.XXXXXX", places[i]);
		if (!mkdtemp(s->dir))
			continue;
		snprintf(s->node, sizeof(s->node), "%s/node", s->dir);
		return;
	}
	skip("no directory to write in%s", want_devices ? " that allows devices" : "");
}

static int try_open(char **arg)
{
	return result(open(arg[0], open_flags(arg[1])));
}

static int try_openat2(char **arg)
{
	struct open_how how = { .flags = (unsigned int)open_flags(arg[1]) };
	long fd = syscall(SYS_openat2, AT_FDCWD, arg[0], &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS)
		skip("no openat2");
	return result(fd);
}

static int try_uring_open(char **arg)
{
	return uring_do((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT,
					       .fd = AT_FDCWD,
					       .addr = (uintptr_t)arg[0],
					       .open_flags = (unsigned int)open_flags(arg[1]) });
}

static int try_reopen(char **arg)
{
	int flags = open_flags(arg[1]);
	int fd = open(arg[0], O_PATH | O_CLOEXEC);
	char path[32];

	if (fd < 0)
		fail(arg[0]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return result(open(path, flags));
}

static int try_thread_open(char **arg)
{
	return in_thread(try_open, arg);
}

static int try_access(char **arg)
{
	int mode = open_flags(arg[1]) & O_ACCMODE;

	return result(access(arg[0], mode == O_RDWR ? R_OK | W_OK : mode ? W_OK : R_OK));
}

struct node {
	mode_t mode;
	dev_t number;
};

/* arg: c|b MAJOR MINOR; with the limits of the kernel */
static struct node node_parse(char **arg)
{
	unsigned int major = number("major", arg[1], 0xfff);
	unsigned int minor = number("minor", arg[2], 0xfffff);

	if (strcmp(arg[0], "c") && strcmp(arg[0], "b"))
		errx(WRONG_WORDS, "type %s: not c or b", arg[0]);
	return (struct node){ (*arg[0] == 'c' ? S_IFCHR : S_IFBLK) | 0600, makedev(major, minor) };
}

/* Remove the node, so that the same attempt can be made again. */
static int try_mknod(char **arg)
{
	struct node node = node_parse(arg + 1);
	int error = result(mknod(arg[0], node.mode, node.number));

	if (!error)
		unlink(arg[0]);
	return error;
}

static int try_mknod_open(char **arg)
{
	struct node node = node_parse(arg);
	int flags = open_flags(arg[3]);
	struct scratch s;
	int error;

	scratch_make(&s, 1);
	error = result(mknod(s.node, node.mode, node.number));
	if (error)
		warnx("mknod: %s", strerror(error));
	else
		error = result(open(s.node, flags));
	unlink(s.node);
	rmdir(s.dir);
	return error;
}

/* ---- unix sockets ---- */

/* unix_make - make a socket that receives datagrams at PATH, and store its address */
static struct sockaddr_un unix_make(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(at.sun_path))
		errx(WRONG_WORDS, "%s: too long for a unix socket", path);
	strcpy(at.sun_path, path);
	if (bind(socket_open(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr *)&at, sizeof(at)) < 0)
		fail(path);
	return at;
}

static int try_unix_connect(char **arg)
{
	struct sockaddr_un to = unix_make(arg[0]);
	int error = result(
		connect(socket_open(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr *)&to, sizeof(to)));

	unlink(arg[0]);
	return error;
}

static int try_unix_sendto(char **arg)
{
	struct sockaddr_un to = unix_make(arg[0]);
	int error = result(sendto(socket_open(AF_UNIX, SOCK_DGRAM, 0), text, TEXT_SIZE,
				  MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to)));

	unlink(arg[0]);
	return error;
}

/* ---- sysctls ---- */

/* sysctl_open - open NAME below a mounted proc; -1 and errno */
static int sysctl_open(const char *proc, const char *name, int flags)
{
	char path[512];

	if (snprintf(path, sizeof(path), "%s/sys/%s", proc, name) < (int)sizeof(path))
		return open(path, flags | O_CLOEXEC);
	errno = ENAMETOOLONG;
	return -1;
}

static int sysctl_need(const char *name, int flags)
{
	int fd = sysctl_open("/proc", name, flags);

	if (fd < 0)
		fail(name);
	return fd;
}

static int try_sysctl_read(char **arg)
{
	return result(read(sysctl_need(arg[0], O_RDONLY), content, sizeof(content)));
}

static int try_sysctl_write(char **arg)
{
	return result(write(sysctl_need(arg[0], O_WRONLY), arg[1], strlen(arg[1])));
}

static int try_sysctl_readv(char **arg)
{
	struct iovec halves[] = { { content, sizeof(content) / 2 },
				  { content + sizeof(content) / 2, sizeof(content) / 2 } };

	return result(readv(sysctl_need(arg[0], O_RDONLY), halves, 2));
}

static int try_sysctl_fd(char **arg)
{
	int fd = sysctl_need(arg[0], O_RDONLY);
	int again = dup(fd);
	const int from[] = { fd, fd, again };

	if (again < 0)
		fail("dup");
	for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++)
		if (pread(from[i], content, sizeof(content), 0) < 0)
			return errno;
	return 0;
}

static int try_sysctl_thread(char **arg)
{
	return in_thread(try_sysctl_read, arg);
}

static int try_uring_sysctl_read(char **arg)
{
	return uring_do((struct io_uring_sqe){ .opcode = IORING_OP_READ,
					       .fd = sysctl_need(arg[0], O_RDONLY),
					       .addr = (uintptr_t)content,
					       .len = sizeof(content) });
}

static int try_sysctl_otherproc(char **arg)
{
	struct scratch s;
	int fd, error;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip("private mount namespace: %s", strerrorname_np(errno));
	scratch_make(&s, 0);
	if (mount("proc", s.dir, "proc", 0, NULL) < 0) {
		error = errno;
		rmdir(s.dir);
		skip("mount of proc: %s", strerrorname_np(error));
	}
	fd = sysctl_open(s.dir, arg[0], O_RDONLY);
	error = fd < 0 ? errno : result(read(fd, content, sizeof(content)));
	umount2(s.dir, MNT_DETACH);
	rmdir(s.dir);
	return error;
}

/* ---- the table ---- */

struct attempt {
	const char *name;
	const char *words; /* as many as it takes */
	const char *what;
	int (*try)(char **arg); /* returns 0 or an errno */
};

/* clang-format off */
static const struct attempt attempts[] = {
	{ "tcp", "ADDR PORT", "TCP, of the address's family", try_tcp },
	{ "tcp6-mapped", "ADDR PORT", "TCP of IPv6 to ::ffff:ADDR", try_tcp6_mapped },
	{ "tcp-nonblock", "ADDR PORT", "TCP, waited for with poll", try_tcp_nonblock },
	{ "tcp-bound", "ADDR PORT", "TCP, bound to 127.0.0.2", try_tcp_bound },
	{ "tcp6-bound-mapped", "ADDR PORT", "TCP, bound to ::ffff:127.0.0.1", try_tcp6_bound },
	{ "tfo-sendto", "ADDR PORT", "TCP by MSG_FASTOPEN", try_tfo_sendto },
	{ "tfo-connect", "ADDR PORT", "TCP by TCP_FASTOPEN_CONNECT, and a write", try_tfo_connect },
	{ "mptcp", "ADDR PORT", "MPTCP, of the address's family", try_mptcp },
	{ "mptcp6", "ADDR PORT", "MPTCP of IPv6, an IPv4 ADDR as ::ffff:ADDR", try_mptcp6 },
	{ "thread-connect", "ADDR PORT", "tcp from a second thread", try_thread_connect },
	{ "fork-connect", "ADDR PORT", "tcp from a child", try_fork_connect },
	{ "int80-connect", "ADDR PORT", "TCP by the 32-bit connect", try_int80_connect },
	{ "int80-socket", "FAMILY TYPE", "a socket by the 32-bit socket", try_int80_socket },
	{ "int80-socketcall", "FAMILY TYPE", "a socket by socketcall", try_int80_socketcall },
	{ "x32-socket", "FAMILY TYPE", "a socket by the socket of x32", try_x32_socket },
	{ "uring-connect", "ADDR PORT", "TCP by io_uring", try_uring_connect },
	{ "uring-sqpoll-connect", "ADDR PORT", "TCP by io_uring with SQPOLL", try_uring_sqpoll },
	{ "udp-connect", "ADDR PORT", "connect of UDP, nothing is sent", try_udp_connect },
	{ "udp6-mapped-connect", "ADDR PORT", "connect of UDP to ::ffff:ADDR", try_udp6_mapped },
	{ "udp-bound-connect", "ADDR PORT", "connect of bound UDP (127.0.0.2)", try_udp_bound },

	{ "bind", "ADDR PORT", "bind of TCP", try_bind },
	{ "socket", "TYPE PROTOCOL", "socket of IPv4, by numbers", try_socket },
	{ "setsockopt", "LEVEL OPTION", "an int of TCP is set, by numbers", try_setsockopt },
	{ "getsockopt", "LEVEL OPTION", "an int of TCP is asked for", try_getsockopt },

	{ "sendto", "ADDR PORT", "UDP, of the address's family", try_sendto },
	{ "sendto-mapped", "ADDR PORT", "UDP of IPv6 to ::ffff:ADDR", try_sendto_mapped },
	{ "sendto6-v4name", "ADDR PORT", "UDP of IPv6 to an IPv4 name", try_sendto6_v4name },
	{ "sendto-unspec", "ADDR PORT", "UDP to an IPv4 name, AF_UNSPEC", try_sendto_unspec },
	{ "sendto-connected", "ADDR PORT", "UDP, first connected to port 9", try_sendto_connected },
	{ "sendto-bound", "ADDR PORT", "UDP, bound to 127.0.0.1", try_sendto_bound },
	{ "sendmsg", "ADDR PORT", "UDP by sendmsg", try_sendmsg },
	{ "sendmsg-connected", "ADDR PORT", "IP_TOS, on connected UDP", try_sendmsg_connected },
	{ "send-mapped", "ADDR PORT", "UDP of IPv6, connected to ::ffff:ADDR", try_send_mapped },
	{ "sendmsg-pktinfo", "ADDR PORT", "UDP from 127.0.0.1 by IP_PKTINFO", try_sendmsg_pktinfo },
	{ "sendmmsg", "ADDR PORT", "two messages of UDP in one call", try_sendmmsg },
	{ "udp-segment", "ADDR PORT", "UDP cut by UDP_SEGMENT", try_udp_segment },
	{ "uring-sendmsg", "ADDR PORT", "UDP by io_uring", try_uring_sendmsg },
	{ "echo", "ADDR PORT MILLISECONDS", "UDP, and an answer within that time", try_echo },

	{ "unix-connect", "PATH", "connect to a socket made there", try_unix_connect },
	{ "unix-sendto", "PATH", "a message to a socket made there", try_unix_sendto },

	{ "open", "PATH MODE", "open; MODE is r, w or rw", try_open },
	{ "openat2", "PATH MODE", "openat2", try_openat2 },
	{ "uring-open", "PATH MODE", "open by io_uring", try_uring_open },
	{ "thread-open", "PATH MODE", "open from a second thread", try_thread_open },
	{ "reopen", "PATH MODE", "O_PATH, then open of /proc/self/fd/N", try_reopen },
	{ "access", "PATH MODE", "access", try_access },
	{ "mknod", "PATH c|b MAJOR MINOR", "makes a node, and removes it", try_mknod },
	{ "mknod-open", "c|b MAJOR MINOR MODE", "makes, opens, removes a node", try_mknod_open },

	{ "sysctl-read", "NAME", "read; NAME is kernel/hostname", try_sysctl_read },
	{ "sysctl-write", "NAME VALUE", "write", try_sysctl_write },
	{ "sysctl-readv", "NAME", "readv", try_sysctl_readv },
	{ "sysctl-fd", "NAME", "pread twice, and of a duplicate", try_sysctl_fd },
	{ "sysctl-thread", "NAME", "read from a second thread", try_sysctl_thread },
	{ "sysctl-otherproc", "NAME", "read in a proc mounted for it", try_sysctl_otherproc },
	{ "uring-sysctl-read", "NAME", "read by io_uring", try_uring_sysctl_read },
};
/* clang-format on */

#define ATTEMPTS (sizeof(attempts) / sizeof(*attempts))

static int attempts_list(void)
{
	for (size_t i = 0; i < ATTEMPTS; i++)
		printf("%-20s %-20s  %s\n", attempts[i].name, attempts[i].words, attempts[i].what);
	if (fflush(stdout))
		err(BROKEN, "stdout");
	return OK;
}

static const struct attempt *attempt_find(const char *name)
{
	for (size_t i = 0; i < ATTEMPTS; i++)
		if (!strcmp(attempts[i].name, name))
			return &attempts[i];
	errx(WRONG_WORDS, "%s: no such attempt; reach -l lists them", name);
}

static int words_count(const char *words)
{
	int n = 1;

	for (; *words; words++)
		n += *words == ' ';
	return n;
}

static _Noreturn void usage(void)
{
	errx(WRONG_WORDS, "usage: reach ATTEMPT [ARG...] | reach -l");
}

int main(int argc, char **argv)
{
	int option = getopt(argc, argv, "+l");
	const struct attempt *attempt;

	argc -= optind;
	argv += optind;
	if (option == 'l' && !argc)
		return attempts_list();
	if (option != -1 || !argc)
		usage();
	attempt = attempt_find(argv[0]);
	if (argc - 1 != words_count(attempt->words))
		errx(WRONG_WORDS, "%s: takes %s", attempt->name, attempt->words);
	signal(SIGALRM, too_late);
	alarm(LIMIT);
	end_errno(attempt->try(argv + 1));
}
