// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * procnet.c - reads sockets from /proc/net, for kinds that sock_diag(7) does not list.
 *
 * These files do not tell the cgroup. So a socket is known only if a process has it open.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "diag.h"

/* Read ADDRESS:PORT in hexadecimal digits, the address in words of this machine's byte order. */
static bool end_parse(struct cgg_end *end, const char *text, int family)
{
	static const __u8 mapped[12] = { [10] = 0xff, 0xff };
	int words = family == AF_INET ? 1 : 4;
	__u8 *to = end->addr + (family == AF_INET ? 12 : 0);
	unsigned port;

	memcpy(end->addr, mapped, sizeof(mapped));
	for (int i = 0; i < words; i++, text += 8) {
		unsigned word;

		if (sscanf(text, "%8x", &word) != 1)
			return false;
		memcpy(to + 4 * (size_t)i, &word, sizeof(word));
	}
	if (sscanf(text, ":%x", &port) != 1)
		return false;
	end->port = (__u16)port;
	return true;
}

static bool line_parse(struct cgg_socket *s, const char *line)
{
	char local[64], peer[64];
	unsigned long inode;
	unsigned state, uid;

	if (sscanf(line, " %*u: %63s %63s %x %*s %*s %*s %u %*u %lu", local, peer, &state, &uid,
		   &inode) != 5 ||
	    !end_parse(&s->local, local, s->family) || !end_parse(&s->peer, peer, s->family))
		return false;
	s->state = (__u8)state;
	s->uid = uid;
	s->inode = inode;
	if (s->kind == CGG_SOCK_RAW) {
		s->proto = s->local.port;
		s->local.port = s->peer.port = 0;
	}
	return true;
}

int procnet_read(int kind, int family, diag_each *each, void *context)
{
	static const char *const files[CGG_SOCK_KINDS] = { [CGG_SOCK_TCP] = "tcp",
							   [CGG_SOCK_UDP] = "udp",
							   [CGG_SOCK_UDPLITE] = "udplite",
							   [CGG_SOCK_RAW] = "raw" };
	char name[64], *line = 0;
	size_t room = 0;
	int status = 0;
	FILE *file;

	if (!files[kind])
		return 0;
	snprintf(name, sizeof(name), "/proc/thread-self/net/%s%s", files[kind],
		 family == AF_INET ? "" : "6");
	file = fopen(name, "re");
	if (!file)
		return errno == ENOENT ? 0 : set_error(CGG_FAILED, "%s: %s", name, strerror(errno));
	while (!status && getline(&line, &room, file) >= 0) {
		struct cgg_socket s = { .kind = (__u8)kind,
					.proto = kind_proto(kind),
					.family = (__u8)family,
					.cookie = { ~0u, ~0u } };

		if (line_parse(&s, line))
			status = each(context, &s);
	}
	free(line);
	fclose(file);
	return status;
}
