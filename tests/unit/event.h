/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event.h - records of events, and the lines that are printed of them; after cmocka.h */
#include <string.h>

#include "../../lib/cgg.h"

static const struct cgg_event_view text_view, json_view = { .json = true };
static char line[CGG_EVENT_TEXT + 1];

#define BOOT 1000000023ull /* the machine being up for 1 s */

#define SEED 20251123u
#define ROUNDS 50000

static unsigned random_state;

static inline unsigned pick(unsigned below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static inline struct cgg_event record(enum cgg_program program)
{
	return (struct cgg_event){ .time = BOOT,
				   .cgroup = 4711,
				   .pid = 12345,
				   .tid = 12346,
				   .uid = 1000,
				   .gid = 100,
				   .rule = 7,
				   .verdict = CGG_DENY,
				   .program = (__u8)program,
				   .comm = "curl",
				   .policy = "default" };
}

static inline struct cgg_event net_record(enum cgg_program program)
{
	static const __u8 addr[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1 };
	struct cgg_event e = record(program);

	memcpy(e.net.addr, addr, sizeof(addr));
	e.net.port = 9090;
	e.net.proto = 6;
	return e;
}

static inline void print_own(const struct cgg_event *e, const char *cgroup, const char *own,
			     const struct cgg_event_view *view)
{
	size_t len;

	memset(line, '#', sizeof(line));
	len = event_print(line, e, cgroup, own, view);
	assert_true(len >= 1 && len <= CGG_EVENT_TEXT);
	assert_int_equal(line[len], '#');
	line[len] = 0;
	assert_int_equal(strlen(line), len);
}

static inline void print(const struct cgg_event *e, const char *cgroup,
			 const struct cgg_event_view *view)
{
	print_own(e, cgroup, 0, view);
}
