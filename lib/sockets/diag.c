// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diag.c - lists and ends sockets by sock_diag(7). */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define BUFFER (1 << 18)
#define HEAD sizeof(struct nlattr) /* NLA_HDRLEN, without its signed constants */
#define ALIGN ((size_t)NLA_ALIGNTO)

/* The protocol of each kind; MPTCP does not fit in the request, an attribute has it. */
static const __u16 protos[CGG_SOCK_KINDS] = {
	[CGG_SOCK_TCP] = IPPROTO_TCP, [CGG_SOCK_MPTCP] = IPPROTO_MPTCP,
	[CGG_SOCK_UDP] = IPPROTO_UDP, [CGG_SOCK_UDPLITE] = IPPROTO_UDPLITE,
	[CGG_SOCK_RAW] = IPPROTO_RAW,
};

__u16 kind_proto(int kind)
{
	return protos[kind];
}

int diag_open(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

/* A request with room for its attributes, which are added by request_add(). */
struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 diag;
};

static int request_send(int fd, const struct request *request, __u32 proto,
			const struct diag_filter *filter)
{
	static const char padding[NLA_ALIGNTO];
	struct nlattr of_proto = { .nla_len = HEAD + sizeof(proto),
				   .nla_type = INET_DIAG_REQ_PROTOCOL };
	struct nlattr of_filter = { .nla_len = (__u16)(HEAD + filter->len),
				    .nla_type = INET_DIAG_REQ_BYTECODE };
	struct request whole = *request;
	struct iovec parts[] = {
		{ &whole, sizeof(whole) },
		{ &of_proto, HEAD },
		{ &proto, sizeof(proto) },
		{ &of_filter, filter->len ? HEAD : 0 },
		{ filter->code, filter->len },
		{ (void *)padding, (ALIGN - filter->len % ALIGN) % ALIGN },
	};
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr message = { .msg_name = (void *)&kernel,
				  .msg_namelen = sizeof(kernel),
				  .msg_iov = parts,
				  .msg_iovlen = sizeof(parts) / sizeof(parts[0]) };

	whole.head.nlmsg_len = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		whole.head.nlmsg_len += (__u32)parts[i].iov_len;
	return sendmsg(fd, &message, 0) < 0 ? errno : 0;
}

static void end_read(struct cgg_end *end, int family, const __be32 addr[4], __be16 port)
{
	static const __u8 mapped[12] = { [10] = 0xff, 0xff };

	if (family == AF_INET) {
		memcpy(end->addr, mapped, sizeof(mapped));
		memcpy(end->addr + sizeof(mapped), addr, 4);
	} else {
		memcpy(end->addr, addr, sizeof(end->addr));
	}
	end->port = ntohs(port);
}

/*
 * Tell from the counters of a TCP connection which side opened it.
 *
 * The SYN of the side that connects is acknowledged as one byte (bytes_acked), but not counted as
 * sent. So this side has 1 byte acknowledged in excess if it connected, and 0 if it accepted.
 */
static __u8 direction_of(const struct tcp_info *info, size_t len, __u8 state, __u32 unacked)
{
	__u64 sent, acked;

	if (len < offsetof(struct tcp_info, tcpi_bytes_retrans) + sizeof(info->tcpi_bytes_retrans))
		return CGG_UNKNOWN;
	if (state != BPF_TCP_ESTABLISHED && state != BPF_TCP_CLOSE_WAIT)
		return CGG_UNKNOWN;
	if (unacked < info->tcpi_notsent_bytes)
		return CGG_UNKNOWN;
	sent = info->tcpi_bytes_sent - info->tcpi_bytes_retrans;
	acked = info->tcpi_bytes_acked + unacked - info->tcpi_notsent_bytes;
	return acked == sent ? CGG_INWARD : acked == sent + 1 ? CGG_OUTWARD : CGG_UNKNOWN;
}

