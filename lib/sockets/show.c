// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* show.c - the words for kinds and states of sockets. */
#include "diag.h"

bool socket_is_stream(const struct cgg_socket *s)
{
	return s->kind == CGG_SOCK_TCP || s->kind == CGG_SOCK_MPTCP;
}

const char *socket_kind_name(const struct cgg_socket *s)
{
	static const char *const names[CGG_SOCK_KINDS] = { "tcp", "mptcp", "udp", "udplite",
							   "raw" };

	return names[s->kind];
}

const char *socket_state_name(const struct cgg_socket *s)
{
	static const char *const names[] = { [BPF_TCP_ESTABLISHED] = "established",
					     [BPF_TCP_SYN_SENT] = "syn-sent",
					     [BPF_TCP_SYN_RECV] = "syn-recv",
					     [BPF_TCP_FIN_WAIT1] = "fin-wait-1",
					     [BPF_TCP_FIN_WAIT2] = "fin-wait-2",
					     [BPF_TCP_TIME_WAIT] = "time-wait",
					     [BPF_TCP_CLOSE] = "close",
					     [BPF_TCP_CLOSE_WAIT] = "close-wait",
					     [BPF_TCP_LAST_ACK] = "last-ack",
					     [BPF_TCP_LISTEN] = "listen",
					     [BPF_TCP_CLOSING] = "closing",
					     [STATE_BOUND] = "bound" };

	if (!socket_is_stream(s))
		return s->origin == CGG_WAITS ? "unconnected" : "connected";
	return s->state < sizeof(names) / sizeof(names[0]) && names[s->state] ? names[s->state]
									      : "unknown";
}

bool socket_is_refused(const struct cgg_socket *s)
{
	return s->verdict == CGG_DENY;
}
