// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ranges.c - turns the boxes of rules into blocks of ranges. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ranges.h"

/*
 * Addresses of both families are numbers: first all of IPv4, then all of IPv6. Those of IPv6 below
 * the mapped ones move up into the place of these, which no operation has.
 */
#define MAPPED ((wide_number)0xffff << 32)
#define SIX_FIRST ((wide_number)1 << 32)
#define LAST (~(wide_number)0)

/* Return whether a condition asks for a number that boxes do not have. */
bool has_ranges(const struct cgg_condition *c)
{
	return c->uid.past || c->gid.past || c->sport_min || c->sport_above || c->value.past ||
	       c->self_mask[0] || c->self_mask[1];
}

static wide_number ones(__u32 count)
{
	return count < 128 ? ((wide_number)1 << count) - 1 : LAST;
}

/* Set the first and the last number of the addresses of a prefix. */
static void prefix_set(wide_number range[2], const __u8 *key, __u32 bits, bool six)
{
	wide_number first = 0;

	for (unsigned i = 0; 8 * i < bits; i++)
		first |= (wide_number)key[i] << (120 - 8 * i);
	first &= ~ones(128 - bits);
	range[0] = six ? first : first >> 96;
	range[1] = range[0] | ones((six ? 128 : 32) - bits);
	for (unsigned i = 0; i < 2 && six; i++)
		range[i] += range[i] < MAPPED ? SIX_FIRST : 0;
}

/* Return the kinds of queries by name about some hooks. */
kind_set kinds_by_name(unsigned hooks)
{
	kind_set kinds = 0;

	for (int hook = 0; hook < CGG_HOOKS; hook++)
		if (hooks >> hook & 1)
			kinds |= (kind_set)CGG_BY_NAME << hook * CGG_QUERY_BITS;
	return kinds;
}

static int ranges_room(struct ranges *ranges)
{
	__u32 room = ranges->room ? 2 * ranges->room : 1024;
	struct taken *taken;
	struct wide *wide;

	if (ranges->count < ranges->room)
		return 0;
	taken = reallocarray(ranges->taken, room, sizeof(*taken));
	if (taken)
		ranges->taken = taken;
	wide = reallocarray(ranges->wide, room, sizeof(*wide));
	if (wide)
		ranges->wide = wide;
	if (!taken || !wide)
		return set_error(CGG_FAILED, "out of memory");
	ranges->room = room;
	return 0;
}

/* Add a block. An entry has the same block for many kinds of queries: it is stored once. */
static int block_add(struct ranges *ranges, const struct taken *taken, const struct wide *wide)
{
	for (__u32 i = ranges->entry_first; i < ranges->count; i++) {
		struct taken like = *taken;

		like.kinds = ranges->taken[i].kinds;
		if (memcmp(&like, &ranges->taken[i], sizeof(like)) ||
		    memcmp(wide, &ranges->wide[i], sizeof(*wide)))
			continue;
		ranges->taken[i].kinds |= taken->kinds;
		return 0;
	}
	if (ranges_room(ranges))
		return CGG_FAILED;
	ranges->taken[ranges->count] = *taken;
	ranges->wide[ranges->count++] = *wide;
	return 0;
}

static void range_set(struct taken *taken, enum dimension dimension, __u32 min, __u32 max)
{
	taken->block.min[dimension] = min;
	taken->block.max[dimension] = max;
}

/* Add the block for values that are known, and for a denial the one for others. */
static int values_add(struct ranges *ranges, const struct cgg_condition *c, struct taken *taken,
		      struct wide *wide)
{
	int status;

	if (!c->value.past)
		return block_add(ranges, taken, wide);
	wide->value[0] = c->value.from;
	wide->value[1] = c->value.past - 1;
	status = block_add(ranges, taken, wide);
	wide->value[0] = wide->value[1] = CGG_VALUE_VAGUE;
	return !status && c->unknown ? block_add(ranges, taken, wide) : status;
}

