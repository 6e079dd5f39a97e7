// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* grow.c - arrays that grow. */
#include <stdlib.h>

#include "diag.h"

/* Make room for one more element. Return the array, or 0 with cgg_error: it stays as it is. */
void *grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;
	void *grown;

	if (count < *room)
		return array;
	grown = reallocarray(array, more, size);
	if (!grown)
		set_error(CGG_FAILED, "out of memory");
	else
		*room = more;
	return grown;
}
