// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd.c - functions that each command calls at its start and its end, and common options. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

/* Check stdout once, at the end, so that a full disk is an error; a closed pipe is none. */
static void finish(void)
{
	int error = ferror(stdout) ? EIO : 0;

	if (fflush(stdout))
		error = errno;
	if (!error && fclose(stdout) && errno != EBADF)
		error = errno;
	if (error && error != EPIPE) {
		errno = error;
		warn("standard output");
		_exit(CGG_FAILED);
	}
}

static struct rlimit inherited_memlock;
static const char *inherited_posix;
static mode_t inherited_mask;

/* Raise RLIMIT_MEMLOCK: before Linux 5.11, maps and cgroup storage count against it. */
static void memlock_lift(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	if (getrlimit(RLIMIT_MEMLOCK, &inherited_memlock))
		err(CGG_FAILED, "RLIMIT_MEMLOCK");
	if (!setrlimit(RLIMIT_MEMLOCK, &all))
		return;
	all.rlim_cur = all.rlim_max = inherited_memlock.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &all); /* if this fails and matters, a map will report it */
}

/*
 * Do nothing at SIGXFSZ, so that a write beyond RLIMIT_FSIZE fails and is reported.
 *
 * execve(2) resets a handler, but would hand on SIG_IGN.
 */
static void too_large(int sig)
{
	(void)sig;
}

void start(char **argv)
{
	(void)argv;
	/*
	 * If descriptor 0, 1 or 2 is closed, the first file that is opened would get its number.
	 * The file opened here instead cannot be read (0) or written (1, 2), like a closed one.
	 */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			err(CGG_FAILED, "/dev/null");
	memlock_lift();
	atexit(finish);
	libbpf_set_print(0); /* its messages are for those who write BPF programs */
	/* Options may follow operands, and new directories have mode 755, whatever is inherited. */
	inherited_posix = getenv("POSIXLY_CORRECT");
	unsetenv("POSIXLY_CORRECT");
	inherited_mask = umask(022);
	if (signal(SIGXFSZ, too_large) == SIG_IGN)
		signal(SIGXFSZ, SIG_IGN);
}

void hand_on(void)
{
	setrlimit(RLIMIT_MEMLOCK, &inherited_memlock);
	umask(inherited_mask);
	if (inherited_posix)
		setenv("POSIXLY_CORRECT", inherited_posix, 1);
}

/* Complain about a long option that is in no table, or is the begin of several. */
static void name_refuse(const char *word, const struct option *options)
{
	char list[512] = "";
	size_t len = strcspn(word + 2, "="), used = 0, count = 0;

	for (; options->name && used < sizeof(list); options++)
		if (!strncmp(word + 2, options->name, len)) {
			used += (size_t)snprintf(list + used, sizeof(list) - used, " '--%s'",
						 options->name);
			count++;
		}
	if (count)
		warnx("option '%s' is ambiguous; possibilities:%s", word, list);
	else
		warnx("unrecognized option '%s'", word);
}

/* Return whether the option that getopt_long(3) refused is a long one, and complain about it. */
static bool long_refuse(char **argv, const struct option *options)
{
	const char *word = argv[optind - 1];
	size_t len = strcspn(word, "=");

	if (!optopt)
		name_refuse(word, options);
	if (!optopt || strncmp(word, "--", 2) != 0)
		return !optopt;
	while (options->name &&
	       (options->val != optopt || strncmp(word + 2, options->name, len - 2) != 0))
		options++;
	if (options->name && options->has_arg && !argv[optind])
		warnx("option '--%s' requires an argument", options->name);
	else if (options->name && !options->has_arg && word[len])
		warnx("option '--%s' doesn't allow an argument", options->name);
	else
		return false;
	return true;
}

/*
 * Return the next option, as getopt_long(3); if it returns '?', complain here.
 *
 * Each C library has other words for that, and none escapes control characters.
 */
int option_next(int argc, char **argv, const char *letters, const struct option *options)
{
	const char *at;
	char letter;
	int option;

	opterr = 0;
	option = getopt_long(argc, argv, letters, options, 0);
	if (optind > argc)
		optind = argc; /* musl steps over an argument that is missing */
	if (option != '?' || long_refuse(argv, options))
		return option;
	letter = optopt < 256 ? (char)optopt : '?'; /* musl reads a whole wide character */
	at = letter == ':' ? 0 : strchr(letters, letter);
	if (at && at[1] == ':')
		warnx("option requires an argument -- '%c'", letter);
	else
		warnx("invalid option -- '%c'", letter);
	return option;
}

void common_option(int option, const char *usage)
{
	switch (option) {
	case 'h':
		fputs(usage, stdout);
		exit(CGG_DONE);
	case 'V':
		printf("%s %s\n", program_invocation_short_name, CGG_VERSION);
		exit(CGG_DONE);
	case '?':
		errx(CGG_USAGE, "see %s -h", program_invocation_short_name);
	}
}

/* NO_COLOR: https://no-color.org */
bool wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && *term && strcmp(term, "dumb");
}

/* Return whether a byte is inside a character of UTF-8. */
static bool is_inside(char c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * Replace the middle of a text longer than columns by gap, which is `wide` columns wide.
 *
 * The buffer must have room for the bytes of the gap too.
 */
void middle_cut(char *text, size_t columns, const char *gap, size_t wide)
{
	size_t len = strlen(text), head, tail;

	if (len <= columns)
		return;
	if (columns <= wide) {
		text[columns] = 0;
		return;
	}
	head = (columns - wide) / 2;
	tail = len - (columns - wide - head);
	while (head && is_inside(text[head]))
		head--;
	while (is_inside(text[tail]))
		tail++;
	memmove(text + head + strlen(gap), text + tail, len - tail + 1);
	memcpy(text + head, gap, strlen(gap));
}

void die(int status)
{
	errx(status, "%s", cgg_error);
}
