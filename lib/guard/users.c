// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* users.c - which policies use a set. */
#include <string.h>

#include "policy.h"

/* Return CGG_NO if the words of a rule have @NAME, else 0. */
static int line_uses(void *context, const struct cgg_line *line)
{
	const char *name = context, *at = line->text, *end = line->text + line->len;
	size_t len = strlen(name);

	while ((at = memmem(at, (size_t)(end - at), name, len))) {
		if (strchr(" ,", at[-1]) && (at + len == end || at[len] == ' ' || at[len] == ','))
			return CGG_NO;
		at++;
	}
	return 0;
}

static bool image_has(const struct cgg_image *image, const char *name)
{
	for (unsigned i = 0; i < CGG_SETS_OF; i++)
		if (!strncmp(image->set[i].name, name, CGG_NAME))
			return true;
	return false;
}

/*
 * Set *place to a policy that uses a set, or would after a restore that is not confirmed; -1: none.
 *
 * The list of an image may have a set whose rules in the index were deleted; so look at the rules.
 */
int set_user(struct cgg_guard *guard, const char *name, int *place)
{
	char word[CGG_NAME + 1];
	int status;

	snprintf(word, sizeof(word), "@%s", name);
	for (*place = 0; *place < CGG_POLICIES; ++*place) {
		const struct cgg_image *now, *images;

		if (!*guard->policies[*place].name)
			continue;
		now = policy_image(guard, *place);
		images = guard_images(guard, *place);
		if (!now || !images)
			return CGG_FAILED;
		if (seconds_left(&guard->policies[*place]) &&
		    (image_has(&images[0], name) || image_has(&images[1], name)))
			return 0;
		if (!image_has(now, name))
			continue;
		status = policy_each(guard, *place, line_uses, word);
		if (status)
			return status == CGG_NO ? 0 : status;
	}
	*place = -1;
	return 0;
}
