// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * compile.c - an image and an index decide as their rules do, and give these back.
 *
 * reference() is the plain first match over the rules as words. It is compared with walk(),
 * which reads the image as bpf/cgguard.h describes it, and with the programs' own decide(),
 * built for this machine, for rules in an image, in an index, and in both. None of them
 * shares code with another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <endian.h>

#include "../../lib/cgg.h"
#include "../../lib/index/build.h"

#include "programs.h"

static unsigned pick(unsigned below);
static void random_net(struct cgg_net *net);
#include "random-sets.h"

#define SEED 20251123u
#define POLICIES 3000
#define QUERIES 60

static struct cgg_image image;
static char *built; /* pages beside the image, or 0 */
static struct cgg_index head;

/* Rules as words. */
#define MOST 1200
struct policy {
	struct cgg_rule rule[MOST];
	bool deleted[MOST];
	unsigned count;
	struct cgg_defaults defaults;
};

/* ---- the reference ---- */

/* One operation, in words of its own. */
struct deed {
	enum cgg_hook hook;
	__u8 access_bit; /* the asked one: r, w or m */
	bool six; /* an IPv6 address that is not a mapped one */
	__u8 addr[16]; /* four bytes, or with six all */
	unsigned proto, port;
	unsigned hidden; /* hidden in a packet: 1 its port, 2 its protocol too, 3 its address too */
	bool leaves; /* a packet to a loopback address that leaves lo */
	char device; /* of a socket: its family, and major its type */
	long major, minor;
	char name[CGG_OPERAND];
	bool vague; /* of a unix path */
};

struct answer {
	__u32 rule;
	unsigned verdict;
};

