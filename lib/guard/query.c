// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * query.c - ask the kernel for the decision on one operation, given in the words of a rule.
 *
 * The program ask decides with the same code as the programs of the hooks.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard.h"

static int one(const char *needed)
{
	return set_error(CGG_USAGE, "test: exactly one %s", needed);
}

static bool has_ports(__u16 proto)
{
	static const __u8 with[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_SCTP,
				     IPPROTO_UDPLITE };

	return proto < 256 && memchr(with, proto, sizeof(with));
}

/* Return how much of a packet the words tell (enum cgg_known); the rest counts as unknown. */
static __u8 known_of(const struct cgg_rule *rule)
{
	if (rule->matches & CGG_MATCH_PORT)
		return CGG_KNOWN_ALL;
	if (rule->matches & CGG_MATCH_PROTO)
		return has_ports(rule->proto) ? CGG_KNOWN_PROTO : CGG_KNOWN_ALL;
	return rule->matches & CGG_MATCH_IP ? CGG_KNOWN_ADDR : CGG_KNOWN_NONE;
}

/* The key of a query about a DNS name is the name, reversed. */
static int query_host(struct cgg_ask *ask, const struct cgg_rule *rule)
{
	if (rule->prefix)
		return one("name is needed (without *)");
	host_reverse((char *)ask->name.word, rule->operand);
	memcpy(ask->query.word, &ask->name, sizeof(ask->query.word));
	return 0;
}

static int query_net(struct cgg_ask *ask, const struct cgg_rule *rule, int hook)
{
	struct cgg_query *q = &ask->query;
	bool message = hook == CGG_SENDMSG || hook == CGG_RECVMSG;
	bool packet = 1u << hook & CGG_PACKET_HOOKS;
	const struct cgg_net *net = &rule->net;
	__u16 proto = message ? 17 : 6;

	if (packet)
		q->access = known_of(rule);
	if (q->access == CGG_KNOWN_NONE)
		return 0;
	if (q->access == CGG_BY_NAME)
		q->select = (rule->inner ? CGG_IS_INNER : 0) | (rule->alias ? CGG_IS_ALIAS : 0);
	if (q->access != CGG_BY_NAME &&
	    (!(rule->matches & CGG_MATCH_IP) || rule->nets.count || !net_is_address(net)))
		return one("address is needed (ip ADDR)");
	if (rule->matches & CGG_MATCH_PORT ? rule->ports.count || rule->port_min != rule->port_max
					   : !packet)
		return one("port is needed (port N)");
	if (rule->matches & CGG_MATCH_PROTO)
		proto = rule->proto;
	q->port = rule->matches & CGG_MATCH_PORT ? rule->port_min : 0;
	q->select |= proto;
	if (q->access == CGG_BY_NAME)
		return query_host(ask, rule);
	memcpy(q->word, net->addr, sizeof(net->addr));
	if (addr_is_ip4(net->addr)) {
		q->select |= CGG_IS_IPV4;
		if (net->addr[12] == 127)
			q->select |= CGG_IS_LOCAL;
	} else if (!memcmp(net->addr, &(const __u8[16]){ [15] = 1 }, 16)) {
		q->select |= CGG_IS_LOCAL;
	}
	return 0;
}

static int query_socket(struct cgg_query *q, const struct cgg_rule *rule)
{
	if (!(rule->matches & CGG_MATCH_FAMILY) || !(rule->matches & CGG_MATCH_TYPE))
		return one("socket is needed (family and type)");
	q->port = rule->type == SOCK_STREAM ? 6 : rule->type == SOCK_DGRAM ? 17 : 0;
	if (rule->matches & CGG_MATCH_PROTO)
		q->port = rule->proto;
	q->select = CGG_SOCKET_SELECT((__u32)rule->family, (__u32)rule->type, q->port);
	return 0;
}

/* Store a number in 4 bytes of the key, in network byte order. */
static void key_number(struct cgg_query *q, unsigned place, long n)
{
	__u32 bytes = htonl((__u32)n);

	memcpy((char *)q->word + place, &bytes, sizeof(bytes));
}

static int query_device(struct cgg_query *q, const struct cgg_rule *rule)
{
	if (rule->device == 'a' || rule->major < 0 || rule->minor < 0)
		return one("device is needed (c|b MAJOR:MINOR)");
	key_number(q, 0, rule->device == 'c' ? CGG_CHAR : CGG_BLOCK);
	key_number(q, 4, rule->major);
	key_number(q, 8, rule->minor);
	return 0;
}

static int query_name(struct cgg_ask *ask, const struct cgg_rule *rule)
{
	size_t len = strlen(rule->operand);

	if (rule->prefix)
		return one("name is needed (without *)");
	memcpy(&ask->name, rule->operand, len);
	memcpy(ask->query.word, &ask->name, sizeof(ask->query.word));
	ask->query.select = (__u32)len;
	return 0;
}

static int query_access(struct cgg_query *q, const struct cgg_rule *rule, bool by_name)
{
	if (!rule->access || rule->access & (rule->access - 1))
		return one("access letter is needed");
	q->access = by_name ? CGG_BY_NAME : rule->access;
	return 0;
}

/*
 * Let a process of the cgroup at `below` (its path below the mount) ask: fill in the ids of the
 * cgroup and of those above it, by level. The root is level 0.
 */
