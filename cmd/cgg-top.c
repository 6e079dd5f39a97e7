// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-top.c - a live view of attached cgroups, open connections, rules and denials. */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "top.h"

static const char usage[] =
	"usage: cgg-top [-b] [-d SECONDS] [-n TIMES]\n"
	"Shows what is going on: cgroups, open connections by bytes, the rules that decide most\n"
	"often, and the latest denials.\n"
	"\n"
	"  -b, --batch          print lines, for pipes and files\n"
	"  -d, --delay SECONDS  time between pictures, from 0.1 to 3600 (default: 1)\n"
	"  -n, --count TIMES    end after so many pictures\n"
	"  -h, --help           print this and exit\n"
	"  -V, --version        print the version and exit\n";

static char **arguments;

void restart(void)
{
	hand_on();
	execv("/proc/self/exe", arguments);
	err(CGG_FAILED, "/proc/self/exe");
}

static void lines_print(const struct top *top)
{
	printf("guard\tevents/s %.1f\tlost %llu\tseconds %.1f\n", top->all_events, top->lost,
	       top->seconds);
	for (unsigned i = 0; i < top->cgroups; i++) {
		const struct top_cgroup *at = &top->cgroup[i];

		printf("cgroup\t%s\t%s\toperations/s %.1f%s\tdenials/s %.1f", at->path, at->policy,
		       at->operations, at->shared ? "*" : "", at->denials);
		if (at->counted)
			printf("\tpackets/s %.1f\tbytes/s %.1f", at->packets, at->bytes);
		puts(at->gone ? "\tgone" : "");
	}
	for (unsigned i = 0; i < top->flows; i++)
		printf("flow\t%s\t%s\t%s\tsent %.0f\treceived %.0f\t%s\n", top->flow[i].path,
		       top->flow[i].proto, top->flow[i].ends, top->flow[i].sent,
		       top->flow[i].received, top->flow[i].process);
	for (unsigned i = 0; i < top->rules; i++)
		printf("rule\t%s\t%u\thits/s %.1f\t%s\n", top->rule[i].policy, top->rule[i].id,
		       top->rule[i].hits, top->rule[i].text);
	for (unsigned i = 0; i < top->events && i < 10; i++)
		printf("denial\t%s\n", top->event[i]);
	putchar('\n');
	fflush(stdout);
}

/* Print pictures as lines. The first one comes after the first delay, as it needs two samples. */
static void batch(unsigned delay, unsigned long times)
{
	struct timespec wait = { delay / 1000, delay % 1000 * 1000000L };
	struct top top;
	int status = top_read(&top);

	for (unsigned long i = 0; !status && (!times || i < times) && !ferror(stdout); i++) {
		top_free(&top);
		nanosleep(&wait, 0);
		status = top_read(&top);
		if (status)
			break;
		top_sort(&top, BY_DENIALS, false);
		lines_print(&top);
	}
	top_free(&top);
	if (status == CGG_NO)
		errx(CGG_FAILED, "the guard was loaded again");
	if (status)
		die(status);
}

static unsigned delay_or_die(const char *word)
{
	char *end;
	double seconds = strtod(word, &end);

	if (*end || end == word || !(seconds >= 0.1 && seconds <= 3600))
		errx(CGG_USAGE, "-d %s: not a number of seconds (0.1 to 3600)", word);
	return (unsigned)(seconds * 1000);
}

static unsigned long times_or_die(const char *word)
{
	unsigned long n;

	if (number_parse(&n, word, strlen(word), 4294967295) || !n)
		errx(CGG_USAGE, "-n %s: not a number (1 to 4294967295)", word);
	return n;
}

volatile int top_signal;

static void leave(int signal)
{
	top_signal = signal;
}

static void draw_screens(unsigned delay, unsigned long times)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = leave };

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		errx(CGG_USAGE, "this is no terminal; -b prints lines");
	screen_begin();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, 0);
	screen_run(delay, times);
	screen_end();
	if (!top_signal)
		return;
	signal(top_signal, SIG_DFL);
	raise(top_signal);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "batch", 0, 0, 'b' },
						 { "delay", 1, 0, 'd' },
						 { "count", 1, 0, 'n' },
						 COMMON_OPTIONS };
	unsigned long times = 0;
	unsigned delay = 1000;
	bool lines = false;
	struct cgg_guard guard;
	int option, status;

	start(argv);
	arguments = argv;
	while ((option = option_next(argc, argv, "bd:n:" COMMON_LETTERS, options)) != -1) {
		if (option == 'b')
			lines = true;
		else if (option == 'd')
			delay = delay_or_die(optarg);
		else if (option == 'n')
			times = times_or_die(optarg);
		else
			common_option(option, usage);
	}
	if (optind < argc)
		errx(CGG_USAGE, "%s: cgg-top takes no arguments", argv[optind]);
	status = guard_open(&guard, CGG_READ);
	if (status)
		die(status);
	guard_close(&guard);
	signal(SIGPIPE, SIG_IGN);
	if (lines) {
		batch(delay, times);
		return CGG_DONE;
	}
	draw_screens(delay, times);
	return CGG_DONE;
}
