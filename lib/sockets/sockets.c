// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sockets.c - lists the open sockets of attached cgroups. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sockios.h>

#include "diag.h"

/* What one dump is about. */
struct dump {
	struct cgg_sockets *all;
	__u32 network;
	bool by_holder; /* the kernel does not tell the cgroup: it is that of a process */
};

static bool lacks_cgroup(const struct cgg_socket *s)
{
	return !s->cgroup && s->kind == CGG_SOCK_TCP && !s->inode;
}

static int socket_take(void *context, const struct cgg_socket *found)
{
	struct dump *dump = context;
	struct cgg_sockets *all = dump->all;
	struct cgg_socket *more, s = *found;
	size_t holder = dump->by_holder ? holder_find(all, s.inode) : all->holders;
	long scope;

	if (holder < all->holders)
		s.cgroup = all->scope[all->holder[holder].scope].id;
	scope = s.cgroup ? scope_find(all, s.cgroup) : -1;
	if (scope < 0 && !lacks_cgroup(&s))
		return 0;
	more = grow(all->socket, all->count, &all->room, sizeof(*all->socket));
	if (!more)
		return CGG_FAILED;
	s.network = dump->network;
	s.scope = scope < 0 ? 0 : (__u32)scope;
	all->socket = more;
	all->socket[all->count++] = s;
	return 0;
}

/* List the sockets of one kind in the namespace of this process. */
static int kind_read(struct dump *dump, int diag, int kind, const struct diag_filter *filter)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int status = 0;

	for (int i = 0; i < 2 && !status; i++) {
		dump->by_holder = false;
		status = diag_dump(diag, kind, families[i], filter, socket_take, dump);
		if (status != CGG_NO)
			continue;
		dump->all->missing |= 1u << kind;
		dump->by_holder = true;
		status = procnet_read(kind, families[i], socket_take, dump);
	}
	return status;
}

static int network_read(struct cgg_sockets *all, __u32 network)
{
	struct dump dump = { .all = all, .network = network };
	struct diag_filter filter;
	int diag = diag_open(), status;

	if (diag < 0)
		return set_error(CGG_FAILED, "sock_diag: %s", strerror(errno));
	status = filter_make(&filter, all);
	for (int kind = 0; kind < CGG_SOCK_KINDS && !status; kind++)
		status = kind_read(&dump, diag, kind, &filter);
	free(filter.code);
	close(diag);
	return status;
}

static int by_inode(const void *one, const void *other)
{
	__u64 a = ((const struct cgg_socket *)one)->inode,
	      b = ((const struct cgg_socket *)other)->inode;

	return a < b ? -1 : a > b;
}

/*
 * Visit the namespaces of sockets that processes have open and that no dump showed. Their namespace
 * may have no process and no name any more. Other sockets, such as those of unix, are among them.
 */
static int strays_read(struct cgg_sockets *all)
{
	int status = 0;

	if (all->count)
		qsort(all->socket, all->count, sizeof(*all->socket), by_inode);
	for (size_t i = 0; i < all->holders && !status; i++) {
		struct cgg_socket key = { .inode = all->holder[i].inode };
		int fd, network;

		if (i && all->holder[i - 1].inode == key.inode)
			continue;
		if (all->count && bsearch(&key, all->socket, all->count, sizeof(key), by_inode))
			continue;
		fd = holder_fd(all, i);
		network = fd < 0 ? -1 : ioctl(fd, SIOCGSKNS);
		if (fd >= 0)
			close(fd);
		if (network >= 0)
			status = network_try(all, network, network_read);
	}
	return status;
}

/* Sort by cgroup, protocol, ends. */
static int by_place(const void *one, const void *other, void *context)
{
	const struct cgg_socket *a = one, *b = other;
	const struct cgg_sockets *all = context;
	int order = a->scope == b->scope
			    ? 0
			    : strcmp(all->scope[a->scope].path, all->scope[b->scope].path);

	if (!order)
		order = a->kind - b->kind;
	if (!order)
		order = a->local.port - b->local.port;
	if (!order)
		order = a->peer.port - b->peer.port;
	if (!order)
		order = memcmp(a->local.addr, b->local.addr, sizeof(a->local.addr));
	return order ? order : memcmp(a->peer.addr, b->peer.addr, sizeof(a->peer.addr));
}

static void holders_join(struct cgg_sockets *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct cgg_socket *s = &all->socket[i];
		size_t at = s->inode ? holder_find(all, s->inode) : all->holders;

		s->holder = (__u32)at;
		for (; at < all->holders && all->holder[at].inode == s->inode; at++)
			s->holders++;
	}
}

/* List the sockets that are open now, without verdicts; sockets_free() even after a failure. */
int sockets_list(struct cgg_sockets *all, struct cgg_guard *guard, int place, const __u64 *targets,
		 size_t count)
{
	int status;

	*all = (struct cgg_sockets){ .guard = guard, .place = place };
	status = scopes_read(all, count ? targets : 0, count);
	if (!status)
		status = holders_read(all);
	if (!status && all->scopes)
		status = networks_each(all, network_read);
	if (!status)
		status = strays_read(all);
	if (status)
		return status;
	origins_find(all);
	holders_join(all);
	if (all->count)
		qsort_r(all->socket, all->count, sizeof(*all->socket), by_place, all);
	return 0;
}

/* List them with the verdicts; sockets_free() even after a failure. */
int sockets_read(struct cgg_sockets *all, struct cgg_guard *guard, int place, const __u64 *targets,
		 size_t count)
{
	int status = sockets_list(all, guard, place, targets, count);

	return status ? status : sockets_judge(all);
}

void sockets_free(struct cgg_sockets *all)
{
	for (size_t i = 0; i < all->scopes; i++)
		free(all->scope[i].path);
	for (size_t i = 0; i < all->networks; i++)
		close(all->network[i].fd);
	for (size_t i = 0; i < all->texts; i++)
		free(all->text[i]);
	free(all->text);
	free(all->scope);
	free(all->network);
	free(all->holder);
	free(all->socket);
	free(all->attached);
}