static void attributes_read(struct cgg_socket *s, const struct inet_diag_msg *msg, size_t len)
{
	const struct rtattr *at = (const struct rtattr *)(msg + 1);

	for (len -= sizeof(*msg); RTA_OK(at, len); at = RTA_NEXT(at, len)) {
		const void *data = RTA_DATA(at);
		size_t size = RTA_PAYLOAD(at);
		struct tcp_info info = { 0 };

		if (at->rta_type == INET_DIAG_CGROUP_ID && size >= sizeof(s->cgroup))
			memcpy(&s->cgroup, data, sizeof(s->cgroup));
		if (at->rta_type == INET_DIAG_SKV6ONLY && size >= 1)
			s->v6only = *(const __u8 *)data;
		if (at->rta_type != INET_DIAG_INFO || s->kind != CGG_SOCK_TCP)
			continue;
		memcpy(&info, data, size < sizeof(info) ? size : sizeof(info));
		s->direction = direction_of(&info, size, s->state, msg->idiag_wqueue);
		s->counted = s->state != BPF_TCP_LISTEN;
		s->sent = info.tcpi_bytes_acked -
			  (info.tcpi_bytes_acked && s->direction != CGG_INWARD); /* the SYN */
		s->received = info.tcpi_bytes_received;
	}
}

static void socket_read(struct cgg_socket *s, int kind, const struct inet_diag_msg *msg, size_t len)
{
	*s = (struct cgg_socket){ .kind = (__u8)kind,
				  .proto = protos[kind],
				  .family = msg->idiag_family,
				  .state = msg->idiag_state == BPF_TCP_NEW_SYN_RECV
						   ? BPF_TCP_SYN_RECV
						   : msg->idiag_state,
				  .inode = msg->idiag_inode,
				  .uid = msg->idiag_uid,
				  .iface = msg->id.idiag_if,
				  .cookie = { msg->id.idiag_cookie[0], msg->id.idiag_cookie[1] } };
	end_read(&s->local, s->family, msg->id.idiag_src, msg->id.idiag_sport);
	end_read(&s->peer, s->family, msg->id.idiag_dst, msg->id.idiag_dport);
	if (kind == CGG_SOCK_RAW) { /* its number is in the place of the port */
		s->proto = s->local.port;
		s->local.port = s->peer.port = 0;
	}
	attributes_read(s, msg, len);
}

/* Read one datagram of a dump. Set *error at its end: -1: it is over, else the errno. */
static int answer_read(char *buffer, size_t len, int kind, int *error, diag_each *each,
		       void *context)
{
	const struct nlmsghdr *head = (const struct nlmsghdr *)buffer;
	int status = 0;

	for (; NLMSG_OK(head, len) && !*error && !status; head = NLMSG_NEXT(head, len)) {
		struct cgg_socket s;

		if (head->nlmsg_type == NLMSG_DONE) {
			int end = head->nlmsg_len >= NLMSG_LENGTH(sizeof(int))
					  ? *(const int *)NLMSG_DATA(head)
					  : 0;

			*error = end < 0 ? -end : -1;
		} else if (head->nlmsg_type == NLMSG_ERROR) {
			*error = -((const struct nlmsgerr *)NLMSG_DATA(head))->error;
		} else if (head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
			socket_read(&s, kind, NLMSG_DATA(head), head->nlmsg_len - NLMSG_HDRLEN);
			status = each(context, &s);
		}
	}
	return status;
}

