// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * flows.c - lists how much went where, from the events of the hook flow.
 *
 * Connections to the same place, and those from the same place to the same port, are one line.
 */
#include <jansson.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "seen.h"

struct flows {
	char *place; /* as it is printed */
	json_int_t count, sent, received;
};

/* Write where a connection led, or where it came from. Return false if a field is missing. */
static bool place_print(const json_t *event, char text[2 * CGG_OPERAND_TEXT])
{
	const char *opened = text_of(event, "opened"), *name = text_of(event, "host");
	bool incoming = opened && !strcmp(opened, "there");
	bool udp = json_integer_value(json_object_get(event, "proto")) == IPPROTO_UDP;
	const char *ip = text_of(event, incoming ? "saddr" : "daddr");
	const json_t *port = json_object_get(event, "dport");
	char visible[CGG_OPERAND_TEXT];
	struct cgg_net net;

	if (!ip || net_parse(&net, ip) || !net_is_address(&net) || !json_is_integer(port))
		return false;
	if (json_object_get(event, "others"))
		name = "others";
	else if (!name || strlen(name) >= CGG_OPERAND)
		name = ip;
	text_print(visible, name);
	snprintf(text, 2 * CGG_OPERAND_TEXT, incoming ? "from %s%s to port %u" : "to %s%s port %u",
		 visible, udp ? " proto udp" : "", (unsigned)json_integer_value(port) & 0xffff);
	return true;
}

static json_int_t bytes_of(const json_t *event, const char *key)
{
	json_int_t bytes = json_integer_value(json_object_get(event, key));

	return bytes > 0 ? bytes : 0;
}

/* Add a number to element i of a list; the largest number is the end. */
static int element_add(json_t *list, size_t i, json_int_t more)
{
	json_t *element = json_array_get(list, i);
	json_int_t sum = json_integer_value(element);

	return json_integer_set(element, more > LLONG_MAX - sum ? LLONG_MAX : sum + more);
}

/* Count the connection of one event. */
int flow_take(struct cgg_learn *learn, const json_t *event)
{
	char place[2 * CGG_OPERAND_TEXT];
	json_t *sums;

	if (!place_print(event, place))
		return set_error(CGG_USAGE, "flow event without a field that it must have");
	if (!learn->flows)
		learn->flows = json_object();
	sums = json_object_get(learn->flows, place);
	if (!sums) {
		sums = json_pack("[iii]", 0, 0, 0);
		if (json_object_set_new(learn->flows, place, sums))
			return set_error(CGG_FAILED, "out of memory");
	}
	if (element_add(sums, 0, 1) || element_add(sums, 1, bytes_of(event, "sent")) ||
	    element_add(sums, 2, bytes_of(event, "received")))
		return set_error(CGG_FAILED, "out of memory");
	return 0;
}

/* Order by bytes, the most first, then by place. */
static int compare_flows(const void *one, const void *other)
{
	const struct flows *a = one, *b = other;
	__u64 first = (__u64)a->sent + (__u64)a->received,
	      second = (__u64)b->sent + (__u64)b->received;

	COMPARE(second, first);
	return strcmp(a->place, b->place);
}

/* Write the list as comments. */
int flows_write(const struct cgg_learn *learn, FILE *file)
{
	size_t count = json_object_size(learn->flows), i = 0;
	struct flows *all = count ? calloc(count, sizeof(*all)) : 0;
	const char *place;
	json_t *sums;

	if (count && !all)
		return set_error(CGG_FAILED, "out of memory");
	json_object_foreach(learn->flows, place, sums) all[i++] =
		(struct flows){ (char *)(size_t)place, json_integer_value(json_array_get(sums, 0)),
				json_integer_value(json_array_get(sums, 1)),
				json_integer_value(json_array_get(sums, 2)) };
	if (count)
		qsort(all, count, sizeof(*all), compare_flows);
	for (i = 0; i < count; i++)
		fprintf(file, "# flow %s: sent %lld, received %lld, connections %lld\n",
			all[i].place, (long long)all[i].sent, (long long)all[i].received,
			(long long)all[i].count);
	free(all);
	return 0;
}
