// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-events.c - print events as they come, one per line.
 *
 * Lines are buffered while more records wait, and written when none waits. So a single event is
 * printed at once, and many events cost few system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "forms.h"

static const char usage[] =
	"usage: cgg-events [-j | --otlp | --journal] [-t] [-n COUNT] [-w SECONDS] [-o FILE] "
	"[--verdict V] [--hook H] [--cgroup TARGET] [--policy P]\n"
	"Prints the unread events, and then new events as they come.\n"
	"\n"
	"  -j, --json           print one JSON object per line\n"
	"  -t, --time           begin each line with the time\n"
	"      --otlp           print OpenTelemetry log records, one JSON object per line\n"
	"      --journal        send the events to journald, with fields for their keys\n"
	"  -o, --output FILE    append to FILE; SIGHUP opens it again\n"
	"  -n, --count COUNT    end after COUNT events\n"
	"  -w, --wait SECONDS   end after SECONDS without an event\n"
	"      --verdict V      only events with this verdict: deny, alert or audit; or V,V\n"
	"      --hook H         only events of this hook or program; or H,H\n"
	"      --cgroup TARGET  only events of cgroups attached there or below\n"
	"      --policy P       only events of this policy\n"
	"  -h, --help           print this and exit\n"
	"  -V, --version        print the version and exit\n";

#define PIPE (256 << 10) /* bytes; twice as fast as the size that a shell's pipe has */
#define NAP 1000 /* ms; SIGHUP may come just before a wait, which it then does not end */
#define MOMENT 500000000 /* ns between two reports of suppressed events while events keep coming */

static struct cgg_event_view view;
static struct cgg_reader reader;
static struct cgg_guard guard;
static char buffer[4 * FORM_MOST];
static size_t used;
static __u64 left = ~0ull; /* events to print before the command ends */
static volatile sig_atomic_t ended_by; /* a signal, or 0 */
static const char *file; /* of -o */
static int out = STDOUT_FILENO;
static volatile sig_atomic_t reopen; /* SIGHUP came, and there is a file */
static enum { LINES, OTLP, JOURNAL } form;

static __s64 now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Measure CLOCK_REALTIME - CLOCK_BOOTTIME; of three tries take the fastest, which is most exact. */
static void clock_read(void)
{
	__s64 best = 1000000000;

	for (int i = 0; i < 3; i++) {
		__s64 before = now(CLOCK_BOOTTIME), real = now(CLOCK_REALTIME);
		__s64 took = now(CLOCK_BOOTTIME) - before;

		if (took < best) {
			best = took;
			view.clock = real - before - took / 2;
		}
	}
}

struct kept {
	__u64 id;
	__s64 looked; /* seconds */
	char *name;
};
static struct kept names[1024], own_names[1024]; /* of the two cgroups of an event */

/*
 * Return a cgroup's path, or its id when it is gone and was not seen before. The text is valid
 * until the next call with the same cache.
 *
 * A path is cached for a second, because the cgroup may be renamed or removed. Of a removed one
 * the last path stays, for its id is never used again.
 */
static const char *name_of(struct kept cache[1024], __u64 id)
{
	struct kept *kept = &cache[id % 1024];
	static char path[4096];
	__s64 second = now(CLOCK_MONOTONIC_COARSE) / 1000000000;
	bool known = kept->id == id && kept->name;

	if (known && kept->looked == second)
		return kept->name;
	if ((cgroup_name(id, path, sizeof(path)) && (!known || strcmp(kept->name, path))) ||
	    !known) {
		free(kept->name);
		kept->name = strdup(path);
	}
	kept->id = id;
	kept->looked = second;
	return kept->name ? kept->name : path;
}

/* Open the file of -o, at its end; return false with errno. */
static bool file_open(void)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	if (out != STDOUT_FILENO)
		close(out);
	out = fd;
	return true;
}

/* Open the file again after a SIGHUP. If this fails, go on with the old one. */
static void file_reopen(void)
{
	if (!reopen)
		return;
	reopen = 0;
	if (!file_open())
		warn("%s", file);
}

/* Write the buffer; return false when the command must end: nobody reads, or a signal came. */
static bool write_out(__u64 *lost)
{
	file_reopen();
	for (size_t done = 0; done < used;) {
		ssize_t n = write(out, buffer + done, used - done);

		if (n < 0 && (errno == EPIPE || (errno == EINTR && ended_by)))
			return false;
		if (n < 0 && errno != EINTR)
			err(CGG_FAILED, "%s", file ? file : "standard output");
		if (n > 0)
			done += (size_t)n;
	}
	used = 0;
	reader_seen(&reader, *lost);
	*lost = 0;
	clock_read();
	return !ended_by;
}

/* Put what print_as() prints into the buffer, or send it, in the form that was asked for. */
static void put_formed(size_t print_as(char *text, const void *what), const void *what, __s64 time)
{
	static struct form_line line;

	if (form == LINES) {
		used += print_as(buffer + used, what);
		return;
	}
	view.json = true;
	line.json_len = print_as(line.json, what);
	view.json = false;
	line.text_len = print_as(line.text, what);
	line.time = time;
	if (form == OTLP)
		used += otlp_put(buffer + used, &line);
	else
		journal_put(&line);
}