int diag_dump(int fd, int kind, int family, const struct diag_filter *filter, diag_each *each,
	      void *context)
{
	struct request request = {
		.head = { .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.diag = { .sdiag_family = (__u8)family,
			  .sdiag_protocol =
				  kind == CGG_SOCK_MPTCP ? IPPROTO_TCP : (__u8)protos[kind],
			  .idiag_states = ~0u,
			  .idiag_ext = kind == CGG_SOCK_TCP ? 1 << (INET_DIAG_INFO - 1) : 0 },
	};
	int error = request_send(fd, &request, protos[kind], filter), status = 0;
	char *buffer = malloc(BUFFER);

	if (!buffer)
		return set_error(CGG_FAILED, "out of memory");
	while (!error && !status) {
		ssize_t len = recv(fd, buffer, BUFFER, 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			error = len ? errno : EIO;
		else
			status = answer_read(buffer, (size_t)len, kind, &error, each, context);
	}
	free(buffer);
	if (status || error <= 0)
		return status;
	if (error == ENOENT || error == EOPNOTSUPP || error == EINVAL || error == EPROTONOSUPPORT)
		return CGG_NO;
	return set_error(CGG_FAILED, "sock_diag: %s", strerror(error));
}

/* Ask the kernel to end a socket (SOCK_DESTROY); fd is of its network namespace. */
int diag_end(int fd, const struct cgg_socket *s)
{
	const struct diag_filter none = { 0, 0 };
	struct request request = {
		.head = { .nlmsg_type = SOCK_DESTROY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.diag = { .sdiag_family = s->family,
			  .sdiag_protocol =
				  s->kind == CGG_SOCK_MPTCP ? IPPROTO_TCP : (__u8)protos[s->kind],
			  .idiag_states = ~0u,
			  .id = { .idiag_sport = htons(s->local.port),
				  .idiag_dport = htons(s->peer.port),
				  .idiag_if = s->iface,
				  .idiag_cookie = { s->cookie[0], s->cookie[1] } } },
	};
	size_t from = s->family == AF_INET ? 12 : 0;
	char answer[512];
	ssize_t len;
	int error;

	memcpy(request.diag.id.idiag_src, s->local.addr + from, sizeof(s->local.addr) - from);
	memcpy(request.diag.id.idiag_dst, s->peer.addr + from, sizeof(s->peer.addr) - from);
	if (s->kind == CGG_SOCK_RAW) /* struct inet_diag_req_raw */
		request.diag.pad = (__u8)s->proto;
	error = request_send(fd, &request, protos[s->kind], &none);
	if (error)
		return error;
	len = recv(fd, answer, sizeof(answer), 0);
	if (len < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return len < 0 ? errno : EIO;
	return -((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)answer))->error;
}

/* One test of the filter, and the jump to the end of the program behind a test that holds. */
struct step {
	struct inet_diag_bc_op test;
	__u32 id[2];
	struct inet_diag_bc_op jump;
};
#define STEPS 64

/*
 * Make a filter by the listed cgroups, and by 0: connections that nobody has accepted, or that are
 * over, have no cgroup. With many cgroups none is made: each socket is compared with each of them.
 */
int filter_make(struct diag_filter *filter, const struct cgg_sockets *all)
{
	size_t count = all->scopes + 1;
	struct step *step;

	*filter = (struct diag_filter){ 0, 0 };
	if (count > STEPS)
		return 0;
	step = calloc(count, sizeof(*step));
	if (!step)
		return set_error(CGG_FAILED, "out of memory");
	for (size_t i = 0; i < count; i++) {
		__u64 id = i < all->scopes ? all->scope[i].id : 0;
		size_t left = (count - i) * sizeof(*step);
		bool last = i + 1 == count;

		step[i].test = (struct inet_diag_bc_op){ INET_DIAG_BC_CGROUP_COND,
							 offsetof(struct step, jump),
							 /* Beyond the end means: no. */
							 (__u16)(last ? left + 4 : sizeof(*step)) };
		memcpy(step[i].id, &id, sizeof(id));
		step[i].jump =
			(struct inet_diag_bc_op){ INET_DIAG_BC_JMP, sizeof(struct inet_diag_bc_op),
						  (__u16)(left - offsetof(struct step, jump)) };
	}
	filter->code = (unsigned char *)step;
	filter->len = count * sizeof(*step);
	return 0;
}
