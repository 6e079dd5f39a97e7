// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* own_side.c - parses matches of packets: source port, interface, this host's address. */
#include <string.h>

#include "words.h"

/* Let the message about a value name the match that the user typed; `as' names the one it read. */
static int renamed(int status, const char *as, const char *key)
{
	size_t len = strlen(as);
	char error[sizeof(cgg_error)];

	if (!status || strncmp(cgg_error, as, len) != 0)
		return status;
	strcpy(error, cgg_error + len);
	return set_error(status, "%s%s", key, error);
}

int sport_parse(struct cgg_own_side *own, const char *word)
{
	return renamed(ports_parse(&own->sport_min, &own->sport_max, &own->sports, word), "port",
		       "sport");
}

/* A name that the kernel accepts (dev_valid_name). */
int iface_parse(struct cgg_own_side *own, const char *word)
{
	size_t len = strlen(word);

	if (!len || len >= sizeof(own->iface) || !strcmp(word, ".") || !strcmp(word, "..") ||
	    strpbrk(word, "/: \t\n\v\f\r"))
		return set_error(CGG_USAGE, "iface %.80s: not the name of an interface", word);
	for (const char *c = word; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			return set_error(CGG_USAGE, "iface: has a control character");
	memcpy(own->iface, word, len + 1);
	return 0;
}

static int self_check(const struct cgg_net *net)
{
	if (net->word == CGG_NET_LOCAL)
		return set_error(CGG_USAGE, "self local: every own address is of this host; write "
					    "self 127.0.0.0/8,::1, or ip local");
	return 0;
}

int self_parse(struct cgg_own_side *own, const char *word)
{
	int status;

	if (*word == '@')
		return set_error(CGG_USAGE, "self %.80s: takes no set", word);
	status = renamed(nets_parse(&own->self, &own->selfs, word), "ip", "self");
	if (!status)
		status = self_check(&own->self);
	for (unsigned i = 0; i < own->selfs.count && !status; i++)
		status = self_check(&own->selfs.net[i]);
	return status;
}
