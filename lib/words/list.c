// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * list.c - parses lists of nets, ports and protocols: elements between commas.
 *
 * A list is sorted and has each element once, so that the order of the words does not matter when
 * rules are compared. A list of one element is no list: only the first element is stored.
 */
#include <stdlib.h>
#include <string.h>

#include "words.h"

#define ELEMENT 128 /* bytes; a longer one is in no list */

/* Copy the element at *at and go on to the next; return false at the end. */
static bool element_next(const char **at, char element[ELEMENT])
{
	size_t len = *at ? strcspn(*at, ",") : 0, copied = len < ELEMENT ? len : ELEMENT - 1;

	if (!*at)
		return false;
	memcpy(element, *at, copied);
	element[copied] = 0;
	*at = (*at)[len] ? *at + len + 1 : 0;
	return true;
}

/* Refuse a list with an empty element: its reader may expect that blanks may follow a comma. */
static int element_check(const char *key, const char *word, const char *element)
{
	if (*element || !*word)
		return 0;
	return set_error(CGG_USAGE, "%s %.80s: a list has no empty element, and no blanks", key,
			 word);
}

/* Return how many elements a word has. */
static unsigned elements(const char *word)
{
	unsigned count = 1;

	while ((word = strchr(word, ','))) {
		count++;
		word++;
	}
	return count;
}

/* Order nets: words, then sets, then IPv4, then IPv6. */
static int net_compare(const void *first, const void *second)
{
	const struct cgg_net *a = first, *b = second;
	bool four = addr_is_ip4(a->addr);

	if (a->word != b->word)
		return (__u8)(a->word - 1) - (__u8)(b->word - 1);
	if (four != addr_is_ip4(b->addr))
		return four ? -1 : 1;
	return memcmp(a, b, sizeof(*a));
}

/* Read a net or, if sets may be there, @NAME. */
static int net_or_set_parse(struct cgg_net *net, const char *word, bool sets)
{
	int status;

	if (!sets || *word != '@')
		return net_parse(net, word);
	status = name_check("@", word + 1);
	memset(net, 0, sizeof(*net));
	net->word = CGG_NET_SET;
	if (!status)
		strcpy(net->set, word + 1);
	return status;
}

/* Make a list of count nets; it takes over the array. */
void nets_take(struct cgg_net *first, struct cgg_nets *list, struct cgg_net *net, unsigned count)
{
	unsigned kept = 0;

	qsort(net, count, sizeof(*net), net_compare);
	for (unsigned i = 0; i < count; i++)
		if (!i || net_compare(&net[i], &net[kept - 1]))
			net[kept++] = net[i];
	*first = net[0];
	*list = (struct cgg_nets){ net, kept };
	if (kept == 1) {
		free(net);
		*list = (struct cgg_nets){ 0, 0 };
	}
}

static int list_parse(struct cgg_net *first, struct cgg_nets *list, const char *word, bool sets)
{
	struct cgg_net *net = calloc(elements(word), sizeof(*net));
	char element[ELEMENT];
	unsigned count = 0;
	int status = net ? 0 : set_error(CGG_FAILED, "out of memory");

	for (const char *at = word; !status && element_next(&at, element); count++) {
		status = element_check("ip", word, element);
		if (!status)
			status = net_or_set_parse(&net[count], element, sets);
	}
	if (status) {
		free(net);
		return status;
	}
	nets_take(first, list, net, count);
	return 0;
}

int nets_parse(struct cgg_net *first, struct cgg_nets *list, const char *word)
{
	return list_parse(first, list, word, false);
}

/* Parse a list that may also have sets as @NAME. */
int nets_and_sets_parse(struct cgg_net *first, struct cgg_nets *list, const char *word)
{
	return list_parse(first, list, word, true);
}

static int port_compare(const void *first, const void *second)
{
	const struct cgg_port *a = first, *b = second;

	return a->min != b->min ? a->min - b->min : a->max - b->max;
}

/* Sort ranges of ports and join those that overlap. Return how many are left. */
static unsigned ports_join(struct cgg_port *port, unsigned count)
{
	unsigned kept = 0;

	qsort(port, count, sizeof(*port), port_compare);
	for (unsigned i = 0; i < count; i++) {
		if (!kept || port[i].min > port[kept - 1].max)
			port[kept++] = port[i];
		else if (port[i].max > port[kept - 1].max)
			port[kept - 1].max = port[i].max;
	}
	return kept;
}

/* Make a list of count ranges; it takes over the array. */
void ports_take(__u16 *min, __u16 *max, struct cgg_ports *list, struct cgg_port *port,
		unsigned count)
{
	count = ports_join(port, count);
	*min = port[0].min;
	*max = port[0].max;
	*list = (struct cgg_ports){ port, count };
	if (count == 1) {
		free(port);
		*list = (struct cgg_ports){ 0, 0 };
	}
}

int ports_parse(__u16 *min, __u16 *max, struct cgg_ports *list, const char *word)
{
	struct cgg_port *port = calloc(elements(word), sizeof(*port));
	char element[ELEMENT];
	unsigned count = 0;
	int status = port ? 0 : set_error(CGG_FAILED, "out of memory");

	for (const char *at = word; !status && element_next(&at, element); count++) {
		status = element_check("port", word, element);
		if (!status)
			status = port_parse(&port[count].min, &port[count].max, element);
	}
	if (status) {
		free(port);
		return status;
	}
	ports_take(min, max, list, port, count);
	return 0;
}

bool protos_any(const struct cgg_protos *list)
{
	static const struct cgg_protos none;

	return memcmp(list, &none, sizeof(none)) != 0;
}

bool protos_have(const struct cgg_protos *list, unsigned proto)
{
	return list->bits[proto / 8 % sizeof(list->bits)] >> proto % 8 & 1;
}

/* Return the first protocol of a list from proto up, or CGG_PROTOS. */
unsigned protos_next(const struct cgg_protos *list, unsigned proto)
{
	while (proto < CGG_PROTOS && !protos_have(list, proto))
		proto += list->bits[proto / 8] ? 1 : 8 - proto % 8;
	return proto;
}

int protos_parse(__u16 *first, struct cgg_protos *list, const char *word)
{
	char element[ELEMENT];
	unsigned count = 0;
	__u16 proto;

	for (const char *at = word; element_next(&at, element);) {
		int status = element_check("proto", word, element);

		if (!status)
			status = proto_parse(&proto, element);
		if (status)
			return status;
		count += !protos_have(list, proto);
		list->bits[proto / 8] |= (__u8)(1 << proto % 8);
	}
	*first = (__u16)protos_next(list, 0);
	if (count == 1)
		*list = (struct cgg_protos){ { 0 } };
	return 0;
}

void rule_free(struct cgg_rule *rule)
{
	free(rule->nets.net);
	free(rule->ports.port);
	free(rule->own.selfs.net);
	free(rule->own.sports.port);
	rule->nets = rule->own.selfs = (struct cgg_nets){ 0, 0 };
	rule->ports = rule->own.sports = (struct cgg_ports){ 0, 0 };
}