/* Add the block for owners that are known, and for a denial the one for others. */
static int owners_add(struct ranges *ranges, const struct cgg_condition *c, struct taken *taken,
		      struct wide *wide)
{
	bool asks = c->uid.past || c->gid.past, unknown = taken->block.max[OF_UID] == UNKNOWN;
	int status;

	if (asks)
		range_set(taken, OF_UID, 0, UNKNOWN - 1);
	if (c->uid.past)
		range_set(taken, OF_UID, c->uid.from, c->uid.past - 1);
	if (c->gid.past)
		range_set(taken, OF_OWN, c->gid.from, c->gid.past - 1);
	if (CGG_SPORT_MAX(c) != 65535 || c->sport_min)
		range_set(taken, OF_OWN, c->sport_min, CGG_SPORT_MAX(c));
	status = values_add(ranges, c, taken, wide);
	if (status || !asks || !c->unknown || !unknown)
		return status;
	range_set(taken, OF_UID, UNKNOWN, UNKNOWN);
	if (c->gid.past)
		range_set(taken, OF_OWN, 0, UNKNOWN - 1);
	return values_add(ranges, c, taken, wide);
}

/* Set the own addresses that a rule about packets asks for; false: of the other family. */
static bool self_set(const struct cgg_condition *c, bool six, struct wide *wide)
{
	static const __u8 map[12] = { [10] = 0xff, [11] = 0xff };
	__u8 bytes[16], mask[16];
	__u32 bits = 0;

	wide->value[0] = six ? SIX_FIRST : 0;
	wide->value[1] = six ? LAST : SIX_FIRST - 1;
	if (!c->self_mask[0] && !c->self_mask[1])
		return true;
	memcpy(bytes, c->self, sizeof(bytes));
	memcpy(mask, c->self_mask, sizeof(mask));
	while (bits < 128 && mask[bits / 8] >> (7 - bits % 8) & 1)
		bits++;
	if ((bits >= 96 && !memcmp(bytes, map, sizeof(map))) == six)
		return false;
	prefix_set(wide->value, six ? bytes : bytes + 12, six ? bits : bits - 96, six);
	return true;
}

/* Return whether the owner may be unknown: only of packets, and of calls about an address. */
static bool owner_may_be_unknown(int hook)
{
	return cgg_hooks[hook].matches & CGG_MATCH_IP || hook == CGG_DNS;
}

/* Set the addresses of a block, and add it. Both ends of a packet are of one family. */
static int addresses_add(struct ranges *ranges, const struct cgg_condition *c,
			 const struct part_box *box, struct taken *taken, struct wide *wide)
{
	bool six = box->kind % PARTS == PART_IPV6;
	__u32 bit = box->kind / PARTS % CGG_QUERY_BITS, hook = box->kind / PARTS / CGG_QUERY_BITS;
	bool packet = CGG_PACKET_HOOKS >> hook & 1 && 1 << bit != CGG_KNOWN_NONE;

	if (packet && !self_set(c, six, wide))
		return 0;
	if (packet || c->select_mask & (CGG_IS_IPV4 | CGG_IS_LOCAL))
		prefix_set(wide->address, box->box.key, box->box.bits, six);
	else if (six)
		return 0; /* the block for IPv4 has all addresses */
	return owners_add(ranges, c, taken, wide);
}

/*
 * Add the blocks for one box of an entry; form is the entry as it is for this kind of query, and
 * taken has all of them but the block. Leave out a box whose addresses another one has, or whose
 * family the rule cannot match. Return 0 or CGG_FAILED.
 */