static bool prefix_holds(const __u8 *prefix, unsigned len, const __u8 *addr)
{
	for (unsigned bit = 0; bit < len; bit++)
		if ((prefix[bit / 8] ^ addr[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static bool set_net_holds(const struct cgg_net *net, const struct deed *o)
{
	__u8 addr[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(o->six ? addr : addr + 12, o->addr, o->six ? 16 : 4);
	return set_holds(set_of_name(net->set), addr);
}

static bool one_net_holds(const struct cgg_net *net, const struct deed *o)
{
	static const __u8 loopback[16] = { [15] = 1 };
	bool rule_is_six = !addr_is_ip4(net->addr) || net->len < 96;

	if (net->word == CGG_NET_SET)
		return set_net_holds(net, o);
	if (net->word == CGG_NET_LOCAL && o->leaves)
		return false;
	if (net->word == CGG_NET_LOCAL)
		return o->six ? !memcmp(o->addr, loopback, 16) : o->addr[0] == 127;
	if (rule_is_six != o->six)
		return false;
	return o->six ? prefix_holds(net->addr, net->len, o->addr)
		      : prefix_holds(net->addr + 12, net->len - 96u, o->addr);
}

static bool nets_hold(const struct cgg_rule *rule, const struct deed *o)
{
	bool holds = one_net_holds(&rule->net, o);

	for (unsigned i = 0; i < rule->nets.count; i++)
		holds |= one_net_holds(&rule->nets.net[i], o);
	return holds;
}

static bool ports_hold(const struct cgg_rule *rule, const struct deed *o)
{
	bool holds = rule->port_min <= o->port && o->port <= rule->port_max;

	for (unsigned i = 0; i < rule->ports.count; i++)
		holds |= rule->ports.port[i].min <= o->port && o->port <= rule->ports.port[i].max;
	return holds;
}

static bool protos_hold(const struct cgg_rule *rule, const struct deed *o)
{
	return rule->proto == o->proto || protos_have(&rule->protos, o->proto);
}

/* A hidden field of a packet matches every deny rule, and no other rule. */
static bool packet_holds(const struct cgg_rule *rule, const struct deed *o)
{
	bool hides = rule->verdict == CGG_DENY;
	bool port = ports_hold(rule, o), proto = protos_hold(rule, o),
	     ip = nets_hold(rule, o);

	if (o->hidden > 0 && (rule->ports.count || rule->port_min || rule->port_max != 65535))
		port = hides;
	if (o->hidden > 1)
		proto = hides;
	if (o->hidden > 2)
		ip = hides;
	return (!(rule->matches & CGG_MATCH_PORT) || port) &&
	       (!(rule->matches & CGG_MATCH_PROTO) || proto) &&
	       (!(rule->matches & CGG_MATCH_IP) || ip);
}

static bool rule_holds(const struct cgg_rule *rule, const struct deed *o)
{
	if (!(rule->hooks & 1u << o->hook))
		return false;
	if (o->hook == CGG_SYSCTL || o->hook == CGG_DEVICE) {
		__u8 bit = o->access_bit == 'r' ? CGG_R : o->access_bit == 'w' ? CGG_W : CGG_M;

		if (!(rule->access & bit))
			return false;
	}
	switch (o->hook) {
	case CGG_DEVICE:
		return (rule->device == 'a' || rule->device == o->device) &&
		       (rule->major < 0 || rule->major == o->major) &&
		       (rule->minor < 0 || rule->minor == o->minor);
	case CGG_SETSOCKOPT:
		return (rule->major < 0 || rule->major == o->major) &&
		       (rule->minor < 0 || rule->minor == o->minor);
	case CGG_SOCKET:
		return (!(rule->matches & CGG_MATCH_PROTO) || protos_hold(rule, o)) &&
		       (!(rule->matches & CGG_MATCH_FAMILY) || rule->family == o->device) &&
		       (!(rule->matches & CGG_MATCH_TYPE) || rule->type == o->major);
	case CGG_UNIX:
		if (o->vague)
			return !*rule->operand ||
			       (rule->verdict == CGG_DENY && *rule->operand == '/');
		/* fall through */
	case CGG_SYSCTL:
		return rule->prefix ? !strncmp(rule->operand, o->name, strlen(rule->operand))
				    : !strcmp(rule->operand, o->name);
	default:
		return packet_holds(rule, o);
	}
}

static struct answer reference(const struct policy *rules, const struct deed *o)
{
	for (unsigned i = 0; i < rules->count; i++)
		if (!rules->deleted[i] && rule_holds(&rules->rule[i], o))
			return (struct answer){ rules->rule[i].id, rules->rule[i].verdict };
	return (struct answer){ 0, rules->defaults.verdict[o->hook] };
}

/* ---- the image, as cgguard.h describes it ---- */

/* query_of - as the table above struct cgg_query; name: CGG_OPERAND bytes, begins with the key */
static struct cgg_query query_of(const struct deed *o, char name[CGG_OPERAND])
{
	static const __u8 known[] = { CGG_KNOWN_ALL, CGG_KNOWN_PROTO, CGG_KNOWN_ADDR,
				      CGG_KNOWN_NONE };
	struct cgg_query q = { .hook = (__u8)o->hook, .access = CGG_R };
	__u8 last[16] = { [15] = 1 };

	memset(name, 0, CGG_OPERAND);
	if (o->hook == CGG_DEVICE) {
		name[3] = o->device == 'c' ? CGG_CHAR : CGG_BLOCK;
		name[7] = (char)o->major;
		name[11] = (char)o->minor;
		q.access = o->access_bit == 'r' ? CGG_R : o->access_bit == 'w' ? CGG_W : CGG_M;
	} else if (o->hook == CGG_SYSCTL || o->hook == CGG_UNIX) {
		strcpy(name, o->name);
		q.select = (__u32)strlen(name);
		if (o->hook == CGG_SYSCTL)
			q.access = o->access_bit == 'r' ? CGG_R : CGG_W;
		else if (o->vague)
			q.select = CGG_VAGUE;
	} else if (o->hook == CGG_SOCKET) {
		q.select = (__u32)o->device << 24 | (__u32)o->major << 16 | o->proto;
		q.port = (__u16)o->proto;
	} else if (o->hook == CGG_SETSOCKOPT) {
		name[3] = (char)o->major;
		name[7] = (char)o->minor;
	} else {
		name[10] = name[11] = (char)0xff;
		memcpy(o->six ? name : name + 12, o->addr, o->six ? 16 : 4);
		q.select = o->proto;
		if (!o->six)
			q.select |= CGG_IS_IPV4;
		if (!o->leaves && (o->six ? !memcmp(name, last, 16) : name[12] == 127))
			q.select |= CGG_IS_LOCAL;
		q.port = (__u16)o->port;
		q.access = known[o->hidden];
		if (o->hidden)
			q.port = 0;
	}
	memcpy(q.word, name, sizeof(q.word));
	return q;
}

/* name_holds - compare the words of the operand from the third on, the last under its mask */
static bool name_holds(const struct cgg_entry *e, const char *name)
{
	const char *operand = image.heap + 8 * e->operand;
	__u64 theirs, ours;

	if (!e->operand_words)
		return true;
	for (unsigned i = 2; i <= e->operand_words && i < CGG_OPERAND_WORDS; i++) {
		memcpy(&theirs, name + 8 * i, 8);
		memcpy(&ours, operand + 8 * i, 8);
		if (i == e->operand_words) {
			theirs &= e->operand_last;
			ours &= e->operand_last;
		}
		if (theirs != ours)
			return false;
	}
	return true;
}

static struct answer walk(const struct cgg_query *q, const char *name)
{
	for (unsigned i = 0; i < image.count; i++) {
		const struct cgg_entry *e = &image.entry[i];
		bool holds = e->condition.hooks & 1u << q->hook && e->condition.access & q->access;
		bool packet = 1u << q->hook & CGG_PACKET_HOOKS;
		__u32 select = e->condition.select_mask;

		if (packet && q->access == CGG_KNOWN_NONE)
			select = 0;
		else if (packet && q->access == CGG_KNOWN_ADDR)
			select &= ~0xffffu;
		if (entry_is_set(e) && q->access != CGG_KNOWN_NONE) {
			holds = holds && set_holds(set_of_name(image.set[entry_set(e)].name),
						   (const __u8 *)q->word);
			select &= ~CGG_IS_SET;
		}
		for (int w = 0;
		     w < 2 && !entry_is_set(e) && !(packet && q->access == CGG_KNOWN_NONE); w++)
			holds = holds && (q->word[w] & e->mask[w]) == e->value[w];
		holds = holds && ((q->select ^ e->condition.select) & select) == 0;
		if (!packet || q->access == CGG_KNOWN_ALL)
			holds = holds && e->port_min <= q->port && q->port <= e->port_max;
		if (holds && name_holds(e, name))
			return (struct answer){ e->id, e->verdict };
	}
	return (struct answer){ 0, image.defaults.verdict[q->hook] };
}

static struct cgg_policy policy;
static __u32 policy_place;

static struct cgg_ask nobody;

/* The maps: one image is active by the policy's generation, one index by the image. */
static void *map_lookup(const void *map, const void *key)
{
	const __u32 *number = key;

	if (map == &asked)
		return &nobody;
	if (map == &indexes)
		return built && *number + 1 == image.index.number ? built : 0;
	if (map == built)
		return *number < head.pages ? built + (size_t)CGG_PAGE * *number : 0;
	if (map == &sets)
		return *number < SETS ? random_set[*number].table.page : 0;
	for (unsigned i = 0; i < SETS; i++)
		if (map == random_set[i].table.page && map)
			return *number < random_set[i].table.pages
				       ? random_set[i].table.page + (size_t)CGG_PAGE * *number
				       : 0;
	if (map == &images)
		return *number == policy_place / CGG_CHUNK ? &policy : 0;
	assert_ptr_equal(map, &policy);
	return *number == 2 * (policy_place % CGG_CHUNK) + (policy.generation & 1) ? &image : 0;
}

static struct answer programs_answer(const struct cgg_query *q, const char *name)
{
	struct operation o = { .q = *q, .name = &nobody.name };
	struct cgg_decision out = { 0 };

	memcpy(&nobody.name, name, sizeof(nobody.name));
	decide(&policy, policy_place, &o, &out);
	return (struct answer){ out.rule, out.verdict };
}

/* ---- random rules and operations from a small world, so that many match ---- */

static unsigned random_state;

static unsigned pick(unsigned below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static __u8 random_byte(void)
{
	static const __u8 few[] = { 0, 1, 10, 127, 128, 192, 255 };

	return few[pick(sizeof(few))];
}

/* Lengths near the ends of words, and long ones. */
static void random_name(char name[CGG_OPERAND])
{
	static const __u8 lengths[] = {
		1,  2,	6,  7,	8,  9,	10, 14, 15, 16,	 17,  18,  23,	24,
		25, 31, 32, 33, 56, 62, 63, 64, 65, 100, 119, 120, 125, 126
	};
	size_t len = lengths[pick(sizeof(lengths))];

	memset(name, 0, CGG_OPERAND);
	for (size_t i = 0; i < len; i++)
		name[i] = i % 6 == 3 ? '/' : "ab"[!pick(30)];
	if (name[len - 1] == '/')
		name[len - 1] = 'a';
}

static void random_net(struct cgg_net *net)
{
	bool six = pick(2);

	memset(net, 0, sizeof(*net));
	if (!pick(8)) {
		net->word = CGG_NET_LOCAL;
		return;
	}
	net->len = (__u8)(pick(3) ? 128 : six ? pick(129) : 96 + pick(33));
	if (!six)
		net->addr[10] = net->addr[11] = 0xff;
	for (unsigned i = six ? 0 : 12; i < 16; i++)
		net->addr[i] = random_byte();
	if (six)
		memset(net->addr + 1, 0, pick(15));
	for (unsigned bit = net->len; bit < 128; bit++)
		net->addr[bit / 8] &= (__u8) ~(0x80 >> bit % 8);
}

static void random_sockopt(struct cgg_rule *rule)
{
	rule->hooks = 1u << CGG_SETSOCKOPT;
	rule->major = (long)pick(4) - 1;
	rule->minor = rule->major < 0 ? -1 : (long)pick(30) - 1;
}

static void random_socket(struct cgg_rule *rule)
{
	rule->hooks = 1u << CGG_SOCKET | (pick(3) ? 0 : 1u << CGG_CONNECT);
	rule->matches = (rule->hooks & 1u << CGG_CONNECT ? 0 : pick(4) * CGG_MATCH_FAMILY) |
			pick(2) * CGG_MATCH_PROTO;
	if (rule->matches & CGG_MATCH_FAMILY)
		rule->family = pick(2) ? 2 : 10;
	if (rule->matches & CGG_MATCH_TYPE)
		rule->type = 1 + (int)pick(3);
	if (rule->matches & CGG_MATCH_PROTO)
		rule->proto = (__u16)(pick(2) ? 6 : pick(256));
}

static void random_unix(struct cgg_rule *rule)
{
	rule->hooks = 1u << CGG_UNIX;
	random_name(rule->operand);
	rule->operand[0] = "/@"[!pick(3)];
	rule->operand[strlen(rule->operand) < 108 ? strlen(rule->operand) : 100] = 0;
	rule->prefix = !pick(3);
	if (rule->prefix && !pick(4))
		memset(rule->operand, 0, CGG_OPERAND);
	memset(rule->operand + strlen(rule->operand), 0, CGG_OPERAND - strlen(rule->operand));
}

static void random_device(struct cgg_rule *rule)
{
	rule->hooks = 1u << CGG_DEVICE;
	rule->device = "abc"[pick(3)];
	rule->major = (long)pick(4) - 1;
	rule->minor = rule->major < 0 ? -1 : (long)pick(4) - 1;
	rule->access = (__u8)(1 + pick(7));
}

static void random_sysctl(struct cgg_rule *rule)
{
	rule->hooks = 1u << CGG_SYSCTL;
	rule->access = (__u8)(CGG_R * (1 + pick(3)));
	random_name(rule->operand);
	rule->prefix = !pick(3);
	if (rule->prefix && !pick(5))
		rule->operand[0] = 0;
	else if (rule->prefix)
		rule->operand[strlen(rule->operand)] = '/';
	memset(rule->operand + strlen(rule->operand), 0, CGG_OPERAND - strlen(rule->operand));
}

static void random_net_or_set(struct cgg_net *net)
{
	if (pick(3)) {
		random_net(net);
		return;
	}
	memset(net, 0, sizeof(*net));
	net->word = CGG_NET_SET;
	snprintf(net->set, sizeof(net->set), "s%u", pick(SETS));
}

/* Lists as nobody types them: with elements twice, and in any order. */
static void random_lists(struct cgg_rule *rule)
{
	if (rule->matches & CGG_MATCH_IP) {
		rule->nets.count = 2 + pick(6);
		rule->nets.net = calloc(rule->nets.count, sizeof(*rule->nets.net));
		for (unsigned i = 0; i < rule->nets.count; i++)
			random_net_or_set(&rule->nets.net[i]);
		rule->net = rule->nets.net[0];
	}
	if (rule->matches & CGG_MATCH_PROTO && pick(2))
		rule->protos.bits[0] = 1 << 6, rule->protos.bits[2] = 1 << 1;
	if (rule->matches & CGG_MATCH_PORT) {
		rule->ports.count = 2 + pick(5);
		rule->ports.port = calloc(rule->ports.count, sizeof(*rule->ports.port));
		for (unsigned i = 0; i < rule->ports.count; i++) {
			rule->ports.port[i].min = (__u16)pick(9);
			rule->ports.port[i].max = (__u16)(rule->ports.port[i].min + pick(3));
		}
		rule->port_min = rule->ports.port[0].min;
		rule->port_max = rule->ports.port[0].max;
	}
}

static void random_call(struct cgg_rule *rule)
{
	static const unsigned net_hooks[] = { 1u << CGG_CONNECT,
					      1u << CGG_SENDMSG,
					      1u << CGG_CONNECT | 1u << CGG_SENDMSG,
					      1u << CGG_CONNECT | 1u << CGG_BIND,
					      1u << CGG_EGRESS,
					      1u << CGG_INGRESS,
					      1u << CGG_EGRESS | 1u << CGG_INGRESS,
					      CGG_NET_HOOKS };

	rule->hooks = net_hooks[pick(8)];
	rule->matches = pick(8);
	if (rule->matches & CGG_MATCH_PROTO)
		rule->proto = (__u16)(pick(2) ? 6 : 17);
	if (rule->matches & CGG_MATCH_IP)
		random_net_or_set(&rule->net);
	if (rule->matches & CGG_MATCH_PORT) {
		rule->port_min = (__u16)(pick(5) ? pick(6) : 65530 + pick(6));
		rule->port_max = pick(2) ? rule->port_min : 65535;
	}
	if (!pick(4))
		random_lists(rule);
}

static void random_rule(struct cgg_rule *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->verdict = (__u8)pick(3);
	rule->port_max = 65535;
	rule->access = CGG_R;
	switch (pick(7)) {
	case 4:
		random_sockopt(rule);
		break;
	case 5:
		random_socket(rule);
		break;
	case 6:
		random_unix(rule);
		break;
	case 0:
		random_device(rule);
		break;
	case 1:
		random_sysctl(rule);
		break;
	default:
		random_call(rule);
	}
	if (!pick(3))
		snprintf(rule->name, sizeof(rule->name), "rule-%03u", pick(1000));
	if (!pick(5))
		strcpy(rule->comment, "a \"comment\"\\");
}

/* An operation that one of the rules is about, and then perhaps a little different. */
static void operation_like(struct deed *o, const struct cgg_rule *rule)
{
	size_t len = strlen(rule->operand);
	struct cgg_net net = rule->net;

	memcpy(o->name, rule->operand, sizeof(o->name));
	if (rule->prefix && len < CGG_OPERAND - 1)
		o->name[len++] = 'a';
	switch (pick(6)) {
	case 0:
		o->name[len ? pick((unsigned)len) : 0] ^= 1;
		break;
	case 1:
		if (len > 1)
			o->name[len - 1] = 0;
		break;
	case 2:
		if (len < CGG_OPERAND - 1)
			o->name[len] = 'a';
	}
	o->device = rule->device == 'a' || !rule->device ? "cb"[pick(2)] : rule->device;
	o->major = o->hook == CGG_SOCKET ? rule->type : rule->major;
	o->minor = rule->minor;
	if (o->hook == CGG_SOCKET)
		o->device = (char)rule->family;
	if (rule->nets.count && pick(2))
		net = rule->nets.net[pick(rule->nets.count)];
	if (net.word == CGG_NET_SET && set_of_name(net.set)->count)
		net = set_of_name(net.set)->net[pick(set_of_name(net.set)->count)];
	o->six = !addr_is_ip4(net.addr);
	memcpy(o->addr, o->six ? net.addr : net.addr + 12, o->six ? 16 : 4);
	if (!pick(3))
		o->addr[pick(o->six ? 16 : 4)] ^= (__u8)(1u << pick(8));
	o->proto = rule->proto;
	o->port = pick(2) ? rule->port_min : rule->port_max;
	if (!pick(4))
		o->port = (o->port + 65535 + pick(3)) % 65536;
}

static struct deed random_operation(const struct policy *rules)
{
	static const enum cgg_hook hooks[] = { CGG_CONNECT, CGG_SENDMSG,    CGG_BIND,	CGG_DEVICE,
					       CGG_UNIX,    CGG_SYSCTL,	    CGG_SYSCTL, CGG_SOCKET,
					       CGG_CONNECT, CGG_SETSOCKOPT, CGG_EGRESS, CGG_EGRESS,
					       CGG_INGRESS, CGG_EGRESS };
	struct deed o = { .hook = hooks[pick(sizeof(hooks) / sizeof(hooks[0]))],
			  .access_bit = (__u8) "rw"[pick(2)] };

	if (o.hook == CGG_DEVICE && !pick(3))
		o.access_bit = 'm';
	if (rules->count && pick(5))
		operation_like(&o, &rules->rule[pick(rules->count)]);
	if (!*o.name)
		random_name(o.name);
	o.vague = !pick(5);
	if (o.hook == CGG_UNIX && !strchr("/@", *o.name))
		o.name[0] = "/@"[pick(2)];
	if (o.hook == CGG_SOCKET)
		o.device = o.device == 2 || o.device == 10 ? o.device : pick(2) ? 2 : 10;
	else if (!o.device || !strchr("cb", o.device))
		o.device = "cb"[pick(2)];
	if (o.major < 1)
		o.major = pick(3);
	if (o.minor < 1)
		o.minor = pick(3);
	if (!pick(4)) {
		o.six = pick(2);
		for (unsigned i = 0; i < 16; i++)
			o.addr[i] = random_byte();
	}
	/* the programs treat 0.0.0.0 and a mapped address as IPv4 */
	if (o.six && addr_is_ip4(o.addr))
		o.addr[0] = 0x20;
	if (!pick(3))
		o.proto = pick(2) ? 6 : 17;
	if (1u << o.hook & CGG_PACKET_HOOKS) {
		o.hidden = pick(4);
		o.leaves = pick(2);
	}
	return o;
}

/* random_rules - make them through their words, as cgg-rule does */
static void random_rules(struct policy *rules, unsigned count)
{
	for (unsigned i = 0; i < rules->count; i++)
		rule_free(&rules->rule[i]);
	memset(rules, 0, sizeof(*rules));
	for (int i = 0; i < SETS; i++)
		random_set_make(&random_set[i], pick(pick(4) ? 6 : SET_NETS));
	for (int i = 0; i < CGG_HOOKS; i++)
		rules->defaults.verdict[i] = (__u8)pick(3);
	while (rules->count < count) {
		struct cgg_rule rule, read;
		static char text[CGG_RULE_TEXT], line[CGG_RULE_TEXT];
		bool has_list;

		random_rule(&rule);
		strcpy(text, rule_print(&rule));
		strcpy(line, text);
		/* words that are refused, as a rule about 0.0.0.0 */
		has_list = rule.nets.count || rule.ports.count || protos_any(&rule.protos);
		rule_free(&rule);
		if (rule_line(&read, line))
			continue;
		if (!has_list && memcmp(&rule, &read, sizeof(rule)) != 0)
			fail_msg("is read back as another rule: %s", text);
		read.id = rules->count + 1;
		rules->rule[rules->count++] = read;
	}
}

/* compiled - return some of the rules: those whose number modulo step is not rest, or all */
static void compiled(struct cgg_rules *to, const struct policy *rules, unsigned step, unsigned rest)
{
	rules_begin(to);
	to->defaults = rules->defaults;
	for (unsigned i = 0; i < rules->count; i++)
		if (!step || i % step != rest)
			assert_int_equal(rules_add(to, &rules->rule[i]), 0);
	to->next_id = rules->count + 1;
}

static int image_of(const struct policy *rules)
{
	struct cgg_rules all;
	int status;

	compiled(&all, rules, 0, 0);
	sets_numbered(&all);
	status = compile(&image, &all);
	rules_free(&all);
	return status;
}

/* with_index - make an index of the rules; each step-th stands beside it, if there is a step */
static void with_index(const struct policy *rules, unsigned step)
{
	struct cgg_rules in, beside = { 0 };
	unsigned before = 0;

	compiled(&in, rules, step, 0);
	sets_numbered(&in);
	assert_int_equal(index_build(&built, &head, &in), 0);
	rules_begin(&beside);
	beside.defaults = rules->defaults;
	head.number = 7;
	beside.index = head;
	memcpy(beside.set, in.set, sizeof(beside.set));
	for (unsigned i = 0; step && i < rules->count; i++) {
		if (i % step)
			before++;
		else
			assert_int_equal(
				rules_insert(&beside, beside.count, before, &rules->rule[i]), 0);
	}
	sets_numbered(&beside);
	assert_int_equal(compile(&image, &beside), 0);
	rules_free(&in);
	rules_free(&beside);
}

static void index_gone(void)
{
	free(built);
	built = 0;
	image.index.number = 0;
}

static void operation_show(const struct deed *o)
{
	char text[CGG_NET_TEXT] = "";
	__u8 addr[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(o->six ? addr : addr + 12, o->addr, o->six ? 16 : 4);
	addr_print(addr, text);
	if (o->hook == CGG_DEVICE)
		print_error("  device %c %ld:%ld %c\n", o->device, o->major, o->minor,
			    o->access_bit);
	else if (o->hook == CGG_SYSCTL || o->hook == CGG_UNIX)
		print_error("  %s %s %c%s\n", cgg_hooks[o->hook].word, o->name, o->access_bit,
			    o->vague ? " vague" : "");
	else if (o->hook == CGG_SOCKET || o->hook == CGG_SETSOCKOPT)
		print_error("  %s %d %ld %ld proto %u\n", cgg_hooks[o->hook].word, o->device,
			    o->major, o->minor, o->proto);
	else
		print_error("  %s proto %u ip %s port %u\n", cgg_hooks[o->hook].word, o->proto,
			    text, o->port);
}

static void rules_show(const struct policy *rules)
{
	char text[CGG_RULE_TEXT];

	for (unsigned i = 0; i < rules->count; i++) {
		strcpy(text, rule_print(&rules->rule[i]));
		print_error("  %u: %s\n", rules->rule[i].id, text);
	}
}

static bool same(struct answer a, struct answer b)
{
	return a.rule == b.rule && a.verdict == b.verdict;
}

/* by_rule counts the operations that a rule decided, and not the default, by verdict */
static void operation_asked(const struct policy *rules, unsigned by_rule[3])
{
	struct deed o = random_operation(rules);
	struct answer wanted = reference(rules, &o), decided;
	char name[CGG_OPERAND];
	struct cgg_query q = query_of(&o, name);

	decided = programs_answer(&q, name);
	if (!same(wanted, decided) || (!built && !same(wanted, walk(&q, name)))) {
		rules_show(rules);
		operation_show(&o);
		fail_msg("rule %u, verdict %u; decide() says %u, %u", wanted.rule, wanted.verdict,
			 decided.rule, decided.verdict);
	}
	by_rule[wanted.verdict] += wanted.rule != 0;
}

static void shown(const char *what, unsigned operations, const unsigned by_rule[3])
{
	print_message("# %s, seed %u: of %u operations rules allowed %u, alerted %u, denied %u\n",
		      what, SEED, operations, by_rule[CGG_ALLOW], by_rule[CGG_ALERT],
		      by_rule[CGG_DENY]);
	for (int i = 0; i < 3; i++)
		assert_true(by_rule[i] > operations / 20);
}

static void an_image_decides_as_its_rules(void **state)
{
	static struct policy rules;
	unsigned by_rule[3] = { 0 };

	(void)state;
	random_state = SEED;
	for (unsigned round = 0; round < POLICIES; round++) {
		policy.generation = policy.writing = pick(8);
		policy_place = pick(CGG_POLICIES);
		random_rules(&rules, pick(24));
		while (image_of(&rules)) /* lists make more entries than an image holds */
			random_rules(&rules, pick(16));
		for (unsigned i = 0; i < QUERIES; i++)
			operation_asked(&rules, by_rule);
	}
	shown("images", POLICIES * QUERIES, by_rule);
}

/* From no rules to as many as the few prefixes of the small world can hold. */
static void an_index_decides_as_its_rules(void **state)
{
	static struct policy rules;
	unsigned by_rule[3] = { 0 }, operations = 0;

	(void)state;
	random_state = SEED + 3;
	for (unsigned round = 0; round < POLICIES / 2; round++) {
		random_rules(&rules, pick(20) ? pick(60) : pick(MOST));
		with_index(&rules, 0);
		for (unsigned i = 0; i < 2 * QUERIES; i++, operations++)
			operation_asked(&rules, by_rule);
		index_gone();
	}
	shown("indexes", operations, by_rule);
}

static void rules_beside_an_index_keep_their_order(void **state)
{
	static struct policy rules;
	unsigned by_rule[3] = { 0 }, operations = 0;

	(void)state;
	random_state = SEED + 4;
	for (unsigned round = 0; round < POLICIES / 4; round++) {
		unsigned count = pick(120);

		random_rules(&rules, count);
		with_index(&rules, 1 + count / 8 + pick(5)); /* lists take several entries */
		for (unsigned i = 0; i < 2 * QUERIES; i++, operations++)
			operation_asked(&rules, by_rule);
		index_gone();
	}
	shown("both", operations, by_rule);
}

/* A rule whose record says that it shadows none is found by its bit alone. */
static void deleted_rules_no_longer_decide(void **state)
{
	static struct policy rules;
	unsigned by_rule[3] = { 0 }, operations = 0, deleted = 0, kept = 0;

	(void)state;
	random_state = SEED + 5;
	for (unsigned round = 0; round < POLICIES / 4; round++) {
		const struct cgg_record *record;
		char *bits;

		random_rules(&rules, 1 + pick(round % 10 ? 100 : 600));
		with_index(&rules, 0);
		record = (const void *)(built + (size_t)CGG_PAGE * head.records);
		bits = built + (size_t)CGG_PAGE * head.bits;
		for (unsigned i = 0; i < rules.count; i++) {
			if (pick(3))
				continue;
			kept += record[i].shadows;
			if (record[i].shadows)
				continue;
			bits[i / 8] = (char)(bits[i / 8] | 1 << i % 8);
			rules.deleted[i] = true;
			image.index.dead++;
			deleted++;
		}
		for (unsigned i = 0; i < QUERIES; i++, operations++)
			operation_asked(&rules, by_rule);
		index_gone();
	}
	print_message("# %u rules deleted, %u shadow others\n", deleted, kept);
	assert_true(deleted > 1000);
	assert_true(kept > 100);
	shown("deleted", operations, by_rule);
}

/* Each asked access bit is judged by itself, and the worst decision counts. */
static void each_access_bit_is_judged_by_itself(void **state)
{
	static const char access_bits[] = "mrw"; /* by the bit's number */

	static struct policy rules;

	(void)state;
	random_state = SEED + 1;
	for (unsigned round = 0; round < POLICIES; round++) {
		random_rules(&rules, pick(12));
		if (round % 2)
			with_index(&rules, 0);
		else
			assert_int_equal(image_of(&rules), 0);
		for (__u8 access = 1; access < 8; access++) {
			struct deed o = random_operation(&rules);
			char name[CGG_OPERAND];
			unsigned worst = CGG_ALLOW;
			struct cgg_query q;

			o.hook = CGG_DEVICE;
			o.device = o.device == 'c' ? 'c' : 'b';
			o.major &= 3;
			o.minor &= 3;
			for (unsigned i = 0; i < CGG_ACCESS_BITS; i++) {
				o.access_bit = (__u8)access_bits[i];
				if (access >> i & 1 && reference(&rules, &o).verdict > worst)
					worst = reference(&rules, &o).verdict;
			}
			q = query_of(&o, name);
			q.access = access;
			assert_int_equal(programs_answer(&q, name).verdict, worst);
		}
		index_gone();
	}
}

/* A writer that is one generation ahead writes the other image; two ahead writes this one. */
static void a_walk_that_is_disturbed_four_times_denies(void **state)
{
	static struct policy rules;
	struct cgg_query q = { .hook = CGG_CONNECT, .access = CGG_R };
	char name[CGG_OPERAND] = "";

	(void)state;
	assert_int_equal(image_of(&rules), 0);
	for (__u32 generation = 0xfffffffc; generation != 4; generation++) {
		policy.generation = generation;
		policy.writing = generation;
		assert_int_equal(programs_answer(&q, name).verdict, CGG_ALLOW);
		policy.writing = generation + 1;
		assert_int_equal(programs_answer(&q, name).verdict, CGG_ALLOW);
		policy.writing = generation + 2;
		assert_int_equal(programs_answer(&q, name).verdict, CGG_DENY);
	}
	policy.generation = policy.writing = 0;
}

/* A missing index must not allow anything. */
static void a_policy_without_its_index_denies(void **state)
{
	static struct policy rules;
	struct cgg_query q = { .hook = CGG_CONNECT, .access = CGG_R };
	char name[CGG_OPERAND] = "";

	(void)state;
	assert_int_equal(image_of(&rules), 0);
	assert_int_equal(programs_answer(&q, name).verdict, CGG_ALLOW);
	image.index.number = 7;
	assert_int_equal(programs_answer(&q, name).verdict, CGG_DENY);
	image.index.number = 0;
}

/* ---- compiled and printed again ---- */

static struct cgg_rules rules, back;

/* words_of - return the text of the entry with this number */
static const char *words_of(const struct cgg_rules *of, unsigned at)
{
	static char text[CGG_RULE_TEXT];

	snprintf(text, sizeof(text), "%.*s", of->entry[at].text_len,
		 of->heap + 8 * (size_t)of->entry[at].text);
	return text;
}

static void rules_are_printed_back(void **state)
{
	static struct policy some;

	(void)state;
	random_state = SEED + 2;
	for (unsigned round = 0; round < 200;) {
		unsigned at = 0;

		random_rules(&some, pick(24));
		compiled(&rules, &some, 0, 0);
		if (rules.count > CGG_ENTRIES) {
			rules_free(&rules);
			continue;
		}
		round++;
		assert_int_equal(compile(&image, &rules), 0);
		assert_int_equal(decompile(&back, &image), 0);
		assert_int_equal(back.rules, some.count);
		assert_int_equal(back.count, rules.count);
		assert_int_equal(back.next_id, rules.next_id);
		assert_memory_equal(&back.defaults, &rules.defaults, sizeof(rules.defaults));
		for (unsigned i = 0; i < some.count; i++) {
			char text[CGG_RULE_TEXT];

			strcpy(text, rule_print(&some.rule[i]));
			assert_string_equal(words_of(&back, at), text);
			assert_int_equal(back.entry[at].id, some.rule[i].id);
			for (at++; at < back.count && !back.entry[at].text_len;)
				at++;
		}
		rules_free(&rules);
		rules_free(&back);
	}
}

static int rule_put(struct cgg_rules *to, const char *words)
{
	char line[CGG_RULE_TEXT];
	struct cgg_rule rule;
	int status;

	snprintf(line, sizeof(line), "%s", words);
	if (rule_line(&rule, line))
		fail_msg("%s", cgg_error);
	status = rules_add(to, &rule);
	rule_free(&rule);
	return status;
}

/* Rules that are copied from elsewhere bring their words, and get ids of their own. */
static void copied_rules_keep_their_words(void **state)
{
	struct cgg_rules more;

	(void)state;
	rules_begin(&rules);
	rules_begin(&more);
	rule_put(&rules, "port 1 name one");
	rule_put(&more, "unix /var/run/a/long/name/of/a/socket name two");
	rule_put(&more, "port 3");
	assert_int_equal(rules_take(&rules, &more), 0);
	assert_int_equal(rules.rules, 3);
	assert_int_equal(rules.count, 4);
	assert_string_equal(words_of(&rules, 1),
			    "deny unix /var/run/a/long/name/of/a/socket name two");
	assert_string_equal(rules.heap + 8 * (size_t)rules.entry[1].label, "two");
	assert_string_equal(rules.heap + 8 * (size_t)rules.entry[1].operand,
			    "/var/run/a/long/name/of/a/socket");
	assert_int_equal(rules.entry[1].id, 2);
	assert_int_equal(rules.entry[2].id, 2);
	assert_int_equal(rules.entry[3].id, 3);
	rules_remove(&rules, 1);
	assert_int_equal(rules.rules, 2);
	assert_string_equal(words_of(&rules, 1), "deny connect,sendmsg port 3");
	rules_free(&rules);
	rules_free(&more);
}

/* entry_is_same - compare two entries, and the texts that they have in heaps of their own */
static void entry_is_same(const struct cgg_rules *one, const struct cgg_rules *other, unsigned at)
{
	struct cgg_entry a = one->entry[at], b = other->entry[at];

	assert_string_equal(words_of(one, at), words_of(other, at));
	assert_string_equal(one->heap + 8 * (size_t)a.label, other->heap + 8 * (size_t)b.label);
	assert_memory_equal(one->heap + 8 * (size_t)a.operand, other->heap + 8 * (size_t)b.operand,
			    a.operand ? CGG_OPERAND : 0);
	a.text = a.label = a.operand = b.text = b.label = b.operand = 0;
	assert_memory_equal(&a, &b, sizeof(a));
}

/* index_read_back - build an index of the rules, and read its entries into `back` */
static void index_read_back(void)
{
	const struct cgg_record *record;
	const struct cgg_kept *kept;

	assert_int_equal(index_build(&built, &head, &rules), 0);
	record = (const struct cgg_record *)(built + (size_t)head.records * CGG_PAGE) - 1;
	kept = (const struct cgg_kept *)(built + (size_t)head.kept * CGG_PAGE);
	rules_begin(&back);
	for (unsigned i = 0; i < head.entries; i++) {
		record += kept[i].begins;
		assert_int_equal(rules_take_kept(&back, &kept[i], record,
						 (const struct cgg_action *)built + kept[i].action,
						 built + (size_t)head.heap * CGG_PAGE),
				 0);
	}
	assert_int_equal(back.count, rules.count);
	assert_int_equal(back.rules, rules.rules);
	for (unsigned i = 0; i < rules.count; i++)
		entry_is_same(&rules, &back, i);
	rules_free(&back);
	index_gone();
}

/* What is compiled into an index is compiled again from what the index keeps, not from words. */
static void an_index_keeps_the_entries_of_each_kind_of_rule(void **state)
{
	static const char *const words[] = {
		"allow connect proto tcp ip 10.0.0.0/8 port 443 name web",
		"deny egress ip 2001:db8::/33 port 5-7 sport 1,5-9 self private,::1 quiet",
		"deny egress ip ::/0",
		"allow connect proto tcp,udp ip private,192.0.2.1-192.0.2.9 port 22,80-90 name lists",
		"connect ip local",
		"allow socket family inet6 type raw proto icmpv6",
		"device a 1:3 r",
		"setsockopt 1:36 errno EACCES",
		"device a *:*",
		"device b 8:* rw name disks",
		"sysctl kernel/hostname w value -5-7",
		"sysctl net/ipv4/conf/*",
		"unix /run/a/name/that/is/longer/than/sixteen/bytes",
		"unix /run/*",
		"unix @x",
		"setsockopt SOL_SOCKET:SO_MARK",
		"getsockopt 6:*",
		"deny dns *.example.com",
		"allow dns a.longer.name.below.example.com",
		"deny dns *",
		"allow connect host *.example.com port 443 inner",
		"deny connect,sendmsg host example.com",
		"allow connect host db.example.com alias port 5432",
	};
	static struct policy some;

	(void)state;
	rules_begin(&rules);
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		assert_int_equal(rule_put(&rules, words[i]), 0);
	index_read_back();
	rules_free(&rules);
	random_state = SEED + 7;
	for (unsigned round = 0; round < 200; round++) {
		random_rules(&some, pick(24));
		compiled(&rules, &some, 0, 0);
		index_read_back();
		rules_free(&rules);
	}
}

static void no_rules_make_an_image(void **state)
{
	(void)state;
	rules_begin(&rules);
	assert_int_equal(compile(&image, &rules), 0);
	assert_int_equal(image.count, 0);
	assert_int_equal(image.hooks, 0);
	assert_int_equal(decompile(&back, &image), 0);
	assert_int_equal(back.count, 0);
	assert_int_equal(index_build(&built, &head, &rules), 0);
	assert_int_equal(head.rules, 0);
	index_gone();
}

/* A hook that no rule and no default needs costs nothing. */
static void an_image_needs_only_the_hooks_of_its_rules(void **state)
{
	(void)state;
	rules_begin(&rules);
	rule_put(&rules, "port 1");
	assert_int_equal(compile(&image, &rules), 0);
	assert_int_equal(image.hooks, 1 << CGG_CONNECT | 1 << CGG_SENDMSG);
	rules.defaults.verdict[CGG_SYSCTL] = CGG_ALERT;
	assert_int_equal(compile(&image, &rules), 0);
	assert_int_equal(image.hooks, 1 << CGG_CONNECT | 1 << CGG_SENDMSG | 1 << CGG_SYSCTL);
	rules_remove(&rules, 0);
	rule_put(&rules, "allow device c 1:3");
	rules.defaults.verdict[CGG_SYSCTL] = CGG_ALLOW;
	assert_int_equal(compile(&image, &rules), 0);
	assert_int_equal(image.hooks, 1 << CGG_DEVICE);
	rules.index.number = 1;
	rules.index.hooks = 1 << CGG_UNIX;
	assert_int_equal(compile(&image, &rules), 0);
	assert_int_equal(image.hooks, 1 << CGG_DEVICE | 1 << CGG_UNIX);
	image.index.number = 0;
	rules_free(&rules);
}

/* The kernel gets no byte of an earlier compilation. */
static void an_image_does_not_depend_on_earlier_memory(void **state)
{
	static struct cgg_image clean;

	(void)state;
	rules_begin(&rules);
	rule_put(&rules, "port 1 name a comment \"b\"");
	rule_put(&rules, "sysctl net/ipv4/conf/default/igmpv2_unsolicited_report_interval");
	memset(&image, 0xff, sizeof(image));
	assert_int_equal(compile(&image, &rules), 0);
	assert_int_equal(compile(&clean, &rules), 0);
	assert_memory_equal(&image, &clean, sizeof(image));
	rules_free(&rules);
}

/* ---- rules that do not fit an image make an index ---- */

static void an_image_holds_64_entries_and_not_65(void **state)
{
	char words[64];

	(void)state;
	rules_begin(&rules);
	for (unsigned i = 1; i <= CGG_ENTRIES; i++) {
		snprintf(words, sizeof(words), "port %u", i);
		rule_put(&rules, words);
	}
	assert_int_equal(compile(&image, &rules), 0);
	assert_int_equal(image.count, 64);
	assert_int_equal(image.entry[63].port_min, 64);
	rule_put(&rules, "port 65");
	assert_int_equal(compile(&image, &rules), CGG_NO);
	rules_free(&rules);
}

/* An operand takes all its 128 bytes: programs read that far. */
static void an_image_holds_words_that_fill_its_heap_and_no_more(void **state)
{
	unsigned fit = (CGG_HEAP - CGG_NAME) / (CGG_OPERAND + 144);
	char words[CGG_RULE_TEXT];

	(void)state;
	rules_begin(&rules);
	for (unsigned i = 0; i < fit; i++) {
		snprintf(words, sizeof(words), "sysctl net/%0120u", i);
		rule_put(&rules, words);
	}
	assert_int_equal(compile(&image, &rules), 0);
	for (unsigned i = 0; i < fit; i++)
		assert_true(8u * image.entry[i].operand <= CGG_HEAP - CGG_OPERAND);
	snprintf(words, sizeof(words), "sysctl net/%0120u", fit);
	rule_put(&rules, words);
	assert_int_equal(compile(&image, &rules), CGG_NO);
	rules_free(&rules);
}

/* ---- conditions ---- */

/* A byte that a condition has and condition_is_plain() forgets would open an index. */
static void each_byte_of_a_condition_counts(void **state)
{
	const struct cgg_condition plain = { .expires = CGG_NEVER, .hooks = 1, .access = CGG_R };
	size_t hooks = offsetof(struct cgg_condition, hooks),
	       access = offsetof(struct cgg_condition, access);

	(void)state;
	assert_true(condition_is_plain(&plain, false));
	assert_true(condition_implies(&plain, &plain));
	for (size_t byte = 0; byte < sizeof(plain); byte++) {
		struct cgg_condition c = plain;

		((__u8 *)&c)[byte] ^= 0x40;
		assert_int_not_equal(condition_compare(&c, &plain), 0);
		if (byte - hooks >= sizeof(c.hooks) && byte != access)
			assert_false(condition_is_plain(&c, false));
		if (byte >= offsetof(struct cgg_condition, unknown)) { /* as a new match would be */
			bool packet = byte >= offsetof(struct cgg_condition, sport_min) &&
				      byte < offsetof(struct cgg_condition, value);

			assert_int_equal(condition_implies(&c, &plain),
					 c.uid.past || c.gid.past || packet || c.value.past ||
						 byte >= offsetof(struct cgg_condition, limit));
			assert_int_equal(condition_implies(&plain, &c), c.self[0] || c.self[1]);
		}
	}
}

static void a_condition_with_a_protocol_is_plain_by_protocol(void **state)
{
	struct cgg_condition c = { .expires = CGG_NEVER, .select = 6, .select_mask = 0xffff };

	(void)state;
	assert_true(condition_is_plain(&c, true));
	assert_false(condition_is_plain(&c, false));
	c.select_mask |= CGG_IS_LOCAL;
	assert_false(condition_is_plain(&c, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_of_a_condition_counts),
		cmocka_unit_test(a_condition_with_a_protocol_is_plain_by_protocol),
		cmocka_unit_test(an_image_decides_as_its_rules),
		cmocka_unit_test(an_index_decides_as_its_rules),
		cmocka_unit_test(rules_beside_an_index_keep_their_order),
		cmocka_unit_test(deleted_rules_no_longer_decide),
		cmocka_unit_test(each_access_bit_is_judged_by_itself),
		cmocka_unit_test(a_walk_that_is_disturbed_four_times_denies),
		cmocka_unit_test(a_policy_without_its_index_denies),
		cmocka_unit_test(rules_are_printed_back),
		cmocka_unit_test(copied_rules_keep_their_words),
		cmocka_unit_test(an_index_keeps_the_entries_of_each_kind_of_rule),
		cmocka_unit_test(no_rules_make_an_image),
		cmocka_unit_test(an_image_needs_only_the_hooks_of_its_rules),
		cmocka_unit_test(an_image_does_not_depend_on_earlier_memory),
		cmocka_unit_test(an_image_holds_64_entries_and_not_65),
		cmocka_unit_test(an_image_holds_words_that_fill_its_heap_and_no_more),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
