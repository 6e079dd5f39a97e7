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
	say_begin();
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
		library_said();
		errx(CGG_USAGE, "see %s -h", program_invocation_short_name);
	}
}

/* NO_COLOR: https://no-color.org */
bool wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && *term && strcmp(term, "dumb");
}

/*
 * Cut the middle out of a text longer than columns, and put a gap there that is so wide.
 *
 * The buffer must have room for the bytes of the gap too.
 */
void middle_cut(char *text, size_t columns, const char *gap, size_t wide)
{
	size_t len = strlen(text), head;

	if (len <= columns)
		return;
	if (columns <= wide) {
		text[columns] = 0;
		return;
	}
	head = (columns - wide) / 2;
	memmove(text + head + strlen(gap), text + len - (columns - wide - head),
		columns - wide - head + 1);
	memcpy(text + head, gap, strlen(gap));
}

void die(int status)
{
	errx(status, "%s", cgg_error);
}
