/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events.h - read events, and print them as lines.
 *
 * The names in the code are those of doc/glossary.md; output calls suppressed events `withheld'.
 */
#ifndef CGG_EVENTS_H
#define CGG_EVENTS_H

#include "../guard/guard.h"

/* event.c: print a record as a line of text or JSON */
#define CGG_EVENT_TEXT 65536 /* 2 paths of 4096 bytes, each as \u00XX, and the rest */
struct cgg_event_view {
	bool json, time, color;
	__s64 clock; /* CLOCK_REALTIME - CLOCK_BOOTTIME, ns */
	const struct cgg_policy *policies; /* of the guard; 0: print tags instead of full names */
	__u64 guard_inode; /* of its directory; 0: do not look for the sets of rules there */
};
struct cgg_news { /* events that were suppressed */
	struct cgg_suppressed key;
	__u64 count; /* of the events that no reader has reported yet */
};
#define RED "\033[31m" /* colors of a terminal (ECMA-48, 8.3.117) */
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define MAGENTA "\033[35m"
size_t event_host(const struct cgg_event *e, char name[CGG_OPERAND]); /* 0: no name is known */
int event_hook(__u8 program);
__u64 event_own(const struct cgg_event *event); /* 0: not known, or the attached cgroup */
const char *event_own_name(const struct cgg_event *event); /* 0: as event_own() */
size_t event_print(char text[CGG_EVENT_TEXT], const struct cgg_event *event, const char *cgroup,
		   const char *own, const struct cgg_event_view *view);
const char *event_set(const struct cgg_event *e, int hook, const struct cgg_event_view *view);
size_t event_lost(char text[CGG_EVENT_TEXT], __u64 count, const struct cgg_event_view *view);
size_t event_suppressed(char text[CGG_EVENT_TEXT], const struct cgg_news *news, const char *cgroup,
			const char *policy, const struct cgg_event_view *view);

/* ring.c, reader.c: a reader of events */
#define CGG_MARKS 8192
struct cgg_lane { /* one ring, and the reader's position in it */
	struct cgg_event *events;
	struct cgg_ring *ring;
	__u64 next; /* the next record has the number next + 1 */
	__u64 stuck_at; /* the record that is not complete yet */
	__s64 stuck_since; /* CLOCK_MONOTONIC, ns */
};
struct cgg_reader {
	struct cgg_ring *ring; /* CGG_RINGS of them */
	struct cgg_reader_slot *reader_slots;
	struct cgg_filter filter;
	const struct cgg_policy *policies; /* of the guard, to find the tag of a place */
	struct cgg_lane all, own; /* ring 0; the ring of the filter, own.ring being 0 without one */
	__u64 slots; /* records that each ring holds */
	__u32 reader_slot; /* 0: none was free */
	int lock, rings, wakeups, epoll;
	void *wakeup_consumer;
	const volatile __u64 *wakeup_producer;
	__u64 start, backlog; /* seen and head of ring 0 when the reader was opened */
	__u64 from, until; /* records of ring 0 that the reader filters itself */
	__u64 last; /* the highest number in ring 0 of a record that own returned */
	__u64 printed, suppressed_then;
	__u64 marks[CGG_MARKS]; /* records that were printed, but not marked in ring 0 yet */
	unsigned marked;
	int suppressed, told; /* maps */
	__u64 suppressed_seen; /* the ring's count when the map was read last */
	bool suppressed_first; /* the map was not read yet */
	struct cgg_news *known; /* sorted by key: the counts that this reader has reported */
	size_t known_count, known_room;
};
int reader_look(struct cgg_reader *reader);
int reader_open(struct cgg_reader *reader, const struct cgg_filter *filter,
		const struct cgg_policy *policies);
void reader_close(struct cgg_reader *reader);
__u64 record_copy(struct cgg_event *event, const struct cgg_event *slot, __u64 number);
int reader_next(struct cgg_reader *reader, struct cgg_event *event, __u64 *lost);
bool reader_took(struct cgg_reader *reader, const struct cgg_event *event);
void reader_seen(struct cgg_reader *reader, __u64 lost);
int reader_wait(struct cgg_reader *reader, int milliseconds);
bool reader_is_behind(const struct cgg_reader *reader);
void reader_watch(struct cgg_reader *reader, int fd);
unsigned readers_sweep(struct cgg_reader *reader);

/* last.c: the newest records of ring 0, without being a reader */
#define CGG_LOOK 4096 /* records, from the newest back */
int events_last(struct cgg_reader *reader, unsigned verdicts, unsigned most,
		struct cgg_event **list, unsigned *count);
void event_rule(struct cgg_rule *rule, const struct cgg_event *event);

/* suppressed.c: counts of suppressed events, and of those that readers have reported */
int suppressed_open(struct cgg_reader *reader);
size_t suppressed_news(struct cgg_reader *reader, struct cgg_news **news);
size_t suppressed_read(int map, struct cgg_news **all);

#endif
