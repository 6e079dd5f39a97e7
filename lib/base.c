// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * base.c - rules become a base (cgguard.h, struct cgg_base): memory in, memory out.
 *
 * Each rule stands at a prefix of a space: an address, a device's numbers, a name.
 * The prefixes of a space, sorted, cut it into pieces, each of which knows the
 * longest prefix that it lies in; prefixes know the next shorter one. Where many
 * rules stand at one prefix, their ports are cut into pieces likewise.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "cgg.h"

#define NONE ((__u32)-1)
#define FEW 8 /* rules at one prefix that are looked at one by one */
#define CLASSES 32 /* conditions that are cut together */
#define MANY 512 /* conditions that a later rule is compared with */

/* A rule at a prefix. Numbers are in host byte order: high and low are the key's first bytes. */
struct item {
	__u64 high, low;
	const __u8
		*name; /* CGG_OPERAND bytes, of which those are the first; 0: there are no more */
	__u32 rule, action;
	__u16 port_min, port_max;
	__u16 bits;
	__u16 hooks;
};

/* A prefix and its rules. */
struct prefix {
	__u32 first, count; /* of items */
	__u32 parent; /* the next shorter one */
	__u32 best; /* the first of its rules and of those of shorter ones */
	__u16 bits;
	__u16 depth; /* nodes on the way up from it */
	__u64 hop; /* what a piece that lies in it ends with */
	/* The list that hop leads to first, if it is one: of its rules and of shorter prefixes'. */
	__u32 list, listed; /* in the builder's listed items */
	__u64 rest; /* behind it */
	__u32 rest_best;
	__u16 rest_depth;
};

struct piece {
	__u32 last;
	__u64 hop;
};

/* The nodes of one prefix, one behind the other. */
struct chain {
	__u64 own[CGG_CHAIN];
	__u32 best[CGG_CHAIN]; /* the first rule of each */
	__u32 count;
};

struct builder {
	char *memory;
	__u64 used, room; /* units of 8 bytes */
	struct item *item;
	__u32 items, items_room;
	struct prefix *prefix;
	struct piece *piece;
	__u32 pieces, pieces_room;
	const struct item **listed;
	__u32 listed_count, listed_room;
	struct cgg_action *action;
	__u32 actions, actions_room;
	__u32 *action_hash, hash_size;
	__u8 *shadows; /* by rule */
	struct chain chain;
	bool failed;
};

/* ---- memory ---- */

static void fail(struct builder *b, const char *why)
{
	if (!b->failed)
		refuse(CGG_FAILED, "%s", why);
	b->failed = true;
}

/* grow - room for one more of size bytes behind count */
static void *grow(struct builder *b, void *array, __u32 count, __u32 *room, size_t size)
{
	void *more;

	if (count < *room)
		return array;
	more = reallocarray(array, *room ? 2 * (size_t)*room : 1024, size);
	if (!more) {
		fail(b, "out of memory");
		return 0;
	}
	*room = *room ? 2 * *room : 1024;
	return more;
}

/*
 * take - units of memory, zeroed; together: in one page, beginning at a multiple
 * of align units. Gives its place, 0 when it fails.
 */
static __u32 take(struct builder *b, __u64 units, __u32 align, bool together)
{
	__u64 at = (b->used + align - 1) / align * align, page = CGG_PAGE / 8;

	if (together && at / page != (at + units - 1) / page)
		at = (at + page - 1) / page * page;
	if (at + units >= CGG_BASE_UNITS) {
		fail(b, "the rules take more than 2 GiB");
		return 0;
	}
	if (at + units > b->room) {
		__u64 room = 2 * (at + units) + 512;
		char *memory = realloc(b->memory, 8 * room);

		if (!memory) {
			fail(b, "out of memory");
			return 0;
		}
		b->memory = memory;
		b->room = room;
	}
	memset(b->memory + 8 * b->used, 0, 8 * (at + units - b->used));
	b->used = at + units;
	return (__u32)at;
}

static void *unit(struct builder *b, __u64 at)
{
	return b->memory + 8 * at;
}

/* ---- what rules have in common ---- */

