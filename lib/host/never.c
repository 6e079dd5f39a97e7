// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * never.c - refuses rules that no operation can match, and suggests a correct rule.
 *
 * Such a rule would look like protection but have no effect. Only new rules are checked:
 * existing policies must remain readable.
 */
#include <string.h>
#include <sys/socket.h>

#include "host.h"

#define H(hook) (1u << CGG_##hook)
#define PACKETS (H(EGRESS) | H(INGRESS))
#define SOCKETS (H(SOCKET) | PACKETS) /* they see every protocol */

/*
 * Which hooks see a protocol, and which type its sockets have besides raw. The kernel runs the
 * connect programs for TCP, UDP and ping sockets, and the message programs for UDP and UDP-Lite.
 * SCTP, raw and ping sockets have their own bind(2), which runs no program.
 */
static const struct seen {
	int proto;
	unsigned hooks;
	int type;
	bool ports;
} known[] = {
	{ 1, H(CONNECT), SOCK_DGRAM, false }, /* icmp */
	{ 2, 0, 0, false }, /* igmp */
	{ 6, H(CONNECT) | H(BIND) | H(FLOW), SOCK_STREAM, true },
	{ 17, H(CONNECT) | H(BIND) | H(SENDMSG) | H(RECVMSG) | H(FLOW), SOCK_DGRAM, true },
	{ 33, H(BIND), 0, true }, /* dccp: a type of its own */
	{ 47, 0, 0, false }, /* gre */
	{ 50, 0, 0, false }, /* esp */
	{ 51, 0, 0, false }, /* ah */
	{ 58, H(CONNECT), SOCK_DGRAM, false }, /* icmpv6 */
	{ 132, 0, SOCK_STREAM, true }, /* sctp */
	{ 136, H(BIND) | H(SENDMSG) | H(RECVMSG) | H(FLOW), SOCK_DGRAM, true }, /* udplite */
};

/* The protocol of an unknown module: it may support bind, with sockets of any type. */
static const struct seen unknown = { -1, H(BIND), -1, false };

static const struct seen *proto_seen(int proto)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].proto == proto)
			return &known[i];
	return &unknown;
}

static const char *proto_name(const struct cgg_rule *rule)
{
	static char text[CGG_NET_TEXT];

	proto_print(rule->proto, text);
	return text;
}

/* Refuse a protocol that the hook does not see, or a port that the protocol does not have. */
static int proto_check(const struct cgg_rule *rule, int hook)
{
	const struct seen *seen = proto_seen(rule->proto);
	const char *name = proto_name(rule), *word = cgg_hooks[hook].word;
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!((seen->hooks | SOCKETS) & 1u << hook) && hook == CGG_RECVMSG)
		return set_error(CGG_USAGE, "proto %s: %s does not see it; write ingress proto %s",
				 name, word, name);
	if (!((seen->hooks | SOCKETS) & 1u << hook))
		return set_error(CGG_USAGE, "proto %s: %s does not see it; write %s proto %s", name,
				 word, seen->hooks & H(CONNECT) ? "connect" : "egress", name);
	/* Packets without a port are matched as port 0. */
	if (rule->matches & CGG_MATCH_PORT && rule->port_min && PACKETS & 1u << hook &&
	    !seen->ports)
		return set_error(CGG_USAGE, "port: proto %s has no ports; leave port out", name);
	if (hook == CGG_CONNECT && rule->proto == 1 && rule->matches & CGG_MATCH_IP &&
	    !rule->nets.count && !rule->net.word &&
	    memcmp(rule->net.addr, mapped, sizeof(mapped)) != 0)
		return set_error(
			CGG_USAGE,
			"proto icmp: is IPv4, but the address is IPv6; write proto icmpv6");
	return 0;
}

static int port_check(const struct cgg_rule *rule, int hook)
{
	if (!(rule->matches & CGG_MATCH_PORT) || rule->ports.count || rule->port_max)
		return 0;
	if (hook == CGG_BIND)
		return set_error(CGG_USAGE, "port 0: bind sees the port that the kernel chose; "
					    "leave port out, or write port 1-65535");
	if (hook == CGG_SENDMSG)
		return set_error(CGG_USAGE,
				 "port 0: the kernel sends no message to it; leave port out");
	return 0;
}

