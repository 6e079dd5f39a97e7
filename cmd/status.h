/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* status.h - the data that cgg-status shows, and the functions that draw it on a terminal. */
#ifndef STATUS_H
#define STATUS_H

#include "../lib/cgg.h"

struct policy {
	const char *name;
	unsigned rules; /* their number */
	unsigned hooks; /* 1 << enum cgg_hook, those that it needs */
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
	__u64 denied[CGG_HOOKS];
	bool has_names; /* it has room for names, or counts of them */
	struct cgg_names_count counted;
	struct cgg_fill fill;
};

struct status {
	struct cgg_guard *guard;
	struct cgg_reader reader;
	__u64 events, unread, lost, suppressed;
	struct policy *policy;
	unsigned policies;
	struct attachment *attachment;
	unsigned attachments;
	struct shown_set {
		struct cgg_set_name name;
		const char *kind;
		__u32 elements;
	} * set;
	unsigned sets;
	unsigned loaded; /* programs: 1 << enum cgg_program */
};

/* sets.c */
void sets_read(struct status *status);
void sets_text(const struct status *status);
void sets_metrics(const struct status *status);

/* named.c: what the programs for names counted, and how full the tables of a cgroup are */
struct name_value {
	const char *key; /* in JSON */
	const char *metric; /* a counter if it ends in _total */
	const char *help;
};
enum name_fill { /* values that no program counts */
		 ADDRESSES_HERE = CGG_NAME_COUNTS,
		 NAMES_HERE,
		 NAMES_ROOM,
		 ADDRESSES_EVICTED,
		 NAMES_EVICTED,
		 NAME_VALUES
};
extern const struct name_value name_values[NAME_VALUES];
__u64 name_value(const struct attachment *at, int value);
void names_look(struct attachment *at); /* reads them all */
void names_text(const struct attachment *at, const char *shown); /* a line, if it has names */

/* metrics.c: the output for Prometheus, and sums that the other outputs show as well */
__u64 decided(const struct cgg_tally *tally, int verdict);
__u64 unread_packets(const struct policy *policy); /* that could not be read to their port */
bool is_counted(const struct policy *policy, int hook);
bool is_denied(const struct attachment *at, int hook); /* whether denials there may be counted */
void metrics_show(const struct status *status);

/* html.c: a page with all of it */
char *html_make(struct status *all, struct cgg_guard *guard, size_t *size);
void html_write(const char *text, size_t size, const char *file);

/* picture.c: the output on a terminal */
#define PLAIN ""
#define DIM "\033[2m"
extern struct canvas {
	unsigned width; /* columns */
	bool color, utf8;
} canvas;
void cell(const char *color, int width, const char *format, ...)
	__attribute__((format(printf, 3, 4))); /* text cut to width columns; < 0: right-aligned */
void cells_end(void); /* end the line */
void canvas_look(void); /* call this before the first cell */
void picture_show(struct status *all);

/* fit.c: sets for an operation that was denied */
struct fit {
	struct cgg_rule wanted; /* matches the operation alone */
	char name[CGG_OPERAND]; /* of its address, or of a question; "": not known as a whole */
	__u32 denied_by; /* the rule; 0: the default */
	bool done, denied; /* a rule about a set was found; that rule was found */
	bool by_name; /* that set is one of names */
	char set[CGG_NAME]; /* to add the address or the name to; "": none */
	char holder
		[CGG_NAME]; /* contains it already; "": none, or a rule denies what it contains */
};
void fit_find(const struct status *all, const char *policy, const struct cgg_event *e,
	      struct fit *fit);
void holder_find(const struct cgg_rule *rule, char set[CGG_NAME]);

/* remedy.c: the commands that would allow the denials; the newest is first */
void remedies_show(const struct status *all, const struct cgg_event *const *denial, unsigned count);

/* tree.c: the attached cgroups; lately[i] is the number of recent denials in attachment i */
void tree_show(const struct status *all, const unsigned *lately);

#endif
