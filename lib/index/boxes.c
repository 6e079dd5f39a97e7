// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* boxes.c - entries of rules as boxes: a prefix of a key, ports, and one selection or any. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "shadow.h"

#define SET_AT 20 /* of select in a class: the place of a set + 1 */
CGG_FITS((2 * CGG_SETS_OF - 1) << SET_AT < CGG_IS_SET && CGG_IS_ALIAS < 1 << SET_AT);
#define NOT_VAGUE (CGG_VAGUE & ~(CGG_VAGUE >> 1)) /* a mask: 0 under it for names that are known */
#define NAMED (1u << CGG_UNIX | 1u << CGG_SYSCTL | 1u << CGG_DNS)
#define OPTIONS (1u << CGG_SETSOCKOPT | 1u << CGG_GETSOCKOPT)
#define OTHERS (NAMED | OPTIONS | 1u << CGG_SOCKET | 1u << CGG_DEVICE)

static const __u8 loopback4[4] = { 127 }, loopback6[16] = { [15] = 1 };

/* Return the access bits with which a query about the hook may come: 1 << the bit's number. */
unsigned hook_bits(int hook)
{
	unsigned bits = cgg_hooks[hook].access_bits;

	if (1u << hook & CGG_PACKET_HOOKS)
		return CGG_KNOWN_ALL | CGG_KNOWN_PROTO | CGG_KNOWN_ADDR | CGG_KNOWN_NONE;
	if (1u << hook & CGG_NAME_HOOKS)
		return CGG_BY_ADDRESS | CGG_BY_NAME;
	return bits ? bits : CGG_R;
}

/* Return the number of one bits that a mask begins with, or -1 if another one follows. */
static int mask_bits(const __u64 *mask, unsigned words)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < words; i++) {
		const __u64 rest = ~be64toh(mask[i]);

		if (rest & (rest + 1) || (mask[i] && bits < 64 * i))
			return -1;
		bits += rest ? (unsigned)__builtin_clzll(rest) : 64;
	}
	return (int)bits;
}

/* Return whether boxes_of() can read an entry: it compares keys by prefixes, or known numbers. */
bool entry_is_plain(const struct cgg_entry *e)
{
	if (entry_is_set(e) || e->condition.hooks & (1u << CGG_DEVICE | OPTIONS))
		return true;
	return mask_bits(e->mask, 2) >= 0;
}
_Static_assert(sizeof(struct cgg_entry) - sizeof(struct cgg_condition) == 72,
	       "boxes, or entries_equal(), have each field of an entry");

/* Return the bits of select that the boxes of a hook tell apart. */
static __u32 known_select(int hook, bool by_name)
{
	if (by_name)
		return LOW_HALF | CGG_IS_INNER | CGG_IS_ALIAS | CGG_IS_SET;
	if (1u << hook & OTHERS)
		return ~0u;
	/* Only a packet with a local address may be not local: it came from elsewhere. */
	return LOW_HALF | CGG_IS_IPV4 | CGG_IS_SET |
	       (1u << hook & CGG_PACKET_HOOKS ? 0 : CGG_IS_LOCAL);
}

/*
 * Return what an entry asks for beside its boxes and ranges: rules are compared by that. What a
 * set contains may change, so a set is such a thing: its place stands in select, above.
 */
struct cgg_condition class_of(const struct cgg_entry *e, int hook)
{
	struct cgg_condition class = e->condition;
	__u32 known = known_select(hook, class.access == CGG_BY_NAME);

	class.expires = CGG_NEVER;
	class.hooks = 0;
	class.access = 0;
	class.level = 0; /* of the cgroup */
	class.limit = class.burst = 0; /* it only takes less than it seems to: shadow.c */
	class.interval = 0;
	class.uid = class.gid = (struct cgg_ids){ 0, 0 };
	class.value = (struct cgg_values){ 0, 0 };
	class.unknown = 0;
	class.sport_min = class.sport_above = 0;
	memset(class.self, 0, sizeof(class.self));
	memset(class.self_mask, 0, sizeof(class.self_mask));
	class.select &= ~known;
	class.select_mask &= ~known;
	if (entry_is_set(e)) {
		class.select |= (entry_set(e) + 1) << SET_AT;
		class.select_mask |= (2 * CGG_SETS_OF - 1) << SET_AT;
	}
	return class;
}