/* Refuse a combination of family, type and protocol that socket(2) cannot create. */
static int socket_check(const struct cgg_rule *rule)
{
	const struct seen *seen = proto_seen(rule->proto);
	const char *name = proto_name(rule);
	bool typed = rule->matches & CGG_MATCH_TYPE, raw = !typed || rule->type == SOCK_RAW;

	if (!(rule->matches & CGG_MATCH_PROTO))
		return 0;
	if (!rule->proto)
		return set_error(CGG_USAGE,
				 "proto 0: the kernel replaces it by the default protocol; "
				 "write its name, like proto tcp");
	if (raw || seen->type < 0)
		return 0;
	if (!seen->type || rule->type != seen->type)
		return set_error(CGG_USAGE, "proto %s: has no sockets of this type; write type %s",
				 name,
				 !seen->type		     ? "raw, or leave type out"
				 : seen->type == SOCK_STREAM ? "stream"
							     : "dgram");
	if (rule->matches & CGG_MATCH_FAMILY && (rule->proto == 1 || rule->proto == 58) &&
	    (rule->family == AF_INET) != (rule->proto == 1))
		return set_error(CGG_USAGE, "proto %s: is not of this family; write proto %s", name,
				 rule->proto == 1 ? "icmpv6" : "icmp");
	return 0;
}

/* Refuse a path that ends with a slash: the kernel takes it for a directory, not a socket. */
static int unix_check(const struct cgg_rule *rule)
{
	size_t len = strlen(rule->operand);

	if (rule->prefix || *rule->operand != '/' || rule->operand[len - 1] != '/')
		return 0;
	if (len == 1)
		return set_error(CGG_USAGE, "unix /: is a directory; write /* for every path");
	return set_error(CGG_USAGE, "unix %s: a path does not end with a slash; write %.*s, or %s*",
			 rule->operand, (int)len - 1, rule->operand, rule->operand);
}

static int hook_check(const struct cgg_rule *rule, int hook)
{
	int status = port_check(rule, hook);

	if (hook == CGG_SOCKET)
		return socket_check(rule);
	if (hook == CGG_UNIX)
		return unix_check(rule);
	if (!status && rule->matches & CGG_MATCH_PROTO)
		status = proto_check(rule, hook);
	return status;
}

/* Refuse the rule if none of its hooks can match it; cgg_error is about the first hook. */
static int never_check(const struct cgg_rule *rule)
{
	int status = 0;

	for (int hook = CGG_HOOKS - 1; hook >= 0; hook--) {
		if (!(rule->hooks & 1u << hook))
			continue;
		status = hook_check(rule, hook);
		if (!status)
			return 0;
	}
	return status;
}

static int comment_check(const struct cgg_rule *rule)
{
	size_t len = strlen(rule->comment), step;

	for (size_t at = 0; at < len; at += step)
		if (utf8_is_hidden(utf8_read((const __u8 *)rule->comment + at, len - at, &step)))
			return set_error(CGG_USAGE, "comment: has a character that is not visible");
	return 0;
}

/* Refuse a list with a protocol or a port that no hook can match. */
static int elements_check(const struct cgg_rule *rule)
{
	unsigned proto = protos_next(&rule->protos, 0);
	int status = never_check(rule);

	for (; proto < CGG_PROTOS && !status; proto = protos_next(&rule->protos, proto + 1)) {
		struct cgg_rule one = *rule;

		one.proto = (__u16)proto;
		status = never_check(&one);
	}
	return status;
}

int rule_accept(struct cgg_rule *rule, bool typed)
{
	int status = elements_check(rule);

	*cgg_note = 0;
	if (!status)
		status = comment_check(rule);
	if (!status && rule->hooks == H(SYSCTL))
		status = sysctl_check(rule, typed);
	return status ? status : rule_resolve(rule);
}
