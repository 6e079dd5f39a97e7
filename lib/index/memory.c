// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* memory.c - allocates the memory of an index that is built, and records the first failure. */
#include "build.h"

void build_fail(struct builder *b, const char *why)
{
	if (!b->failed)
		set_error(CGG_FAILED, "%s", why);
	b->failed = true;
}

/* Fail because of a rule: say which one, in its words. */
void build_refuse(struct builder *b, __u32 rule, const char *why)
{
	const struct cgg_entry *e = b->rules->entry;
	char text[CGG_ERROR];

	if (b->failed) /* who goes on may have no rule by now */
		return;
	while (!e->text_len || rule--)
		e++;
	snprintf(text, sizeof(text), "%.*s%s: %s", e->text_len < 200 ? (int)e->text_len : 200,
		 b->rules->heap + 8 * (size_t)e->text, e->text_len < 200 ? "" : "...", why);
	build_fail(b, text);
}

/* Return the array with room for one element after `count`, or 0 when memory is out. */
void *build_grow(struct builder *b, void *array, __u32 count, __u32 *room, size_t size)
{
	void *more;

	if (count < *room)
		return array;
	more = reallocarray(array, *room ? 2 * (size_t)*room : 1024, size);
	if (!more) {
		build_fail(b, "out of memory");
		return 0;
	}
	*room = *room ? 2 * *room : 1024;
	return more;
}

/*
 * Allocate zeroed units of 8 bytes at a multiple of align; together: inside one page, because
 * programs read a node through one map element. Return the offset in units; 0 after a failure.
 */
__u32 build_take(struct builder *b, __u64 units, __u32 align, bool together)
{
	__u64 at = (b->used + align - 1) / align * align, page = CGG_PAGE / 8;

	if (together && at / page != (at + units - 1) / page)
		at = (at + page - 1) / page * page;
	if (at + units >= CGG_INDEX_UNITS) {
		build_fail(b, "the rules take more than 2 GiB");
		return 0;
	}
	if (at + units > b->room) {
		__u64 room = 2 * (at + units) + 512;
		char *memory = reallocarray(b->memory, (size_t)room, 8);

		if (!memory) {
			build_fail(b, "out of memory");
			return 0;
		}
		b->memory = memory;
		b->room = room;
	}
	/* room > 0 means memory != 0. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	memset(b->memory + 8 * b->used, 0, 8 * (size_t)(at + units - b->used));
	b->used = at + units;
	return (__u32)at;
}

void *build_unit(struct builder *b, __u64 at)
{
	return b->memory + 8 * at;
}
