// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* flows.c - reads which connections are open now, and how many bytes went through each. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "sockets.h"
#include "top.h"

static struct top_flow kept[TOP_FLOWS];
static unsigned count;

static double bytes_of(const struct top_flow *flow)
{
	return flow->sent + flow->received;
}

/* Put a flow among those with the most bytes, if it is one. */
static void flow_keep(const struct top_flow *flow)
{
	unsigned at = count;

	while (at && bytes_of(&kept[at - 1]) < bytes_of(flow))
		at--;
	if (at == TOP_FLOWS)
		return;
	if (count < TOP_FLOWS)
		count++;
	memmove(&kept[at + 1], &kept[at], (count - at - 1) * sizeof(kept[at]));
	kept[at] = *flow;
}

static void ends_of(struct top_flow *flow, const struct cgg_socket *s)
{
	char local[SOCKET_END], peer[SOCKET_END];

	end_print(&s->local, local);
	end_print(&s->peer, peer);
	snprintf(flow->ends, sizeof(flow->ends), "%s %s %s", local,
		 s->origin == CGG_CAME_IN ? "<" : ">", peer);
}

static void socket_take(const struct cgg_sockets *all, const struct cgg_socket *s)
{
	const struct cgg_holder *first = &all->holder[s->holder];
	struct top_flow flow = { .proto = socket_kind_name(s),
				 .sent = (double)s->sent,
				 .received = (double)s->received };
	char comm[sizeof(first->comm) + 1] = "", path[4 * 4096], text[4 * sizeof(comm)];

	if (!s->counted || s->origin == CGG_WAITS)
		return;
	ends_of(&flow, s);
	if (s->holders)
		memcpy(comm, first->comm, sizeof(first->comm));
	text_print(text, comm);
	snprintf(flow.process, sizeof(flow.process), s->holders ? "%s,%d" : "-", text, first->pid);
	text_print(path, all->scope[s->scope].path);
	snprintf(flow.path, sizeof(flow.path), "%.511s", path);
	flow_keep(&flow);
}

/* Read the open connections of attached cgroups. What cannot be read is not shown. */
void flows_read(struct cgg_guard *guard)
{
	struct cgg_sockets all;

	count = 0;
	if (!sockets_read(&all, guard, -1, 0, 0))
		for (size_t i = 0; i < all.count; i++)
			socket_take(&all, &all.socket[i]);
	sockets_free(&all);
	*cgg_error = 0;
}

/* Copy what was read last. */
void flows_show(struct top *top)
{
	top->flows = count;
	memcpy(top->flow, kept, sizeof(kept));
}
