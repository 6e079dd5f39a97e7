// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * table.c - the table of a set (bpf/contract/sets.h): put, find and list elements.
 *
 * Programs read the table meanwhile. So the key and the tag of a slot are written once, and the tag
 * last; and an element counts only when the caller has raised the generation.
 */
#include <endian.h>
#include <string.h>

#include "sets.h"

#define LOAD(slots) ((slots) / 8 * 5) /* slots that may be taken, of so many */

struct cgg_set_head *table_head(const struct cgg_table *table)
{
	return (struct cgg_set_head *)(void *)table->page;
}

/* Return a line, or 0 if its page cannot be mapped. */
static struct cgg_slot *line_at(const struct cgg_table *table, __u32 line)
{
	if (table->here && !table_need(table, 1 + line / CGG_PAGE_LINES))
		return 0;
	return (struct cgg_slot *)(void *)(table->page + CGG_PAGE) + 2 * (size_t)line;
}

static const char *text_at(const struct cgg_table *table, __u32 tag)
{
	return table->page + CGG_PAGE * (size_t)table_head(table)->heap + 8 * (size_t)tag;
}

/* Map the pages of a text. Return false if that fails. */
static bool text_need(const struct cgg_table *table, __u32 tag, size_t units)
{
	size_t first = table_head(table)->heap + tag / (CGG_PAGE / 8),
	       last = table_head(table)->heap + (tag + units) / (CGG_PAGE / 8);

	return !table->here ||
	       (table_need(table, first) && (last >= table->pages || table_need(table, last)));
}

/* Return the bytes of text that an element needs in a table. */
static size_t text_units(const struct cgg_elements *list, const struct cgg_element *e)
{
	return list->kind == CGG_SET_NAMES ? strlen(list->text + e->tag) / 8 + 1 : 0;
}

/* Fetch the text of an element that is needed soon: texts lie in the order of the file. */
void element_fetch(const struct cgg_elements *list, size_t i)
{
	if (list->kind == CGG_SET_NAMES && i < list->count)
		__builtin_prefetch(list->text + list->element[i].tag);
}

/* Count the slots, and the units of text, that the elements need at most. */
static void needs(const struct cgg_elements *list, size_t *slots, size_t *units)
{
	size_t four = 0, six = 0;

	*units = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct cgg_element *e = &list->element[i];

		element_fetch(list, i + 16);
		*units += text_units(list, e);
		four += list->kind == CGG_SET_ADDRESSES && e->tag > CGG_MARK4 && !e->key[0] &&
			e->key[1] >> 32 == 0xffff;
		six += list->kind == CGG_SET_ADDRESSES && e->tag > CGG_MARK6 &&
		       (e->key[0] || e->key[1] >> 32 != 0xffff);
	}
	*slots = list->count + (four < 65536 ? four : 65536) + six;
}

/* Choose the lines and pages of a table, with room for a few more; `more' eighths are added. */
void table_size(const struct cgg_elements *list, unsigned more, __u32 *lines, size_t *pages)
{
	size_t slots, units, line_pages;

	needs(list, &slots, &units);
	slots += slots / 8 * (1 + more) + 64;
	units += units / 8 + 512;
	line_pages = slots * 15 / 8 / (2 * CGG_PAGE_LINES) + 1;
	*lines = (__u32)(line_pages * CGG_PAGE_LINES);
	*pages = 1 + line_pages;
	if (list->kind == CGG_SET_NAMES)
		*pages += units / (CGG_PAGE / 8) + 1;
}

/* Write the head of an empty table of table->pages pages, which are all zero. */
void table_begin(struct cgg_table *table, int kind, __u32 lines, const __u64 seed[4])
{
	struct cgg_set_head *head = table_head(table);

	*head = (struct cgg_set_head){
		.seed = { seed[0], seed[1], seed[2] | 1, seed[3] | 1 },
		.kind = (__u32)kind,
		.lines = lines,
		.heap = (__u32)(1 + lines / CGG_PAGE_LINES),
		.heap_used = 1,
		.pages = (__u32)table->pages,
	};
}

/* Hash a reversed name. */
static void name_key(const struct cgg_set_head *head, const char *name, size_t len, __u64 key[2])
{
	key[0] = head->seed[0];
	key[1] = head->seed[1];
	for (size_t i = 0; i < len; i++) {
		key[0] = set_byte(key[0], (__u8)name[i], head->seed[2]);
		key[1] = set_byte(key[1], (__u8)name[i], head->seed[3]);
	}
}

/* Fetch the line where an element will be put soon. */
void table_fetch(const struct cgg_table *table, const struct cgg_elements *list, size_t i)
{
	const struct cgg_set_head *head = table_head(table);
	const struct cgg_element *e = &list->element[i];
	__u64 key[2] = { e->key[0], e->key[1] };
	const char *text = list->text + e->tag;
	bool names = list->kind == CGG_SET_NAMES;
	__u64 hash;

	if (names)
		name_key(head, text, strlen(text), key);
	hash = set_hash(head->seed, key[0], key[1], names ? 0 : e->tag);
	__builtin_prefetch(line_at(table, set_line(hash, head->lines)), 1);
}

