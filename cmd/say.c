// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * say.c - everything that a command writes to standard error.
 *
 * err(3) and its like, with one difference: a message is one line, and no byte of a file, a name or
 * an argument in it reaches the terminal as a control character. say() is the one way out; what the C
 * library itself writes (getopt(3)) takes it too.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define MESSAGE 8192

/* say - writes one message, and a line end behind it, in one write */
static void say(const char *message, size_t len)
{
	static char line[CGG_VISIBLE * MESSAGE + 2];
	size_t size, done = 0;

	size = text_visible(line, message, len < MESSAGE ? len : MESSAGE);
	line[size++] = '\n';
	while (done < size) {
		ssize_t n = write(STDERR_FILENO, line + done, size - done);

		if (n < 0 && errno != EINTR)
			return; /* there is nobody to tell */
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

/* What the C library prints on standard error: a message that ends with a line end. */
static ssize_t library_says(void *cookie, const char *text, size_t len)
{
	(void)cookie;
	say(text, len && text[len - 1] == '\n' ? len - 1 : len);
	return (ssize_t)len;
}

/* say_begin - takes the place of stderr; a message is complete when library_said() is called */
void say_begin(void)
{
	static char buffer[MESSAGE];
	FILE *file = fopencookie(0, "w", (cookie_io_functions_t){ .write = library_says });

	if (!file)
		err(CGG_FAILED, "standard error");
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	stderr = file;
}

void library_said(void)
{
	fflush(stderr);
}
