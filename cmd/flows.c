// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * flows.c - reads which connections are open now, and how many bytes went through each.
 *
 * Of a UDP socket each peer is one, if a rule of the hook flow has it counted.
 */
#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "sockets.h"
#include "top.h"

static struct top_flow kept[TOP_FLOWS];
static unsigned count;
static int datagrams; /* the map; -1: its programs are not loaded */

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

static void ends_of(struct top_flow *flow, const struct cgg_end *local, const struct cgg_end *peer,
		    bool came_in)
{
	char here[SOCKET_END], there[SOCKET_END];

	end_print(local, here);
	end_print(peer, there);
	snprintf(flow->ends, sizeof(flow->ends), "%s %s %s", here, came_in ? "<" : ">", there);
}

/* Read what the programs keep with a UDP socket. */
static bool sums_read(struct cgg_datagrams *sums, const struct cgg_sockets *all,
		      const struct cgg_socket *s)
{
	int fd = datagrams >= 0 && s->holders ? holder_fd(all, s->holder) : -1, error;

	if (fd < 0)
		return false;
	error = bpf_map_lookup_elem_flags(datagrams, &fd, sums, BPF_F_LOCK);
	close(fd);
	return !error;
}

/* Take what a UDP socket and each of its peers sent each other; the rest of the flow is known. */
static void peers_take(struct top_flow *flow, const struct cgg_datagrams *all)
{
	for (int i = 0; i <= CGG_PEERS; i++) {
		const struct cgg_peer *p = &all->peer[i];
		struct cgg_end local = { .port = p->local_port }, peer = { .port = p->port };

		if (!p->since)
			continue;
		memcpy(local.addr, p->local, sizeof(local.addr));
		memcpy(peer.addr, p->addr, sizeof(peer.addr));
		ends_of(flow, &local, &peer, p->opened == CGG_OPENED_THERE);
		flow->sent = (double)p->sent;
		flow->received = (double)p->received;
		flow_keep(flow);
	}
}

static void socket_take(const struct cgg_sockets *all, const struct cgg_socket *s)
{
	const struct cgg_holder *first = &all->holder[s->holder];
	struct top_flow flow = { .proto = socket_kind_name(s),
				 .sent = (double)s->sent,
				 .received = (double)s->received,
				 .process = "-" };
	char comm[sizeof(first->comm) + 1] = "", path[4 * 4096], text[4 * sizeof(comm)];
	struct cgg_datagrams sums;
	bool has_sums;

	has_sums = (s->kind == CGG_SOCK_UDP || s->kind == CGG_SOCK_UDPLITE) &&
		   sums_read(&sums, all, s);
	if (!has_sums && (!s->counted || s->origin == CGG_WAITS))
		return;
	if (s->holders) {
		memcpy(comm, first->comm, sizeof(first->comm));
		text_print(text, comm);
		snprintf(flow.process, sizeof(flow.process), "%s,%d", text, first->pid);
	}
	text_print(path, all->scope[s->scope].path);
	snprintf(flow.path, sizeof(flow.path), "%.511s", path);
	if (has_sums) {
		peers_take(&flow, &sums);
		return;
	}
	ends_of(&flow, &s->local, &s->peer, s->origin == CGG_CAME_IN);
	flow_keep(&flow);
}

/* Read the open connections of attached cgroups. What cannot be read is not shown. */
void flows_read(struct cgg_guard *guard)
{
	struct cgg_sockets all;

	count = 0;
	datagrams = pin_get("maps/datagrams");
	if (!sockets_list(&all, guard, -1, 0, 0))
		for (size_t i = 0; i < all.count; i++)
			socket_take(&all, &all.socket[i]);
	sockets_free(&all);
	if (datagrams >= 0)
		close(datagrams);
	*cgg_error = 0;
}

/* Copy what was read last. */
void flows_show(struct top *top)
{
	top->flows = count;
	memcpy(top->flow, kept, sizeof(kept));
}
