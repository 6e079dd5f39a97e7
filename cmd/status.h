/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* status.h - all that cgg-status has read, and what draws the picture of it. */
#ifndef STATUS_H
#define STATUS_H

#include "../lib/cgg.h"

struct policy {
	const char *name;
	unsigned rules, hooks; /* 1 << enum cgg_hook, those that it needs */
	bool audit;
	struct cgg_tally tally[CGG_HOOKS];
};

struct attachment {
	__u64 id, suppressed;
	char *cgroup; /* its path, or its id when it is gone */
	bool alive;
	unsigned programs; /* 1 << enum cgg_program */
	const char *policy;
	struct cgg_packets packets;
};

struct status {
	struct cgg_reader reader;
	__u64 events, unread, lost, suppressed;
	struct policy *policy;
	unsigned policies;
	struct attachment *attachment;
	unsigned attachments;
};

__u64 decided(const struct cgg_tally *tally, int verdict); /* by rules and the default together */

/* picture.c: for a terminal */
#define PLAIN ""
#define DIM "\033[2m"
extern struct canvas {
	unsigned width; /* columns */
	bool color, utf8;
} canvas;
void cell(const char *color, int width, const char *format, ...)
	__attribute__((format(printf, 3, 4))); /* cut to so many columns; below 0: to the right */
void cells_end(void);
void canvas_look(void); /* before any cell */
void picture_show(const struct status *all);

/* tree.c: the cgroups of the picture; lately[i] is how often attachment i was in the events */
void tree_show(const struct status *all, const unsigned *lately);

#endif
