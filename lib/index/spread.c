// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * spread.c - turns the lists of a rule into entries: one for each net, protocol and range of
 * ports.
 */
#include <stdlib.h>
#include <string.h>

#include "entries.h"

/* Return whether a rule compares the address with nets; a set is compared elsewhere (used.c). */
static bool has_nets(const struct cgg_rule *rule)
{
	return rule->matches & CGG_MATCH_IP && !*rule->set;
}

/* Collect the nets of a rule: all prefixes, and whether local is one of them. */
static int nets_of(struct cgg_spread *spread, const struct cgg_rule *rule)
{
	int status = 0;

	if (!has_nets(rule))
		return 0;
	if (!rule->nets.count) {
		spread->local = rule->net.word == CGG_NET_LOCAL;
		status = prefixes_add(&spread->nets, &rule->net);
	}
	for (unsigned i = 0; i < rule->nets.count && !status; i++) {
		spread->local |= rule->nets.net[i].word == CGG_NET_LOCAL;
		status = prefixes_add(&spread->nets, &rule->nets.net[i]);
	}
	prefixes_join(&spread->nets);
	return status;
}

static unsigned protos_of(const struct cgg_rule *rule)
{
	unsigned count = 0;

	for (unsigned proto = 0; proto < 256; proto++)
		count += protos_have(&rule->protos, proto);
	return count ? count : 1;
}

/*
 * Find how many entries a rule needs. The caller frees *spread with spread_free(). Return 0,
 * CGG_USAGE for too many, or CGG_FAILED.
 */
int spread_begin(struct cgg_spread *spread, const struct cgg_rule *rule)
{
	unsigned long long nets, ports = rule->ports.count ? rule->ports.count : 1;
	int status;

	*spread = (struct cgg_spread){ .rule = rule };
	status = nets_of(spread, rule);
	if (status)
		return status;
	nets = spread->nets.count + spread->local;
	ports *= protos_of(rule);
	if (has_nets(rule))
		ports *= nets;
	if (ports > CGG_RULE_ENTRIES)
		return set_error(CGG_USAGE,
				 "the lists have %llu combinations, and a rule at most %u; "
				 "write several rules",
				 ports, CGG_RULE_ENTRIES);
	spread->entries = (unsigned)ports;
	return 0;
}

void spread_free(struct cgg_spread *spread)
{
	free(spread->nets.prefix);
	spread->nets = (struct cgg_prefixes){ 0, 0, 0 };
}

/* Let an entry match a net: number n of the spread; local comes first. */
static void net_put(struct cgg_entry *e, const struct cgg_spread *spread, unsigned n)
{
	const struct cgg_prefix *net;
	__u8 mask[16] = { 0 };

	if (spread->local && !n) {
		e->condition.select |= CGG_IS_LOCAL;
		e->condition.select_mask |= CGG_IS_LOCAL;
		return;
	}
	net = &spread->nets.prefix[n - spread->local];
	memset(mask, 0xff, net->len / 8u);
	if (net->len % 8)
		mask[net->len / 8] = (__u8)(0xff00 >> net->len % 8);
	memcpy(e->value, net->addr, sizeof(net->addr));
	memcpy(e->mask, mask, sizeof(mask));
	/* ::/0 means every IPv6 address, but not IPv4 addresses in mapped form */
	e->condition.select_mask |= CGG_IS_IPV4 | CGG_IS_SET;
	if (net->len >= 96 && addr_is_ip4(net->addr))
		e->condition.select |= CGG_IS_IPV4;
}

static void proto_put(struct cgg_entry *e, __u16 proto)
{
	e->condition.select |= proto;
	e->condition.select_mask |= 0xffff;
}

/* Write entries for each range of ports, all like *e, which is the first. Return the next one. */
static struct cgg_entry *ports_put(struct cgg_entry *to, const struct cgg_entry *e,
				   const struct cgg_rule *rule)
{
	for (unsigned i = 0; i < (rule->ports.count ? rule->ports.count : 1); i++, to++) {
		*to = *e;
		to->port_min = rule->ports.count ? rule->ports.port[i].min : rule->port_min;
		to->port_max = rule->ports.count ? rule->ports.port[i].max : rule->port_max;
	}
	return to;
}

static struct cgg_entry *protos_put(struct cgg_entry *to, const struct cgg_entry *e,
				    const struct cgg_rule *rule)
{
	struct cgg_entry one = *e;

	if (!protos_any(&rule->protos)) {
		if (rule->matches & CGG_MATCH_PROTO)
			proto_put(&one, rule->proto);
		return ports_put(to, &one, rule);
	}
	for (unsigned proto = 0; proto < 256; proto++) {
		if (!protos_have(&rule->protos, proto))
			continue;
		one = *e;
		proto_put(&one, (__u16)proto);
		to = ports_put(to, &one, rule);
	}
	return to;
}

/* Write the entries of a rule, of which *e has all but the lists. Only the first has a text. */
void spread_put(struct cgg_entry *e, const struct cgg_spread *spread)
{
	struct cgg_entry base = *e, one, *to = e;
	unsigned nets = spread->nets.count + spread->local;

	if (!has_nets(spread->rule))
		to = protos_put(to, &base, spread->rule);
	for (unsigned n = 0; n < nets; n++) {
		one = base;
		net_put(&one, spread, n);
		to = protos_put(to, &one, spread->rule);
	}
	for (unsigned i = 1; i < spread->entries; i++)
		e[i].text = e[i].text_len = 0;
}
