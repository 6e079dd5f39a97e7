// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * items.c - turns the rules of a space into items, each at one prefix, and sorts them.
 */
#include <endian.h>

#include "build.h"

static void item_add(struct builder *b, const struct item *item)
{
	b->item = build_grow(b, b->item, b->items, &b->items_room, sizeof(*item));
	if (!b->failed)
		b->item[b->items++] = *item;
}

static unsigned bits_of(const __u64 mask[2])
{
	return (unsigned)(__builtin_popcountll(mask[0]) + __builtin_popcountll(mask[1]));
}

/* Add the prefix of a rule about addresses in this space, if it has one there. */
static void place_net(struct builder *b, const struct cgg_entry *e, struct item *item, int space)
{
	bool four = space == CGG_SPACE_IPV4;

	if (e->condition.select_mask & CGG_IS_LOCAL) {
		item->high = 0;
		item->low = four ? 0xffff7f000000ULL : 1;
		item->bits = four ? 104 : 128;
	} else if (e->condition.select_mask & CGG_IS_IPV4) {
		if (!(e->condition.select & CGG_IS_IPV4) == four)
			return;
		item->bits = (__u16)bits_of(e->mask);
	} else {
		item->high = 0;
		item->low = four ? 0xffff00000000ULL : 0;
		item->bits = four ? 96 : 0;
	}
	item_add(b, item);
}

/* Return whether the rule of an entry is looked up by names of the address. */
static bool is_by_name(const struct cgg_entry *e)
{
	return e->condition.hooks & CGG_NAME_HOOKS && e->condition.access == CGG_BY_NAME;
}

/* Add the prefix of a rule about names. The prefix of a whole name includes its final NUL. */
static void place_name(struct builder *b, const struct cgg_rules *rules, const struct cgg_entry *e,
		       struct item *item, int space)
{
	bool vague = e->condition.select_mask == ~0u && e->condition.select == CGG_VAGUE;
	__u64 last = e->operand_last;

	if (space == CGG_SPACE_VAGUE ? !vague && e->condition.select_mask : vague)
		return;
	item->bits = (__u16)bits_of(e->mask);
	if (e->operand_words)
		item->bits = (__u16)(64 * e->operand_words + __builtin_popcountll(last));
	if (e->condition.select_mask == ~0u &&
	    !vague) /* of unix or sysctl: a DNS name has the NUL */
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
	if (e->condition.select_mask & 0xffff)
		item->port_min = item->port_max = (__u16)e->condition.select;
	item_add(b, item);
}

/* The key of a rule about a set is the place of the set. */
static void place_set(struct builder *b, const struct cgg_entry *e, struct item *item)
{
	item->high = entry_set(e);
	item->low = 0;
	item->bits = 64;
	item_add(b, item);
}

/* Return the hooks whose rules are looked up in a space. */
static unsigned space_hooks(int space)
{
	if (space <= CGG_SPACE_IPV6)
		return (1u << CGG_UNIX) - 1;
	if (space == CGG_SPACE_VAGUE)
		return 1u << CGG_UNIX | 1u << CGG_DNS | CGG_PACKET_HOOKS;
	if (space == CGG_SPACE_HOST)
		return CGG_NAME_HOOKS;
	if (space == CGG_SPACE_SET)
		return ((1u << CGG_UNIX) - 1) | 1u << CGG_DNS;
	return 1u << (space - CGG_SPACE_UNIX + CGG_UNIX);
}

/* Add one form of a rule to a space, if it belongs there. */
static void place_form(struct builder *b, const struct cgg_rules *rules, const struct cgg_entry *e,
		       struct item *item, int space)
{
	if (entry_is_set(e) || space == CGG_SPACE_SET) {
		if (entry_is_set(e) && space == CGG_SPACE_SET)
			place_set(b, e, item);
	} else if (is_by_name(e)) {
		if (space == CGG_SPACE_HOST)
			place_name(b, rules, e, item, space);
	} else if (space == CGG_SPACE_HOST) {
		return;
	} else if (space <= CGG_SPACE_IPV6) {
		if (e->condition.access & ~CGG_KNOWN_NONE)
			place_net(b, e, item, space);
	} else if (e->condition.hooks & (1u << CGG_UNIX | 1u << CGG_SYSCTL | 1u << CGG_DNS)) {
		place_name(b, rules, e, item, space);
	} else if (space == CGG_SPACE_VAGUE) {
		if (e->condition.access & CGG_KNOWN_NONE)
			item_add(b, item);
	} else if (e->condition.hooks & 1u << CGG_DEVICE) {
		place_device(b, e, item);
	} else if (e->condition.hooks & 1u << CGG_SOCKET) {
		place_socket(b, e, item);
	} else {
		item->bits = (__u16)bits_of(e->mask);
		item_add(b, item);
	}
}

/*
 * Return whether a form of an entry is that of the entry before it, of the same rule: what lists
 * differ in is not looked at where it is unknown.
 */
static bool is_repeated(const struct cgg_entry *form, const struct cgg_entry *before,
			unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!condition_compare(&form->condition, &before[i].condition) &&
		    entries_match_alike(form, &before[i]))
			return true;
	return false;
}

/* Add the items of one entry, of which the action numbers are given; last: forms before it. */
static void entry_items(struct builder *b, const struct cgg_rules *rules,
			const struct cgg_entry *form, unsigned forms, const __u32 *actions,
			__u32 rule, int space, const struct cgg_entry *last, unsigned lasts)
{
	for (unsigned f = 0; f < forms; f++) {
		struct item item = {
			.high = be64toh(form[f].value[0]),
			.low = be64toh(form[f].value[1]),
			.action = actions[f],
			.port_min = form[f].port_min,
			.port_max = form[f].port_max,
			.hooks = (__u16)form[f].condition.hooks,
			.rule = rule,
		};

		if (!is_repeated(&form[f], last, lasts))
			place_form(b, rules, &form[f], &item, space);
	}
}

/* Collect the items of all rules in a space. Only entries with a text begin a new rule. */
void items_of(struct builder *b, const struct cgg_rules *rules, const __u32 *actions,
	      unsigned hooks, int space)
{
	unsigned wanted = space_hooks(space), count[2] = { 0, 0 };
	struct cgg_entry form[2][CGG_KNOWN_BITS];
	__u32 rule = NONE;

	b->items = 0;
	if (!(hooks & wanted))
		return;
	for (unsigned i = 0; i < rules->count && !b->failed; i++) {
		const struct cgg_entry *e = &rules->entry[i];
		unsigned now = i & 1;

		count[now] = 0;
		if (e->text_len) {
			rule++;
			count[!now] = 0;
		}
		if (e->condition.hooks & wanted)
			count[now] = entry_forms(e, form[now]);
		entry_items(b, rules, form[now], count[now], &actions[CGG_KNOWN_BITS * (size_t)i],
			    rule, space, form[!now], count[!now]);
	}
}

/* Compare the keys of two items: the first 16 bytes, then the rest of long names. */
int key_compare(const struct item *a, const struct item *b)
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

/* Order items by key, shorter prefixes first, and those of one prefix by rule. */
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

/* Sort the items; many IPv4 ones by a stable radix sort, since they are in rule order already. */
void items_sort(struct builder *b, int space)
{
	struct item *from = b->item, *to;
	static __u32 start[65537];

	if (space != CGG_SPACE_IPV4 || b->items < 1000) {
		qsort(b->item, b->items, sizeof(*b->item), item_compare);
		return;
	}
	to = reallocarray(0, b->items_room, sizeof(*to));
	if (!to) {
		build_fail(b, "out of memory");
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
