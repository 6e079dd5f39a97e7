// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* guess.c - suggests the match that a value was meant for: an address, a port, a URL, a path... */
#include <string.h>
#include <unistd.h>

#include "operand.h"

/* Write the match for an address or a name. */
static bool end_guess(char guess[CGG_GUESS], const char *end)
{
	static struct cgg_rule scratch;
	struct cgg_net net;
	bool is_address = !net_parse(&net, end) && !net.word;

	memset(&scratch, 0, sizeof(scratch));
	if (!is_address && (!strchr(end, '.') || !strchr(end, '.')[1] || host_parse(&scratch, end)))
		return false;
	snprintf(guess, CGG_GUESS, "%s %s", is_address ? "ip" : "host", end);
	return true;
}

/* Cut off brackets, and the port of ADDR:PORT, [ADDR]:PORT or NAME:PORT. Return the port, or 0. */
static const char *port_cut(char **end)
{
	char *colon = strchr(*end, ':'), *close = strchr(*end, ']');

	if (**end == '[' && close) {
		++*end;
		colon = close[1] == ':' ? close + 1 : 0;
		*close = 0;
	} else if (colon && strchr(colon + 1, ':')) {
		return 0; /* an IPv6 address */
	}
	if (!colon)
		return 0;
	*colon = 0;
	return colon + 1;
}

/* Write the matches for a URL, ADDR:PORT or NAME:PORT, or return false. */
bool endpoint_guess(char guess[CGG_GUESS], const char *typed)
{
	const char *scheme = strstr(typed, "://"), *begin = scheme ? scheme + 3 : typed, *port;
	char copy[CGG_GUESS - 32] = "", *end = copy;
	size_t len = strcspn(begin, "/");
	__u16 min, max;

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, begin, len);
	port = port_cut(&end);
	if (!port && scheme && !strncmp(typed, "http", 4))
		port = typed[4] == 's' ? "443" : "80";
	if ((!port && !scheme && !begin[len]) || (port && port_parse(&min, &max, port)) ||
	    !end_guess(guess, end))
		return false;
	if (port)
		snprintf(guess + strlen(guess), CGG_GUESS - strlen(guess), " port %s", port);
	return true;
}

/*
 * Return whether a word is a name below /proc/sys. With dots it must exist: kernel.org is a host.
 */
static bool is_sysctl(const char *typed)
{
	static const char *const tops[] = { "kernel", "net", "vm", "fs" };
	size_t len = strcspn(typed, "./");
	char path[128] = "/proc/sys/";
	bool is_top = false;

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++)
		is_top |= typed[len] && strlen(tops[i]) == len && !strncmp(tops[i], typed, len);
	if (!is_top || typed[len] == '/')
		return is_top;
	strncat(path, typed, sizeof(path) - strlen(path) - 1);
	for (char *c = path; *c; c++)
		if (*c == '.')
			*c = '/';
	return !access(path, F_OK);
}

/* Write the match that a value without its match was meant for, or return false. */
bool value_guess(char guess[CGG_GUESS], const char *typed)
{
	__u16 min, max;

	if (strlen(typed) > 80 || typed[strcspn(typed, " \t")])
		return false;
	if (*typed == '@' && typed[1])
		snprintf(guess, CGG_GUESS, "ip %.80s, or host %.80s", typed, typed);
	else if (!strncmp(typed, "/dev/", 5))
		snprintf(guess, CGG_GUESS, "device %s", typed);
	else if (is_sysctl(typed))
		snprintf(guess, CGG_GUESS, "sysctl %s", typed);
	else if (!port_parse(&min, &max, typed))
		snprintf(guess, CGG_GUESS, "port %s", typed);
	else
		return end_guess(guess, typed) || endpoint_guess(guess, typed);
	return true;
}
