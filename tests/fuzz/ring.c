// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ring.c - fuzz a reader of events with rings that hold anything: it reads nothing outside them,
 * and returns no more records than they hold. A line of text is printable, and a line of JSON is
 * an object, which cgg-learn accepts or refuses.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cgg.h"

#define SLOTS 8
#define REAL JSON_DECODE_INT_AS_REAL /* jansson's integers have 63 bits */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct input {
	const uint8_t *at;
	size_t left;
} input;

/* take - return the next bytes, or zeros when there are none left */
static void take(void *to, size_t len)
{
	size_t have = len < input.left ? len : input.left;

	memset(to, 0, len);
	if (have)
		memcpy(to, input.at, have);
	input.at += have;
	input.left -= have;
}

static uint8_t byte(void)
{
	uint8_t b;

	take(&b, 1);
	return b;
}

static void line_check(const char *text, size_t len, bool color)
{
	if (!len || len > CGG_EVENT_TEXT || text[len - 1] != '\n')
		abort();
	for (size_t i = 0; i < len - 1; i++)
		if ((text[i] < ' ' || text[i] > '~') && !(color && text[i] == '\033'))
			abort();
}

static void print_check(const struct cgg_event *event, const char *cgroup, uint8_t how)
{
	struct cgg_event_view view = { .time = how & 1,
				       .color = how & 2,
				       .clock = how & 4 ? 1 : 0 };
	static char text[CGG_EVENT_TEXT];
	const char *own = event_own(event) ? cgroup : 0;
	struct cgg_learn learn = { 0 };
	struct cgg_rule rule;
	json_t *object;
	size_t len;

	line_check(text, event_print(text, event, cgroup, own, &view), view.color);
	view.json = true;
	len = event_print(text, event, cgroup, own, &view);
	line_check(text, len, false);
	object = json_loadb(text, len, REAL | JSON_ALLOW_NUL, 0);
	if (!json_is_object(object))
		abort();
	json_decref(object);
	learn_line(&learn, text, len - 1);
	learn_free(&learn);
	if (event->program < CGG_PROGRAMS) {
		event_rule(&rule, event);
		rule_print(&rule);
	}
}

static struct cgg_ring rings[CGG_RINGS];
static struct cgg_reader_slot reader_slots[CGG_RINGS];

/* read_all - read to the end, within a limited number of steps */
static void read_all(struct cgg_reader *reader, const char *cgroup, uint8_t how)
{
	struct cgg_event event;
	__u64 lost = 0;

	for (int given = 0; reader_next(reader, &event, &lost); given++) {
		if (given > 4 * SLOTS)
			abort();
		print_check(&event, cgroup, how);
		if (!reader_took(reader, &event))
			abort();
	}
	reader_seen(reader, lost);
	reader_is_behind(reader);
}

/* ring_disturb - change one word or record of a ring */
static void ring_disturb(struct cgg_reader *reader, struct cgg_lane *lane)
{
	struct cgg_event *slot = &lane->events[byte() % SLOTS];

	switch (byte() % 6) {
	case 0:
		take(&lane->ring->head, sizeof(lane->ring->head));
		break;
	case 1:
		lane->ring->head += byte();
		break;
	case 2:
		take(&reader->ring[0].filters, sizeof(reader->ring[0].filters));
		take(&lane->ring->lease, sizeof(lane->ring->lease));
		take(&lane->ring->suppressed, sizeof(lane->ring->suppressed));
		break;
	case 3:
		take(slot, sizeof(*slot));
		break;
	case 4: /* a complete record, whose turn has come */
		slot = &lane->events[lane->next % SLOTS];
		take(slot, offsetof(struct cgg_event, serial));
		slot->number = lane->next + 1;
		lane->ring->head = slot->number;
		break;
	case 5:
		take(&slot->number, sizeof(slot->number));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cgg_event *events = calloc(SLOTS, sizeof(*events));
	struct cgg_event *filtered = calloc(SLOTS, sizeof(*filtered));
	struct cgg_reader reader = {
		.ring = rings, .reader_slots = reader_slots, .slots = SLOTS, .lock = -1
	};
	char cgroup[4096] = "/";
	uint8_t how;

	input = (struct input){ data, size };
	memset(rings, 0, sizeof(rings));
	how = byte();
	take(cgroup + 1, 16u * (how >> 3 & 7));
	reader.all = (struct cgg_lane){ .events = events, .ring = rings };
	reader.backlog = byte();
	if (how & 0x80) {
		reader.reader_slot = 1 + byte() % (CGG_RINGS - 1);
		reader.own =
			(struct cgg_lane){ .events = filtered, .ring = &rings[reader.reader_slot] };
		reader.filter.programs = byte();
		reader.filter.verdicts = byte();
	}
	while (input.left) {
		for (int i = byte() % 16; i && input.left; i--)
			ring_disturb(&reader, how & 0x80 && byte() & 1 ? &reader.own : &reader.all);
		read_all(&reader, cgroup, how);
	}
	free(events);
	free(filtered);
	return 0;
}
