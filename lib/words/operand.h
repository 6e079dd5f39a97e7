/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* operand.h - operands of hooks, and the words of a rule one after another. */
#ifndef CGG_OPERAND_H
#define CGG_OPERAND_H

#include "words.h"

/* operand.c, sockopt.c */
struct cgg_words {
	char *const *word;
	int count, at;
};
const char *words_next(struct cgg_words *words); /* 0: no more */
int operand_parse(struct cgg_rule *rule, enum cgg_operand_kind kind, struct cgg_words *words);
void operand_print(const struct cgg_rule *rule, enum cgg_operand_kind kind,
		   char text[CGG_OPERAND_TEXT]);
int sockopt_parse(struct cgg_rule *rule, const char *word);

/* socket.c: words and their numbers; the last word is 0 */
struct cgg_word {
	const char *word;
	int number;
};
extern const struct cgg_word cgg_families[], cgg_types[];
int socket_word(const char *what, const struct cgg_word *words, const char *word, int *number);
const char *socket_name(const struct cgg_word *words, int number);

/* host.c */
int host_inner(struct cgg_rule *rule, const char *word);
int host_alias(struct cgg_rule *rule, const char *word);
int host_check(const struct cgg_rule *rule);

/* blanks.c */
int blanks_check(const struct cgg_words *w, const char *key, unsigned match,
		 int parse(struct cgg_rule *rule, const char *word),
		 bool is_keyword(const char *word));

/* guess.c: what a value was meant for, like "ip 10.0.0.1 port 80" */
#define CGG_GUESS 192
bool value_guess(char guess[CGG_GUESS], const char *typed);
bool endpoint_guess(char guess[CGG_GUESS], const char *typed); /* of a URL, or with a port */

/* hint.c: whether a word is a verdict, a hook or a keyword */
bool is_own(const char *word, bool is_keyword(const char *word));
/* a suggestion for a word that is none of cgguard: "; write ...", or "" */
const char *word_hint(const char *word, bool verdict, bool is_keyword(const char *word));

#endif
