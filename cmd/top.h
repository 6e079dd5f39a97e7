/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* top.h - what cgg-top shows, read by sample.c and drawn by screen.c or as lines. */
#ifndef TOP_H
#define TOP_H

#include "../lib/cgg.h"

/* Numbers are per second, since the picture before. */
struct top_cgroup {
	__u64 id;
	char path[512]; /* as printed; long ones are cut */
	const char *policy; /* its name */
	bool gone; /* the cgroup was removed */
	bool shared; /* operations are those of several cgroups with this policy */
	bool counted; /* packets are counted */
	double operations, denials, packets, bytes;
};

struct top_rule {
	__u32 place, born, id; /* of the policy; of the rule */
	const char *policy;
	char text[256]; /* long ones are cut */
	double hits;
};

/* A connection that is open now. */
struct top_flow {
	const char *proto;
	char ends[2 * CGG_NET_TEXT + 64]; /* this one, > or <: which called, the other one */
	char process[128];
	char path[512]; /* of its cgroup; long ones are cut */
	double sent, received; /* bytes since it began */
};

#define TOP_FLOWS 32
#define TOP_RULES 32
#define TOP_EVENTS 64
struct top {
	struct top_cgroup *cgroup;
	unsigned cgroups, policies;
	struct top_rule rule[TOP_RULES]; /* those that are hit most often */
	unsigned rules;
	struct top_flow flow[TOP_FLOWS]; /* those with the most bytes */
	unsigned flows;
	char *event[TOP_EVENTS]; /* lines of the latest denials, the newest first */
	unsigned events;
	double seconds; /* since the picture before */
	double all_events; /* per second */
	__u64 lost; /* events that no reader has seen, since the guard was loaded */
};

/* sample.c */
int top_read(struct top *top); /* CGG_NO: the guard was loaded again, so begin anew */
void top_free(struct top *top);

/* flows.c */
void flows_read(struct cgg_guard *guard);
void flows_show(struct top *top);

/* cgg-top.c */
_Noreturn void restart(void); /* this command, from its beginning */

/* screen.c */
enum top_order { BY_DENIALS, BY_OPERATIONS, BY_PACKETS, BY_BYTES, BY_NAME, TOP_ORDERS };
void top_sort(struct top *top, enum top_order order, bool reverse);
void screen_begin(void);
void screen_end(void);
extern volatile int top_signal; /* that came, or 0 */
void screen_run(unsigned delay, unsigned long times); /* delay in ms; times 0: for ever */

#endif
