// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hook.c - the table of hooks, and the table of BPF programs with their attach points.
 *
 * A new hook needs enum values in bpf/contract/hooks.h, a row in each table here, and a file
 * in bpf/. The parser, attach, status, the completions and tests read these tables.
 */
#include <linux/bpf.h>
#include <string.h>

#include "words.h"

#define P(program) (1u << CGG_##program)
#define CALL (NET | CGG_MATCH_HOST)
#define NET (CGG_MATCH_PROTO | CGG_MATCH_IP | CGG_MATCH_PORT | CALLER)
#define PACKET                                                                                     \
	(CGG_MATCH_PROTO | CGG_MATCH_IP | CGG_MATCH_PORT | OWNER | CGG_MATCH_SPORT |               \
	 CGG_MATCH_IFACE | CGG_MATCH_SELF)
#define FLOW (CGG_MATCH_PROTO | CGG_MATCH_IP | CGG_MATCH_PORT | CGG_MATCH_CGROUP)
#define SOCKET (CGG_MATCH_FAMILY | CGG_MATCH_TYPE | CGG_MATCH_PROTO | CALLER)
#define CALLER (CGG_MATCH_CGROUP | CGG_MATCH_UID | CGG_MATCH_GID)
#define VALUE (CALLER | CGG_MATCH_VALUE)
#define OWNER (CGG_MATCH_CGROUP | CGG_MATCH_UID) /* of a packet: a socket has no group */
#define FLOW_UDP (P(FLOW_SOCKET) | P(FLOW_SENT) | P(FLOW_RECEIVED) | P(FLOW_UDP))
#define FLOW_PROGRAMS (P(FLOW_TCP) | FLOW_UDP)
#define RWM (CGG_R | CGG_W | CGG_M)
#define RW (CGG_R | CGG_W)

/* word, operand, matches, programs, access bits, observe_only, error */
const struct cgg_hook_info cgg_hooks[] = {
	[CGG_CONNECT] = { "connect", 0, CALL, P(CONNECT4) | P(CONNECT6), 0, false, true },
	[CGG_BIND] = { "bind", 0, NET, P(BIND4) | P(BIND6) | P(POST_BIND4) | P(POST_BIND6), 0,
		       false, true },
	[CGG_SENDMSG] = { "sendmsg", 0, CALL, P(SENDMSG4) | P(SENDMSG6), 0, false, true },
	[CGG_RECVMSG] = { "recvmsg", 0, NET, P(RECVMSG4) | P(RECVMSG6), 0, true, false },
	[CGG_EGRESS] = { "egress", 0, PACKET, P(EGRESS_SKB), 0, false, false },
	[CGG_INGRESS] = { "ingress", 0, PACKET, P(INGRESS_SKB), 0, false, false },
	[CGG_FLOW] = { "flow", 0, FLOW, FLOW_PROGRAMS, 0, true, false },
	[CGG_UNIX] = { "unix", CGG_UNIX_NAME, CALLER, P(CONNECT_UNIX) | P(SENDMSG_UNIX), 0, false,
		       true },
	[CGG_SOCKET] = { "socket", 0, SOCKET, P(SOCK_CREATE), 0, false, true },
	[CGG_DEVICE] = { "device", CGG_DEVICE_NUMBER, CALLER, P(DEV), RWM, false, true },
	[CGG_SYSCTL] = { "sysctl", CGG_SYSCTL_NAME, VALUE, P(SYSCTL_RW), RW, false, true },
	[CGG_SETSOCKOPT] = { "setsockopt", CGG_SOCKOPT, VALUE, P(SETSOCKOPT_RUN), 0, false, true },
	[CGG_GETSOCKOPT] = { "getsockopt", CGG_SOCKOPT, CALLER, P(GETSOCKOPT_RUN), 0, false, true },
	[CGG_DNS] = { "dns", CGG_DNS_NAME, OWNER, P(DNS_QUESTION) | P(DNS_ANSWER), 0, false,
		      false },
};

const char *const cgg_operands[] = {
	[CGG_NONE] = 0,
	[CGG_DEVICE_NUMBER] = "c|b|a MAJOR:MINOR|/dev/PATH",
	[CGG_SYSCTL_NAME] = "NAME",
	[CGG_UNIX_NAME] = "/PATH|@ABSTRACT",
	[CGG_SOCKOPT] = "LEVEL:NAME",
	[CGG_DNS_NAME] = "NAME|*.NAME|*|@SET",
};

/* The attach types of unix sockets came with Linux 6.7; older headers lack them. */
#define CONNECT_UNIX 49
#define SENDMSG_UNIX 50
#define ADDR BPF_PROG_TYPE_CGROUP_SOCK_ADDR
#define SOCK BPF_PROG_TYPE_CGROUP_SOCK
#define SKB BPF_PROG_TYPE_CGROUP_SKB
#define OPT BPF_PROG_TYPE_CGROUP_SOCKOPT

