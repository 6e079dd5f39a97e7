// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* entry.c - compiles the matches of a rule into an entry. */
#include <string.h>

#include "entries.h"

/* Put n at byte `place` of the key, 4 bytes in network byte order; -1: any number. */
static void compile_number(struct cgg_entry *e, unsigned place, long n)
{
	const __u8 bytes[4] = { (__u8)(n >> 24), (__u8)(n >> 16), (__u8)(n >> 8), (__u8)n };

	if (n < 0)
		return;
	memcpy((char *)e->value + place, bytes, sizeof(bytes));
	memset((char *)e->mask + place, 0xff, sizeof(bytes));
}

/* Return the mask for word i of a name: 0xff for each of the name's first len bytes. */
static __u64 word_mask(unsigned i, size_t len)
{
	__u8 bytes[8] = { 0 };
	__u64 mask;

	for (unsigned b = 0; b < 8; b++)
		if (8 * i + b < len)
			bytes[b] = 0xff;
	memcpy(&mask, bytes, sizeof(mask));
	return mask;
}

/* Let an entry match names that begin with the first len bytes of this one (CGG_OPERAND bytes). */
int name_put(struct cgg_rules *rules, struct cgg_entry *e, const char *name, size_t len)
{
	memcpy(e->value, name, 16);
	for (unsigned i = 0; i < 2; i++) {
		e->mask[i] = word_mask(i, len);
		e->value[i] &= e->mask[i];
	}
	if (len <= 16)
		return 0;
	e->operand_words = (__u8)(len / 8);
	e->operand_last = word_mask((unsigned)len / 8, len);
	e->operand = heap_put(rules, name, CGG_OPERAND);
	return e->operand == NO_ROOM ? CGG_FAILED : 0;
}

/*
 * Compile a name. A whole name must match in its length, too. A prefix must match in its bytes
 * only, and the name must not be vague. An empty prefix matches every name.
 */
static int compile_name(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rule *rule)
{
	size_t len = strlen(rule->operand);

	e->condition.select = rule->prefix ? 0 : (__u32)len;
	e->condition.select_mask = !rule->prefix ? ~0u : len ? CGG_VAGUE & ~(CGG_VAGUE >> 1) : 0;
	return name_put(rules, e, rule->operand, len);
}

/*
 * Compile a DNS name: reversed, so that all names below one have a prefix in common. A whole name
 * also compares the NUL behind it.
 */
static int compile_host(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rule *rule)
{
	char name[CGG_OPERAND];
	size_t len = strlen(rule->operand);

	if (*rule->set)
		return compile_set(rules, e, rule->set);
	e->condition.select_mask |= CGG_IS_SET;
	host_reverse(name, rule->operand);
	if (rule->prefix && len)
		name[len] = '.';
	len += !rule->prefix || len;
	return name_put(rules, e, name, len);
}

/* Compile a rule about names of an address. What `allow' does not match is in select. */
static int compile_by_name(struct cgg_rules *rules, struct cgg_entry *e,
			   const struct cgg_rule *rule)
{
	if (rule->verdict == CGG_ALLOW && !rule->inner)
		e->condition.select_mask |= CGG_IS_INNER;
	if (rule->verdict == CGG_ALLOW && !rule->alias)
		e->condition.select_mask |= CGG_IS_ALIAS;
	return compile_host(rules, e, rule);
}

static void compile_socket(struct cgg_entry *e, const struct cgg_rule *rule)
{
	if (rule->matches & CGG_MATCH_FAMILY) {
		e->condition.select |= CGG_SOCKET_SELECT((__u32)rule->family, 0, 0);
		e->condition.select_mask |= CGG_SOCKET_SELECT(0xff, 0, 0);
	}
	if (rule->matches & CGG_MATCH_TYPE) {
		e->condition.select |= CGG_SOCKET_SELECT(0, (__u32)rule->type, 0);
		e->condition.select_mask |= CGG_SOCKET_SELECT(0, 0xff, 0);
	}
}

/*
 * Compile the matches of a rule, without its cgroup and those that may be lists (spread.c). Return
 * 0 or CGG_FAILED.
 */
int compile_what(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rule *rule)
{
	if (rule->hooks & (1u << CGG_SYSCTL | 1u << CGG_UNIX))
		return compile_name(rules, e, rule);
	if (rule->matches & CGG_MATCH_HOST)
		return compile_by_name(rules, e, rule);
	if (rule->hooks & 1u << CGG_DNS) {
		/* A question that cannot be read is compared with no name. */
		if (*rule->operand || *rule->set || !rule->prefix)
			e->condition.select_mask = CGG_VAGUE & ~(CGG_VAGUE >> 1);
		return compile_host(rules, e, rule);
	}
	if (rule->hooks & 1u << CGG_DEVICE) {
		compile_number(e, 0,
			       rule->device == 'a'   ? -1
			       : rule->device == 'c' ? CGG_CHAR
						     : CGG_BLOCK);
		compile_number(e, 4, rule->major);
		compile_number(e, 8, rule->minor);
	} else if (rule->hooks & (1u << CGG_SETSOCKOPT | 1u << CGG_GETSOCKOPT)) {
		compile_number(e, 0, rule->major);
		compile_number(e, 4, rule->minor);
	}
	if (rule->hooks & 1u << CGG_SOCKET)
		compile_socket(e, rule);
	return 0;
}

/*
 * Return the access bits of a rule. For packets they say which parts of a packet may be unknown
 * (enum cgg_known). Fail closed: a deny rule also matches when a part is unknown; allow and alert
 * rules match only when every part that they compare is known.
 */
__u8 compile_access(const struct cgg_rule *rule)
{
	unsigned access = rule->access;
	bool deny = rule->verdict == CGG_DENY,
	     port = rule->ports.count || rule->port_min != 0 || rule->port_max != 65535 ||
		    rule->matches & CGG_MATCH_SPORT,
	     proto = rule->matches & CGG_MATCH_PROTO,
	     ip = rule->matches & (CGG_MATCH_IP | CGG_MATCH_SELF);

	if (rule->matches & CGG_MATCH_HOST)
		return CGG_BY_NAME;
	if (!(rule->hooks & CGG_PACKET_HOOKS))
		return rule->access;
	if (deny || !port)
		access |= CGG_KNOWN_PROTO;
	if (deny || (!port && !proto))
		access |= CGG_KNOWN_ADDR;
	if (deny || (!port && !proto && !ip))
		access |= CGG_KNOWN_NONE;
	return (__u8)access;
}
