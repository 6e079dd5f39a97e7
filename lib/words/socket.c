// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* socket.c - the words for families and types of sockets. */
#include <string.h>
#include <sys/socket.h>

#include "operand.h"

const struct cgg_word cgg_families[] = { { "inet", AF_INET }, { "inet6", AF_INET6 }, { 0, 0 } };
const struct cgg_word cgg_types[] = {
	{ "stream", SOCK_STREAM }, { "dgram", SOCK_DGRAM }, { "raw", SOCK_RAW }, { 0, 0 }
};

int socket_word(const char *what, const struct cgg_word *words, const char *word, int *number)
{
	char list[128] = "";

	for (; words->word; words++) {
		size_t used = strlen(list);

		if (!strcmp(words->word, word)) {
			*number = words->number;
			return 0;
		}
		snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", words->word);
	}
	return set_error(CGG_USAGE, "%s %.80s: not one of %s", what, word, list);
}

const char *socket_name(const struct cgg_word *words, int number)
{
	while (words->word && words->number != number)
		words++;
	return words->word ? words->word : "?";
}
