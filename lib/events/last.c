// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * last.c - copy the newest records of ring 0 without being a reader, as cgg-status does.
 *
 * This goes from the head back and leaves out records that are being written, so it never waits.
 * It changes nothing that readers see.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events.h"

/*
 * Copy those of the last CGG_LOOK records that have one of verdicts (1 << enum cgg_verdict).
 *
 * The newest is the first in *list, which the caller frees.
 */
int events_last(const struct cgg_reader *reader, unsigned verdicts, struct cgg_event **list,
		unsigned *count)
{
	__u64 head = __atomic_load_n(&reader->ring[0].head, __ATOMIC_ACQUIRE);
	__u64 look = reader->slots < CGG_LOOK ? reader->slots : CGG_LOOK;
	size_t size = (size_t)reader->slots * sizeof(struct cgg_event);
	int map = pin_get("maps/events");
	struct cgg_event *events;

	*count = 0;
	*list = calloc(CGG_LOOK, sizeof(**list));
	events = map < 0 ? MAP_FAILED : mmap(0, size, PROT_READ, MAP_SHARED, map, 0);
	if (map >= 0)
		close(map);
	if (!*list || events == MAP_FAILED)
		return set_error(CGG_FAILED, CGG_DIR "/maps/events: %s", strerror(errno));
	for (__u64 number = head; number && head - number < look; number--) {
		struct cgg_event *event = &(*list)[*count];

		if (record_copy(event, &events[(number - 1) % reader->slots], number) == number &&
		    event->program < CGG_PROGRAMS && verdicts >> (event->verdict & 31) & 1)
			++*count;
	}
	munmap(events, size);
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
