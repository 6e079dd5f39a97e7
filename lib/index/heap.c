// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* heap.c - the heap of a policy in memory: the words, names and operands of its rules. */
#include <stdlib.h>
#include <string.h>

#include "entries.h"

/*
 * Copy `room` bytes of text to the heap. Return their offset in units of 8 bytes, 0 for "", or
 * NO_ROOM with cgg_error set.
 */
__u32 heap_put(struct cgg_rules *rules, const char *text, size_t room)
{
	__u32 place = rules->heap_used ? rules->heap_used : CGG_NAME / 8;
	__u32 units = (__u32)(room + 7) / 8;

	if (!units)
		return 0;
	if (place + units > rules->heap_room) {
		__u32 more = 2 * (place + units) + 1024;
		char *heap = realloc(rules->heap, 8 * (size_t)more);

		if (!heap || more > CGG_INDEX_UNITS) {
			rules->heap = heap ? heap : rules->heap;
			set_error(CGG_FAILED, "%u rules: out of memory", rules->rules);
			return NO_ROOM;
		}
		rules->heap = heap;
		rules->heap_room = more;
	}
	if (!rules->heap_used) /* offset 0 is "" */
		memset(rules->heap, 0, CGG_NAME);
	memset(rules->heap + 8 * (size_t)(place + units - 1), 0, 8);
	memcpy(rules->heap + 8 * (size_t)place, text, room);
	rules->heap_used = place + units;
	return place;
}
