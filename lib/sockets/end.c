// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* end.c - ends sockets by SOCK_DESTROY. TCP sends a reset, so that both ends see it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"

static int end_refusal(const struct cgg_sockets *all, const struct cgg_socket *s, int error)
{
	const char *kind = socket_kind_name(s);

	if (error == ENOENT || error == EOPNOTSUPP || error == EINVAL)
		return set_error(CGG_FAILED, "this kernel cannot end %s sockets (%s)", kind,
				 all->missing & 1u << s->kind ? "sock_diag does not list them"
							      : "CONFIG_INET_DIAG_DESTROY");
	return set_error(CGG_NO, "%s", strerror(error));
}

/*
 * Disconnect an MPTCP socket by the descriptor of a process that has it, for a kernel that cannot
 * end such sockets: the process sees that it is closed. Return an errno.
 */
static int holder_disconnect(const struct cgg_sockets *all, const struct cgg_socket *s)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	bool is_open = s->holders && s->state != BPF_TCP_LISTEN;
	int fd = is_open ? holder_fd(all, s->holder) : -1, error = EOPNOTSUPP;

	if (fd < 0)
		return error;
	error = connect(fd, &none, sizeof(none)) ? errno : 0;
	close(fd);
	return error;
}

/* End a socket by a socket of sock_diag in its namespace; return 0 or an errno. */
static int end_here(const struct cgg_sockets *all, const struct cgg_socket *s)
{
	int diag = diag_open(), error = diag < 0 ? errno : diag_end(diag, s);

	if (error == EOPNOTSUPP && s->kind == CGG_SOCK_MPTCP)
		error = holder_disconnect(all, s);
	if (error == ENOENT && !(all->missing & 1u << s->kind))
		error = 0; /* it is gone already */
	if (!error && s->is_mute && s->kind == CGG_SOCK_TCP && s->origin != CGG_WAITS)
		peer_provoke(s);
	if (diag >= 0)
		close(diag);
	return error;
}

/*
 * End a socket. One that is gone already counts as ended. Return CGG_NO if it could not be ended,
 * and CGG_FAILED if this kernel ends no such sockets.
 */
int socket_end(struct cgg_sockets *all, const struct cgg_socket *s)
{
	int status = network_enter(&all->network[s->network]), error;

	if (status)
		return status;
	error = end_here(all, s);
	if (network_enter(&all->network[0]))
		return CGG_FAILED;
	return error ? end_refusal(all, s, error) : 0;
}

static bool is_subflow(const struct cgg_socket *other, const struct cgg_socket *s)
{
	return other->kind == CGG_SOCK_TCP && other->inode == s->inode &&
	       other->network == s->network && other->state != BPF_TCP_LISTEN;
}

/* Return whether a connection has ended. An MPTCP socket outlives the last of its connections. */
static bool is_over(const struct cgg_sockets *all, const struct cgg_socket *s)
{
	if (s->state == BPF_TCP_TIME_WAIT)
		return true;
	for (size_t i = 0; i < all->count && s->kind == CGG_SOCK_MPTCP; i++)
		if (is_subflow(&all->socket[i], s))
			return false;
	return s->kind == CGG_SOCK_MPTCP;
}

/* End what is refused, once. Set *count to the number of sockets that were ended. */
static int cut_once(struct cgg_sockets *all, socket_ended *ended, unsigned *count)
{
	int worst = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct cgg_socket *s = &all->socket[i];
		int status;

		if (!socket_is_refused(s) || s->origin == CGG_WAITS || is_over(all, s))
			continue;
		status = socket_end(all, s);
		if (status > worst)
			worst = status;
		*count += !status;
		ended(all, s, status);
	}
	return worst;
}

/*
 * End the connections that a policy refuses, after a change of it; of the targets, or of all
 * cgroups that are attached to it. Sockets that listen or have no other end stay.
 *
 * The change is in force before this lists the sockets. So a connection that is opened meanwhile
 * has been judged by the new policy already, and needs no end. Only a call that passed the hook
 * before the change, and was interrupted there, can add its socket later than the list. So the
 * list is made again until nothing on it had to be ended.
 */
int sockets_cut(struct cgg_guard *guard, int place, const __u64 *targets, size_t count,
		socket_ended *ended)
{
	int status, worst = 0;
	unsigned done = 1;

	for (int i = 0; i < 8 && done && !worst; i++) {
		struct cgg_sockets all;

		done = 0;
		status = sockets_read(&all, guard, place, targets, count);
		if (!status)
			status = cut_once(&all, ended, &done);
		sockets_free(&all);
		if (status > worst)
			worst = status;
	}
	return worst;
}