/* Return whether all these elements surely have room, marks included. */
bool table_has_room(const struct cgg_table *table, const struct cgg_elements *list)
{
	const struct cgg_set_head *head = table_head(table);
	size_t slots, units, room = (size_t)(head->pages - head->heap) * (CGG_PAGE / 8);

	needs(list, &slots, &units);
	return head->slots + slots <= LOAD((size_t)2 * head->lines) &&
	       (!units || head->heap_used + units <= room);
}

static bool slot_counts(const struct cgg_slot *s, __u32 generation)
{
	return s->since <= generation && s->until > generation &&
	       (s->expires == CGG_SET_NEVER || s->expires > seconds_now());
}

/*
 * Return the slot with a key that counts now, or if any, the one with this key and tag; 0: none.
 *
 * *end is set to the first free slot that a lookup of the key passes, or 0.
 */
static struct cgg_slot *probe(const struct cgg_table *table, const __u64 key[2], __u32 tag,
			      bool any, struct cgg_slot **end)
{
	const struct cgg_set_head *head = table_head(table);
	__u64 hash = set_hash(head->seed, key[0], key[1], tag);

	*end = 0;
	for (int i = 0; i < CGG_LINES; i++, hash = set_next(hash)) {
		struct cgg_slot *s = line_at(table, set_line(hash, head->lines));

		for (int k = 0; k < 2 && s; k++, s++) {
			if (!s->tag) {
				*end = s;
				return 0;
			}
			if (s->key[0] == key[0] && s->key[1] == key[1] && (!tag || s->tag == tag) &&
			    (any || slot_counts(s, head->generation)))
				return s;
		}
	}
	return 0;
}

/* Write a slot with this key; its tag last. Return 0, or CGG_NO: there is no room. */
static int slot_put(struct cgg_table *table, const struct cgg_slot *slot, __u32 hashed)
{
	struct cgg_slot *to;

	/* No slot counts in this generation, so probe() goes on to the end. */
	struct cgg_set_head *head = table_head(table);
	__u64 hash = set_hash(head->seed, slot->key[0], slot->key[1], hashed);

	for (int i = 0; i < CGG_LINES; i++, hash = set_next(hash)) {
		to = line_at(table, set_line(hash, head->lines));
		if (!to)
			return CGG_NO;
		to += to->tag != 0;
		if (to->tag)
			continue;
		memcpy(to, slot, offsetof(struct cgg_slot, tag));
		__atomic_store_n(&to->tag, slot->tag, __ATOMIC_RELEASE);
		head->slots++;
		return 0;
	}
	return CGG_NO;
}

/* Let lookups try what begins like this. */
static void filter_add(struct cgg_set_head *head, __u64 first)
{
	const unsigned bit = set_filter(head->seed, first);

	__atomic_fetch_or(&head->filter[bit / 64], 1ULL << bit % 64, __ATOMIC_RELEASE);
}

/* Note the length of an element in the mark above it. */
static int mark_put(struct cgg_table *table, const struct cgg_element *e, bool four)
{
	struct cgg_set_head *head = table_head(table);
	const unsigned bit = 128 - e->tag;
	struct cgg_slot *end, *mark,
		fresh = { .tag = CGG_TAG_MARK | (four ? CGG_MARK4 : CGG_MARK6) };

	if (e->tag <= (four ? CGG_MARK4 : CGG_MARK6))
		return 0;
	filter_add(head, four ? e->key[1] >> 16 : e->key[0] >> 32);
	fresh.key[0] = four ? 0 : e->key[0] >> 32 << 32;
	fresh.key[1] = four ? e->key[1] >> 16 << 16 : 0;
	mark = probe(table, fresh.key, fresh.tag, true, &end);
	if (!mark) {
		fresh.lengths = bit < 64 ? 1ULL << bit : 0;
		fresh.expires = bit < 64 ? 0 : 1u << (bit - 64);
		return slot_put(table, &fresh, fresh.tag);
	}
	if (bit < 64)
		__atomic_fetch_or(&mark->lengths, 1ULL << bit, __ATOMIC_RELEASE);
	else
		__atomic_fetch_or(&mark->expires, 1u << (bit - 64), __ATOMIC_RELEASE);
	return 0;
}

