// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* grow.c - arrays that grow. */
#include <stdlib.h>

#include "util.h"

static void *resized(void *array, size_t room, size_t size)
{
	void *grown = reallocarray(array, room, size);

	if (!grown)
		set_error(CGG_FAILED, "out of memory");
	return grown;
}

/* Make room for one more element. Return the array, or 0 with cgg_error: it stays as it is. */
void *grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *grown;

	if (count < *room)
		return array;
	grown = resized(array, more, size);
	if (grown)
		*room = more;
	return grown;
}

/* Do the same for an array whose room is not stored: the next power of two from its count on. */
void *grow_list(void *array, size_t count, size_t size)
{
	return count & (count - 1) ? array : resized(array, count ? 2 * count : 1, size);
}
