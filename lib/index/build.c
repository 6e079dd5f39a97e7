// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * build.c - compiles rules into an index (cgguard.h, struct cgg_index), memory to memory.
 *
 * Each rule has a prefix in a space: of an address, of a device's numbers, of a name. The sorted
 * prefixes of a space divide it into intervals. Each interval leads to the longest prefix that
 * contains it, and each prefix leads to the next shorter one. Where many rules share one prefix,
 * their ports are divided into intervals the same way. doc/index.md draws an example.
 */

#include "build.h"

/* ---- keys, digit by digit ---- */

static __u32 digit_of(const struct item *item, size_t d)
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

/* Return whether the prefix `shorter` contains all keys of the prefix `longer`. */
static bool prefix_contains(const struct builder *b, __u32 shorter, __u32 longer)
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

/* ---- the chain of nodes of one prefix ---- */

/*
 * Write the nodes of a chain, linked so that the last one leads to next. Return the reference to
 * the first, and lower *best to the first rule of the whole chain.
 */
static __u64 nodes_put(struct builder *b, const struct chain *chain, __u64 next, __u32 *best)
{
	for (__u32 i = b->failed ? 0 : chain->count; i--;) {
		__u32 kind = CGG_REF_KIND(chain->own[i]), at;
		struct cgg_node *node;

		if (!next && kind != CGG_REF_INTERVALS && kind != CGG_REF_POINTS) {
			next = chain->own[i];
		} else {
			at = build_take(b, sizeof(*node) / 8, sizeof(*node) / 8, true);
			if (b->failed)
				break;
			node = build_unit(b, at);
			*node = (struct cgg_node){ .own = chain->own[i],
						   .next = next,
						   .best = *best };
			next = CGG_REF(CGG_REF_NODE, 0, at);
		}
		if (chain->best[i] < *best)
			*best = chain->best[i];
	}
	return next;
}

/*
 * Write the list of a prefix with few rules. It includes the list of the next shorter prefix
 * while both together are short, so that a walk takes one step instead of several.
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
	p->rest = above ? up->rest : up ? up->ref : 0;
	p->rest_best = above ? up->rest_best : up ? up->best : NONE;
	p->rest_depth = above ? up->rest_depth : up ? up->depth : 0;
	p->list = b->listed_count;
	for (__u32 i = 0; i < count && !b->failed; i++) {
		b->listed = build_grow(b, b->listed, b->listed_count, &b->listed_room,
				       sizeof(*b->listed));
		if (!b->failed)
			b->listed[b->listed_count++] = item[i];
	}
	p->listed = count;
	lists_chain(b, &b->chain, item, count);
}

/* Return how many steps a walk takes through a chain: 16 items of a list each. */
static unsigned chain_steps(const struct chain *chain)
{
	unsigned steps = 0;

	for (__u32 i = 0; i < chain->count; i++) {
		__u32 kind = CGG_REF_KIND(chain->own[i]);

		steps += kind == CGG_REF_LIST ? (CGG_REF_HIGH(chain->own[i]) + 15) / 16
			 : kind == CGG_REF_INTERVALS || kind == CGG_REF_POINTS ? 2
									       : 1;
	}
	return steps;
}

/* Write the nodes of a prefix: its own rules, then a reference to the next shorter prefix. */
static void prefix_put(struct builder *b, struct prefix *p)
{
	const struct prefix *up = p->parent == NONE ? 0 : &b->prefix[p->parent];
	const struct item **item;

	b->chain.count = 0;
	if (p->count <= FEW) {
		few_put(b, p, up);
	} else {
		p->rest = up ? up->ref : 0;
		p->rest_best = up ? up->best : NONE;
		p->rest_depth = up ? up->depth : 0;
		item = reallocarray(0, p->count, sizeof(*item));
		if (!item) {
			build_fail(b, "out of memory");
			return;
		}
		for (__u32 i = 0; i < p->count; i++)
			item[i] = &b->item[p->first + i];
		many_chain(b, &b->chain, item, p->count);
		free(item);
	}
	p->depth = (__u16)(p->rest_depth + b->chain.count);
	if (p->depth > CGG_CHAIN)
		build_refuse(b, b->item[p->first].rule,
			     "too many rules at prefixes that contain each other");
	b->steps += chain_steps(&b->chain);
	p->best = p->rest_best;
	p->ref = nodes_put(b, &b->chain, p->rest, &p->best);
}