/* Return how many bits of the name of an entry are compared, and set *key. */
static __u32 name_bits(const struct cgg_rules *rules, const struct cgg_entry *e, const __u8 **key)
{
	*key = (const __u8 *)e->value;
	if (entry_is_set(e))
		return 0;
	if (!e->operand_words)
		return (__u32)mask_bits(e->mask, 2);
	*key = (const __u8 *)rules->heap + 8 * (size_t)e->operand;
	return 64u * e->operand_words + (__u32)mask_bits(&e->operand_last, 1);
}

/* Add a copy of the box for one part. */
static unsigned part_add(struct part_box *boxes, unsigned count, const struct box *box, __u32 kind)
{
	boxes[count] = (struct part_box){ *box, kind };
	return count + 1;
}

/* Add a box of addresses to the parts of its family: where addresses have names, to all three. */
static unsigned net_add(struct part_box *boxes, unsigned count, const struct box *box, __u32 kind,
			__u32 family)
{
	__u32 hook = kind / PARTS / CGG_QUERY_BITS;

	count = part_add(boxes, count, box, kind + PART_IPV4 + family);
	if (!(1u << hook & CGG_NAME_HOOKS))
		return count;
	count = part_add(boxes, count, box, kind + PART_OUTER + family);
	return part_add(boxes, count, box, kind + PART_INNER + family);
}

static unsigned net_boxes(struct part_box *boxes, const struct cgg_entry *e,
			  const struct cgg_entry *form, struct box *box, __u32 kind)
{
	__u32 mask = form->condition.select_mask, select = form->condition.select;
	bool local = mask & CGG_IS_LOCAL;
	unsigned count = 0;

	box->select = mask & LOW_HALF ? select & LOW_HALF : ANY_SELECT;
	if (!(mask & CGG_IS_IPV4) || select & CGG_IS_IPV4) {
		box->key = local ? loopback4 : (const __u8 *)e->value + 12;
		box->bits = local ? 8 : mask & CGG_IS_IPV4 ? (__u32)mask_bits(e->mask, 2) - 96 : 0;
		count = net_add(boxes, count, box, kind, 0);
	}
	if (!(mask & CGG_IS_IPV4) || !(select & CGG_IS_IPV4)) {
		box->key = local ? loopback6 : (const __u8 *)e->value;
		box->bits = local ? 128 : mask & CGG_IS_IPV4 ? (__u32)mask_bits(e->mask, 2) : 0;
		count = net_add(boxes, count, box, kind, 1);
	}
	return count;
}

/* A name of an address, by whether the address is inner, and whether the name is an alias. */
static unsigned host_boxes(struct part_box *boxes, const struct cgg_rules *rules,
			   const struct cgg_entry *e, struct box *box, __u32 kind)
{
	const struct cgg_condition *c = &e->condition;
	unsigned count = 0;

	box->bits = name_bits(rules, e, &box->key);
	box->select = c->select_mask & LOW_HALF ? c->select & LOW_HALF : ANY_SELECT;
	for (__u32 i = 0; i < 4; i++) {
		__u32 select = (i & 1 ? CGG_IS_INNER : 0) | (i & 2 ? CGG_IS_ALIAS : 0);

		if (!((c->select ^ select) & c->select_mask & (CGG_IS_INNER | CGG_IS_ALIAS)))
			count = part_add(boxes, count, box, kind + PART_NAME + i);
	}
	return count;
}

/* The length of a name is its select. Of a vague name nothing is compared but that. */
static unsigned name_boxes(struct part_box *boxes, const struct cgg_rules *rules,
			   const struct cgg_entry *e, struct box *box, __u32 kind)
{
	const struct cgg_condition *c = &e->condition;
	const struct box all = { .port_max = 65535, .select = ANY_SELECT, .until = box->until };
	bool vague = c->select_mask == ~0u && c->select == CGG_VAGUE;
	unsigned count = 0;

	box->bits = name_bits(rules, e, &box->key);
	box->select = c->select_mask == ~0u ? c->select : ANY_SELECT;
	if (!vague)
		count = part_add(boxes, count, box, kind + PART_FIRST);
	if (vague || !(c->select_mask & ~CGG_IS_SET))
		count = part_add(boxes, count, &all, kind + PART_VAGUE);
	return count;
}

