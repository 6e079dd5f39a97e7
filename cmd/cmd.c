// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd.c - what every command begins and ends with. */
#include <errno.h>
#include <fcntl.h>
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

void start(char **argv)
{
	(void)argv;
	/*
	 * A closed 0, 1 or 2 would be taken by the first file that is opened. What
	 * stands in for it cannot be read, or written, as one that is closed cannot.
	 */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			_exit(CGG_FAILED);
	atexit(finish);
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

void die(int status)
{
	errx(status, "%s", cgg_why);
}
