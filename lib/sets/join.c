// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* join.c - sorts a list of elements, and removes those that others contain for at least as long. */
#include <stdlib.h>
#include <string.h>

#include "sets.h"

#define DEEP 130 /* elements that contain each other: lengths of prefixes, or labels */

static int by_key(const void *first, const void *second)
{
	const struct cgg_element *a = first, *b = second;

	if (a->key[0] != b->key[0])
		return a->key[0] < b->key[0] ? -1 : 1;
	if (a->key[1] != b->key[1])
		return a->key[1] < b->key[1] ? -1 : 1;
	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	return a->expires > b->expires ? -1 : a->expires < b->expires;
}

#define KEY 16 /* bytes of a name that are sorted by at once */

/* Take the bytes of names behind the first `skip' as numbers, in their order. */
static void name_keys(const struct cgg_elements *list, size_t first, size_t end, size_t skip)
{
	for (size_t i = first; i < end; i++) {
		const char *c = list->text + list->element[i].tag + skip;
		__u64 key[2] = { 0 };

		element_fetch(list, i + 16);
		for (int k = 0; k < KEY && *c; k++)
			key[k / 8] |= (__u64)(__u8)*c++ << (56 - 8 * (k % 8));
		memcpy(list->element[i].key, key, sizeof(key));
	}
}

/* Order names by these bytes, and equal ones by their time: a tag only says where the name is. */
static int by_bytes(const void *first, const void *second)
{
	const struct cgg_element *a = first, *b = second;

	if (a->key[0] != b->key[0])
		return a->key[0] < b->key[0] ? -1 : 1;
	if (a->key[1] != b->key[1])
		return a->key[1] < b->key[1] ? -1 : 1;
	return a->expires > b->expires ? -1 : a->expires < b->expires;
}

/* Sort names that are equal in the first `skip' bytes. */
static void names_sort(const struct cgg_elements *list, size_t first, size_t end, size_t skip)
{
	const struct cgg_element *e = list->element;

	name_keys(list, first, end, skip);
	qsort(list->element + first, end - first, sizeof(*e), by_bytes);
	for (size_t i = first, next; i < end; i = next) {
		next = i + 1;
		while (next < end && !memcmp(e[i].key, e[next].key, sizeof(e->key)))
			next++;
		if (next - i > 1 && (__u8)e[i].key[1])
			names_sort(list, i, next, skip + KEY);
	}
}

static bool net_contains(const struct cgg_element *wide, const struct cgg_element *e)
{
	unsigned len = wide->tag;
	__u64 high = len >= 64 ? ~0ULL : ~(~0ULL >> len), low = len <= 64 ? 0
								: len == 128
									? ~0ULL
									: ~(~0ULL >> (len - 64));

	return !((wide->key[0] ^ e->key[0]) & high) && !((wide->key[1] ^ e->key[1]) & low) &&
	       /* ::/0 and its like are about IPv6, and the mapped addresses about IPv4 */
	       (len >= 96 || e->tag < 96 || e->key[0] || e->key[1] >> 32 != 0xffff);
}

/* Return whether one element contains another; *same: they are equal. */
static bool contains(const struct cgg_elements *list, const struct cgg_element *wide,
		     const struct cgg_element *e, bool *same)
{
	const char *text = list->text ? list->text + wide->tag : "",
		   *name = list->text ? list->text + e->tag : "";
	size_t len;

	if (list->kind == CGG_SET_ADDRESSES) {
		*same = wide->tag == e->tag && !memcmp(wide->key, e->key, sizeof(e->key));
		return *same || net_contains(wide, e);
	}
	len = strlen(text);
	*same = !strcmp(text, name);
	return *same || (text[len - 1] == '.' && !strncmp(text, name, len));
}

static bool is_sorted(const struct cgg_elements *list)
{
	for (size_t i = 1; i < list->count; i++)
		if (by_key(&list->element[i - 1], &list->element[i]) > 0)
			return false;
	return true;
}

static void elements_sort(struct cgg_elements *list)
{
	if (list->count < 2)
		return;
	if (list->kind == CGG_SET_NAMES)
		names_sort(list, 0, list->count, 0);
	else if (!is_sorted(list))
		qsort(list->element, list->count, sizeof(*list->element), by_key);
}

/* Sort the elements, and keep of equal ones the one that stays longest. */
void elements_unique(struct cgg_elements *list)
{
	size_t kept = 0;
	bool same = false;

	elements_sort(list);
	for (size_t i = 0; i < list->count; i++) {
		if (kept)
			contains(list, &list->element[kept - 1], &list->element[i], &same);
		if (!kept || !same)
			list->element[kept++] = list->element[i];
	}
	list->count = kept;
}

/*
 * Sort the elements, and remove those within others. What contains an element comes before it in
 * this order, and only others within that stand between them.
 */
void elements_join(struct cgg_elements *list, struct cgg_joined *joined)
{
	size_t outer[DEEP], depth = 0, kept = 0;

	*joined = (struct cgg_joined){ 0 };
	elements_sort(list);
	for (size_t i = 0; i < list->count; i++) {
		const struct cgg_element *e = &list->element[i];
		bool same = false, within = false;

		while (depth && !contains(list, &list->element[outer[depth - 1]], e, &same))
			depth--;
		for (size_t k = depth; k-- && !within;)
			within = list->element[outer[k]].expires >= e->expires;
		if (within) {
			joined->same += same;
			joined->within += !same;
			continue;
		}
		list->element[kept] = *e;
		if (depth < DEEP)
			outer[depth++] = kept;
		kept++;
	}
	list->count = kept;
}
