// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* elements.c - prints the elements of a set, for cgg-set list and cgg-rule export. */
#include <string.h>

#include "elements.h"

struct shown {
	int kind;
	__u64 now; /* seconds */
	struct cgg_slot *slot; /* those that count, to be sorted */
	const char **text;
	size_t count, room;
	bool with_ttl;
	FILE *file;
	json_t *json;
};

static int slot_take(void *context, const struct cgg_slot *slot, const char *text)
{
	struct shown *shown = context;

	if (shown->count == shown->room) {
		size_t room = 2 * shown->room + 1024;

		shown->slot = reallocarray(shown->slot, room, sizeof(*shown->slot));
		shown->text = reallocarray(shown->text, room, sizeof(*shown->text));
		if (!shown->slot || !shown->text)
			errx(CGG_FAILED, "%zu elements: out of memory", shown->count);
		shown->room = room;
	}
	shown->slot[shown->count] = *slot;
	shown->slot[shown->count].tag =
		shown->kind == CGG_SET_NAMES ? (__u32)shown->count : slot->tag;
	shown->text[shown->count++] = text;
	return 0;
}

static int by_address(const void *first, const void *second)
{
	const struct cgg_slot *a = first, *b = second;

	if (a->key[0] != b->key[0])
		return a->key[0] < b->key[0] ? -1 : 1;
	if (a->key[1] != b->key[1])
		return a->key[1] < b->key[1] ? -1 : 1;
	return (int)a->tag - (int)b->tag;
}

static int by_text(const void *first, const void *second, void *text)
{
	const struct cgg_slot *a = first, *b = second;
	const char *const *all = text;

	return strcmp(all[a->tag], all[b->tag]);
}

static void element_show(struct shown *shown, size_t i)
{
	const struct cgg_slot *s = &shown->slot[i];
	bool names = shown->kind == CGG_SET_NAMES, timed = s->expires != CGG_SET_NEVER;
	__u64 left = s->expires > shown->now + 1 ? s->expires - shown->now - 1 : 1;
	char text[CGG_ELEMENT_TEXT];
	json_t *object;

	element_print(shown->kind, s->key, s->tag, names ? shown->text[s->tag] : "", text);
	if (!shown->json) {
		if (timed && shown->with_ttl)
			fprintf(shown->file, "%s ttl %llus\n", text, left);
		else if (!timed)
			fprintf(shown->file, "%s\n", text);
		return;
	}
	object = json_pack("{s:s}", "element", text);
	if (timed)
		json_object_set_new(object, "ttl", json_integer((json_int_t)left));
	json_array_append_new(shown->json, object);
}

/* Count the elements without a ttl. */
static int slot_kept(void *context, const struct cgg_slot *slot, const char *text)
{
	(void)text;
	if (context && slot->expires == CGG_SET_NEVER)
		++*(size_t *)context;
	return 0;
}

static void elements_show(struct cgg_table *table, struct shown *shown)
{
	shown->kind = (int)table_head(table)->kind;
	shown->now = seconds_now();
	if (table_each(table, slot_take, shown))
		die(CGG_FAILED);
	if (shown->count && shown->kind == CGG_SET_NAMES)
		qsort_r(shown->slot, shown->count, sizeof(*shown->slot), by_text, shown->text);
	else if (shown->count)
		qsort(shown->slot, shown->count, sizeof(*shown->slot), by_address);
	for (size_t i = 0; i < shown->count; i++)
		element_show(shown, i);
	free(shown->slot);
	free(shown->text);
}

/*
 * Print the elements, sorted, as cgg-set restore reads them; those with a ttl only if told. Return
 * how many were left out.
 */
size_t set_print(struct cgg_table *table, FILE *file, bool with_ttl)
{
	struct shown shown = { .file = file, .with_ttl = with_ttl };
	size_t kept = 0;

	if (table_each(table, slot_kept, with_ttl ? 0 : &kept))
		die(CGG_FAILED);
	elements_show(table, &shown);
	if (!shown.count || (!with_ttl && !kept))
		fprintf(file, "# " CGG_SET_EMPTY "%s\n", set_kind(shown.kind));
	return with_ttl ? 0 : shown.count - kept;
}

/* Append the elements to an array. */
void set_json(struct cgg_table *table, json_t *list)
{
	struct shown shown = { .json = list };

	elements_show(table, &shown);
}
