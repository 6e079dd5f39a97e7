// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * records.c - the part of an index that programs do not search: the records and words of its
 * rules, and the entries that they were compiled into, which compile again without being parsed.
 */
#include "build.h"
#include "entries.h"

static __u32 page_of(__u64 units)
{
	return (__u32)((units + CGG_PAGE / 8 - 1) / (CGG_PAGE / 8));
}

/* Copy bytes to the heap of the index. Return their offset in units; 0 after a failure. */
static __u32 bytes_put(struct builder *b, const char *from, size_t bytes, __u32 align)
{
	__u32 at = build_take(b, (bytes + 7) / 8, align, align > 1);

	if (!b->failed)
		memcpy(build_unit(b, at), from, bytes);
	return at;
}

/* Write the name and the words of a rule, and its record. */
static void record_put(struct builder *b, const struct cgg_rules *rules, const struct cgg_entry *e,
		       __u32 action, __u32 rule, const struct cgg_index *head)
{
	const char *words = rules->heap + 8 * (size_t)e->text;
	__u32 text;

	if (e->label)
		bytes_put(b, rules->heap + 8 * (size_t)e->label, CGG_NAME, CGG_NAME / 8);
	text = bytes_put(b, words, e->text_len, 1);
	if (b->failed)
		return;
	((struct cgg_record *)build_unit(b, (__u64)head->records * CGG_PAGE / 8))[rule] =
		(struct cgg_record){
			.id = e->id,
			.text = text - head->heap * (CGG_PAGE / 8),
			.action = action,
			.len = e->text_len & 0x3fffffff,
			.labelled = e->label != 0,
			.shadows = b->shadows[rule] != 0,
		};
	((__u32 *)build_unit(b, (__u64)head->hashes * CGG_PAGE / 8))[rule] =
		words_hash(words, e->text_len);
}

/* Return how many bits an entry compares of its value and, if it has one, of its operand. */
static unsigned bits_compared(const struct cgg_entry *e)
{
	if (e->operand)
		return 64u * e->operand_words + (unsigned)__builtin_popcountll(e->operand_last);
	return (unsigned)(__builtin_popcountll(e->mask[0]) + __builtin_popcountll(e->mask[1]));
}

/* Keep what an entry has beside its record and its action. */
static void kept_put(struct builder *b, const struct cgg_rules *rules, const struct cgg_entry *e,
		     __u32 action, __u32 at, const struct cgg_index *head)
{
	const __u8 *mask = (const __u8 *)e->mask;
	struct cgg_kept kept = {
		.value = { e->value[0], e->value[1] },
		.select = e->condition.select,
		.select_mask = e->condition.select_mask,
		.action = action,
		.port_min = e->port_min,
		.port_max = e->port_max,
		.bits = (__u16)bits_compared(e),
		.access = e->condition.access & 127u,
		.begins = e->text_len != 0,
	};

	while (kept.bits && !mask[kept.skip])
		kept.skip++;
	if (e->operand)
		kept.operand = bytes_put(b, rules->heap + 8 * (size_t)e->operand,
					 (kept.bits + 7u) / 8, 1) -
			       head->heap * (CGG_PAGE / 8);
	if (!b->failed)
		((struct cgg_kept *)build_unit(b, (__u64)head->kept * CGG_PAGE / 8))[at] = kept;
}

/* Return the first page of a part with so many units. */
static __u32 part_take(struct builder *b, __u64 units)
{
	return page_of(build_take(b, units, CGG_PAGE / 8, false));
}

/* Write the records, bits, hashes, entries and words of all rules; enter their pages in head. */
void records_put(struct builder *b, const struct cgg_rules *rules, const __u32 *actions,
		 struct cgg_index *head)
{
	__u32 rule = 0;

	head->rules = rules->rules;
	head->entries = rules->count;
	head->actions = b->actions;
	head->records = part_take(b, 2ULL * rules->rules);
	head->bits = part_take(b, (rules->rules + 63) / 64);
	head->hashes = part_take(b, (rules->rules + 1) / 2);
	head->kept = part_take(b, sizeof(struct cgg_kept) / 8 * (__u64)rules->count);
	head->heap = part_take(b, 4); /* offset 0 is "" */
	for (unsigned i = 0; i < rules->count && !b->failed; i++) {
		const struct cgg_entry *e = &rules->entry[i];

		if (e->text_len) {
			record_put(b, rules, e, actions[CGG_KNOWN_BITS * (size_t)i], rule, head);
			head->first_id = !rule				  ? e->id
					 : e->id == head->first_id + rule ? head->first_id
									  : 0;
			rule++;
		}
		kept_put(b, rules, e, actions[CGG_KNOWN_BITS * (size_t)i], i, head);
	}
	head->pages = page_of(b->used);
}

/* Set mask to ones for so many bits behind the bytes to skip, at most 16 bytes in all. */
static void mask_of(__u64 mask[2], unsigned skip, unsigned bits)
{
	__u8 bytes[16] = { 0 };

	for (unsigned i = skip; i < sizeof(bytes) && bits; i++) {
		unsigned here = bits < 8 ? bits : 8;

		bytes[i] = (__u8)(0xff00 >> here);
		bits -= here;
	}
	memcpy(mask, bytes, sizeof(bytes));
}

/*
 * Append an entry that an index kept, with its action and the record of its rule; heap is the
 * index's. Return 0 or CGG_FAILED.
 */
int rules_take_kept(struct cgg_rules *rules, const struct cgg_kept *kept,
		    const struct cgg_record *record, const struct cgg_action *action,
		    const char *heap)
{
	char operand[CGG_OPERAND] = { 0 };
	struct cgg_entry e = {
		.value = { kept->value[0], kept->value[1] },
		.condition = action->condition,
		.id = record->id,
		.port_min = kept->port_min,
		.port_max = kept->port_max,
		.verdict = action->verdict,
		.quiet = action->quiet,
		.error = (__u8)action->error,
		.label = record->labelled ? record->text - CGG_NAME / 8 : 0,
		.text = kept->begins ? record->text : 0,
		.text_len = kept->begins ? record->len : 0,
	};

	e.condition.select = kept->select;
	e.condition.select_mask = kept->select_mask;
	e.condition.access = kept->access;
	if (entry_is_set(&e))
		e.mask[0] = e.value[0];
	else
		mask_of(e.mask, kept->skip, kept->bits);
	if (kept->operand) {
		memcpy(operand, heap + 8 * (size_t)kept->operand, kept->bits / 8u);
		if (name_put(rules, &e, operand, kept->bits / 8u))
			return CGG_FAILED;
	}
	return rules_take_entry(rules, &e, heap);
}
