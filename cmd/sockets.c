// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sockets.c - prints sockets as lines, for cgg-sockets and --cut. */
#include <string.h>

#include "cmd.h"
#include "sockets.h"

/* Print ADDRESS:PORT; an IPv6 address stands in brackets, port 0 is a star. */
void end_print(const struct cgg_end *end, char text[SOCKET_END])
{
	char addr[CGG_NET_TEXT], port[8] = "*";

	addr_print(end->addr, addr);
	if (end->port)
		snprintf(port, sizeof(port), "%u", end->port);
	snprintf(text, SOCKET_END, strchr(addr, ':') ? "[%s]:%s" : "%s:%s", addr, port);
}

/* Print the first process that has the socket, and how many others have it. */
static void process_print(FILE *to, const struct cgg_sockets *all, const struct cgg_socket *s)
{
	const struct cgg_holder *first = &all->holder[s->holder];
	char comm[sizeof(first->comm) + 1] = "", shown[4 * sizeof(comm)];

	if (!s->holders) {
		fputs("\t-", to);
		return;
	}
	memcpy(comm, first->comm, sizeof(first->comm));
	text_print(shown, comm);
	fprintf(to, "\t%s,pid=%d,fd=%d", shown, first->pid, first->fd);
	if (s->holders > 1)
		fprintf(to, ",+%u", s->holders - 1);
}

/* Print a socket as a line: CGROUP KIND LOCAL PEER STATE UID PROCESS VERDICT POLICY ID RULE. */
void socket_print(FILE *to, const struct cgg_sockets *all, const struct cgg_socket *s)
{
	char cgroup[4 * 4096], local[SOCKET_END], peer[SOCKET_END];

	text_print(cgroup, all->scope[s->scope].path);
	end_print(&s->local, local);
	end_print(&s->peer, peer);
	if (s->kind == CGG_SOCK_RAW)
		fprintf(to, "%s\traw:%u", cgroup, s->proto);
	else
		fprintf(to, "%s\t%s", cgroup, socket_kind_name(s));
	fprintf(to, "\t%s\t%s\t%s\t%u", local, peer, socket_state_name(s), s->uid);
	process_print(to, all, s);
	if (s->verdict >= CGG_VERDICTS)
		fputs("\t-\n", to);
	else if (!s->rule)
		fprintf(to, "\t%s\t%s\tdefault\n", cgg_verdicts[s->verdict],
			all->guard->policies[s->place].name);
	else
		fprintf(to, "\t%s\t%s\t%u\t%s\n", cgg_verdicts[s->verdict],
			all->guard->policies[s->place].name, s->rule, s->text ? s->text : "");
}

static bool verbose_cut;

/* Print a socket that --cut ended, or why it could not. */
static void ended(const struct cgg_sockets *all, const struct cgg_socket *s, int status)
{
	char local[SOCKET_END], peer[SOCKET_END];

	if (!status && verbose_cut)
		socket_print(stdout, all, s);
	if (!status)
		return;
	end_print(&s->local, local);
	end_print(&s->peer, peer);
	warnx("--cut: %s %s: %s", local, peer, cgg_error);
}

/*
 * End what a policy refuses after a change of it, which stays in force even if this fails. Return
 * the status of the command.
 */
int sockets_cut_print(struct cgg_guard *guard, int place, const __u64 *targets, size_t count,
		      bool verbose)
{
	int status;

	verbose_cut = verbose;
	*cgg_error = 0;
	status = sockets_cut(guard, place, targets, count, ended);
	if (status)
		warnx("--cut: the change is in force, but connections that it refuses may be open: %s",
		      cgg_error);
	return status;
}