static __u32 hash(const void *bytes, size_t len)
{
	const __u8 *c = bytes;
	__u64 h = 0x9e3779b97f4a7c15ULL;

	for (size_t i = 0; i + 8 <= len; i += 8) {
		__u64 word;

		memcpy(&word, c + i, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	return (__u32)h;
}

static void actions_rehash(struct builder *b)
{
	__u32 size = b->hash_size ? 4 * b->hash_size : 4096;
	__u32 *table = calloc(size, sizeof(*table));

	if (!table) {
		fail(b, "out of memory");
		return;
	}
	for (__u32 i = 0; i < b->actions; i++) {
		__u32 at = hash(&b->action[i], sizeof(b->action[i])) % size;

		while (table[at])
			at = (at + 1) % size;
		table[at] = i + 1;
	}
	free(b->action_hash);
	b->action_hash = table;
	b->hash_size = size;
}

static __u32 action_of(struct builder *b, const struct cgg_entry *e)
{
	const unsigned nets = (1u << CGG_UNIX) - 1;
	struct cgg_action a = {
		.expires = e->expires,
		.cgroup = e->cgroup,
		.select = e->select,
		.select_mask = e->select_mask,
		.hooks = e->hooks,
		.access = e->access,
		.verdict = e->verdict,
		.error = e->error,
		.level = e->level,
		.quiet = e->quiet,
	};
	__u32 at;

	if (e->hooks & nets) { /* the prefix says the rest */
		a.select_mask &= 0xffff;
		a.select &= 0xffff;
	}
	if (2 * b->actions >= b->hash_size)
		actions_rehash(b);
	b->action = grow(b, b->action, b->actions, &b->actions_room, sizeof(a));
	if (b->failed)
		return 0;
	for (at = hash(&a, sizeof(a)) % b->hash_size; b->action_hash[at];
	     at = (at + 1) % b->hash_size)
		if (!memcmp(&b->action[b->action_hash[at] - 1], &a, sizeof(a)))
			return b->action_hash[at] - 1;
	b->action[b->actions] = a;
	b->action_hash[at] = ++b->actions;
	return b->actions - 1;
}

/* ---- rules at their prefixes ---- */

static void item_add(struct builder *b, const struct item *item)
{
	b->item = grow(b, b->item, b->items, &b->items_room, sizeof(*item));
	if (!b->failed)
		b->item[b->items++] = *item;
}

static unsigned bits_of(const __u64 mask[2])
{
	return (unsigned)(__builtin_popcountll(mask[0]) + __builtin_popcountll(mask[1]));
}

/* place_net - the one or two prefixes of a rule about addresses in this space, if any */
static void place_net(struct builder *b, const struct cgg_entry *e, struct item *item, int space)
{
	bool four = space == CGG_SPACE_IPV4;

	if (e->select_mask & CGG_IS_LOCAL) {
		item->high = 0;
		item->low = four ? 0xffff7f000000ULL : 1;
		item->bits = four ? 104 : 128;
	} else if (e->select_mask & CGG_IS_IPV4) {
		if (!(e->select & CGG_IS_IPV4) == four)
			return;
		item->bits = (__u16)bits_of(e->mask);
	} else {
		item->high = 0;
		item->low = four ? 0xffff00000000ULL : 0;
		item->bits = four ? 96 : 0;
	}
	item_add(b, item);
}

/* place_name - a whole name has its NUL in the prefix */
static void place_name(struct builder *b, const struct cgg_rules *rules, const struct cgg_entry *e,
		       struct item *item, int space)
{
	bool vague = e->select_mask == ~0u && e->select == CGG_VAGUE;
	__u64 last = e->operand_last;

	if (space == CGG_SPACE_VAGUE ? !vague && e->select_mask : vague)
		return;
	item->bits = (__u16)bits_of(e->mask);
	if (e->operand_words)
		item->bits = (__u16)(64 * e->operand_words + __builtin_popcountll(last));
	if (e->select_mask == ~0u && !vague)
		item->bits = (__u16)(item->bits + 8);
	if (e->operand)
		item->name = (const __u8 *)rules->heap + 8 * (size_t)e->operand;
	item_add(b, item);
}

static void place_device(struct builder *b, const struct cgg_entry *e, struct item *item)
{
	static const __u64 types[] = { CGG_BLOCK, CGG_CHAR };
	bool any_type = !(be64toh(e->mask[0]) >> 32), any_major = !(be64toh(e->mask[0]) << 32);

	item->bits = (__u16)bits_of(e->mask);
	if (!any_type || any_major) {
		item_add(b, item);
		return;
	}
	item->bits = (__u16)(item->bits + 32);
	for (unsigned i = 0; i < 2; i++) {
		item->high = types[i] << 32 | (be64toh(e->value[0]) & 0xffffffff);
		item_add(b, item);
	}
}

static void place_socket(struct builder *b, const struct cgg_entry *e, struct item *item)
{
	if (e->select_mask & 0xffff)
		item->port_min = item->port_max = (__u16)e->select;
	item_add(b, item);
}

/* items_of - those of all rules that a space has; a rule is a number by its text */
static void items_of(struct builder *b, const struct cgg_rules *rules, const __u32 *actions,
		     unsigned hooks, int space)
{
	unsigned wanted = space <= CGG_SPACE_IPV6    ? (1u << CGG_UNIX) - 1
			  : space == CGG_SPACE_VAGUE ? 1u << CGG_UNIX
						     : 1u << (space - CGG_SPACE_UNIX + CGG_UNIX);
	__u32 rule = NONE;

	b->items = 0;
	if (!(hooks & wanted))
		return;
	for (unsigned i = 0; i < rules->count && !b->failed; i++) {
		const struct cgg_entry *e = &rules->entry[i];
		struct item item = {
			.high = be64toh(e->value[0]),
			.low = be64toh(e->value[1]),
			.action = actions[i],
			.port_min = e->port_min,
			.port_max = e->port_max,
			.hooks = e->hooks,
		};

		rule += e->text_len != 0;
		item.rule = rule;
		if (!(e->hooks & wanted))
			continue;
		if (space <= CGG_SPACE_IPV6)
			place_net(b, e, &item, space);
		else if (wanted & (1u << CGG_UNIX | 1u << CGG_SYSCTL))
			place_name(b, rules, e, &item, space);
		else if (wanted & 1u << CGG_DEVICE)
			place_device(b, e, &item);
		else if (wanted & 1u << CGG_SOCKET)
			place_socket(b, e, &item);
		else {
			item.bits = (__u16)bits_of(e->mask);
			item_add(b, &item);
		}
	}
}

/* key_compare - of the first bytes, then of what names have more */
static int key_compare(const struct item *a, const struct item *b)
{
	static const __u8 nothing[CGG_OPERAND];

	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (!a->name && !b->name)
		return 0;
	return memcmp((a->name ? a->name : nothing) + 16, (b->name ? b->name : nothing) + 16,
		      CGG_OPERAND - 16);
}

/* A prefix stands before what it contains; rules of one in their order. */
static int item_compare(const void *first, const void *second)
{
	const struct item *a = first, *b = second;
	int order = key_compare(a, b);

	if (order)
		return order;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* items_sort - by 16 bits at a time where keys are short, and rules in their order */
static void items_sort(struct builder *b, int space)
{
	struct item *from = b->item, *to;
	static __u32 start[65537];

	if (space != CGG_SPACE_IPV4 || b->items < 1000) {
		qsort(b->item, b->items, sizeof(*b->item), item_compare);
		return;
	}
	to = reallocarray(0, b->items_room, sizeof(*to));
	if (!to) {
		fail(b, "out of memory");
		return;
	}
	for (int round = 0; round < 3; round++) {
		struct item *swap = from;

#define DIGIT(i) (round == 0 ? (i)->bits : round == 1 ? (__u16)(i)->low : (__u16)((i)->low >> 16))
		memset(start, 0, sizeof(start));
		for (__u32 i = 0; i < b->items; i++)
			start[DIGIT(&from[i]) + 1]++;
		for (unsigned i = 0; i < 65536; i++)
			start[i + 1] += start[i];
		for (__u32 i = 0; i < b->items; i++)
			to[start[DIGIT(&from[i])]++] = from[i];
#undef DIGIT
		from = to;
		to = swap;
	}
	free(to);
	b->item = from;
}

/* ---- keys, digit by digit ---- */

static __u32 digit_of(const struct item *item, unsigned d)
{
	if (d < 4)
		return item->high >> 16 * (3 - d) & 0xffff;
	if (d < 8)
		return item->low >> 16 * (7 - d) & 0xffff;
	return item->name ? (__u32)item->name[2 * d] << 8 | item->name[2 * d + 1] : 0;
}

static const struct item *first_item(const struct builder *b, __u32 prefix)
{
	return &b->item[b->prefix[prefix].first];
}

/* holds - whether the prefix has all keys that another one has */
static bool holds(const struct builder *b, __u32 shorter, __u32 longer)
{
	const struct item *s = first_item(b, shorter), *l = first_item(b, longer);
	unsigned whole = s->bits / 16, rest = s->bits % 16;

	if (s->bits > l->bits)
		return false;
	for (unsigned d = 0; d < whole; d++)
		if (digit_of(s, d) != digit_of(l, d))
			return false;
	return !rest || !((digit_of(s, whole) ^ digit_of(l, whole)) >> (16 - rest));
}

/* ---- pieces ---- */

/* piece_add - up to last; what goes on with the same hop is one */
static void piece_add(struct builder *b, __u32 mark, __u32 last, __u64 hop)
{
	struct piece *before = b->pieces > mark ? &b->piece[b->pieces - 1] : 0;

	if (before && before->last >= last)
		return;
	if (before && before->hop == hop) {
		before->last = last;
		return;
	}
	b->piece = grow(b, b->piece, b->pieces, &b->pieces_room, sizeof(*b->piece));
	if (!b->failed)
		b->piece[b->pieces++] = (struct piece){ last, hop };
}

/* ends_put - a node whose numbers are the last ones of each step pieces from begin on */
static void ends_put(struct builder *b, __u32 at, const struct piece *piece, __u32 count,
		     __u64 begin, __u64 step, unsigned most)
{
	__u16 *ends = unit(b, at);

	for (unsigned i = 0; i + 1 < most; i++) {
		__u64 last = begin + (i + 1) * step - 1;

		ends[i] = last < count ? (__u16)piece[last].last : 0xffff;
	}
}

static __u64 cut_large(struct builder *b, const struct piece *piece, __u32 count, unsigned digit)
{
	const __u32 node = CGG_CUT_NODE;
	__u32 lowest = (count + node - 1) / node;
	__u32 between = count > node * node ? (lowest + node - 1) / node : 0;
	__u32 nodes = lowest + between + (count > node);
	__u32 at = take(b, 8ULL * nodes + count, 8, count <= CGG_CUT_PAGE), next = at;

	if (b->failed)
		return 0;
	if (count > node) {
		ends_put(b, next, piece, count, 0, between ? node * node : node, node);
		next += 8;
	}
	for (__u32 i = 0; i < between; i++, next += 8)
		ends_put(b, next, piece, count, (__u64)i * node * node, node, node);
	for (__u32 i = 0; i < lowest; i++, next += 8)
		ends_put(b, next, piece, count, (__u64)i * node, 1, node);
	for (__u32 i = 0; i < count; i++)
		*(__u64 *)unit(b, next + i) = piece[i].hop;
	return CGG_HOP(CGG_HOP_CUT, CGG_CUT(count, digit), at);
}

static __u64 cut_small(struct builder *b, const struct piece *piece, __u32 count, unsigned digit)
{
	__u32 at = take(b, 2 + count, 2, true);

	if (b->failed)
		return 0;
	ends_put(b, at, piece, count, 0, 1, CGG_CUT_SMALL);
	for (__u32 i = 0; i < count; i++)
		*(__u64 *)unit(b, at + 2 + i) = piece[i].hop;
	return CGG_HOP(CGG_HOP_CUT, CGG_CUT(count, digit), at);
}

/* A few numbers with one hop, like those of a /30, may be as many points. */
#define POINTS_WIDE 8

static __u32 begin_of(const struct piece *piece, __u32 i)
{
	return i ? piece[i - 1].last + 1 : 0;
}

/*
 * points_of - as how many points the pieces may stand, whose hops differ in their lower
 * bits alone; 0: there is something else than those and the hop of all other numbers
 */
static __u32 points_of(const struct piece *piece, __u32 count, __u64 *all, __u64 *others)
{
	__u32 points = 0, widest = 0;
	bool some = false;

	for (__u32 i = 0; i < count; i++) {
		if (piece[i].last - begin_of(piece, i) <= widest)
			continue;
		widest = piece[i].last - begin_of(piece, i);
		*others = piece[i].hop;
	}
	for (__u32 i = 0; i < count && points <= CGG_POINTS_MOST; i++) {
		__u32 wide = piece[i].last - begin_of(piece, i) + 1;

		if (piece[i].hop == *others)
			continue;
		if (wide > POINTS_WIDE || (some && (piece[i].hop ^ *all) & ~(__u64)CGG_LOW))
			return 0;
		*all = piece[i].hop & ~(__u64)CGG_LOW;
		some = true;
		points += wide;
	}
	return points <= CGG_POINTS_MOST ? points : 0;
}

static __u64 points_put(struct builder *b, const struct piece *piece, __u32 count, __u32 points,
			__u64 all, __u64 others, unsigned digit)
{
	const __u32 node = CGG_CUT_NODE;
	bool small = points <= CGG_POINTS_SMALL;
	__u32 nodes = small ? 0 : (points + node - 1) / node + (points > node), i = 0, *lows;
	__u32 numbers = small ? 2 * CGG_POINTS_SMALL / 8 : 8 * nodes;
	/* that the nodes of many begin with a line */
	__u32 at = take(b, 2 + numbers + (points + 1) / 2 + (nodes > 1 ? 6 : 0), 8, true);
	__u16 *top, *number;

	if (b->failed)
		return 0;
	at += nodes > 1 ? 6 : 0;
	*(__u64 *)unit(b, at) = others;
	*(__u64 *)unit(b, at + 1) = all;
	top = unit(b, at + 2);
	number = points > node ? top + node : top;
	lows = unit(b, at + 2 + numbers);
	memset(top, 0xff, 8 * (size_t)numbers);
	for (__u32 p = 0; p < count; p++) {
		if (piece[p].hop == others)
			continue;
		for (__u32 n = begin_of(piece, p); n <= piece[p].last; n++, i++) {
			number[i] = (__u16)n;
			lows[i] = CGG_HOP_LOW(piece[p].hop);
			if (points > node && i % node == node - 1 && i / node < node - 1)
				top[i / node] = (__u16)n;
		}
	}
	return CGG_HOP(CGG_HOP_POINTS, CGG_CUT(points, digit), at);
}

static __u64 cut_whole(struct builder *b, const struct piece *piece, __u32 count, unsigned digit)
{
	__u32 at = take(b, 65536, CGG_PAGE / 8, false), n = 0;

	for (__u32 i = 0; i < count && !b->failed; i++)
		for (; n <= piece[i].last && n < 65536; n++)
			*(__u64 *)unit(b, at + n) = piece[i].hop;
	return CGG_HOP(CGG_HOP_CUT, CGG_CUT(65536, digit), at);
}

/* cut_put - the pieces from mark on, up to 65535; they are let go */
static __u64 cut_put(struct builder *b, __u32 mark, unsigned digit)
{
	const struct piece *piece = b->piece + mark;
	__u32 count = b->pieces - mark, points;
	__u64 all = 0, others = 0;

	b->pieces = mark;
	if (b->failed)
		return 0;
	points = count > 2 ? points_of(piece, count, &all, &others) : 0;
	if (points)
		return points_put(b, piece, count, points, all, others, digit);
	return count == 1		? piece->hop
	       : count <= CGG_CUT_SMALL ? cut_small(b, piece, count, digit)
	       : count <= CGG_CUT_MOST	? cut_large(b, piece, count, digit)
					: cut_whole(b, piece, count, digit);
}

/* ---- the rules of one prefix ---- */

static bool any_port(const struct item *item)
{
	return item->port_min == 0 && item->port_max == 65535;
}

/* is_plain - whether hook, letter and protocol (by proto: not even that) are all it asks for */
static bool is_plain(const struct cgg_action *a, bool by_proto)
{
	return a->expires == CGG_NEVER && !a->cgroup &&
	       !(a->select_mask & ~(by_proto ? 0xffffu : 0u));
}

/* rule_put - a hop to a rule of which port, and by_proto protocol, need not be looked at */
static __u64 rule_put(const struct builder *b, const struct item *item, bool by_proto)
{
	const struct cgg_action *a = &b->action[item->action];

	if (!is_plain(a, by_proto) || a->error || a->quiet)
		return CGG_HOP(CGG_HOP_RULE, item->action, item->rule);
	return CGG_HOP(CGG_HOP_PLAIN,
		       CGG_PLAIN((__u32)a->hooks, (__u32)a->access, (__u32)a->verdict), item->rule);
}

static struct cgg_item list_item(const struct builder *b, const struct item *item)
{
	const unsigned letters = 1u << CGG_DEVICE | 1u << CGG_SYSCTL;
	const struct cgg_action *a = &b->action[item->action];
	struct cgg_item i = { item->rule,     item->action, item->port_min,
			      item->port_max, item->hooks,  0 };

	if ((a->select_mask & 0xffff) == 0xffff) {
		i.hooks |= CGG_ITEM_PROTO;
		i.proto = (__u16)a->select;
	}
	if (is_plain(a, true) && !(a->hooks & letters))
		i.hooks |= CGG_ITEM_PLAIN;
	return i;
}

/* list_put - a hop to these items, at most CGG_LIST_MOST */
static __u64 list_put(struct builder *b, const struct item *const *item, __u32 count)
{
	struct cgg_item *list;
	__u32 at;

	if (count == 1 && any_port(item[0]))
		return rule_put(b, item[0], false);
	at = take(b, 2ULL * count, 2, true);
	if (b->failed)
		return 0;
	list = unit(b, at);
	for (__u32 i = 0; i < count; i++)
		list[i] = list_item(b, item[i]);
	return CGG_HOP(CGG_HOP_LIST, count, at);
}

static const struct cgg_action *its_action(const struct builder *b, const struct item *item)
{
	return &b->action[item->action];
}

/* Two rules that ask for the same beside port and prefix: the first hides the second. */
static bool same_condition(const struct cgg_action *a, const struct cgg_action *b)
{
	return a->select == b->select && a->select_mask == b->select_mask && a->hooks == b->hooks &&
	       a->access == b->access && a->cgroup == b->cgroup && a->expires == b->expires;
}

/*
 * hides - whether a rule holds wherever a later one at the same prefix and port
 * does; what is not seen here is only asked in vain
 */
static bool hides(const struct cgg_action *a, const struct cgg_action *later)
{
	if (a->cgroup && a->cgroup != later->cgroup)
		return false;
	if (a->expires < later->expires || later->hooks & ~a->hooks || later->access & ~a->access)
		return false;
	return !((a->select ^ later->select) & a->select_mask) &&
	       !(a->select_mask & ~later->select_mask);
}

/* visible - drops from items of one prefix and port what earlier ones hide */
static __u32 visible(struct builder *b, const struct item **item, __u32 count)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < count; i++) {
		__u32 by = 0;

		while (by < kept && by < MANY &&
		       !hides(its_action(b, item[by]), its_action(b, item[i])))
			by++;
		if (by < kept && by < MANY)
			b->shadows[item[by]->rule] = 1;
		else
			item[kept++] = item[i];
	}
	return kept;
}

/*
 * A class is items of one condition, in their order. At each port the first of
 * them that has it counts: a heap of those whose range has begun.
 */
struct class
{
	__u32 first, count; /* in the sorted items */
	__u32 next; /* whose range has not begun yet, in by_port */
	__u32 heap, heap_count; /* place in the common heap */
};

struct crowd {
	struct builder *b;
	const struct item **item; /* sorted by class, then by rule */
	const struct item **by_port; /* within each class by port_min */
	const struct item **heap;
	struct class *class;
	__u32 classes;
	bool by_proto; /* all have the same protocol, and who asks too */
};

static int by_condition(const void *first, const void *second, void *builder)
{
	const struct item *a = *(const struct item *const *)first,
			  *b = *(const struct item *const *)second;
	const struct cgg_action *x = its_action(builder, a), *y = its_action(builder, b);
	__u64 key[][2] = { { x->cgroup, y->cgroup },
			   { x->expires, y->expires },
			   { x->select_mask, y->select_mask },
			   { x->select, y->select },
			   { x->hooks, y->hooks },
			   { x->access, y->access },
			   { a->rule, b->rule } };

	for (size_t i = 0; i < sizeof(key) / sizeof(key[0]); i++)
		if (key[i][0] != key[i][1])
			return key[i][0] < key[i][1] ? -1 : 1;
	return 0;
}

static int by_port_min(const void *first, const void *second)
{
	const struct item *a = *(const struct item *const *)first,
			  *b = *(const struct item *const *)second;

	return a->port_min != b->port_min ? (a->port_min < b->port_min ? -1 : 1)
					  : (a->rule < b->rule ? -1 : a->rule > b->rule);
}

static int by_rule(const void *first, const void *second)
{
	const struct item *a = *(const struct item *const *)first,
			  *b = *(const struct item *const *)second;

	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static void heap_down(const struct item **heap, __u32 count, __u32 at)
{
	for (;;) {
		__u32 least = at, left = 2 * at + 1;
		const struct item *swap = heap[at];

		for (__u32 child = left; child < left + 2 && child < count; child++)
			if (heap[child]->rule < heap[least]->rule)
				least = child;
		if (least == at)
			return;
		heap[at] = heap[least];
		heap[least] = swap;
		at = least;
	}
}

static void heap_push(const struct item **heap, __u32 count, const struct item *item)
{
	__u32 at = count;

	while (at && heap[(at - 1) / 2]->rule > item->rule) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = item;
}

/* class_at - the first item of the class that has the port; 0: none. Ports only rise. */
static const struct item *class_at(struct crowd *c, struct class *class, __u32 port)
{
	const struct item **heap = c->heap + class->heap;

	for (;
	     class->next < class->first + class->count && c->by_port[class->next]->port_min <= port;
	     class->next++)
		heap_push(heap, class->heap_count++, c->by_port[class->next]);
	while (class->heap_count && heap[0]->port_max < port) {
		heap[0] = heap[--class->heap_count];
		heap_down(heap, class->heap_count, 0);
	}
	if (class->heap_count > 1)
		c->b->shadows[heap[0]->rule] = 1;
	return class->heap_count ? heap[0] : 0;
}

static int by_number(const void *a, const void *b)
{
	return *(const __u32 *)a < *(const __u32 *)b ? -1 : *(const __u32 *)a > *(const __u32 *)b;
}

/* ports_cut - the items of some classes, which are next to each other, by their ports */
static __u64 ports_cut(struct crowd *c, struct class *class, __u32 classes)
{
	__u32 first = class->first, count = 0, edges = 0, mark = c->b->pieces, before = 0;
	const struct item *now[CLASSES], *last[CLASSES] = { 0 };
	__u64 hop = 0;
	__u32 *edge;

	for (__u32 i = 0; i < classes; i++)
		count += class[i].count;
	edge = reallocarray(0, 2 * (size_t)count + 1, sizeof(*edge));
	if (!edge) {
		fail(c->b, "out of memory");
		return 0;
	}
	edge[edges++] = 0;
	for (__u32 i = first; i < first + count; i++) {
		edge[edges++] = c->item[i]->port_min;
		edge[edges++] = c->item[i]->port_max + 1u;
	}
	qsort(edge, edges, sizeof(*edge), by_number);
	for (__u32 i = 0; i < edges && edge[i] < 65536 && !c->b->failed; i++) {
		__u32 end = i + 1, found = 0;

		if (i && edge[i] == edge[i - 1])
			continue;
		while (end < edges && edge[end] == edge[i])
			end++;
		for (__u32 k = 0; k < classes; k++) {
			now[found] = class_at(c, &class[k], edge[i]);
			found += now[found] != 0;
		}
		qsort(now, found, sizeof(*now), by_rule);
		found = visible(c->b, now, found);
		if (found == before && !memcmp(now, last, found * sizeof(*now))) {
			piece_add(c->b, mark, end < edges ? edge[end] - 1 : 65535, hop);
			continue;
		}
		hop = found == 1 ? rule_put(c->b, now[0], c->by_proto)
		      : found	 ? list_put(c->b, now, found)
				 : 0;
		memcpy(last, now, found * sizeof(*now));
		before = found;
		piece_add(c->b, mark, end < edges ? edge[end] - 1 : 65535, hop);
	}
	if (c->b->pieces > mark)
		c->b->piece[c->b->pieces - 1].last = 65535;
	free(edge);
	return cut_put(c->b, mark, CGG_BY_PORT);
}

/* ---- the nodes of one prefix, one behind the other ---- */

static void chain_add(struct builder *b, struct chain *chain, __u64 own, __u32 best)
{
	if (chain->count == CGG_CHAIN) {
		fail(b, "too many rules with different conditions stand at one address");
		return;
	}
	chain->own[chain->count] = own;
	chain->best[chain->count++] = best;
}

/* lists_chain - items in their order, whatever their ports */
static void lists_chain(struct builder *b, struct chain *chain, const struct item **item,
			__u32 count)
{
	for (__u32 i = 0; i < count; i += CGG_LIST_MOST)
		chain_add(b, chain,
			  list_put(b, item + i,
				   count - i < CGG_LIST_MOST ? count - i : CGG_LIST_MOST),
			  item[i]->rule);
}

/* classes_of - sorts the items of a crowd into classes */
static void classes_of(struct crowd *c, __u32 count)
{
	qsort_r(c->item, count, sizeof(*c->item), by_condition, c->b);
	c->classes = 0;
	for (__u32 i = 0; i < count; i++) {
		struct class *class = c->classes ? &c->class[c->classes - 1] : 0;

		if (!class || !same_condition(its_action(c->b, c->item[class->first]),
					      its_action(c->b, c->item[i]))) {
			class = &c->class[c->classes++];
			*class = (struct class){ .first = i, .next = i, .heap = i };
		}
		class->count++;
	}
	memcpy(c->by_port, c->item, count * sizeof(*c->item));
	for (__u32 k = 0; k < c->classes; k++)
		qsort(c->by_port + c->class[k].first, c->class[k].count, sizeof(*c->by_port),
		      by_port_min);
}

/* crowd_chain - the items of a crowd by their ports, some classes at a time */
static void crowd_chain(struct crowd *c, struct chain *chain, __u32 count)
{
	classes_of(c, count);
	for (__u32 k = 0; k < c->classes; k += CLASSES) {
		__u32 some = c->classes - k < CLASSES ? c->classes - k : CLASSES, best = NONE;

		for (__u32 i = k; i < k + some; i++)
			if (c->item[c->class[i].first]->rule < best)
				best = c->item[c->class[i].first]->rule;
		chain_add(c->b, chain, ports_cut(c, &c->class[k], some), best);
	}
}

/* proto_of - the one protocol that an item is about, NONE: any */
static __u32 proto_of(const struct builder *b, const struct item *item)
{
	const struct cgg_action *a = &b->action[item->action];

	return (a->select_mask & 0xffff) == 0xffff ? a->select & 0xffff : NONE;
}

static int by_proto_then_rule(const void *first, const void *second, void *builder)
{
	__u32 a = proto_of(builder, *(const struct item *const *)first),
	      b = proto_of(builder, *(const struct item *const *)second);

	return a != b ? (a < b ? -1 : 1) : by_rule(first, second);
}

/*
 * protos_chain - the items of many protocols: by protocol, each by its ports
 *
 * An operation has one protocol, so one of these is all that it has to look at.
 * Gives how many items are left: those for any protocol, and those of one that has
 * too many conditions.
 */
static __u32 protos_chain(struct crowd *c, struct chain *chain, __u32 count)
{
	struct crowd one = *c;
	__u32 mark = c->b->pieces, left = 0, best = NONE, protos = 0, with = 0;

	qsort_r(c->item, count, sizeof(*c->item), by_proto_then_rule, c->b);
	for (; with < count && proto_of(c->b, c->item[with]) != NONE; with++)
		protos +=
			!with || proto_of(c->b, c->item[with]) != proto_of(c->b, c->item[with - 1]);
	if (protos <= FEW / 2)
		return count;
	one.by_proto = true;
	for (__u32 at = 0, end = 0; at < with && !c->b->failed; at = end) {
		__u32 proto = proto_of(c->b, c->item[at]);

		while (end < with && proto_of(c->b, c->item[end]) == proto)
			end++;
		one.item = c->item + at;
		classes_of(&one, end - at);
		if (one.classes > CLASSES) {
			memmove(c->item + left, one.item, (end - at) * sizeof(*one.item));
			left += end - at;
			continue;
		}
		for (__u32 i = at; i < end; i++)
			best = c->item[i]->rule < best ? c->item[i]->rule : best;
		if (proto)
			piece_add(c->b, mark, proto - 1, 0);
		piece_add(c->b, mark, proto, ports_cut(&one, one.class, one.classes));
	}
	piece_add(c->b, mark, 65535, 0);
	chain_add(c->b, chain, cut_put(c->b, mark, CGG_BY_PROTO), best);
	memmove(c->item + left, c->item + with, (count - with) * sizeof(*c->item));
	return left + count - with;
}

/* many_chain - more than a few rules: those for any port, then those that have some */
static void many_chain(struct builder *b, struct chain *chain, const struct item **item,
		       __u32 count)
{
	const struct item **all = reallocarray(0, 3 * (size_t)count, sizeof(*all));
	struct class *class = reallocarray(0, count, sizeof(*class));
	struct crowd crowd = { b, all, all + count, all + 2 * (size_t)count, class, 0, false };
	__u32 any = 0, some = 0;

	if (!all || !class) {
		fail(b, "out of memory");
	} else {
		for (__u32 i = 0; i < count; i++) {
			if (any_port(item[i]) && proto_of(b, item[i]) == NONE)
				item[any++] = item[i];
			else
				all[some++] = item[i];
		}
		any = visible(b, item, any);
		if (any && any <= FEW / 2 && some) {
			memcpy(all + some, item, any * sizeof(*all));
			some += any;
			any = 0;
		}
		lists_chain(b, chain, item, any);
		some = protos_chain(&crowd, chain, some);
		if (some)
			crowd_chain(&crowd, chain, some);
	}
	free(all);
	free(class);
}

/* nodes_put - a chain in front of next; gives the hop to it */
static __u64 nodes_put(struct builder *b, const struct chain *chain, __u64 next, __u32 *best)
{
	for (__u32 i = b->failed ? 0 : chain->count; i--;) {
		__u32 kind = CGG_HOP_KIND(chain->own[i]), at;
		struct cgg_node *node;

		if (!next && kind != CGG_HOP_CUT && kind != CGG_HOP_POINTS) {
			next = chain->own[i];
		} else {
			at = take(b, sizeof(*node) / 8, sizeof(*node) / 8, true);
			if (b->failed)
				break;
			node = unit(b, at);
			*node = (struct cgg_node){ .own = chain->own[i],
						   .next = next,
						   .best = *best };
			next = CGG_HOP(CGG_HOP_NODE, 0, at);
		}
		if (chain->best[i] < *best)
			*best = chain->best[i];
	}
	return next;
}

/*
 * few_put - a few rules stand in one list with those of shorter prefixes, as long as
 * they are not many: one step instead of several
 */
static void few_put(struct builder *b, struct prefix *p, const struct prefix *up)
{
	const struct item *item[2 * FEW];
	__u32 count = p->count,
	      above = up && up->listed && count + up->listed <= 2 * FEW ? up->listed : 0;

	for (__u32 i = 0; i < p->count; i++)
		item[i] = &b->item[p->first + i];
	for (__u32 i = 0; i < above; i++)
		item[count++] = b->listed[up->list + i];
	qsort(item, count, sizeof(*item), by_rule);
	p->rest = above ? up->rest : up ? up->hop : 0;
	p->rest_best = above ? up->rest_best : up ? up->best : NONE;
	p->rest_depth = above ? up->rest_depth : up ? up->depth : 0;
	p->list = b->listed_count;
	for (__u32 i = 0; i < count && !b->failed; i++) {
		b->listed =
			grow(b, b->listed, b->listed_count, &b->listed_room, sizeof(*b->listed));
		if (!b->failed)
			b->listed[b->listed_count++] = item[i];
	}
	p->listed = count;
	lists_chain(b, &b->chain, item, count);
}

/* prefix_put - what a walk finds at the prefix: its own rules, then the next shorter prefix's */
static void prefix_put(struct builder *b, struct prefix *p)
{
	const struct prefix *up = p->parent == NONE ? 0 : &b->prefix[p->parent];
	const struct item **item;

	b->chain.count = 0;
	if (p->count <= FEW) {
		few_put(b, p, up);
	} else {
		p->rest = up ? up->hop : 0;
		p->rest_best = up ? up->best : NONE;
		p->rest_depth = up ? up->depth : 0;
		item = reallocarray(0, p->count, sizeof(*item));
		if (!item) {
			fail(b, "out of memory");
			return;
		}
		for (__u32 i = 0; i < p->count; i++)
			item[i] = &b->item[p->first + i];
		many_chain(b, &b->chain, item, p->count);
		free(item);
	}
	p->depth = (__u16)(p->rest_depth + b->chain.count);
	if (p->depth > CGG_CHAIN)
		fail(b, "too many rules stand at prefixes of one another");
	p->best = p->rest_best;
	p->hop = nodes_put(b, &b->chain, p->rest, &p->best);
}

/* prefixes_of - the items' prefixes, each with its rules and behind the next shorter one */
static __u32 prefixes_of(struct builder *b)
{
	__u32 count = 0, top = NONE;

	free(b->prefix);
	b->listed_count = 0;
	b->prefix = reallocarray(0, b->items + 1, sizeof(*b->prefix));
	if (!b->prefix)
		fail(b, "out of memory");
	for (__u32 i = 0; i < b->items && !b->failed; i++) {
		const struct item *item = &b->item[i];

		if (count && item->bits == b->prefix[count - 1].bits &&
		    !key_compare(item, first_item(b, count - 1))) {
			b->prefix[count - 1].count++;
			continue;
		}
		b->prefix[count] = (struct prefix){ .first = i, .count = 1, .bits = item->bits };
		while (top != NONE && !holds(b, top, count))
			top = b->prefix[top].parent;
		b->prefix[count].parent = top;
		top = count++;
	}
	for (__u32 i = 0; i < count && !b->failed; i++) {
		prefix_put(b, &b->prefix[i]);
		progress("addresses and names compiled", i);
	}
	return count;
}

/* ---- the space, digit by digit ---- */

/*
 * skip_put - go to yes where the key has the bits of item from digit d up to bits
 *
 * A record is about eight digits, from a multiple of eight on.
 */
static __u64 skip_put(struct builder *b, const struct item *item, unsigned d, unsigned bits,
		      __u64 yes, __u64 no)
{
	unsigned begin = d / 8 * 8;
	struct cgg_skip skip = { .yes = yes, .no = no };
	__u8 *value = (__u8 *)skip.value, *mask = (__u8 *)skip.mask;
	__u32 at;

	if (bits > 16 * (begin + 8)) {
		skip.yes = skip_put(b, item, begin + 8, bits, yes, no);
		bits = 16 * (begin + 8);
	}
	for (unsigned bit = 16 * d; bit < bits; bit++) {
		unsigned place = bit - 16 * begin, from_left = 15 - bit % 16;

		mask[place / 8] |= (__u8)(0x80 >> place % 8);
		if (digit_of(item, bit / 16) >> from_left & 1)
			value[place / 8] |= (__u8)(0x80 >> place % 8);
	}
	at = take(b, sizeof(skip) / 8, 2, true);
	if (b->failed)
		return 0;
	memcpy(unit(b, at), &skip, sizeof(skip));
	return CGG_HOP(CGG_HOP_SKIP, begin / 8, at);
}

/* common - how many digits from d on all prefixes in [from, to) have, and have whole */
static unsigned common(const struct builder *b, __u32 from, __u32 to, unsigned d)
{
	const struct item *first = first_item(b, from), *last = first_item(b, to - 1);
	unsigned end = d;

	while (16 * (end + 1) <= first->bits && digit_of(first, end) == digit_of(last, end))
		end++;
	return end - d;
}

static __u64 space_put(struct builder *b, __u32 from, __u32 to, unsigned d, __u64 outer);

/* digit_put - the prefixes in [from, to), that go beyond digit d, cut by it */
static __u64 digit_put(struct builder *b, __u32 from, __u32 to, unsigned d, __u64 outer)
{
	__u32 mark = b->pieces, end[17];
	__u64 hop[17] = { outer };
	unsigned open = 0;

	end[0] = 65535;
	for (__u32 i = from; i < to && !b->failed;) {
		const struct item *item = first_item(b, i);
		__u32 digit = digit_of(item, d), group = i + 1;
		unsigned inside = item->bits - 16 * d;

		while (open && end[open] < digit) {
			piece_add(b, mark, end[open], hop[open]);
			open--;
		}
		if (digit)
			piece_add(b, mark, digit - 1, hop[open]);
		if (inside < 16) {
			end[++open] = digit + (65536u >> inside) - 1;
			hop[open] = b->prefix[i++].hop;
			continue;
		}
		while (group < to && digit_of(first_item(b, group), d) == digit)
			group++;
		piece_add(b, mark, digit, space_put(b, i, group, d + 1, hop[open]));
		i = group;
	}
	for (;; open--) {
		piece_add(b, mark, end[open], hop[open]);
		if (!open)
			break;
	}
	return cut_put(b, mark, d);
}

/* space_put - a hop to the prefixes in [from, to) at digit d, where outer holds without them */
static __u64 space_put(struct builder *b, __u32 from, __u32 to, unsigned d, __u64 outer)
{
	unsigned skip;
	__u64 yes;

	if (from < to && b->prefix[from].bits == 16 * d)
		outer = b->prefix[from++].hop;
	if (from == to || b->failed)
		return outer;
	if (to - from == 1)
		return skip_put(b, first_item(b, from), d, b->prefix[from].bits,
				b->prefix[from].hop, outer);
	skip = common(b, from, to, d);
	if (!skip)
		return digit_put(b, from, to, d, outer);
	yes = space_put(b, from, to, d + skip, outer);
	return skip_put(b, first_item(b, from), d, 16 * (d + skip), yes, outer);
}

/* ---- all of it ---- */

static __u32 page_of(__u64 units)
{
	return (__u32)((units + CGG_PAGE / 8 - 1) / (CGG_PAGE / 8));
}

/* records_put - ids and texts, and a bit for each rule */
static void records_put(struct builder *b, const struct cgg_rules *rules, const __u32 *actions,
			struct cgg_base *head)
{
	__u32 count = rules->rules, rule = 0, first_id = 0, heap;
	__u32 records = take(b, 2ULL * count, CGG_PAGE / 8, false);
	__u32 bits = take(b, (count + 63) / 64, CGG_PAGE / 8, false);
	__u32 hashes = take(b, (count + 1) / 2, CGG_PAGE / 8, false);

	heap = take(b, 4, CGG_PAGE / 8, false); /* place 0 is "" */
	for (unsigned i = 0; i < rules->count && !b->failed; i++) {
		const struct cgg_entry *e = &rules->entry[i];
		struct cgg_record *record;
		__u32 text;

		if (!e->text_len)
			continue;
		text = e->label ? take(b, CGG_NAME / 8, CGG_NAME / 8, true) : 0;
		if (e->label && !b->failed)
			memcpy(unit(b, text), rules->heap + 8 * (size_t)e->label, CGG_NAME);
		text = take(b, (e->text_len + 7u) / 8, 1, false);
		if (b->failed)
			return;
		memcpy(unit(b, text), rules->heap + 8 * (size_t)e->text, e->text_len);
		record = (struct cgg_record *)unit(b, records) + rule;
		*record = (struct cgg_record){ e->id,	    text - heap,   actions[i],
					       e->text_len, e->label != 0, b->shadows[rule] };
		((__u32 *)unit(b, hashes))[rule] = words_hash(unit(b, text), e->text_len);
		first_id = rule == 0 ? e->id : first_id && e->id == first_id + rule ? first_id : 0;
		rule++;
	}
	if (b->failed)
		return;
	head->rules = count;
	head->first_id = first_id;
	head->actions = b->actions;
	head->records = page_of(records);
	head->bits = page_of(bits);
	head->hashes = page_of(hashes);
	head->heap = page_of(heap);
	head->pages = page_of(b->used);
}

static void spaces_put(struct builder *b, const struct cgg_rules *rules, const __u32 *actions,
		       struct cgg_base *head)
{
	for (int space = 0; space < CGG_SPACES && !b->failed; space++) {
		__u64 hop;

		items_of(b, rules, actions, head->hooks, space);
		if (!b->items || b->failed)
			continue;
		items_sort(b, space);
		hop = space_put(b, 0, prefixes_of(b), space == CGG_SPACE_IPV4 ? 6 : 0, 0);
		head->root[space] = hop;
	}
}

/* base_build - its pages, to be freed, and what is said of them; it has no number yet */
int base_build(char **pages, struct cgg_base *head, const struct cgg_rules *rules)
{
	struct builder b = { 0 };
	__u32 *actions = reallocarray(0, rules->count + 1, sizeof(*actions));

	*head = (struct cgg_base){ 0 };
	b.shadows = calloc(rules->rules + 1, 1);
	if (!b.shadows || !actions)
		fail(&b, "out of memory");
	for (unsigned i = 0; i < rules->count && !b.failed; i++) {
		actions[i] = action_of(&b, &rules->entry[i]);
		head->hooks |= rules->entry[i].hooks;
	}
	take(&b, 4ULL * (b.actions + 1), CGG_PAGE / 8, false);
	if (!b.failed && b.actions)
		memcpy(unit(&b, 0), b.action, b.actions * sizeof(*b.action));
	spaces_put(&b, rules, actions, head);
	records_put(&b, rules, actions, head);
	take(&b, 0, CGG_PAGE / 8, false);
	free(actions);
	free(b.shadows);
	free(b.item);
	free(b.prefix);
	free(b.piece);
	free(b.listed);
	free(b.action);
	free(b.action_hash);
	*pages = b.memory;
	if (!b.failed)
		return 0;
	free(b.memory);
	return CGG_FAILED;
}
