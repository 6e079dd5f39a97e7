// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * shadow - compare the rules that are called shadowed with an exhaustive walk
 *
 *	shadow POLICIES SEED		random policies, small enough to try every query
 *
 * The walk knows nothing of prefixes and covers. It tries every query that differs for the rules
 * of a policy: each first key of a prefix and each key behind one, each such port, each protocol,
 * cgroup and time. The first entry that matches decides, as in bpf/entries.h. A rule that decides
 * nothing must be called shadowed, and no other rule.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cgg.h"
#include "engine.h"

static uint64_t state;

static uint32_t below(uint32_t n)
{
	return (uint32_t)(random_next(&state) >> 33) % n;
}

static const char *one_of(const char *const *words, uint32_t count)
{
	return words[below(count)];
}
#define ONE_OF(...)                                                                                \
	one_of((const char *const[]){ __VA_ARGS__ },                                               \
	       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* ---- random rules ---- */

static bool dense; /* few addresses and ports, so that rules often take a net together */

static void net_words(char *text)
{
	if (dense) {
		strcat(text, ONE_OF(" ip 10.0.0.0/30", " ip 10.0.0.0/31", " ip 10.0.0.2/31",
				    " ip 10.0.0.0", " ip 10.0.0.1", " ip 10.0.0.2", " ip 10.0.0.3",
				    " ip 10.0.0.1-10.0.0.2"));
		strcat(text,
		       ONE_OF("", "", " port 0-65535", " port 0-1", " port 2-65535", " proto udp"));
		return;
	}
	if (below(3))
		strcat(text,
		       ONE_OF(" ip 0.0.0.0/0", " ip ::/0", " ip 0.0.0.0/1", " ip 128.0.0.0/1",
			      " ip ::/1", " ip 8000::/1", " ip 10.0.0.0/30", " ip 10.0.0.0/31",
			      " ip 10.0.0.2/31", " ip 10.0.0.1", " ip 10.0.0.0", " ip 10.0.0.2",
			      " ip 10.0.0.3", " ip 127.0.0.0/8", " ip 127.0.0.1", " ip ::1",
			      " ip local", " ip 2001:db8::/127",
			      " ip 2001:db8::", " ip 2001:db8::1", " ip 10.0.0.0/31,10.0.0.3",
			      " ip 10.0.0.1-10.0.0.2", " ip ::1,10.0.0.1"));
	if (!below(3))
		strcat(text, ONE_OF(" proto tcp", " proto udp", " proto tcp,udp"));
	if (below(2))
		strcat(text, ONE_OF(" port 1", " port 2", " port 3", " port 1-2", " port 2-3",
				    " port 0-1", " port 3-65535", " port 0-65535", " port 1,3"));
}

static void host_words(char *text)
{
	if (below(3)) {
		net_words(text);
		return;
	}
	strcat(text, ONE_OF(" host *", " host a.b", " host *.a.b", " host c.a.b", " host *.b"));
	if (below(2))
		strcat(text, ONE_OF(" port 1", " port 2-65535", " port 0-1", " proto tcp"));
}

static void name_words(char *text, const char *hook)
{
	if (!strcmp(hook, "unix"))
		strcat(text,
		       ONE_OF(" /*", " /a", " /a*", " /ab", " /ab*", " /abcdefghijklmnopqrst*",
			      " /abcdefghijklmnopqrstuvw", " @x", " @*"));
	else if (!strcmp(hook, "dns"))
		strcat(text, ONE_OF(" *", " a.b", " *.a.b", " c.a.b", " *.b",
				    " long-name-of-a-host.c.a.b"));
	else
		strcat(text, ONE_OF(" kernel/*", " kernel/a", " kernel/ab", " *", " net/ipv4/*",
				    " net/ipv4/conf/all/forwarding"));
	if (!strcmp(hook, "sysctl"))
		strcat(text, ONE_OF("", " r", " w"));
}

static void rule_words(char *text, const char *hook)
{
	strcpy(text, ONE_OF("deny ", "allow ", "alert "));
	strcat(text, hook);
	if (!strcmp(hook, "device"))
		strcat(text, ONE_OF(" a *:*", " c *:*", " b *:*", " c 1:3", " c 1:*", " b 1:3",
				    " a 1:3", " c *:3")),
			strcat(text, ONE_OF("", " r", " rw", " wm"));
	else if (!strcmp(hook, "setsockopt"))
		strcat(text, ONE_OF(" *:*", " 1:*", " 1:2", " 6:*", " *:2"));
	else if (!strcmp(hook, "socket"))
		strcat(text,
		       ONE_OF("", " family inet", " family inet6", " type raw",
			      " family inet type stream", " type stream proto tcp",
			      " family inet type stream proto tcp", " family inet6 type stream"));
	else if (!strcmp(hook, "unix") || !strcmp(hook, "dns") || !strcmp(hook, "sysctl"))
		name_words(text, hook);
	else if (!strcmp(hook, "host"))
		text[strlen(text) - 4] = 0, strcat(text, "connect"), host_words(text);
	else
		net_words(text);
}

/* cgroups: 11 below 10, 12 below 11, 20 beside them */
static void above(__u64 cgroup, __u64 ids[CGG_LEVELS])
{
	unsigned count = 0;

	memset(ids, 0, CGG_LEVELS * sizeof(*ids));
	for (; cgroup; cgroup = cgroup == 11 || cgroup == 12 ? cgroup - 1 : 0)
		ids[count++] = cgroup;
}

/* Return whether a cgroup is that one, or below it. */
static bool is_below(__u64 cgroup, __u64 that)
{
	__u64 ids[CGG_LEVELS];
	bool found = false;

	above(cgroup, ids);
	for (unsigned i = 0; i < CGG_LEVELS && ids[i]; i++)
		found |= ids[i] == that;
	return found;
}

/* Numbers whose ranges overlap, so that several of them make up a larger one, or all. */
static void number_words(char *text, const char *hook)
{
	bool packet = !strcmp(hook, "egress");

	if (!below(3))
		strcat(text, ONE_OF(" uid 5", " uid 0-5", " uid 0-4", " uid 5-9",
				    " uid 6-4294967294", " uid 0-4294967294"));
	if (!packet && !below(3))
		strcat(text, ONE_OF(" gid 7", " gid 0-7", " gid 8-4294967294"));
	if (!strcmp(hook, "sysctl") || !strcmp(hook, "setsockopt"))
		strcat(text, ONE_OF("", "", " value 5", " value 0-5", " value 6-100", " value 5-9",
				    " value -3-5", " value 0-100"));
	if (!packet)
		return;
	if (!below(3))
		strcat(text, ONE_OF(" sport 5", " sport 0-5", " sport 6-65535", " sport 0-9",
				    " sport 5-65535", " sport 0-4,6-65535"));
	if (!below(4))
		strcat(text, ONE_OF(" iface lo", " iface other"));
	if (!below(3))
		strcat(text, ONE_OF(" self 10.0.0.0/31", " self 10.0.0.2/31", " self 10.0.0.0/30",
				    " self 10.0.0.1", " self ::1", " self ::/1", " self 8000::/1",
				    " self 0.0.0.0/1", " self 128.0.0.0/1", " self 0.0.0.0/0",
				    " self 10.0.0.1,::/0"));
}

/* In each dimension all, or a half: many such rules are taken only by several others together. */
static void half_words(char *text, const char *hook)
{
	bool packet = !strcmp(hook, "egress");

	strcpy(text, ONE_OF("deny ", "allow "));
	strcat(text, hook);
	if (!strcmp(hook, "sysctl"))
		strcat(text, ONE_OF(" kernel/a", " kernel/a", " kernel/*"));
	else if (!strcmp(hook, "setsockopt"))
		strcat(text, ONE_OF(" 1:2", " 1:2", " 1:*"));
	else
		strcat(text, ONE_OF("", " ip 0.0.0.0/1", " ip 128.0.0.0/1", " ip 0.0.0.0/0")),
			strcat(text, ONE_OF("", " port 0-1", " port 2-65535"));
	if (!strcmp(hook, "sysctl") || !strcmp(hook, "setsockopt"))
		strcat(text, ONE_OF("", " value -2147483648-5", " value 6-2147483647"));
	strcat(text, ONE_OF("", " uid 0-5", " uid 6-4294967294"));
	if (packet)
		strcat(text, ONE_OF("", " sport 0-5", " sport 6-65535")),
			strcat(text, ONE_OF("", " self 0.0.0.0/1", " self 128.0.0.0/1"));
	else
		strcat(text, ONE_OF("", " gid 0-7", " gid 8-4294967294"));
}

static bool has_halves(const char *hook)
{
	return !strcmp(hook, "connect") || !strcmp(hook, "egress") || !strcmp(hook, "bind") ||
	       !strcmp(hook, "sysctl") || !strcmp(hook, "setsockopt");
}

static void rules_make(struct cgg_rules *rules, const char *hook, bool places, bool numbers)
{
	bool halves = has_halves(hook) && numbers && below(2);
	unsigned count = 2 + below(halves ? 40 : 14);

	dense = below(2) || (numbers && !strcmp(hook, "egress"));
	rules_begin(rules);
	while (rules->rules < count) {
		static const __u64 cgroups[] = { 10, 11, 12, 20 };
		struct cgg_rule rule;
		char text[256];

		if (halves)
			half_words(text, hook);
		else
			rule_words(text, hook);
		if (numbers && !halves)
			number_words(text, hook);
		if (rule_line(&rule, text))
			continue; /* a random word that this hook or verdict refuses */
		if (rule.matches & CGG_MATCH_IFACE)
			rule.own.iface_number = strcmp(rule.own.iface, "lo") ? 2 : 1;
		if (places && !below(3)) {
			rule.matches |= CGG_MATCH_CGROUP;
			rule.cgroup_id = cgroups[below(4)];
		}
		if (places && !below(3))
			rule.expires = 100 * (1 + below(3));
		if (rules_add(rules, &rule))
			errx(1, "%s", cgg_error);
	}
}

/* ---- the walk ---- */

struct values {
	__u8 key[1024][CGG_OPERAND];
	unsigned keys;
	__u32 port[64], select[64];
	unsigned ports, selects;
};

static void number_add(__u32 *list, unsigned *count, __u32 number)
{
	for (unsigned i = 0; i < *count; i++)
		if (list[i] == number)
			return;
	list[(*count)++] = number;
}

static void key_add(struct values *v, const __u8 *key)
{
	for (unsigned i = 0; i < v->keys; i++)
		if (!memcmp(v->key[i], key, CGG_OPERAND))
			return;
	memcpy(v->key[v->keys++], key, CGG_OPERAND);
}

/* Add the first key of an entry's prefix, and the one behind its last. */
static void keys_of(struct values *v, const struct cgg_rules *rules, const struct cgg_entry *e)
{
	__u8 key[CGG_OPERAND] = { 0 }, mask[CGG_OPERAND] = { 0 };
	unsigned end = 0;

	memcpy(key, e->value, 16);
	memcpy(mask, e->mask, 16);
	if (e->operand_words) {
		memcpy(key, rules->heap + 8 * (size_t)e->operand, CGG_OPERAND);
		memset(mask, 0xff, 8 * (size_t)e->operand_words);
		memcpy(mask + 8 * (size_t)e->operand_words, &e->operand_last, 8);
		for (unsigned i = 0; i < CGG_OPERAND; i++)
			key[i] &= mask[i];
	}
	key_add(v, key);
	while (end < 8 * CGG_OPERAND && mask[end / 8] >> (7 - end % 8) & 1)
		end++;
	if (end % 8 == 0 && end < 8 * CGG_OPERAND) { /* a name that goes on */
		key[end / 8] = '~';
		key_add(v, key);
		key[end / 8] = 0;
	}
	for (; end; end--) {
		key[(end - 1) / 8] ^= (__u8)(0x80 >> (end - 1) % 8);
		if (key[(end - 1) / 8] >> (7 - (end - 1) % 8) & 1)
			break;
	}
	if (end)
		key_add(v, key);
}

static void values_of(struct values *v, const struct cgg_rules *rules)
{
	static const __u8 zero[CGG_OPERAND];

	memset(v, 0, sizeof(*v));
	key_add(v, zero);
	number_add(v->port, &v->ports, 0);
	for (unsigned i = 0; i < rules->count; i++) {
		const struct cgg_entry *e = &rules->entry[i];

		keys_of(v, rules, e);
		number_add(v->port, &v->ports, e->port_min);
		if (e->port_max < 65535)
			number_add(v->port, &v->ports, e->port_max + 1u);
		number_add(v->select, &v->selects, e->condition.select & 0xffff);
	}
	number_add(v->select, &v->selects, 0xfe); /* of no rule */
}

struct asked {
	struct cgg_query q;
	const __u8 *name; /* the whole key */
	__u64 cgroup, now;
	__u32 uid, gid, iface, sport; /* uid ~0: the owner is not known */
	__u64 value;
	__u8 self[16];
};

static bool is_among(const struct cgg_ids *ids, __u32 n)
{
	return !ids->past || (n >= ids->from && n < ids->past);
}

/* Return whether an entry matches by the caller and the value. */
static bool caller_matches(const struct cgg_condition *c, const struct asked *a)
{
	if (c->value.past &&
	    (a->value == CGG_VALUE_VAGUE ? !c->unknown
					 : a->value < c->value.from || a->value >= c->value.past))
		return false;
	if (a->uid == ~0u)
		return !(c->uid.past || c->gid.past) || c->unknown;
	return is_among(&c->uid, a->uid) && is_among(&c->gid, a->gid);
}

/* Return whether an entry matches a packet by the ends on this host. */
static bool own_side_matches(const struct cgg_condition *c, const struct asked *a)
{
	bool no_port = a->q.access != CGG_KNOWN_ALL, no_key = a->q.access == CGG_KNOWN_NONE;
	__u64 self[2];

	memcpy(self, a->self, sizeof(self));
	if (c->iface && c->iface != a->iface)
		return false;
	if (!no_port && (a->sport < c->sport_min || a->sport > CGG_SPORT_MAX(c)))
		return false;
	return no_key || !((self[0] ^ c->self[0]) & c->self_mask[0] ||
			   (self[1] ^ c->self[1]) & c->self_mask[1]);
}

/* Return whether an entry matches, by the words of struct cgg_entry in bpf/contract/rule.h. */
static bool matches(const struct cgg_rules *rules, const struct cgg_entry *e, const struct asked *a)
{
	const struct cgg_condition *c = &e->condition;
	bool packet = 1u << a->q.hook & CGG_PACKET_HOOKS;
	bool no_key = packet && a->q.access == CGG_KNOWN_NONE;
	bool no_port = packet && a->q.access != CGG_KNOWN_ALL;
	__u32 known = no_key ? 0 : packet && a->q.access == CGG_KNOWN_ADDR ? ~0xffffu : ~0u;

	if (!caller_matches(c, a) || (packet && !own_side_matches(c, a)))
		return false;
	if (!(c->hooks >> a->q.hook & 1) || !(c->access & a->q.access) || a->now >= c->expires ||
	    (a->q.select ^ c->select) & c->select_mask & known)
		return false;
	if (c->cgroup && !is_below(a->cgroup, c->cgroup))
		return false;
	if (!no_port && (a->q.port < e->port_min || a->q.port > e->port_max))
		return false;
	for (unsigned i = 0; i < 2 && !no_key; i++)
		if ((a->q.word[i] ^ e->value[i]) & e->mask[i])
			return false;
	if (!e->operand_words)
		return true;
	for (unsigned i = 2; i <= e->operand_words; i++) {
		__u64 mask = i < e->operand_words ? ~0ULL : e->operand_last, one, other;

		memcpy(&one, a->name + 8 * (size_t)i, 8);
		memcpy(&other, rules->heap + 8 * (size_t)e->operand + 8 * (size_t)i, 8);
		if ((one ^ other) & mask)
			return false;
	}
	return true;
}

static unsigned first_match(const struct cgg_rules *rules, const struct asked *a)
{
	unsigned i = 0;

	while (i < rules->count && !matches(rules, &rules->entry[i], a))
		i++;
	return i;
}

static bool *decides; /* by entry */

/* Ask about an address, or about an address that has a name. */
static void ask(const struct cgg_rules *rules, struct asked *a, const struct asked *named)
{
	unsigned first = first_match(rules, a), by_name = named ? first_match(rules, named) : first;

	first = by_name < first ? by_name : first;
	decides[first < rules->count ? first : rules->count] = true;
}

static bool is_inner(const __u8 key[16])
{
	static const __u8 map[12] = { [10] = 0xff, [11] = 0xff };

	if (!memcmp(key, map, 12))
		return key[12] == 10 || key[12] == 127 || key[12] == 0 || key[12] >= 224;
	for (unsigned i = 0; i < 8; i++)
		if (key[i])
			return key[0] == 0xff || (key[0] & 0xfe) == 0xfc ||
			       (key[0] == 0xfe && key[1] >= 0x80);
	return true;
}

/* Finish the query about an address, and ask it with and without each name. */
static void ask_net(const struct cgg_rules *rules, const struct values *v, struct asked *a,
		    const __u8 *key, bool names)
{
	static const __u8 map[12] = { [10] = 0xff, [11] = 0xff };
	bool packet = 1u << a->q.hook & CGG_PACKET_HOOKS, four = !memcmp(key, map, 12);
	bool local = four ? key[12] == 127 : !memcmp(key, (const __u8[16]){ [15] = 1 }, 16);

	if (packet && four != !memcmp(a->self, map, 12))
		return; /* both ends of a packet are of one family */
	memcpy(a->q.word, key, 16);
	a->q.select = (a->q.select & 0xffff) | (four ? CGG_IS_IPV4 : 0);
	if (packet && local)
		ask(rules, a, 0); /* not by lo */
	a->q.select |= local ? CGG_IS_LOCAL : 0;
	ask(rules, a, 0);
	for (unsigned i = 0; i < 2 * v->keys && names; i++) {
		struct asked named = *a;

		named.name = v->key[i / 2];
		memcpy(named.q.word, named.name, 16);
		named.q.access = CGG_BY_NAME;
		named.q.select = (a->q.select & 0xffff) | (is_inner(key) ? CGG_IS_INNER : 0) |
				 (i & 1 ? CGG_IS_ALIAS : 0);
		ask(rules, a, &named);
	}
}

static void ask_name(const struct cgg_rules *rules, struct asked *a, const __u8 *key)
{
	size_t len = strnlen((const char *)key, CGG_OPERAND);

	for (size_t i = len; i < CGG_OPERAND && a->q.hook != CGG_DNS; i++)
		if (key[i])
			return; /* no name */
	memcpy(a->q.word, key, 16);
	a->name = key;
	a->q.select = a->q.hook == CGG_DNS ? 0 : (__u32)len;
	ask(rules, a, 0);
	a->q.select = CGG_VAGUE;
	if (a->q.hook != CGG_SYSCTL)
		ask(rules, a, 0);
}

static void ask_other(const struct cgg_rules *rules, struct asked *a, const __u8 *key)
{
	memcpy(a->q.word, key, 16);
	if (a->q.hook == CGG_DEVICE) {
		memset(a->q.word, 0, 3);
		for (__u8 type = CGG_BLOCK; type <= CGG_CHAR; type++) {
			((__u8 *)a->q.word)[3] = type;
			ask(rules, a, 0);
		}
	} else if (a->q.hook == CGG_SOCKET) {
		for (__u32 i = 0; i < 32; i++) {
			a->q.select =
				CGG_SOCKET_SELECT(i & 1 ? 10 : 2, i >> 1 & 3, i & 8 ? 6 : 254);
			a->q.port = (__u16)a->q.select;
			ask(rules, a, 0);
		}
	} else {
		ask(rules, a, 0);
	}
}

/* Ask all queries of a hook and access bit, for a cgroup and a time. */
static void ask_all(const struct cgg_rules *rules, const struct values *v, struct asked *a,
		    const char *hook)
{
	const struct asked from = *a;

	for (unsigned k = 0; k < v->keys; k++) {
		*a = from;
		if (!strcmp(hook, "unix") || !strcmp(hook, "dns") || !strcmp(hook, "sysctl")) {
			ask_name(rules, a, v->key[k]);
			continue;
		}
		if (!strcmp(hook, "device") || !strcmp(hook, "setsockopt") ||
		    !strcmp(hook, "socket")) {
			ask_other(rules, a, v->key[k]);
			continue;
		}
		for (unsigned i = 0; i < v->ports * v->selects; i++) {
			a->q.port = (__u16)v->port[i / v->selects];
			a->q.select = v->select[i % v->selects];
			ask_net(rules, v, a, v->key[k], !strcmp(hook, "host"));
		}
	}
}

/* Take the lowest digit of a number, and remove it. */
static unsigned digit(unsigned *i, unsigned base)
{
	unsigned least = *i % base;

	*i /= base;
	return least;
}

/* The kinds of numbers that rules of a policy name. */
struct named_numbers {
	bool uid, gid, value, sport, iface, self;
};

static struct named_numbers numbers_of(const struct cgg_rules *rules)
{
	struct named_numbers any = { 0 };

	for (unsigned i = 0; i < rules->count; i++) {
		const struct cgg_condition *c = &rules->entry[i].condition;

		any.uid |= c->uid.past || c->gid.past;
		any.gid |= c->gid.past;
		any.value |= c->value.past;
		any.sport |= c->sport_min || c->sport_above;
		any.iface |= c->iface;
		any.self |= c->self_mask[0] || c->self_mask[1];
	}
	return any;
}

/* Number i of the places, times and numbers that a query may have; false: there are no more. */
static bool asked_from(struct asked *a, unsigned i, bool places, const struct named_numbers *any)
{
	static const __u64 cgroups[] = { 0, 10, 11, 12, 20 }, times[] = { 0, 100, 200, 300 };
	static const __u64 values[] = {
		0,
		CGG_VALUE_VAGUE,
		CGG_VALUE_OF(-4),
		CGG_VALUE_OF(-1),
		CGG_VALUE_OF(0),
		CGG_VALUE_OF(5),
		CGG_VALUE_OF(6),
		CGG_VALUE_OF(10),
		CGG_VALUE_OF(101),
	};
	static const __u32 numbers[] = { 0, 5, 6, 10, ~0u }, gids[] = { 0, 7, 8 };
	static const __u8 selfs[][16] = {
		{ [10] = 0xff, 0xff, 10 },
		{ [15] = 1 },
		{ [10] = 0xff, 0xff, 10, 0, 0, 1 },
		{ [10] = 0xff, 0xff, 10, 0, 0, 2 },
		{ [15] = 2 },
		{ [10] = 0xff, 0xff, 10, 0, 0, 4 },
		{ [10] = 0xff, 0xff, 200, 0, 0, 2 },
		{ 0x80 },
	};
	bool unknown = cgg_hooks[a->q.hook].matches & CGG_MATCH_IP || a->q.hook == CGG_DNS;

	a->cgroup = cgroups[digit(&i, places ? 5 : 1)];
	a->now = times[digit(&i, places ? 4 : 1)];
	a->uid = numbers[digit(&i, !any->uid ? 1 : unknown ? 5 : 4)];
	a->gid = gids[digit(&i, any->gid ? 3 : 1)];
	a->value = values[digit(&i, any->value ? 9 : 1)];
	a->sport = numbers[digit(&i, any->sport ? 4 : 1)];
	a->iface = 1 + digit(&i, any->iface ? 3 : 1);
	memcpy(a->self, selfs[digit(&i, any->self ? 8 : 2)], 16);
	return !i;
}

static void walk(const struct cgg_rules *rules, const char *hook, bool places)
{
	static const __u8 outer[][16] = { { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2 },
					  { [10] = 0xff, [11] = 0xff },
					  { [10] = 0xff, [11] = 0xff, [12] = 64 },
					  { 0x20, 1 },
					  { 0xfd },
					  { [15] = 2 },
					  { [15] = 1 },
					  { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 9 } };
	static struct values v;
	int number = !strcmp(hook, "host") ? CGG_CONNECT : hook_find(hook, strlen(hook));
	const struct named_numbers any = numbers_of(rules);
	__u8 key[CGG_OPERAND] = { 0 };
	struct asked from = { 0 };

	values_of(&v, rules);
	for (unsigned i = 0; i < sizeof(outer) / sizeof(*outer); i++) {
		memcpy(key, outer[i], 16);
		key_add(&v, key);
	}
	from.q.hook = (__u8)number;
	for (unsigned i = 0; asked_from(&from, i, places, &any); i++) {
		for (int bit = 0; bit < 4; bit++) {
			struct asked a = from;

			a.q.access = (__u8)(1 << bit);
			if (1u << number & CGG_PACKET_HOOKS ||
			    (cgg_hooks[number].access_bits ? cgg_hooks[number].access_bits
							   : CGG_R) >>
					    bit &
				    1)
				ask_all(rules, &v, &a, hook);
		}
	}
}

static unsigned together; /* rules that no single rule shadows */

static unsigned compare(const struct cgg_rules *rules, const char *hook, unsigned *shadowed)
{
	struct cgg_shadowed *found;
	unsigned count, next = 0, wrong = 0;

	if (shadows_find(rules, 0, above, false, &found, &count))
		errx(1, "%s", cgg_error);
	for (unsigned i = 0, end; i < rules->count; i = end) {
		bool any = decides[i], told = next < count && found[next].entry == i;

		for (end = i + 1; end < rules->count && !rules->entry[end].text_len; end++)
			any |= decides[end];
		together += told && !found[next].by && !found[next].never;
		next += told;
		*shadowed += told;
		if (any != told)
			continue;
		wrong++;
		printf("%s: rule %u: %s\n", hook, rules->entry[i].id,
		       told ? "is called shadowed, but decides"
			    : "decides nothing, but is not found");
	}
	free(found);
	return wrong;
}

int main(int argc, char **argv)
{
	static const char *const hooks[] = { "connect", "host", "egress", "bind",   "device",
					     "socket",	"unix", "dns",	  "sysctl", "setsockopt" };
	unsigned wrong = 0, shadowed = 0, all = 0, policies;

	if (argc != 3)
		errx(2, "usage: shadow POLICIES SEED");
	policies = (unsigned)atoi(argv[1]);
	state = (uint64_t)atoll(argv[2]);
	for (unsigned i = 0; i < policies && !wrong; i++) {
		const char *hook = hooks[i % 10];
		struct cgg_rules rules;
		bool numbers = i / 10 % 2; /* with places too, if queries are few */
		bool few = strcmp(hook, "egress") && strcmp(hook, "host");
		bool places = i / 10 % 4 >= 2 && (!numbers || few);

		rules_make(&rules, hook, places, numbers);
		decides = calloc(rules.count + 1, sizeof(*decides));
		walk(&rules, hook, places);
		wrong += compare(&rules, hook, &shadowed);
		all += rules.rules;
		for (unsigned k = 0; k < rules.count && wrong; k++)
			if (rules.entry[k].text_len)
				printf("%u\t%.*s cgroup %llu expires %llu\n", rules.entry[k].id,
				       (int)rules.entry[k].text_len,
				       rules.heap + 8 * (size_t)rules.entry[k].text,
				       rules.entry[k].condition.cgroup,
				       rules.entry[k].condition.expires);
		rules_free(&rules);
		free(decides);
	}
	printf("%u policies, %u rules, %u shadowed, %u of them by several together, %u wrong\n",
	       policies, all, shadowed, together, wrong);
	return wrong != 0;
}
