// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * last.c - copy the newest records of ring 0 without being a reader, as cgg-status does.
 *
 * This goes from the head back and leaves out records that are being written, so it never waits.
 * It changes nothing that readers see.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "reader.h"

/* Copy a record if it is complete and has one of the verdicts. To look before saves most copies. */
static bool is_taken(struct cgg_event *event, const struct cgg_event *slot, __u64 number,
		     unsigned verdicts)
{
	return verdicts >> (slot->verdict & 31) & 1 && record_copy(event, slot, number) == number &&
	       event->program < CGG_PROGRAMS && verdicts >> (event->verdict & 31) & 1;
}

/*
 * Copy the newest records that have one of verdicts (1 << enum cgg_verdict): of the last CGG_LOOK
 * records, and at most so many.
 *
 * The newest is the first in *list, which the caller frees.
 */
int events_last(struct cgg_reader *reader, unsigned verdicts, unsigned most,
		struct cgg_event **list, unsigned *count)
{
	__u64 head = __atomic_load_n(&reader->ring[0].head, __ATOMIC_ACQUIRE);
	__u64 look = reader->slots < CGG_LOOK ? reader->slots : CGG_LOOK;
	size_t room = 0;

	*count = 0;
	*list = 0;
	if (ring_map(reader))
		return CGG_FAILED;
	for (__u64 number = head; number && head - number < look && *count < most; number--) {
		const struct cgg_event *slot = &reader->all.events[(number - 1) % reader->slots];
		struct cgg_event *more = grow(*list, *count, &room, sizeof(*more));

		if (!more)
			return CGG_FAILED;
		*list = more;
		*count += is_taken(&more[*count], slot, number, verdicts);
	}
	return 0;
}

static void net_rule(struct cgg_rule *rule, const struct cgg_event_net *net)
{
	rule->matches = CGG_MATCH_PROTO | CGG_MATCH_IP | CGG_MATCH_PORT;
	rule->proto = net->proto;
	rule->port_min = rule->port_max = net->port;
	rule->net.len = 128;
	memcpy(rule->net.addr, net->addr, sizeof(rule->net.addr));
	if (net->unread)
		rule->matches = 0;
	else if (net->proto == IPPROTO_ICMP || net->proto == IPPROTO_ICMPV6)
		rule->matches &= ~(unsigned)CGG_MATCH_PORT;
}

static void socket_rule(struct cgg_rule *rule, const struct cgg_event_socket *socket)
{
	rule->matches = CGG_MATCH_FAMILY | CGG_MATCH_PROTO;
	if (socket->type >= SOCK_STREAM && socket->type <= SOCK_RAW)
		rule->matches |= CGG_MATCH_TYPE;
	rule->family = socket->family == AF_INET6 ? AF_INET6 : AF_INET;
	rule->type = (int)socket->type;
	rule->proto = (__u16)socket->proto;
}

static void named_rule(struct cgg_rule *rule, const struct cgg_event_named *named)
{
	memcpy(rule->operand, named->name,
	       named->len < sizeof(named->name) ? named->len : sizeof(named->name));
	rule->access = named->write ? CGG_W : CGG_R;
}

/* Make the rule that matches the operation of an event, and no other operation of its hook. */
void event_rule(struct cgg_rule *rule, const struct cgg_event *event)
{
	int hook = event_hook(event->program);

	*rule = (struct cgg_rule){ .verdict = CGG_DENY, .hooks = 1u << hook };
	switch (cgg_hooks[hook].operand) {
	case CGG_DEVICE_NUMBER:
		rule->device = (event->device.access_type & 0xffff) == CGG_CHAR ? 'c' : 'b';
		rule->access = (__u8)(event->device.access_type >> 16);
		rule->major = (long)event->device.major;
		rule->minor = (long)event->device.minor;
		break;
	case CGG_SYSCTL_NAME:
	case CGG_UNIX_NAME:
		named_rule(rule, &event->named);
		break;
	case CGG_DNS_NAME:
		event_host(event, rule->operand);
		break;
	case CGG_SOCKOPT:
		rule->major = (long)event->sockopt.level;
		rule->minor = (long)event->sockopt.name;
		break;
	case CGG_NONE:
		if (hook == CGG_SOCKET)
			socket_rule(rule, &event->socket);
		else
			net_rule(rule, &event->net);
		break;
	}
}