int query_in(struct cgg_ask *ask, const char *below)
{
	char path[2 * 4096];
	size_t mount;

	memset(ask->ancestor, 0, sizeof(ask->ancestor));
	if (!cgroup_mount())
		return 0;
	snprintf(path, sizeof(path), "%s%s", cgroup_mount(), strcmp(below, "/") ? below : "");
	mount = strlen(cgroup_mount());
	for (unsigned level = 0; level < CGG_LEVELS; level++) {
		char *next = strchr(path + mount, '/');
		char keep = next ? *next : 0;

		if (next)
			*next = 0;
		ask->ancestor[level] = cgroup_id(AT_FDCWD, path);
		if (!ask->ancestor[level])
			return set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
		if (!next)
			break;
		*next = keep;
		mount = (size_t)(next - path) + 1;
	}
	return 0;
}

/* Without uid and gid the operation is one of root. */
static int query_owner(struct cgg_ask *ask, const struct cgg_rule *rule)
{
	if (rule->uid.min != rule->uid.max)
		return one("user is needed (uid ID)");
	if (rule->gid.min != rule->gid.max)
		return one("group is needed (gid ID)");
	ask->uid = rule->uid.min;
	ask->gid = rule->gid.min;
	return 0;
}

/* Without sport, iface and self, a packet has none. */
static int query_own_side(struct cgg_ask *ask, const struct cgg_rule *rule)
{
	if (rule->own.sports.count || rule->own.sport_min != rule->own.sport_max)
		return one("source port is needed (sport N)");
	if (rule->matches & CGG_MATCH_SELF &&
	    (rule->own.selfs.count || !net_is_address(&rule->own.self)))
		return one("own address is needed (self ADDR)");
	ask->sport = rule->own.sport_min;
	ask->iface = rule->own.iface_number;
	memcpy(ask->self, rule->own.self.addr, sizeof(ask->self));
	return 0;
}

/* Without a value, the text that is written is no number. */
static int query_value(struct cgg_ask *ask, const struct cgg_rule *rule)
{
	if (rule->value.min != rule->value.max)
		return one("value is needed (value N)");
	if (rule->matches & CGG_MATCH_VALUE)
		ask->value = CGG_VALUE_OF(rule->value.min);
	return 0;
}

static int query_numbers(struct cgg_ask *ask, const struct cgg_rule *rule)
{
	int status = query_own_side(ask, rule);

	if (!status)
		status = query_value(ask, rule);
	return status ? status : query_owner(ask, rule);
}

/* Turn the words of a rule into a query, as query_make() does, but leave its cgroups 0. */
int query_fill(struct cgg_ask *ask, const struct cgg_rule *rule, bool by_name)
{
	int hook = 0, status;

	memset(ask, 0, sizeof(*ask));
	while (!(rule->hooks & 1u << hook))
		hook++;
	if (rule->hooks != 1u << hook)
		return one("hook is needed");
	if (protos_any(&rule->protos))
		return one("protocol is needed (proto NAME)");
	ask->query.hook = (__u8)hook;
	status = query_access(&ask->query, rule, by_name);
	if (status)
		return status;
	switch (cgg_hooks[hook].operand) {
	case CGG_DEVICE_NUMBER:
		status = query_device(&ask->query, rule);
		break;
	case CGG_SYSCTL_NAME:
	case CGG_UNIX_NAME:
		status = query_name(ask, rule);
		break;
	case CGG_DNS_NAME:
		status = query_host(ask, rule);
		break;
	case CGG_SOCKOPT:
		key_number(&ask->query, 0, rule->major);
		key_number(&ask->query, 4, rule->minor);
		status = rule->major < 0 || rule->minor < 0 ? one("option is needed (LEVEL:NAME)")
							    : 0;
		break;
	case CGG_NONE:
		status = hook == CGG_SOCKET ? query_socket(&ask->query, rule)
					    : query_net(ask, rule, hook);
		break;
	}
	memcpy(&ask->name, ask->query.word, sizeof(ask->query.word));
	return status ? status : query_numbers(ask, rule);
}

/*
 * Turn the words of a rule into a query; refuse words that leave more than one operation. by_name:
 * the query is about the name, not the address.
 */
int query_make(struct cgg_ask *ask, const struct cgg_rule *rule, bool by_name)
{
	int status = query_fill(ask, rule, by_name);

	if (status)
		return status;
	return query_in(ask, rule->matches & CGG_MATCH_CGROUP ? rule->cgroup : "/");
}

/* Run the program ask, which is open, for the policy at a place; see query_ask(). */
int query_run(int program, struct cgg_ask *ask, int place, __u8 *verdict, __u32 *rule)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = ask, .data_size_in = sizeof(*ask));
	int status;

	ask->policy = (__u32)place;
	status = bpf_prog_test_run_opts(program, &run);
	if (status || run.retval == ~0u)
		return set_error(CGG_FAILED, CGG_DIR "/progs/ask: %s",
				 status ? strerror(errno) : "does not answer");
	*verdict = (__u8)(CGG_ANSWER_VERDICT(run.retval));
	*rule = CGG_ANSWER_RULE(run.retval);
	return 0;
}

/* Run the program ask for the policy at a place; set *verdict and *rule (0: the default). */
int query_ask(struct cgg_ask *ask, int place, __u8 *verdict, __u32 *rule)
{
	int program = pin_get("progs/ask"), status;

	if (program < 0)
		return pin_refusal("progs/ask");
	status = query_run(program, ask, place, verdict, rule);
	close(program);
	return status;
}
