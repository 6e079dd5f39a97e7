// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * serve.c - the server of the tests: echoes on one port by TCP and UDP, IPv4 and IPv6.
 *
 * Its first line is that port, and the port of MPTCP where the kernel has it. It runs until it
 * is killed.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define MOST 1024 /* sockets */

enum role { LISTENS, ANSWERS, CONNECTED };

static struct pollfd watched[MOST];
static enum role role[MOST];
static nfds_t count;

static void watch(int fd, enum role what)
{
	if (count == MOST) {
		close(fd);
		return;
	}
	watched[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	role[count++] = what;
}

static void as_unknown(nfds_t at)
{
	close(watched[at].fd);
	watched[at] = watched[--count];
	role[at] = role[count];
}

/* listen_on - listen at every address of the family; return -1 with errno */
static int listen_on(int family, int type, int protocol, in_port_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = port };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = port };
	int fd = socket(family, type, protocol), on = 1, error;

	if (fd < 0)
		return -1;
	if (family == AF_INET6)
		error = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ||
			bind(fd, (struct sockaddr *)&six, sizeof(six));
	else
		error = bind(fd, (struct sockaddr *)&four, sizeof(four));
	if (error || (type == SOCK_STREAM && listen(fd, 64))) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	watch(fd, type == SOCK_STREAM ? LISTENS : ANSWERS);
	return fd;
}

static in_port_t port_of(int fd)
{
	struct sockaddr_in own;
	socklen_t len = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &len))
		err(1, "getsockname");
	return own.sin_port;
}

/* listen_all - return the port; 0: a port that is free for one protocol is taken for another */
static in_port_t listen_all(void)
{
	static const struct {
		int family, type;
	} others[] = { { AF_INET, SOCK_DGRAM },
		       { AF_INET6, SOCK_STREAM },
		       { AF_INET6, SOCK_DGRAM } };
	int first = listen_on(AF_INET, SOCK_STREAM, 0, 0);
	in_port_t port;

	if (first < 0)
		err(1, "no port");
	port = port_of(first);
	for (int i = 0; i < 3; i++) {
		if (listen_on(others[i].family, others[i].type, 0, port) >= 0)
			continue;
		if (errno == EADDRINUSE)
			return 0;
		if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
			err(1, "port %u", ntohs(port));
	}
	return port;
}

static void answer(int fd)
{
	static char data[65536];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t got = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

	if (got >= 0 && sendto(fd, data, (size_t)got, 0, (struct sockaddr *)&from, len) < 0)
		return; /* lost, as packets may be */
}

/* echo - return false when the connection has ended */
static bool echo(int fd)
{
	static char data[65536];
	ssize_t got = recv(fd, data, sizeof(data), 0);

	for (ssize_t sent = 0; sent < got;) {
		ssize_t more = send(fd, data + sent, (size_t)(got - sent), MSG_NOSIGNAL);

		if (more < 0)
			return false;
		sent += more;
	}
	return got > 0;
}

static void serve(nfds_t at)
{
	int fd = watched[at].fd;

	if (role[at] == ANSWERS) {
		answer(fd);
	} else if (role[at] == LISTENS) {
		fd = accept(fd, 0, 0);
		if (fd >= 0)
			watch(fd, CONNECTED);
	} else if (!echo(fd)) {
		as_unknown(at);
	}
}

int main(void)
{
	in_port_t port;
	int multipath;

	while (!(port = listen_all()))
		while (count)
			as_unknown(0);
	multipath = listen_on(AF_INET, SOCK_STREAM, IPPROTO_MPTCP, 0);
	if (multipath < 0)
		printf("%u\n", ntohs(port));
	else
		printf("%u %u\n", ntohs(port), ntohs(port_of(multipath)));
	fflush(stdout);
	for (;;) {
		if (poll(watched, count, -1) < 0)
			err(1, "poll");
		for (nfds_t at = count; at-- > 0;)
			if (watched[at].revents)
				serve(at);
	}
}