static size_t print_event(char *text, const void *what)
{
	const struct cgg_event *event = what;

	return event_print(text, event, name_of(names, event->cgroup),
			   event_own(event) ? name_of(own_names, event->own) : 0, &view);
}

static size_t print_lost(char *text, const void *what)
{
	return event_lost(text, *(const __u64 *)what, &view);
}

static size_t print_suppressed(char *text, const void *what)
{
	const struct cgg_news *news = what;

	return event_suppressed(text, news, name_of(names, news->key.cgroup),
				policy_by_place(guard.policies, news->key.policy, news->key.born),
				&view);
}

/* Return whether the buffer has room for so many more lines; a pipe takes no more at once. */
static bool has_room(size_t lines)
{
	return form == OTLP ? sizeof(buffer) - used >= lines * FORM_MOST
			    : PIPE - used >= lines * CGG_EVENT_TEXT;
}

static void tell_suppressed(__u64 *lost)
{
	struct cgg_news *news;
	size_t count = suppressed_news(&reader, &news);

	for (size_t i = 0; i < count; i++) {
		if (!has_room(1) && !write_out(lost))
			break;
		put_formed(print_suppressed, &news[i], now(CLOCK_REALTIME));
	}
	free(news);
}

/* Print the events that wait, at most left; return false when the command must end. */
static bool drain(void)
{
	__s64 look = now(CLOCK_MONOTONIC_COARSE);
	__u64 lost = 0, told = 0;
	bool more = true, room;

	clock_read();
	while (left && more) {
		struct cgg_event event;

		room = true;
		more = reader_next(&reader, &event, &told) == 1;
		if (told)
			put_formed(print_lost, &told, now(CLOCK_REALTIME));
		lost += told;
		told = 0;
		if (more) {
			room = reader_took(&reader, &event);
			put_formed(print_event, &event, (__s64)event.time + view.clock);
			left--;
		}
		if (room && more && left && has_room(2))
			continue;
		if (!more || now(CLOCK_MONOTONIC_COARSE) - look > MOMENT) {
			look = now(CLOCK_MONOTONIC_COARSE);
			tell_suppressed(&lost);
		}
		if ((used || lost || !room) && !write_out(&lost))
			return false;
	}
	return true;
}

