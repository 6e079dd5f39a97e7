// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * list.c - reads lists of addresses and of DNS names in the forms in which they are published.
 *
 *	192.0.2.0/24 ; comment		elements, as cgg-set list prints them
 *	ads.example ttl 1h
 *	0.0.0.0 ads.example		hosts(5)
 *	||ads.example^			adblock: the name and all below it
 *	address=/ads.example/0.0.0.0	dnsmasq: the same; server= and local=, too
 *	ads.example CNAME .		a response policy zone
 */
#include <stdlib.h>
#include <string.h>

#include "sets.h"

#define WORDS 64
#define ERRORS 20 /* wrong lines with a message each; the others are only counted */

/* Names that hosts files have for this host and its network. */
static const char *const hosts_own[] = {
	"localhost",	 "localhost.localdomain", "local",	  "broadcasthost",
	"ip6-localhost", "ip6-loopback",	  "ip6-localnet", "ip6-mcastprefix",
	"ip6-allnodes",	 "ip6-allrouters",	  "ip6-allhosts", "0.0.0.0",
};

static int name_and_below(struct cgg_elements *list, const char *name)
{
	int status = element_add_name(list, name, false, CGG_SET_NEVER);

	return status ? status : element_add_name(list, name, true, CGG_SET_NEVER);
}

/* Read ||NAME^. Rules with options or exceptions have no meaning for names alone. */
static int adblock_line(struct cgg_elements *list, char *line)
{
	size_t len = strlen(line);

	if (len < 4 || line[len - 1] != '^')
		return set_error(CGG_USAGE, "%.140s: not of the form ||NAME^", line);
	line[len - 1] = 0;
	return name_and_below(list, line + 2);
}

/* Read address=/NAME/..., server=/NAME/NAME/ and local=/NAME/. */
static int dnsmasq_line(struct cgg_elements *list, char *line)
{
	char *name = strchr(line, '/') + 1, *end;
	int status = strchr(name, '/') ? 0
				       : set_error(CGG_USAGE, "%.140s: not of the form %.*s/NAME/",
						   line, (int)(name - 1 - line), line);

	while (!status && (end = strchr(name, '/'))) {
		*end = 0;
		status = name_and_below(list, name);
		name = end + 1;
	}
	return status;
}

static bool is_dnsmasq(const char *line)
{
	return !strncmp(line, "address=/", 9) || !strncmp(line, "server=/", 8) ||
	       !strncmp(line, "local=/", 7);
}

/* Read the names of a line of hosts(5), but not those of this host. */
static int hosts_line(struct cgg_elements *list, char *const *word, int count)
{
	int status = 0;

	for (int i = 1; i < count && !status; i++) {
		bool own = false;

		for (size_t k = 0; k < sizeof(hosts_own) / sizeof(*hosts_own); k++)
			own |= !strcmp(word[i], hosts_own[k]);
		if (!own)
			status = element_add_name(list, word[i], false, CGG_SET_NEVER);
	}
	return status;
}

/* Return the place of a word in a record of a zone, or 0; names are before it. */
static int record_at(char *const *word, int count, const char *type)
{
	for (int i = 1; i < count && i < 4; i++)
		if (!strcasecmp(word[i], type))
			return i;
	return 0;
}

/* Read NAME [TTL] [IN] CNAME . - all other answers let the name be known. */
static int zone_line(struct cgg_elements *list, char *const *word, int count)
{
	int at = record_at(word, count, "CNAME");

	if (at + 2 != count || (strcmp(word[at + 1], ".") != 0 && strcmp(word[at + 1], "*.") != 0 &&
				strcasecmp(word[at + 1], "rpz-drop.") != 0))
		return set_error(CGG_USAGE, "%.80s CNAME: only . , *. and rpz-drop. can be read",
				 word[0]);
	return element_add_name(list, word[0], false, CGG_SET_NEVER);
}

