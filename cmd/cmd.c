// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd.c - what every command begins and ends with. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

/* stdout is checked once, at the end: a full disk is an error, not silence. */
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

/* Before Linux 5.11 maps count against it, and what attaching makes for a cgroup. */
static void memlock_lift(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	if (getrlimit(RLIMIT_MEMLOCK, &inherited_memlock))
		err(CGG_FAILED, "RLIMIT_MEMLOCK");
	if (!setrlimit(RLIMIT_MEMLOCK, &all))
		return;
	all.rlim_cur = all.rlim_max = inherited_memlock.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &all); /* where it matters, the kernel says so */
}

/* too_large - a file that may not grow (RLIMIT_FSIZE): the write then says so, and execve(2) forgets this */
static void too_large(int sig)
{
	(void)sig;
}

void start(char **argv)
{
	(void)argv;
	/*
	 * A closed 0, 1 or 2 would be taken by the first file that is opened. What
	 * stands in for it cannot be read, or written, as one that is closed cannot.
	 */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			err(CGG_FAILED, "/dev/null");
	say_begin();
	memlock_lift();
	atexit(finish);
	libbpf_set_print(0); /* what it says is for those who write programs */
	/* What a command does, and who may enter what it makes, is not for its surroundings to say. */
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

void die(int status)
{
	errx(status, "%s", cgg_error);
}
