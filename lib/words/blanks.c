// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* blanks.c - suggests the one word that a list or range with blanks or braces was meant to be. */
#include <string.h>

#include "operand.h"

#define LIST_MATCHES                                                                               \
	(CGG_MATCH_PROTO | CGG_MATCH_IP | CGG_MATCH_PORT | CGG_MATCH_SPORT | CGG_MATCH_SELF |      \
	 CGG_MATCH_UID | CGG_MATCH_GID | CGG_MATCH_VALUE)
#define SHORT 128 /* bytes of a list in a message */

static bool is_blank(char c)
{
	return strchr(" \t{}", c);
}

/*
 * Join words to a list: without braces, and without blanks beside a comma or a dash. Any other
 * blank becomes a comma. Return false if the list is too long for a message.
 */
static bool words_join(char list[SHORT], char *const word[], int count)
{
	size_t used = 0;
	bool blank = false;

	for (int i = 0; i < count; i++, blank = true) {
		for (const char *c = word[i]; *c; c++) {
			if (is_blank(*c)) {
				blank = true;
				continue;
			}
			if (used + 3 > SHORT)
				return false;
			if (blank && used && !strchr(",-", *c) && !strchr(",-", list[used - 1]))
				list[used++] = ',';
			list[used++] = *c;
			blank = false;
		}
	}
	list[used] = 0;
	return true;
}

/*
 * Refuse the value of a match, w->word[w->at - 1], if it is one of the words of a list or range
 * that the match would take without blanks and braces.
 */
int blanks_check(const struct cgg_words *w, const char *key, unsigned match,
		 int parse(struct cgg_rule *rule, const char *word),
		 bool is_keyword(const char *word))
{
	static struct cgg_rule scratch;
	char *const *word = w->word + w->at - 1;
	const int most = w->count - w->at + 1;
	char list[SHORT], meant[SHORT] = "", typed[SHORT] = "";
	bool braces = false;

	if (!(match & LIST_MATCHES))
		return 0;
	for (int n = 1; n <= most && (n == 1 || !is_keyword(word[n - 1])); n++) {
		if (!*word[n - 1] || !words_join(list, word, n))
			break; /* an empty word is an element that was left out */
		if (match == CGG_MATCH_PROTO && n > 1 && !strpbrk(word[n - 2], ",{") &&
		    *word[n - 1] != ',')
			break; /* `proto tcp 22' lacks `port' */
		if (n == 1 && !word[0][strcspn(word[0], " \t{}")])
			continue;
		memset(&scratch, 0, sizeof(scratch));
		if (parse(&scratch, list))
			continue;
		rule_free(&scratch);
		strcpy(meant, list);
		*typed = 0;
		for (int i = 0; i < n; i++)
			snprintf(typed + strlen(typed), SHORT - strlen(typed), "%s%s", i ? " " : "",
				 word[i]);
		braces = strpbrk(typed, "{}");
	}
	return *meant ? set_error(CGG_USAGE, "%s %s: write it without %s: %s %s", key, typed,
				  braces ? "braces" : "blanks", key, meant)
		      : 0;
}