static bool is_zone_head(char *const *word, int count)
{
	return *word[0] == '$' || *word[0] == '@' || (count == 2 && !strcasecmp(word[0], "NS")) ||
	       record_at(word, count, "SOA") || record_at(word, count, "NS");
}

/* Cut a comment off, which begins the line or follows a blank; return where it begins, or 0. */
static char *comment_cut(char *line)
{
	for (char *c = line; *c; c++)
		if (strchr("#;", *c) && (c == line || strchr(" \t", c[-1]))) {
			*c = 0;
			return c + 1;
		}
	return 0;
}

static bool is_address_word(const char *word)
{
	struct cgg_net net;

	return !strpbrk(word, "/-") && !net_parse(&net, word) && net_is_address(&net);
}

/* Read one line, and append what it says to the list. */
int elements_line(struct cgg_elements *list, char *line)
{
	char *word[WORDS], *save = 0, *comment;
	__u32 expires = CGG_SET_NEVER;
	int count = 0, status = 0;

	if (*line == '!' || *line == '[')
		return 0;
	comment = comment_cut(line);
	if (comment && strstr(comment, CGG_SET_EMPTY))
		list->meant_empty = true;
	if (comment && list->kind < 0 && strstr(comment, CGG_SET_EMPTY "names"))
		list->kind = CGG_SET_NAMES;
	for (char *w = strtok_r(line, " \t\r\n", &save); w; w = strtok_r(0, " \t\r\n", &save)) {
		if (count == WORDS)
			return set_error(CGG_USAGE, "%.80s ...: more than %d words", word[0],
					 WORDS);
		word[count++] = w;
	}
	if (!count)
		return 0;
	if (!strncmp(word[0], "||", 2) && count == 1)
		return adblock_line(list, word[0]);
	if (is_dnsmasq(word[0]))
		return dnsmasq_line(list, word[0]);
	if (record_at(word, count, "CNAME"))
		return zone_line(list, word, count);
	if (is_zone_head(word, count))
		return 0;
	if (count == 3 && !strcmp(word[1], "ttl"))
		status = element_ttl(&expires, word[2]);
	else if (count > 1 && is_address_word(word[0]))
		return hosts_line(list, word, count);
	else if (count > 1)
		status = set_error(CGG_USAGE, "%.80s: one element a line, then ttl TIME", word[1]);
	return status ? status : element_add(list, word[0], expires);
}

/*
 * Read a whole list. Tell each of the first errors with its line. Return the worst status, and
 * refuse a list without an element, unless a comment says that it is meant.
 */
int elements_read(struct cgg_elements *list, FILE *file, const char *name, elements_say *say,
		  void *context)
{
	size_t room = 0, number = 0, errors = 0;
	char *line = 0, message[CGG_ERROR + 512];
	int status = 0;

	while (status != CGG_FAILED && getline(&line, &room, file) > 0) {
		bool mark = !number++ && !strncmp(line, "\xef\xbb\xbf", 3);
		int one = elements_line(list, line + (mark ? 3 : 0));

		if (!one)
			continue;
		status = one > status ? one : status;
		if (errors++ >= ERRORS)
			continue;
		snprintf(message, sizeof(message), "%s:%zu: %s", name, number, cgg_error);
		say(context, message);
	}
	free(line);
	if (errors > ERRORS) {
		snprintf(message, sizeof(message), "%s: %zu more lines are wrong", name,
			 errors - ERRORS);
		say(context, message);
	}
	if (!status && ferror(file)) {
		snprintf(message, sizeof(message), "%s: cannot be read", name);
		say(context, message);
		status = CGG_FAILED;
	}
	if (!status && !list->count && !list->meant_empty) {
		snprintf(message, sizeof(message),
			 "%s: has no element; if this is meant, write the comment # %saddresses "
			 "(or names)",
			 name, CGG_SET_EMPTY);
		say(context, message);
		status = CGG_USAGE;
	}
	if (list->kind < 0)
		list->kind = CGG_SET_ADDRESSES;
	return status;
}