/* Set the key of a box to one number of the entry's key, and its select to another, if compared. */
static void numbers_box(const struct cgg_entry *e, unsigned place, struct box *box)
{
	const __u8 *value = (const __u8 *)e->value + place, *mask = (const __u8 *)e->mask + place;
	__u32 number;

	box->key = value;
	box->bits = mask[0] ? 32 : 0;
	memcpy(&number, value + 4, sizeof(number));
	box->select = mask[4] ? ntohl(number) : ANY_SELECT;
}

static unsigned device_boxes(struct part_box *boxes, const struct cgg_entry *e, struct box *box,
			     __u32 kind)
{
	const __u8 *value = (const __u8 *)e->value, *mask = (const __u8 *)e->mask;
	unsigned count = 0;

	numbers_box(e, 4, box);
	if (!mask[3] || value[3] == CGG_BLOCK)
		count = part_add(boxes, count, box, kind + PART_FIRST);
	if (!mask[3] || value[3] == CGG_CHAR)
		count = part_add(boxes, count, box, kind + PART_FIRST + 1);
	return count;
}

static unsigned socket_boxes(struct part_box *boxes, const struct cgg_entry *e, struct box *box,
			     __u32 kind)
{
	static __u8 number[256];
	__u32 mask = e->condition.select_mask, select = e->condition.select;
	unsigned count = 0;

	for (unsigned i = 0; i < 256; i++)
		number[i] = (__u8)i;
	box->key = &number[select >> 16 & 0xff];
	box->bits = mask >> 16 & 0xff ? 8 : 0;
	box->select = mask & LOW_HALF ? select & LOW_HALF : ANY_SELECT;
	if (!(mask >> 24) || select >> 24 == AF_INET)
		count = part_add(boxes, count, box, kind + PART_FIRST);
	if (!(mask >> 24) || select >> 24 == AF_INET6)
		count = part_add(boxes, count, box, kind + PART_FIRST + 1);
	return count;
}

/* Write the boxes of a form of an entry for one hook and access bit; return how many. */
unsigned boxes_of(struct part_box *boxes, const struct cgg_rules *rules, const struct cgg_entry *e,
		  const struct cgg_entry *form, int hook, int bit)
{
	__u32 kind = KIND(hook, bit, 0);
	struct box box = { .port_min = form->port_min,
			   .port_max = form->port_max,
			   .until = form->condition.expires };

	if (1 << bit == CGG_BY_NAME)
		return host_boxes(boxes, rules, e, &box, kind);
	if (1u << hook & NAMED)
		return name_boxes(boxes, rules, e, &box, kind);
	if (1u << hook & OPTIONS) {
		numbers_box(e, 0, &box);
		return part_add(boxes, 0, &box, kind + PART_FIRST);
	}
	if (hook == CGG_DEVICE)
		return device_boxes(boxes, e, &box, kind);
	if (hook == CGG_SOCKET)
		return socket_boxes(boxes, e, &box, kind);
	return net_boxes(boxes, e, form, &box, kind);
}

/* Return whether two entries match the same and decide it in the same way. */
bool entries_equal(const struct cgg_rules *rules, const struct cgg_entry *a,
		   const struct cgg_entry *b)
{
	return !memcmp(&a->condition, &b->condition, sizeof(a->condition)) &&
	       !memcmp(a->value, b->value, sizeof(a->value)) &&
	       !memcmp(a->mask, b->mask, sizeof(a->mask)) && a->port_min == b->port_min &&
	       a->port_max == b->port_max && a->verdict == b->verdict && a->quiet == b->quiet &&
	       a->error == b->error && a->operand_words == b->operand_words &&
	       a->operand_last == b->operand_last &&
	       (!a->operand_words || !memcmp(rules->heap + 8 * (size_t)a->operand,
					     rules->heap + 8 * (size_t)b->operand, CGG_OPERAND));
}
