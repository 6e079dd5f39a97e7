// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * last.c - what ring 0 holds last, for those who look on: nothing is taken from its readers.
 *
 * It is looked at from its head back, for a record that is being written, or overwritten,
 * is left out and not waited for.
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

/* events_last - of the last CGG_LOOK records those of some verdicts, the newest first; free *list */
int events_last(const struct cgg_reader *reader, unsigned verdicts, struct cgg_event **list,
		unsigned *count)
{
	__u64 head = __atomic_load_n(&reader->ring[0].head, __ATOMIC_ACQUIRE);
	__u64 look = reader->slots < CGG_LOOK ? reader->slots : CGG_LOOK;
	size_t size = reader->slots * sizeof(struct cgg_event);
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

/* event_rule - the words that would match what the event is about, and nothing else of its hook */
void event_rule(struct cgg_rule *rule, const struct cgg_event *event)
{
	int hook = event_hook(event->program);

	*rule = (struct cgg_rule){ .verdict = CGG_DENY, .hooks = 1u << hook };
	switch (cgg_hooks[hook].operand) {
	case CGG_DEVICE_NUMBER:
		rule->device = (event->device.access_type & 0xffff) == CGG_CHAR ? 'c' : 'b';
		rule->access = (__u8)(event->device.access_type >> 16);
		rule->major = event->device.major;
		rule->minor = event->device.minor;
		break;
	case CGG_SYSCTL_NAME:
	case CGG_UNIX_NAME:
		named_rule(rule, &event->named);
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
