// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * list.c - fuzz the reader of lists for sets: any bytes are read or refused. What was read is
 * printed and read again as the same, and a table of it contains every element.
 */
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cgg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say(void *context, const char *message)
{
	if (!*message)
		abort();
	*(int *)context = 1;
}

/* take - read a list, joined; return whether it has an element */
static int take(struct cgg_elements *list, char *text, size_t size)
{
	struct cgg_joined joined;
	FILE *in = fmemopen(text, size, "r");
	int said = 0, status;

	*list = (struct cgg_elements){ .kind = -1 };
	status = elements_read(list, in, "fuzz", say, &said);
	fclose(in);
	if (!status == !!said)
		abort(); /* a refusal without a message, or a message for nothing */
	if (!status)
		elements_join(list, &joined);
	return !status && list->count;
}

static void text_of(const struct cgg_elements *list, size_t i, char text[CGG_ELEMENT_TEXT])
{
	const struct cgg_element *e = &list->element[i];

	element_print(list->kind, e->key, e->tag,
		      list->kind == CGG_SET_NAMES ? list->text + e->tag : "", text);
}

/* again - print the list and read that: the elements are the same, but for their times */
static void again(const struct cgg_elements *list)
{
	struct cgg_elements other;
	char *printed, one[CGG_ELEMENT_TEXT], two[CGG_ELEMENT_TEXT];
	size_t length;
	FILE *out = open_memstream(&printed, &length);

	for (size_t i = 0; i < list->count; i++) {
		text_of(list, i, one);
		fprintf(out, "%s%s\n", one,
			list->element[i].expires == CGG_SET_NEVER ? "" : " ttl 1d");
	}
	fclose(out);
	if (!take(&other, printed, length) || other.kind != list->kind)
		abort();
	for (size_t i = 0; i < other.count; i++) {
		text_of(&other, i, two);
		for (size_t k = 0; k < list->count; k++) {
			text_of(list, k, one);
			if (!strcmp(one, two))
				break;
			if (k + 1 == list->count)
				abort();
		}
	}
	elements_free(&other);
	free(printed);
}

/* in_table - put the elements into a table, and look for each */
static void in_table(const struct cgg_elements *list)
{
	static const __u64 seed[4] = { 0x0123456789abcdef, 0xfedcba9876543210, 0x9e3779b97f4a7c15,
				       0xc2b2ae3d27d4eb4f };
	struct cgg_table table = { .fd = -1 };
	__u32 lines;

	table_size(list, 0, &lines, &table.pages);
	table.page = calloc(table.pages, CGG_PAGE);
	table_begin(&table, list->kind, lines, seed);
	for (size_t i = 0; i < list->count; i++)
		if (table_put(&table, &list->element[i], list->text, 0))
			abort();
	table_settle(&table, (__u32)list->count);
	for (size_t i = 0; i < list->count; i++) {
		const struct cgg_element *e = &list->element[i];
		__u64 word[2] = { htobe64(e->key[0]), htobe64(e->key[1]) };
		char text[CGG_ELEMENT_TEXT];

		text_of(list, i, text);
		if (e->expires <= seconds_now())
			continue;
		if (!table_find(&table, e, list->text))
			abort();
		if (list->kind == CGG_SET_ADDRESSES && e->tag >= 96 &&
		    !table_has_addr(&table, (const __u8 *)word))
			abort();
		if (list->kind == CGG_SET_NAMES && *text != '*' && !table_has_name(&table, text))
			abort();
	}
	free(table.page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgg_elements list;
	char *copy = malloc(size + 1);

	memcpy(copy, data, size);
	if (size && take(&list, copy, size)) {
		again(&list);
		in_table(&list);
	}
	if (size)
		elements_free(&list);
	free(copy);
	return 0;
}
