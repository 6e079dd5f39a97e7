// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-events.c - prints events as they come, one a line.
 *
 * Lines are gathered while more records wait and written out when none does, so
 * that a single event shows at once and a flood costs few system calls.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

static const char usage[] = "usage: cgg-events [-j] [-t] [-n COUNT] [-w SECONDS]\n"
			    "Prints events as they come, those first that nobody has read.\n"
			    "\n"
			    "  -j, --json          one JSON object a line\n"
			    "  -t, --time          put the time in front\n"
			    "  -n, --count COUNT   end after so many events\n"
			    "  -w, --wait SECONDS  end after so many seconds without one\n"
			    "  -h, --help          print this and exit\n"
			    "  -V, --version       print the version and exit\n";

static struct cgg_event_view view;
static char buffer[16 * CGG_EVENT_TEXT];
static size_t used;

/* The paths of cgroups seen last: a name is looked up once, and kept when it is gone. */
static struct {
	__u64 id;
	char name[4096];
} names[64];

static const char *name_of(__u64 id)
{
	size_t place = id % (sizeof(names) / sizeof(names[0]));

	if (names[place].id != id) {
		cgroup_name(id, names[place].name, sizeof(names[place].name));
		names[place].id = id;
	}
	return names[place].name;
}

/* write_out - false: nobody reads any more */
static bool write_out(void)
{
	for (size_t done = 0; done < used;) {
		ssize_t n = write(STDOUT_FILENO, buffer + done, used - done);

		if (n < 0 && errno == EPIPE)
			return false;
		if (n < 0 && errno != EINTR)
			err(CGG_FAILED, "standard output");
		if (n > 0)
			done += (size_t)n;
	}
	used = 0;
	return true;
}

static void clock_read(void)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	view.clock = (real.tv_sec - boot.tv_sec) * 1000000000LL + real.tv_nsec - boot.tv_nsec;
}

/* drain - prints what there is, at most count events; false: nobody reads any more */
static bool drain(struct cgg_reader *reader, __u64 *count)
{
	struct cgg_event event;
	__u64 lost = 0;
	bool more = true;

	clock_read();
	while (*count && more) {
		more = reader_next(reader, &event, &lost) == 1;
		if (lost)
			used += event_lost(buffer + used, lost, &view);
		lost = 0;
		if (more) {
			used += event_print(buffer + used, &event, name_of(event.cgroup), &view);
			--*count;
		}
		if ((sizeof(buffer) - used < 2 * CGG_EVENT_TEXT || !more || !*count) && used) {
			if (!write_out())
				return false;
			reader_seen(reader);
		}
	}
	return true;
}

static void run(struct cgg_reader *reader, __u64 count, long seconds)
{
	while (count) {
		__u64 before = reader->next;
		int woken = reader_wait(reader, seconds < 0 ? -1 : (int)(1000 * seconds));

		if (woken < 0 || !drain(reader, &count) ||
		    (!woken && before == reader->next && seconds >= 0))
			return;
	}
}

static unsigned long number_or_die(const char *what, const char *word, unsigned long max)
{
	unsigned long n;

	if (number_parse(&n, word, strlen(word), max))
		errx(CGG_USAGE, "%s %s: not a number (0 to %lu)", what, word, max);
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "json", 0, 0, 'j' },
						 { "time", 0, 0, 't' },
						 { "count", 1, 0, 'n' },
						 { "wait", 1, 0, 'w' },
						 COMMON_OPTIONS };
	struct cgg_reader reader;
	struct cgg_guard guard;
	__u64 count = ~0ull;
	long seconds = -1;
	int option, status;

	start(argv);
	while ((option = getopt_long(argc, argv, "jtn:w:" COMMON_LETTERS, options, 0)) != -1) {
		if (option == 'j')
			view.json = true;
		else if (option == 't')
			view.time = true;
		else if (option == 'n')
			count = number_or_die("-n", optarg, 4294967295);
		else if (option == 'w')
			seconds = (long)number_or_die("-w", optarg, 86400);
		else
			common_option(option, usage);
	}
	if (optind < argc)
		errx(CGG_USAGE, "%s: takes no arguments", argv[optind]);
	signal(SIGPIPE, SIG_IGN);
	status = guard_open(&guard, CGG_READ);
	guard_close(&guard);
	if (!status)
		status = reader_open(&reader);
	if (status)
		die(status);
	reader_watch(&reader, STDOUT_FILENO);
	run(&reader, count, seconds);
	return CGG_DONE;
}