/* Print events until left is 0, a signal comes, or seconds pass without an event (-1: never). */
static void run(long seconds)
{
	__s64 since = now(CLOCK_MONOTONIC);

	while (left && !ended_by) {
		__u64 before = left;
		__s64 rest = -1;

		if (!drain())
			return;
		if (before != left)
			since = now(CLOCK_MONOTONIC);
		if (seconds >= 0) {
			rest = seconds * 1000 - (now(CLOCK_MONOTONIC) - since) / 1000000;
			if (rest <= 0 && !reader_is_behind(&reader))
				return;
		}
		file_reopen();
		if (rest < 0 && seconds >= 0)
			rest = 0;
		if (file && (rest < 0 || rest > NAP))
			rest = NAP;
		if (left && reader_wait(&reader, (int)rest) < 0)
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

/* ---- the filter ---- */

static __u32 verdict_bit(const char *word)
{
	for (__u32 i = CGG_ALERT; i <= CGG_AUDIT; i++)
		if (!strcasecmp(word, cgg_verdicts[i]))
			return 1u << i;
	errx(CGG_USAGE, "--verdict %s: deny, alert or audit", word);
}

/* Return the programs of a hook, or a program by its name: one is called flow, as a hook is. */
static __u32 program_bits(const char *word)
{
	unsigned hooks;

	if (!hooks_parse(&hooks, word))
		return hook_programs(hooks);
	for (int i = 0; i < CGG_PROGRAMS; i++)
		if (!strcmp(word, cgg_programs[i].name))
			return 1u << i;
	errx(CGG_USAGE, "--hook %s: no such hook", word);
}

static void words_or_die(const char *option, char *list, __u32 *bits, __u32 (*bit)(const char *))
{
	if (!*list || strstr(list, ",,") || *list == ',' || list[strlen(list) - 1] == ',')
		errx(CGG_USAGE, "%s %s: a word is missing", option, list);
	for (char *word = strtok(list, ","); word; word = strtok(0, ","))
		*bits |= bit(word);
}

static void cgroup_or_die(struct cgg_filter *filter, const char *target)
{
	struct cgg_cgroup cgroup;
	int status = cgroup_open(&cgroup, target, CGG_FORCE);

	if (status)
		die(status);
	filter->cgroup = cgroup.id;
	cgroup_close(&cgroup, false);
}

static void policy_or_die(struct cgg_filter *filter, const char *name)
{
	int status = policy_name_check(name);

	if (status)
		die(status);
	name_tag(filter->policy, name);
}

/* Warn of a filter that no event can pass now: its policy or cgroup may be a mistake. */
static void tell_silence(const struct cgg_filter *filter, const char *target, const char *policy)
{
	struct cgg_attachment *all = 0;
	unsigned count = 0;
	bool attached = !target || attachments_read(&guard, &all, &count);

	if (*filter->policy && !policy_by_tag(guard.policies, filter->policy, 0))
		warnx("warning: policy %s: there is none yet; its events are shown once it is made",
		      policy);
	for (unsigned i = 0; i < count && !attached; i++)
		attached = cgroup_is_below(all[i].id, filter->cgroup);
	if (!attached)
		warnx("warning: %s: nothing is attached there or below yet; "
		      "events are shown once it is",
		      target);
	free(all);
}

static void end(int signal)
{
	if (signal == SIGHUP && file)
		reopen = 1;
	else
		ended_by = signal;
}

/* Catch signals, so that the reader frees its slot before the signal ends the command. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = end }, old;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], 0, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, 0);
	signal(SIGPIPE, SIG_IGN);
}

/* What the options ask for, besides the view. */
struct wish {
	struct cgg_filter filter;
	const char *target, *policy;
	long seconds; /* -1: wait for ever */
};

static void form_choose(int chosen)
{
	if (form != LINES && (int)form != chosen)
		errx(CGG_USAGE, "-j, --otlp or --journal, one of them");
	form = (unsigned)chosen;
}

static void form_check(void)
{
	if (form != LINES && view.json)
		errx(CGG_USAGE, "-j, --otlp or --journal, one of them");
	if (form == JOURNAL && file)
		errx(CGG_USAGE, "-o: --journal writes no file");
	view.color = !view.json && form == LINES && !file && wants_color();
	view.time &= form == LINES;
}

static void options_read(int argc, char **argv, struct wish *wish)
{
	enum { VERDICT = 256, HOOK, CGROUP, POLICY, OPTION_OTLP, OPTION_JOURNAL };
	static const struct option options[] = {
		{ "json", 0, 0, 'j' },	       { "time", 0, 0, 't' },
		{ "count", 1, 0, 'n' },	       { "wait", 1, 0, 'w' },
		{ "verdict", 1, 0, VERDICT },  { "hook", 1, 0, HOOK },
		{ "cgroup", 1, 0, CGROUP },    { "policy", 1, 0, POLICY },
		{ "otlp", 0, 0, OPTION_OTLP }, { "journal", 0, 0, OPTION_JOURNAL },
		{ "output", 1, 0, 'o' },       COMMON_OPTIONS
	};
	int option;

	while ((option = option_next(argc, argv, "jtn:w:o:" COMMON_LETTERS, options)) != -1) {
		if (option == 'j')
			view.json = true;
		else if (option == 't')
			view.time = true;
		else if (option == 'n')
			left = number_or_die("-n", optarg, 4294967295);
		else if (option == 'w')
			wish->seconds = (long)number_or_die("-w", optarg, 86400);
		else if (option == 'o')
			file = optarg;
		else if (option == OPTION_OTLP || option == OPTION_JOURNAL)
			form_choose(option == OPTION_OTLP ? OTLP : JOURNAL);
		else if (option == VERDICT)
			words_or_die("--verdict", optarg, &wish->filter.verdicts, verdict_bit);
		else if (option == HOOK)
			words_or_die("--hook", optarg, &wish->filter.programs, program_bits);
		else if (option == CGROUP)
			wish->target = optarg;
		else if (option == POLICY)
			policy_or_die(&wish->filter, wish->policy = optarg);
		else
			common_option(option, usage);
	}
	if (optind < argc)
		errx(CGG_USAGE, "%s: cgg-events takes no arguments", argv[optind]);
	form_check();
	if (wish->target)
		cgroup_or_die(&wish->filter, wish->target);
}

int main(int argc, char **argv)
{
	struct wish wish = { .seconds = -1 };
	struct stat st;
	int status;

	start(argv);
	options_read(argc, argv, &wish);
	catch_signals();
	status = guard_open(&guard, CGG_READ);
	view.policies = guard.policies;
	if (!status && !fstat(guard.dir, &st))
		view.guard_inode = st.st_ino;
	if (!status)
		tell_silence(&wish.filter, wish.target, wish.policy);
	if (!status) /* under the lock: all maps must be those of one guard */
		status = reader_open(&reader, &wish.filter, guard.policies);
	guard_close(&guard);
	if (status)
		die(status);
	if (file && !file_open()) {
		warn("%s", file);
		reader_close(&reader);
		return CGG_FAILED;
	}
	if (form == JOURNAL)
		journal_open();
	if (!file)
		reader_watch(&reader, STDOUT_FILENO);
	if (fcntl(STDOUT_FILENO, F_GETPIPE_SZ) < PIPE)
		fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE);
	run(wish.seconds);
	reader_close(&reader);
	if (ended_by) {
		signal(ended_by, SIG_DFL);
		raise(ended_by);
	}
	return CGG_DONE;
}
