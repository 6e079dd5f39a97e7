// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * spread.c - turns the lists of a rule into entries: one for each net, own net, source port,
 * protocol and range of ports.
 */
#include <stdlib.h>
#include <string.h>

#include "entries.h"

static bool has_nets(const struct cgg_rule *rule)
{
	return rule->matches & CGG_MATCH_IP;
}

/* Return the nets of a rule, and set *count. */
static const struct cgg_net *nets_list(const struct cgg_rule *rule, unsigned *count)
{
	*count = !has_nets(rule) ? 0 : rule->nets.count ? rule->nets.count : 1;
	return rule->nets.count ? rule->nets.net : &rule->net;
}

/* Collect the nets of a rule: all prefixes, how many sets, and whether local is one of them. */
static int nets_of(struct cgg_spread *spread, const struct cgg_rule *rule)
{
	unsigned count;
	const struct cgg_net *net = nets_list(rule, &count);
	int status = 0;

	for (unsigned i = 0; i < count && !status; i++) {
		spread->local |= net[i].word == CGG_NET_LOCAL;
		spread->sets += net[i].word == CGG_NET_SET;
		status = prefixes_add(&spread->nets, &net[i]);
	}
	if (count)
		prefixes_join(&spread->nets);
	return status;
}

/* Find the places of the sets that a rule compares the address with. Return 0 or CGG_FAILED. */
int spread_sets(struct cgg_spread *spread, struct cgg_rules *rules)
{
	unsigned count;
	const struct cgg_net *net = nets_list(spread->rule, &count);

	for (unsigned i = 0; i < count; i++) {
		int place = net[i].word == CGG_NET_SET ? rules_set(rules, net[i].set) : 0;

		if (place < 0)
			return CGG_FAILED;
		if (net[i].word == CGG_NET_SET)
			spread->places |= 1ULL << place;
	}
	return 0;
}

/* Collect the nets of this host's end. */
static int selfs_of(struct cgg_spread *spread, const struct cgg_rule *rule)
{
	int status = 0;

	if (!(rule->matches & CGG_MATCH_SELF))
		return 0;
	if (!rule->own.selfs.count)
		status = prefixes_add(&spread->selfs, &rule->own.self);
	for (unsigned i = 0; i < rule->own.selfs.count && !status; i++)
		status = prefixes_add(&spread->selfs, &rule->own.selfs.net[i]);
	prefixes_join(&spread->selfs);
	return status ? status : prefixes_divide(&spread->selfs);
}

static unsigned protos_of(const struct cgg_rule *rule)
{
	unsigned count = 0;

	if (!protos_any(&rule->protos))
		return 1;
	for (unsigned proto = protos_next(&rule->protos, 0); proto < CGG_PROTOS; count++)
		proto = protos_next(&rule->protos, proto + 1);
	return count;
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
	if (!status)
		status = selfs_of(spread, rule);
	if (status)
		return status;
	nets = spread->nets.count + spread->sets + spread->local;
	ports *= protos_of(rule);
	ports *= rule->own.sports.count ? rule->own.sports.count : 1;
	if (has_nets(rule))
		ports *= nets;
	if (rule->matches & CGG_MATCH_SELF)
		ports *= spread->selfs.count;
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
	free(spread->selfs.prefix);
	spread->nets = spread->selfs = (struct cgg_prefixes){ 0, 0, 0 };
}

static void prefix_put(__u64 value[2], __u64 mask[2], const struct cgg_prefix *net)
{
	__u8 bytes[16] = { 0 };

	memset(bytes, 0xff, net->len / 8u);
	if (net->len % 8)
		bytes[net->len / 8] = (__u8)(0xff00 >> net->len % 8);
	memcpy(value, net->addr, sizeof(net->addr));
	memcpy(mask, bytes, sizeof(bytes));
}

/* Let an entry match a prefix of the other end. */
static void net_prefix_put(struct cgg_entry *e, const struct cgg_prefix *net)
{
	prefix_put(e->value, e->mask, net);
	/* ::/0 means every IPv6 address, but not IPv4 addresses in mapped form */
	e->condition.select_mask |= CGG_IS_IPV4 | CGG_IS_SET;
	if (net->len >= 96 && addr_is_ip4(net->addr))
		e->condition.select |= CGG_IS_IPV4;
}

/* Let an entry match a net: number n of the spread. First comes local, then sets. */
static void net_put(struct cgg_entry *e, const struct cgg_spread *spread, unsigned n)
{
	__u64 places = spread->places;

	if (n < spread->local) {
		e->condition.select |= CGG_IS_LOCAL;
		e->condition.select_mask |= CGG_IS_LOCAL;
	} else if (n < spread->local + spread->sets) {
		for (n -= spread->local; n; n--)
			places &= places - 1;
		set_put(e, (unsigned)__builtin_ctzll(places));
	} else {
		net_prefix_put(e, &spread->nets.prefix[n - spread->local - spread->sets]);
	}
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
	for (unsigned proto = protos_next(&rule->protos, 0); proto < CGG_PROTOS;
	     proto = protos_next(&rule->protos, proto + 1)) {
		one = *e;
		proto_put(&one, (__u16)proto);
		to = ports_put(to, &one, rule);
	}
	return to;
}

static void sport_put(struct cgg_entry *e, __u16 min, __u16 max)
{
	e->condition.sport_min = min;
	e->condition.sport_above = (__u16)(65535 - max);
}

/* Write entries for each source port and each own net, all like *e. Return the next one. */
static struct cgg_entry *sides_put(struct cgg_entry *to, const struct cgg_entry *e,
				   const struct cgg_spread *spread)
{
	const struct cgg_rule *rule = spread->rule;
	unsigned sports = rule->own.sports.count ? rule->own.sports.count : 1;
	unsigned selfs = spread->selfs.count ? spread->selfs.count : 1;
	struct cgg_entry one = *e;

	for (unsigned i = 0; i < sports * selfs; i++) {
		if (rule->own.sports.count)
			sport_put(&one, rule->own.sports.port[i % sports].min,
				  rule->own.sports.port[i % sports].max);
		else if (rule->matches & CGG_MATCH_SPORT)
			sport_put(&one, rule->own.sport_min, rule->own.sport_max);
		if (spread->selfs.count)
			prefix_put(one.condition.self, one.condition.self_mask,
				   &spread->selfs.prefix[i / sports]);
		to = protos_put(to, &one, rule);
	}
	return to;
}

/* Write the entries of a rule, of which *e has all but the lists. Only the first has a text. */
void spread_put(struct cgg_entry *e, const struct cgg_spread *spread)
{
	struct cgg_entry base = *e, one, *to = e;
	unsigned nets = spread->nets.count + spread->sets + spread->local;

	if (!has_nets(spread->rule))
		to = sides_put(to, &base, spread);
	for (unsigned n = 0; n < nets; n++) {
		one = base;
		net_put(&one, spread, n);
		to = sides_put(to, &one, spread);
	}
	for (unsigned i = 1; i < spread->entries; i++)
		e[i].text = e[i].text_len = 0;
}