int ranges_add(struct ranges *ranges, const struct cgg_entry *form, const struct part_box *box,
	       const struct taken *taken)
{
	const struct cgg_condition *c = &form->condition;
	int hook = (int)(box->kind / PARTS / CGG_QUERY_BITS);
	__u32 part = box->kind % PARTS;
	struct taken one = *taken;
	struct wide wide = { .address = { 0, LAST }, .value = { 0, LAST } };

	one.until = box->box.until;
	range_set(&one, OF_SELECT, 0, cgg_hooks[hook].matches & CGG_MATCH_IP ? PROTOS - 1 : ~0u);
	if (box->box.select != ANY_SELECT)
		range_set(&one, OF_SELECT, (__u32)box->box.select, (__u32)box->box.select);
	range_set(&one, OF_PORT, box->box.port_min, box->box.port_max);
	range_set(&one, OF_NAME, 0, UNKNOWN);
	range_set(&one, OF_UID, 0, owner_may_be_unknown(hook) ? UNKNOWN : UNKNOWN - 1);
	range_set(&one, OF_OWN, 0, 1u << hook & CGG_PACKET_HOOKS ? 65535 : UNKNOWN - 1);
	if (cgg_hooks[hook].matches & CGG_MATCH_IP && part < PART_OUTER)
		return addresses_add(ranges, c, box, &one, &wide);
	wide.name = box->box.key;
	wide.bits = box->box.bits;
	wide.region = part + 1;
	return owners_add(ranges, c, &one, &wide);
}

/* ---- what no operation is ---- */

struct preset {
	struct ranges *ranges;
	struct taken taken;
	struct wide wide;
};

static int preset_address(void *context, const __u8 *key, __u32 bits, bool six)
{
	struct preset *p = context;

	prefix_set(p->wide.address, key, bits, six);
	return block_add(p->ranges, &p->taken, &p->wide);
}

/* The programs skip the header AH, so a packet whose protocol is known has another one. */
static int preset_protos(struct preset *p)
{
	int status;

	p->taken.kinds = 0;
	for (int hook = 0; hook < CGG_HOOKS; hook++)
		if (CGG_PACKET_HOOKS >> hook & 1)
			p->taken.kinds |= (kind_set)(CGG_KNOWN_ALL | CGG_KNOWN_PROTO)
					  << hook * CGG_QUERY_BITS;
	range_set(&p->taken, OF_SELECT, IPPROTO_AH, IPPROTO_AH);
	status = block_add(p->ranges, &p->taken, &p->wide);
	range_set(&p->taken, OF_SELECT, 0, ~0u);
	return status;
}

/* A name that is of an inner address has no other, and the other way round. */
static int preset_names(struct preset *p, unsigned by_name)
{
	int status = 0;

	p->taken.kinds = kinds_by_name(by_name);
	for (unsigned i = 0; i < 4 && p->taken.kinds && !status; i++) {
		p->wide.region = PART_NAME + i + 1;
		status = half_visit(preset_address, p, false, !(i & 1));
		status = status ? status : half_visit(preset_address, p, true, !(i & 1));
	}
	return status;
}

/*
 * Add blocks that no operation is in; by_name has the hooks with rules by name. They count as
 * taken from the start. Return 0 or CGG_FAILED.
 */
int ranges_preset(struct ranges *ranges, unsigned by_name)
{
	struct preset p = { .ranges = ranges,
			    .taken = { .until = CGG_NEVER },
			    .wide = { .address = { 0, LAST }, .value = { 0, LAST } } };
	int status;

	range_set(&p.taken, OF_NAME, 0, UNKNOWN);
	range_set(&p.taken, OF_PORT, 0, 65535);
	range_set(&p.taken, OF_SELECT, 0, ~0u);
	range_set(&p.taken, OF_UID, 0, UNKNOWN);
	range_set(&p.taken, OF_OWN, 0, UNKNOWN - 1);
	status = preset_protos(&p);
	return status ? status : preset_names(&p, by_name);
}

void ranges_free(struct ranges *ranges)
{
	free(ranges->taken);
	free(ranges->wide);
	free(ranges->leaf);
	free(ranges->node);
}