/* Let lookups try the length of an element: always, or if many are tried, where a mark has it. */
static void length_note(struct cgg_set_head *head, const struct cgg_element *e, bool four)
{
	const unsigned bit = 128 - e->tag;
	__u64 *few = four ? &head->few4 : &head->few6[bit / 64], now = *few | 1ULL << bit % 64;
	int lengths = __builtin_popcountll(now) +
		      (four ? 0 : __builtin_popcountll(head->few6[1 - bit / 64]));
	__u32 *marked = four ? &head->marked4 : &head->marked6;

	if (*few == now)
		return;
	if (e->tag <= (four ? CGG_MARK4 : CGG_MARK6) || (!*marked && lengths <= CGG_LENGTHS_FEW))
		__atomic_store_n(few, now, __ATOMIC_RELEASE);
	else
		__atomic_store_n(marked, 1, __ATOMIC_RELEASE);
}

/* Write an element that counts from a generation on. */
int table_put(struct cgg_table *table, const struct cgg_element *e, const char *text, __u32 since)
{
	struct cgg_set_head *head = table_head(table);
	struct cgg_slot slot = { .key = { e->key[0], e->key[1] },
				 .since = since,
				 .until = CGG_SET_NEVER,
				 .expires = e->expires,
				 .tag = e->tag };
	bool four = !e->key[0] && e->key[1] >> 32 == 0xffff && e->tag >= 96;

	if (head->kind == CGG_SET_NAMES) {
		size_t len = strlen(text + e->tag), units = len / 8 + 1;

		if (head->heap_used + units > (size_t)(head->pages - head->heap) * (CGG_PAGE / 8))
			return CGG_NO;
		slot.tag = head->heap_used;
		if (!text_need(table, slot.tag, units))
			return CGG_NO;
		name_key(head, text + e->tag, len, slot.key);
		if (text[e->tag + len - 1] == '.')
			filter_add(head, slot.key[0]);
		memcpy((char *)(size_t)text_at(table, slot.tag), text + e->tag, len);
		head->heap_used += (__u32)units;
		return slot_put(table, &slot, 0);
	}
	length_note(head, e, four);
	return mark_put(table, e, four) ? CGG_NO : slot_put(table, &slot, e->tag);
}

/* End the making of a table: where marks are looked up, only short lengths are tried without. */
void table_settle(struct cgg_table *table, __u32 count)
{
	struct cgg_set_head *head = table_head(table);

	if (head->marked4)
		head->few4 &= ~0ULL << (128 - CGG_MARK4);
	if (head->marked6) {
		head->few6[0] = 0;
		head->few6[1] &= ~0ULL << (64 - CGG_MARK6);
	}
	head->count[0] = head->count[1] = count;
}

struct cgg_slot *table_find(const struct cgg_table *table, const struct cgg_element *e,
			    const char *text)
{
	const struct cgg_set_head *head = table_head(table);
	struct cgg_slot *end;
	__u64 key[2];

	if (head->kind == CGG_SET_ADDRESSES)
		return probe(table, e->key, e->tag, false, &end);
	name_key(head, text + e->tag, strlen(text + e->tag), key);
	return probe(table, key, 0, false, &end);
}

/* Return the length of the longest element that contains an address, 0: none does. */
unsigned table_has_addr(const struct cgg_table *table, const __u8 addr[16])
{
	bool four = addr_is_ip4(addr);
	struct cgg_slot *end;
	__u64 word[2];

	memcpy(word, addr, sizeof(word));
	for (unsigned len = 128; len >= (four ? 96 : 1); len--) {
		__u64 high = len >= 64 ? ~0ULL : ~(~0ULL >> len),
		      low = len <= 64	 ? 0
			    : len == 128 ? ~0ULL
					 : ~(~0ULL >> (len - 64));
		__u64 key[2] = { be64toh(word[0]) & high, be64toh(word[1]) & low };

		if (probe(table, key, len, false, &end))
			return len;
	}
	return 0;
}

/* Return whether the table has a name, or a *.NAME above it. */
bool table_has_name(const struct cgg_table *table, const char *name)
{
	char reversed[CGG_OPERAND];
	struct cgg_slot *end;
	size_t len = strlen(name);
	__u64 key[2];

	host_reverse(reversed, name);
	for (size_t i = 1; i <= len; i++) {
		if (i < len && reversed[i - 1] != '.')
			continue;
		name_key(table_head(table), reversed, i, key);
		if (probe(table, key, 0, false, &end))
			return true;
	}
	return false;
}

/* Call line for each element that counts, until it returns something other than 0; return that. */
int table_each(struct cgg_table *table, table_line *line, void *context)
{
	const struct cgg_set_head *head = table_head(table);
	int status = table_whole(table);

	for (__u32 i = 0; i < head->lines && !status; i++) {
		const struct cgg_slot *s = line_at(table, i);

		for (int k = 0; k < 2 && !status; k++, s++) {
			bool names = head->kind == CGG_SET_NAMES;

			if (s->tag && (names || !(s->tag & CGG_TAG_MARK)) &&
			    slot_counts(s, head->generation))
				status = line(context, s, names ? text_at(table, s->tag) : "");
		}
	}
	return status;
}
