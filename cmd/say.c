// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * say.c - write all messages of a command to standard error.
 *
 * These functions replace err(3) and the like. A message is one line, and a control character in a
 * quoted file, name or argument is escaped.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define MESSAGE 8192

/* Write a message and a line end in one write(2), control characters escaped. */
static void say(const char *message, size_t len)
{
	static char line[CGG_VISIBLE * MESSAGE + 2];
	size_t size, done = 0;

	size = text_visible(line, message, len < MESSAGE ? len : MESSAGE);
	line[size++] = '\n';
	while (done < size) {
		ssize_t n = write(STDERR_FILENO, line + done, size - done);

		if (n < 0 && errno != EINTR)
			return; /* there is no other place to report this */
		if (n > 0)
			done += (size_t)n;
	}
}

static void sayv(int error, const char *format, va_list args)
{
	char message[MESSAGE];
	int len = snprintf(message, sizeof(message), "%s: ", program_invocation_short_name);
	size_t used = len < 0			      ? 0
		      : (size_t)len < sizeof(message) ? (size_t)len
						      : sizeof(message) - 1;

	vsnprintf(message + used, sizeof(message) - used, format, args);
	used = strlen(message);
	if (error)
		snprintf(message + used, sizeof(message) - used, ": %s", strerror(error));
	say(message, strlen(message));
}

#define SAY(error)                                                                                 \
	do {                                                                                       \
		int saved = errno;                                                                 \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, format);                                                            \
		sayv((error) ? saved : 0, format, args);                                           \
		va_end(args);                                                                      \
	} while (0)

void warn(const char *format, ...)
{
	SAY(true);
}

void warnx(const char *format, ...)
{
	SAY(false);
}

void err(int status, const char *format, ...)
{
	SAY(true);
	exit(status);
}

void errx(int status, const char *format, ...)
{
	SAY(false);
	exit(status);
}