/*
 * Collect the prefixes of the sorted items and write their nodes. Return their number. Sorted
 * order puts a shorter prefix before those that it contains.
 */
static __u32 prefixes_of(struct builder *b)
{
	__u32 count = 0, top = NONE;

	free(b->prefix);
	b->listed_count = 0;
	b->prefix = reallocarray(0, b->items + 1, sizeof(*b->prefix));
	if (!b->prefix)
		build_fail(b, "out of memory");
	for (__u32 i = 0; i < b->items && !b->failed; i++) {
		const struct item *item = &b->item[i];

		if (count && item->bits == b->prefix[count - 1].bits &&
		    !key_compare(item, first_item(b, count - 1))) {
			b->prefix[count - 1].count++;
			continue;
		}
		b->prefix[count] = (struct prefix){ .first = i, .count = 1, .bits = item->bits };
		while (top != NONE && !prefix_contains(b, top, count))
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
 * Write a path-compressed node: it leads to yes if the key has the bits of item from digit d up
 * to bits, else to no. Return the reference.
 *
 * One node compares eight digits, aligned to a multiple of eight; longer paths take several.
 */
static __u64 path_put(struct builder *b, const struct item *item, unsigned d, unsigned bits,
		      __u64 yes, __u64 no)
{
	unsigned begin = d / 8 * 8;
	struct cgg_path skip = { .yes = yes, .no = no };
	__u8 *value = (__u8 *)skip.value, *mask = (__u8 *)skip.mask;
	__u32 at;

	if (bits > 16 * (begin + 8)) {
		skip.yes = path_put(b, item, begin + 8, bits, yes, no);
		bits = 16 * (begin + 8);
	}
	for (unsigned bit = 16 * d; bit < bits; bit++) {
		unsigned place = bit - 16 * begin, from_left = 15 - bit % 16;

		mask[place / 8] |= (__u8)(0x80 >> place % 8);
		if (digit_of(item, bit / 16) >> from_left & 1)
			value[place / 8] |= (__u8)(0x80 >> place % 8);
	}
	at = build_take(b, sizeof(skip) / 8, 2, true);
	if (b->failed)
		return 0;
	memcpy(build_unit(b, at), &skip, sizeof(skip));
	return CGG_REF(CGG_REF_PATH, begin / 8, at);
}

/*
 * Return how many digits the prefixes in [from, to) have in common, beginning at digit d.
 *
 * A digit is 16 bits; one that a prefix covers only in part does not count. The node skips them.
 */
static unsigned common(const struct builder *b, __u32 from, __u32 to, unsigned d)
{
	const struct item *first = first_item(b, from), *last = first_item(b, to - 1);
	unsigned end = d;

	while (16 * (end + 1) <= first->bits && digit_of(first, end) == digit_of(last, end))
		end++;
	return end - d;
}

static __u64 space_put(struct builder *b, __u32 from, __u32 to, unsigned d, __u64 outer);

/*
 * Divide the prefixes in [from, to), all longer than 16 * d bits, by digit d. Return the reference;
 * outer is the reference for keys that none of them contains.
 */
static __u64 digit_put(struct builder *b, __u32 from, __u32 to, unsigned d, __u64 outer)
{
	__u32 mark = b->intervals, end[17];
	__u64 ref[17] = { outer };
	unsigned open = 0;

	end[0] = 65535;
	for (__u32 i = from; i < to && !b->failed;) {
		const struct item *item = first_item(b, i);
		__u32 digit = digit_of(item, d), group = i + 1;
		unsigned inside = item->bits - 16 * d;

		while (open && end[open] < digit) {
			interval_add(b, mark, end[open], ref[open]);
			open--;
		}
		if (digit)
			interval_add(b, mark, digit - 1, ref[open]);
		if (inside < 16) {
			end[++open] = digit + (65536u >> inside) - 1;
			ref[open] = b->prefix[i++].ref;
			continue;
		}
		while (group < to && digit_of(first_item(b, group), d) == digit)
			group++;
		interval_add(b, mark, digit, space_put(b, i, group, d + 1, ref[open]));
		i = group;
	}
	for (;; open--) {
		interval_add(b, mark, end[open], ref[open]);
		if (!open)
			break;
	}
	return intervals_put(b, mark, d, !mark);
}

/*
 * Return a reference to the prefixes in [from, to) from digit d on; outer is the reference for
 * keys that none of them contains.
 */
static __u64 space_put(struct builder *b, __u32 from, __u32 to, unsigned d, __u64 outer)
{
	unsigned skip;
	__u64 yes;

	if (from < to && b->prefix[from].bits == 16 * d)
		outer = b->prefix[from++].ref;
	if (from == to || b->failed)
		return outer;
	if (to - from == 1)
		return path_put(b, first_item(b, from), d, b->prefix[from].bits,
				b->prefix[from].ref, outer);
	skip = common(b, from, to, d);
	if (!skip)
		return digit_put(b, from, to, d, outer);
	yes = space_put(b, from, to, d + skip, outer);
	return path_put(b, first_item(b, from), d, 16 * (d + skip), yes, outer);
}

/* ---- the whole index ---- */

/* Write a reference to the rules of each set. Return the offset of these. */
static __u64 sets_put(struct builder *b, __u32 prefixes)
{
	__u32 at = build_take(b, CGG_SETS_OF, CGG_SETS_OF, true);

	if (b->steps > CGG_SET_WALK)
		build_fail(b, "too many rules about sets; write fewer for the same set");
	for (__u32 i = 0; i < prefixes && !b->failed; i++) {
		__u64 *table = build_unit(b, at);

		table[first_item(b, i)->high] = b->prefix[i].ref;
	}
	return at;
}

static void spaces_put(struct builder *b, const struct cgg_rules *rules, const __u32 *actions,
		       struct cgg_index *head)
{
	for (int space = 0; space < CGG_SPACES && !b->failed; space++) {
		__u64 ref;

		items_of(b, rules, actions, head->hooks, space);
		if (!b->items || b->failed)
			continue;
		if (space == CGG_SPACE_VAGUE)
			denials_merge(b);
		items_sort(b, space);
		b->steps = 0;
		ref = space == CGG_SPACE_SET
			      ? sets_put(b, prefixes_of(b))
			      : space_put(b, 0, prefixes_of(b), space == CGG_SPACE_IPV4 ? 6 : 0, 0);
		head->root[space] = ref;
	}
}

/*
 * Compile rules into an index: *pages, which the caller frees, and *head, which has no number
 * yet. Return 0 or CGG_FAILED.
 */
int index_build(char **pages, struct cgg_index *head, const struct cgg_rules *rules)
{
	struct builder b = { .rules = rules };
	__u32 *actions = 0;

	*head = (struct cgg_index){ 0 };
	b.shadows = calloc(rules->rules + 1, 1);
	if (!b.shadows)
		build_fail(&b, "out of memory");
	actions = actions_of(&b, rules, head);
	spaces_put(&b, rules, actions, head);
	head->by_owner = b.by_owner;
	records_put(&b, rules, actions, head);
	build_take(&b, 0, CGG_PAGE / 8, false);
	free(actions);
	free(b.shadows);
	free(b.item);
	free(b.prefix);
	free(b.interval);
	free(b.listed);
	free(b.action);
	free(b.action_hash);
	*pages = b.memory;
	if (!b.failed)
		return 0;
	free(b.memory);
	return CGG_FAILED;
}