const struct cgg_program_info cgg_programs[] = {
	[CGG_CONNECT4] = { "connect4", ADDR, BPF_CGROUP_INET4_CONNECT, 0, "connect4_names", false },
	[CGG_CONNECT6] = { "connect6", ADDR, BPF_CGROUP_INET6_CONNECT, 0, "connect6_names", false },
	[CGG_BIND4] = { "bind4", ADDR, BPF_CGROUP_INET4_BIND, 0, 0, false },
	[CGG_BIND6] = { "bind6", ADDR, BPF_CGROUP_INET6_BIND, 0, 0, false },
	[CGG_POST_BIND4] = { "post_bind4", SOCK, BPF_CGROUP_INET4_POST_BIND, 0, 0, false },
	[CGG_POST_BIND6] = { "post_bind6", SOCK, BPF_CGROUP_INET6_POST_BIND, 0, 0, false },
	[CGG_SENDMSG4] = { "sendmsg4", ADDR, BPF_CGROUP_UDP4_SENDMSG, 0, "sendmsg4_names", false },
	[CGG_SENDMSG6] = { "sendmsg6", ADDR, BPF_CGROUP_UDP6_SENDMSG, 0, "sendmsg6_names", false },
	[CGG_RECVMSG4] = { "recvmsg4", ADDR, BPF_CGROUP_UDP4_RECVMSG, 0, 0, false },
	[CGG_RECVMSG6] = { "recvmsg6", ADDR, BPF_CGROUP_UDP6_RECVMSG, 0, 0, false },
	[CGG_EGRESS_SKB] = { "egress", SKB, BPF_CGROUP_INET_EGRESS, 0, 0, false },
	[CGG_INGRESS_SKB] = { "ingress", SKB, BPF_CGROUP_INET_INGRESS, 0, 0, false },
	[CGG_FLOW_TCP] = { "flow", BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, 0, "flow_names",
			   false },
	[CGG_FLOW_SOCKET] = { "flow_socket", SOCK, BPF_CGROUP_INET_SOCK_CREATE, 0, 0, false },
	[CGG_FLOW_SENT] = { "flow_sent", SKB, BPF_CGROUP_INET_EGRESS, 0, 0, false },
	[CGG_FLOW_RECEIVED] = { "flow_received", SKB, BPF_CGROUP_INET_INGRESS, 0, 0, false },
	[CGG_FLOW_UDP] = { "flow_udp", SOCK, BPF_CGROUP_INET_SOCK_RELEASE, 0, "flow_udp_names",
			   false },
	[CGG_CONNECT_UNIX] = { "connect_unix", ADDR, CONNECT_UNIX, "6.7", 0, false },
	[CGG_SENDMSG_UNIX] = { "sendmsg_unix", ADDR, SENDMSG_UNIX, "6.7", 0, false },
	[CGG_SOCK_CREATE] = { "sock_create", SOCK, BPF_CGROUP_INET_SOCK_CREATE, 0, 0, false },
	[CGG_DEV] = { "device", BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, 0, 0, false },
	[CGG_SYSCTL_RW] = { "sysctl", BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL, 0, 0, false },
	[CGG_SETSOCKOPT_RUN] = { "setsockopt", OPT, BPF_CGROUP_SETSOCKOPT, 0, 0, false },
	[CGG_GETSOCKOPT_RUN] = { "getsockopt", OPT, BPF_CGROUP_GETSOCKOPT, 0, 0, false },
	[CGG_DNS_QUESTION] = { "dns", SKB, BPF_CGROUP_INET_EGRESS, 0, 0, true },
	[CGG_DNS_ANSWER] = { "dns_answer", SKB, BPF_CGROUP_INET_INGRESS, 0, 0, true },
};

const char *const cgg_verdicts[] = {
	[CGG_ALLOW] = "allow", [CGG_ALERT] = "alert", [CGG_DENY] = "deny", [CGG_AUDIT] = "audit"
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
_Static_assert(ROWS(cgg_hooks) == CGG_HOOKS, "each hook needs a row");
_Static_assert(ROWS(cgg_programs) == CGG_PROGRAMS, "each program needs a row");
_Static_assert(ROWS(cgg_verdicts) == CGG_VERDICTS, "each verdict needs a word");

int hook_find(const char *word, size_t len)
{
	for (int i = 0; i < CGG_HOOKS; i++)
		if (!strncmp(cgg_hooks[i].word, word, len) && !cgg_hooks[i].word[len])
			return i;
	return -1;
}

unsigned hook_programs(unsigned hooks)
{
	const unsigned asked = hooks & (CGG_ASKS_TCP | CGG_ASKS_UDP);
	unsigned programs = 0;

	for (int i = 0; i < CGG_HOOKS; i++)
		if (hooks & 1u << i && !(i == CGG_FLOW && asked))
			programs |= cgg_hooks[i].programs;
	if (asked & CGG_ASKS_TCP)
		programs |= P(FLOW_TCP);
	return asked & CGG_ASKS_UDP ? programs | FLOW_UDP : programs;
}

int verdict_find(const char *word)
{
	for (int i = 0; i < CGG_AUDIT; i++)
		if (!strcmp(word, cgg_verdicts[i]))
			return i;
	return -1;
}

int hooks_parse(unsigned *hooks, const char *word)
{
	*hooks = 0;
	for (const char *at = word;; at++) {
		size_t len = strcspn(at, ",");
		bool net = len == 3 && !strncmp(at, "net", 3);
		int hook = net ? 0 : hook_find(at, len);

		if (hook < 0)
			return len || !*word
				       ? set_error(CGG_USAGE, "%.*s: not a hook",
						   len > 80 ? 80 : (int)len, at)
				       : set_error(CGG_USAGE,
						   "%.80s: a list has no empty element, and no "
						   "blanks",
						   word);
		*hooks |= net ? CGG_NET_HOOKS : 1u << hook;
		at += len;
		if (!*at)
			return 0;
	}
}

void hooks_print(unsigned hooks, char *text, size_t size)
{
	char *end = text, *limit = text + size;

	*text = 0;
	for (int i = 0; i < CGG_HOOKS; i++) {
		if (!(hooks & 1u << i) || end + strlen(cgg_hooks[i].word) + (end > text) >= limit)
			continue;
		if (end > text)
			*end++ = ',';
		end = stpcpy(end, cgg_hooks[i].word);
	}
}
