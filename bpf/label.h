/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* label.h - finds the name of a rule. */
#ifndef CGG_LABEL_H
#define CGG_LABEL_H

#include "decide.h"
#include "subject.h"

struct cgg_text {
	char text[CGG_NAME];
};

/* A label lies before its rule's text, in one page. */
static __always_inline const struct cgg_text *label_of_index(const struct cgg_image *image,
							     __u32 rule)
{
	void *index = index_of(image);
	const struct cgg_record *record = index ? record_at(index, &image->index, rule) : 0;
	const char *page;
	__u32 place;

	if (!record || !record->labelled)
		return 0;
	page = page_with(index, 512 * image->index.heap + record->text - CGG_NAME / 8, &place);
	if (!page || place > CGG_PAGE - CGG_NAME)
		return 0;
	return (const struct cgg_text *)(page + place);
}

/* label_of - Return the name of a rule, in its image or index; 0: it has none. */
static __always_inline const struct cgg_text *label_of(const union cgg_subject *n)
{
	const struct cgg_image *image = image_at(2 * n->place + n->image);
	__u64 label = n->label;

	if (image && n->index)
		return label_of_index(image, label);
	label *= 8;
	barrier_var(label); /* compare the same register that is added */
	if (!image || !label || label > CGG_HEAP - CGG_NAME)
		return 0;
	return (const struct cgg_text *)(image->heap + label);
}

#endif
