/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* events.h - readers of events, and their lines. */
#ifndef CGG_EVENTS_H
#define CGG_EVENTS_H

#include "../guard/guard.h"

/* event.c: a record -> a line; text and JSON */
#define CGG_EVENT_TEXT 32768 /* 4096 bytes of cgroup path, each as \u00XX, and the rest */
struct cgg_event_view {
	bool json, time, color;
	__s64 clock; /* CLOCK_REALTIME - CLOCK_BOOTTIME, ns */
	const struct cgg_policy *policies; /* of the guard; 0: names stay as short as in events */
};
struct cgg_news {
	struct cgg_suppressed key;
	__u64 count; /* since it was told last */
};
#define RED "\033[31m" /* colors of a terminal (ECMA-48, 8.3.117) */
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define MAGENTA "\033[35m"
int event_hook(__u8 program); /* CGG_HOOKS: of none */
size_t event_print(char text[CGG_EVENT_TEXT], const struct cgg_event *event, const char *cgroup,
		   const struct cgg_event_view *view);
size_t event_lost(char text[CGG_EVENT_TEXT], __u64 count, const struct cgg_event_view *view);
size_t event_suppressed(char text[CGG_EVENT_TEXT], const struct cgg_news *news, const char *cgroup,
			const char *policy, const struct cgg_event_view *view);

/* ring.c: a reader of events */
#define CGG_MARKS 8192
struct cgg_lane { /* one ring, and a place in it */
	struct cgg_event *events;
	struct cgg_ring *ring;
	__u64 next; /* the number of the next record is next + 1 */
	__u64 stuck_at;
	__s64 stuck_since;
};
struct cgg_reader {
	struct cgg_ring *ring; /* CGG_RINGS of them */
	struct cgg_reader_slot *reader_slots;
	struct cgg_filter filter;
	const struct cgg_policy *policies; /* of the guard, to know a policy by its place */
	struct cgg_lane all, own; /* ring 0; the filter's, without one own.ring is 0 */
	__u64 slots;
	__u32 reader_slot; /* 0: none was free */
	int lock, rings, wakeups, epoll;
	void *wakeup_consumer;
	const volatile __u64 *wakeup_producer;
	__u64 start, backlog; /* of ring 0: what was unread when it came */
	__u64 from, until; /* what own does not have, or not alone */
	__u64 last; /* the highest number in ring 0 that own gave */
	__u64 printed, suppressed_then;
	__u64 marks[CGG_MARKS]; /* printed, and not yet said so in ring 0 */
	unsigned marked;
	int suppressed, told; /* maps */
	__u64 suppressed_seen;
	bool suppressed_first;
	struct cgg_news *known; /* by key: how much this reader has told */
	size_t known_count, known_room;
};
int reader_look(struct cgg_reader *reader);
int reader_open(struct cgg_reader *reader, const struct cgg_filter *filter,
		const struct cgg_policy *policies);
void reader_close(struct cgg_reader *reader);
__u64 record_copy(struct cgg_event *event, const struct cgg_event *slot, __u64 number);
int reader_next(struct cgg_reader *reader, struct cgg_event *event,
		__u64 *lost); /* 1, or 0: none yet */
bool reader_took(struct cgg_reader *reader, const struct cgg_event *event);
void reader_seen(struct cgg_reader *reader, __u64 lost); /* what was taken has been printed */
int reader_wait(struct cgg_reader *reader, int milliseconds); /* 1 woken, 0 not, -1 unwatched */
bool reader_is_behind(const struct cgg_reader *reader); /* there is something to look at */
void reader_watch(struct cgg_reader *reader, int fd);
unsigned readers_sweep(struct cgg_reader *reader); /* how many are at work */

/* last.c: what ring 0 holds last, for those who look on */
#define CGG_LOOK 4096 /* records, from the newest back */
int events_last(const struct cgg_reader *reader, unsigned verdicts, struct cgg_event **list,
		unsigned *count);
void event_rule(struct cgg_rule *rule, const struct cgg_event *event);

/* suppressed.c: what programs did not write, and who was told so */
int suppressed_open(struct cgg_reader *reader);
size_t suppressed_news(struct cgg_reader *reader, struct cgg_news **news); /* free it */
size_t suppressed_read(int map, struct cgg_news **all); /* whole counts; free it */

#endif
