// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * origin.c - tells the sockets that were opened from here from those that came in.
 *
 * The counters of an established TCP connection tell it (diag.c). For others the listening sockets
 * do: a connection came in if a socket of its cgroup listens at its address and port. Connections
 * that no process has accepted yet, or that wait for their end, have no cgroup in the kernel. They
 * get that of the listener.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

/* Sort by namespace and local port, listening sockets first, equal ends next to each other. */
static int by_ends(const void *one, const void *other)
{
	const struct cgg_socket *a = one, *b = other;
	int order;

	if (a->network != b->network)
		return a->network < b->network ? -1 : 1;
	if (a->local.port != b->local.port)
		return a->local.port - b->local.port;
	if ((a->state == BPF_TCP_LISTEN) != (b->state == BPF_TCP_LISTEN))
		return b->state == BPF_TCP_LISTEN ? 1 : -1;
	if (a->peer.port != b->peer.port)
		return a->peer.port - b->peer.port;
	order = memcmp(a->peer.addr, b->peer.addr, sizeof(a->peer.addr));
	if (!order)
		order = memcmp(a->local.addr, b->local.addr, sizeof(a->local.addr));
	return order ? order : a->kind - b->kind;
}

/* Return whether a listening socket takes connections to this address. */
static bool listens_at(const struct cgg_socket *listener, const __u8 addr[16])
{
	static const __u8 any[16], any4[16] = { [10] = 0xff, 0xff };

	if (!memcmp(listener->local.addr, any, sizeof(any)))
		return !listener->v6only || !addr_is_ip4(addr);
	if (!memcmp(listener->local.addr, any4, sizeof(any4)))
		return addr_is_ip4(addr);
	return !memcmp(listener->local.addr, addr, sizeof(any));
}

static const struct cgg_socket *listener_find(const struct cgg_socket *first, size_t count,
					      const struct cgg_socket *s)
{
	for (size_t i = 0; i < count && first[i].state == BPF_TCP_LISTEN; i++)
		if (socket_is_stream(&first[i]) && (!s->cgroup || s->cgroup == first[i].cgroup) &&
		    listens_at(&first[i], s->local.addr))
			return &first[i];
	return 0;
}

/* Return the direction of an MPTCP connection: that of its first subflow, which is beside it. */
static __u8 direction_of(const struct cgg_sockets *all, const struct cgg_socket *s)
{
	if (s->kind == CGG_SOCK_MPTCP && s > all->socket && s[-1].kind == CGG_SOCK_TCP &&
	    s[-1].network == s->network && !memcmp(&s[-1].local, &s->local, sizeof(s->local)) &&
	    !memcmp(&s[-1].peer, &s->peer, sizeof(s->peer)))
		return s[-1].direction;
	return s->direction;
}

static enum cgg_origin origin_of(const struct cgg_sockets *all, const struct cgg_socket *s,
				 const struct cgg_socket *listener)
{
	static const __u8 none[2][16] = { { 0 }, { [10] = 0xff, 0xff } };
	__u8 direction = direction_of(all, s);

	if (!socket_is_stream(s))
		return s->peer.port || (s->kind == CGG_SOCK_RAW &&
					memcmp(s->peer.addr, none[s->family == AF_INET], 16) != 0)
			       ? CGG_OPENED
			       : CGG_WAITS;
	if (s->state == BPF_TCP_LISTEN || !s->peer.port)
		return CGG_WAITS;
	if (s->state == BPF_TCP_SYN_RECV)
		return CGG_CAME_IN;
	if (s->state == BPF_TCP_SYN_SENT || direction == CGG_OUTWARD)
		return CGG_OPENED;
	return direction == CGG_INWARD || listener ? CGG_CAME_IN : CGG_OPENED;
}

/* Set the origin of each socket; drop the connections whose cgroup stays unknown. */
void origins_find(struct cgg_sockets *all)
{
	size_t first = 0, kept = 0;

	if (all->count)
		qsort(all->socket, all->count, sizeof(*all->socket), by_ends);
	for (size_t i = 0; i < all->count; i++) {
		struct cgg_socket *s = &all->socket[i];
		const struct cgg_socket *listener = 0;

		if (s->network != all->socket[first].network ||
		    s->local.port != all->socket[first].local.port)
			first = i;
		if (socket_is_stream(s) && s->state != BPF_TCP_LISTEN)
			listener = listener_find(&all->socket[first], i - first, s);
		s->origin = (__u8)origin_of(all, s, listener);
		if (!s->cgroup && listener) {
			s->cgroup = listener->cgroup;
			s->scope = listener->scope;
		}
	}
	for (size_t i = 0; i < all->count; i++)
		if (all->socket[i].cgroup)
			all->socket[kept++] = all->socket[i];
	all->count = kept;
}
