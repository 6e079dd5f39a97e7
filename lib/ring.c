// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ring.c - a reader of events.
 *
 * Readers keep their own place in a ring that programs overwrite, so none waits
 * for another, and one that is killed leaves nothing behind. They share the word
 * seen, from which the next reader to come starts.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cgg.h"

#define BELL_RECORD 16 /* the header that the kernel puts before 8 bytes, and these */
#define PATIENCE 100000000 /* ns that a record may take from its beginning to its end */

static __s64 clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *map_pin(const char *name, size_t size, int prot, off_t offset, int *keep)
{
	int fd = pin_get(name);
	void *at = fd < 0 ? MAP_FAILED : mmap(0, size, prot, MAP_SHARED, fd, offset);

	if (at == MAP_FAILED)
		refuse(CGG_FAILED, CGG_DIR "/%s: %s", name, strerror(errno));
	if (keep)
		*keep = fd;
	else if (fd >= 0)
		close(fd);
	return at == MAP_FAILED ? 0 : at;
}

static int bell_open(struct cgg_reader *reader)
{
	struct epoll_event wake = { .events = EPOLLIN | EPOLLET };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	reader->bell_consumer =
		map_pin("maps/bell", page, PROT_READ | PROT_WRITE, 0, &reader->bell);
	if (!reader->bell_consumer)
		return CGG_FAILED;
	reader->bell_producer = mmap(0, page, PROT_READ, MAP_SHARED, reader->bell, (off_t)page);
	reader->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (reader->bell_producer == MAP_FAILED || reader->epoll < 0 ||
	    epoll_ctl(reader->epoll, EPOLL_CTL_ADD, reader->bell, &wake))
		return refuse(CGG_FAILED, CGG_DIR "/maps/bell: %s", strerror(errno));
	return 0;
}

int reader_open(struct cgg_reader *reader)
{
	memset(reader, 0, sizeof(*reader));
	reader->ring = map_pin("maps/ring", sizeof(*reader->ring), PROT_READ | PROT_WRITE, 0, 0);
	if (!reader->ring)
		return CGG_FAILED;
	reader->slots = reader->ring->slots;
	reader->next = reader->ring->seen;
	reader->events =
		map_pin("maps/events", reader->slots * sizeof(*reader->events), PROT_READ, 0, 0);
	return reader->events ? bell_open(reader) : CGG_FAILED;
}

__u64 event_sum(const struct cgg_event *event)
{
	const __u64 *word = (const __u64 *)event;
	__u64 sum = 0;

	for (size_t i = 0; i < offsetof(struct cgg_event, sum) / 8; i++)
		sum += word[i];
	return sum;
}

/* too_late - the record waited for was not there for longer than one takes to write */
static bool too_late(struct cgg_reader *reader)
{
	__s64 t = clock_ns();

	if (reader->stuck_at != reader->next + 1) {
		reader->stuck_at = reader->next + 1;
		reader->stuck_since = t;
	}
	return t - reader->stuck_since > PATIENCE;
}

int reader_next(struct cgg_reader *reader, struct cgg_event *event, __u64 *lost)
{
	for (;;) {
		__u64 head = __atomic_load_n(&reader->ring->head, __ATOMIC_ACQUIRE), number;
		const struct cgg_event *slot = &reader->events[reader->next % reader->slots];

		if (head - reader->next > reader->slots) {
			*lost += head - reader->slots - reader->next;
			reader->next = head - reader->slots;
			continue;
		}
		if (reader->next == head)
			return 0;
		number = __atomic_load_n(&slot->number, __ATOMIC_ACQUIRE);
		if (number == reader->next + 1) {
			memcpy(event, slot, sizeof(*event));
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			number = __atomic_load_n(&slot->number, __ATOMIC_RELAXED);
			if (number == reader->next + 1 && event_sum(event) == event->sum) {
				reader->next++;
				return 1;
			}
		}
		if (number <= reader->next + 1 && !too_late(reader))
			return 0;
		++*lost;
		reader->next++;
	}
}

/* A record stays unread in the bell, or epoll would find nothing to wake the others for. */
static void bell_silence(struct cgg_reader *reader)
{
	unsigned long rung = *(const volatile unsigned long *)reader->bell_producer;
	unsigned long *heard = reader->bell_consumer;

	if (rung - __atomic_load_n(heard, __ATOMIC_ACQUIRE) > BELL_RECORD)
		__atomic_store_n(heard, rung - BELL_RECORD, __ATOMIC_RELEASE);
}

/* reader_watch - reader_wait() also ends when nobody reads what is written to fd, if that can be told */
void reader_watch(struct cgg_reader *reader, int fd)
{
	struct epoll_event closed = { .data.u32 = 1 };

	epoll_ctl(reader->epoll, EPOLL_CTL_ADD, fd, &closed);
}

int reader_wait(struct cgg_reader *reader, int milliseconds)
{
	struct timespec instant = { .tv_nsec = 50000 };
	struct epoll_event wake;
	int count;

	if (__atomic_load_n(&reader->ring->head, __ATOMIC_ACQUIRE) != reader->next) {
		nanosleep(&instant, 0); /* it is being written */
		return 1;
	}
	__atomic_store_n(&reader->ring->waiting, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&reader->ring->head, __ATOMIC_SEQ_CST) != reader->next)
		return 1;
	count = epoll_wait(reader->epoll, &wake, 1, milliseconds);
	bell_silence(reader);
	return count > 0 && wake.data.u32 ? -1 : count > 0;
}

void reader_seen(struct cgg_reader *reader)
{
	__u64 seen = __atomic_load_n(&reader->ring->seen, __ATOMIC_RELAXED);

	while (seen < reader->next &&
	       !__atomic_compare_exchange_n(&reader->ring->seen, &seen, reader->next, true,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}
