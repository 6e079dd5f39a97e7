// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* spans.c - the ports and selections of one node of a cover, and until when they are taken. */
#include <stdlib.h>
#include <string.h>

#include "cover.h"

/* Set *rule to 0, for several rules, if another rule than before is met. */
void rule_meet(__u32 *rule, __u32 other)
{
	if (*rule == NO_RULE)
		*rule = other;
	else if (*rule != other)
		*rule = 0;
}

/* Return the place of the first span that ends at the port or later, or has a larger select. */
__u32 spans_find(const struct spans *spans, __u64 select, __u32 port)
{
	__u32 low = 0, high = spans->count;

	while (low < high) {
		__u32 middle = (low + high) / 2;
		const struct span *s = &spans->span[middle];

		if (s->select < select || (s->select == select && s->max < port))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct span *span_at(const struct spans *spans, __u64 select, const struct box *box,
				  __u32 port)
{
	__u32 at = spans_find(spans, select, port);
	const struct span *s;

	if (at == spans->count)
		return 0;
	s = &spans->span[at];
	return s->select != select || s->min > port || s->until < box->until ? 0 : s;
}

/* Return the span that takes the port for as long as the box needs, and ends last, or 0. */
const struct span *spans_reach(const struct spans *spans, const struct box *box, __u32 port)
{
	const struct span *any = span_at(spans, ANY_SELECT, box, port), *one = 0;

	if (box->select != ANY_SELECT)
		one = span_at(spans, box->select, box, port);
	return !any || (one && one->max > any->max) ? one : any;
}

static int spans_room(struct spans *spans, __u32 more)
{
	struct span *span;
	__u32 room = spans->room;

	if (spans->count + more <= room)
		return 0;
	while (spans->count + more > room)
		room = room ? 2 * room : more;
	span = reallocarray(spans->span, room, sizeof(*span));
	if (!span)
		return set_error(CGG_FAILED, "out of memory");
	spans->span = span;
	spans->room = room;
	return 0;
}

/* Append a piece; extend the last one if it differs only in its ports, and ends just before. */
static int piece_add(struct spans *pieces, const struct span *piece)
{
	struct span *last = pieces->count ? &pieces->span[pieces->count - 1] : 0;

	if (last && last->until == piece->until && last->rule == piece->rule &&
	    last->max + 1 == piece->min) {
		last->max = piece->max;
		return 0;
	}
	if (spans_room(pieces, 1))
		return CGG_FAILED;
	pieces->span[pieces->count++] = *piece;
	return 0;
}

static struct span part_of(const struct span *span, __u32 min, __u32 max)
{
	struct span part = *span;

	part.min = (__u16)min;
	part.max = (__u16)max;
	return part;
}

/* Write what becomes of the spans first to end - 1 when span is added; they overlap it. */
static int pieces_of(struct spans *pieces, const struct spans *spans, __u32 first, __u32 end,
		     const struct span *span)
{
	__u32 port = span->min;
	int status = 0;

	for (__u32 i = first; i < end && !status; i++) {
		const struct span *old = &spans->span[i];
		const struct span *wins = old->until > span->until ? old : span;
		__u32 min = old->min > port ? old->min : port;
		__u32 max = old->max < span->max ? old->max : span->max;
		struct span part;

		if (old->min < span->min) {
			part = part_of(old, old->min, span->min - 1u);
			status = piece_add(pieces, &part);
		}
		if (port < min) {
			part = part_of(span, port, min - 1);
			status = status ? status : piece_add(pieces, &part);
		}
		part = part_of(wins, min, max);
		status = status ? status : piece_add(pieces, &part);
		if (old->max > span->max) {
			part = part_of(old, span->max + 1u, old->max);
			status = status ? status : piece_add(pieces, &part);
		}
		port = max + 1;
	}
	if (!status && port <= span->max) {
		struct span part = part_of(span, port, span->max);

		status = piece_add(pieces, &part);
	}
	return status;
}

/* Add a span; *changed tells whether it takes anything that was not taken, or for longer. */
int spans_put(struct spans *spans, const struct span *span, bool *changed)
{
	const struct box box = { .select = span->select, .until = span->until };
	__u32 first = spans_find(spans, span->select, span->min), end = first;
	const struct span *reach = spans_reach(spans, &box, span->min);
	struct spans pieces = { 0 };
	int status;

	*changed = !reach || reach->max < span->max;
	if (!*changed)
		return 0;
	while (end < spans->count && spans->span[end].select == span->select &&
	       spans->span[end].min <= span->max)
		end++;
	status = pieces_of(&pieces, spans, first, end, span);
	if (!status && pieces.count > end - first)
		status = spans_room(spans, pieces.count - (end - first));
	if (!status) {
		memmove(spans->span + first + pieces.count, spans->span + end,
			(spans->count - end) * sizeof(*span));
		memcpy(spans->span + first, pieces.span, pieces.count * sizeof(*span));
		spans->count = spans->count - (end - first) + pieces.count;
	}
	free(pieces.span);
	return status;
}
