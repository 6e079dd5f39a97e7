/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rule.h - what the files of cgg-rule share. */
#ifndef RULE_H
#define RULE_H

#include "cmd.h"

/* rule.c: the options, begin and end of a change, new ids */
extern const char *policy_name, *file_name;
extern bool with_id, renew, policy_given;
void guard_begin(struct cgg_guard *guard, int *place, bool make);
void guard_look(struct cgg_guard *guard, int *place);
void tell_new(void);
int done(struct cgg_guard *guard, int status);
extern bool cut, verbose;
int policy_put(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds);
int done_cut(struct cgg_guard *guard, int place, int status); /* --cut, then done() */
bool is_other_policy(const char *word);
_Noreturn void die_at(int status, int count, char **word);
struct cgg_rule parse_or_die(int count, char **word, bool new);
void programs_or_die(const struct cgg_rules *rules); /* loads what they need */
extern __u32 new_id;
extern unsigned new_ids;
int ids_print(void);

#define ALLOW_EVERYTHING "allow everything" /* the comment that marks an intended empty policy */

/* input.c: files of rules */
struct cgg_rules rules_unset(void);
int rules_read(struct cgg_rules *more, const char *name); /* prints messages; the exit status */
void rules_read_or_die(struct cgg_rules *more, const char *name);
bool rules_are_unset(const struct cgg_rules *rules); /* no rule, no default, no mode */
void settings_fill(struct cgg_rules *rules);

/* ask.c; ask_in.c */
struct decision {
	__u8 verdict;
	__u32 id; /* of the rule; 0: the default */
	char text[CGG_LINE_TEXT]; /* of the rule */
};
void test_decide(struct cgg_guard *guard, int place, const struct cgg_rule *rule, const char *below,
		 __u64 attached, struct decision *decision);
int test_operation(int count, char **word);
extern const char *test_target; /* of test --in, or 0 */
int test_in(const struct cgg_rule *rule);

/* check.c */
int check_rules(int count, char **word);
void shadows_warn(const struct cgg_rules *rules, unsigned from);
void new_warn(struct cgg_guard *guard, int place, __u32 id, const struct cgg_rules *more);

/* progress.c */
void progress_begin(void);

/* list.c */
enum list_form { LIST_PLAIN, LIST_IDS, LIST_STATS, LIST_JSON };
int policy_list(struct cgg_guard *guard, int place, const struct cgg_image *image,
		enum list_form form);

/* diff.c */
struct text { /* a line as list prints it; how much of its ttl is left is not compared */
	char *words;
	size_t compared; /* bytes before the ttl */
	__u64 expires; /* CGG_NEVER: it has no ttl */
};
struct lines { /* of a policy, and the same number for equal lines */
	struct text *text;
	__u32 *number;
	bool *edited;
	unsigned count;
	size_t room;
};
int lines_read(struct lines *lines, struct cgg_guard *guard, int place);
int policy_lines(struct lines *lines, bool *missing);
void lines_free(struct lines *lines);
bool text_is_same(const struct text *one, const struct text *other);
void entry_print(const struct cgg_rules *rules, const struct cgg_entry *e,
		 char words[CGG_LINE_TEXT]);
bool rules_diff(const struct cgg_rules *rules);

/* subcommands, which return the exit status */
int add_rules(int count, char **word);
int insert_rule(int count, char **word);
int delete_rules(int count, char **word);
int diff_file(int count, char **word);
int edit_policy(unsigned seconds);
int export_guard(int count, char **word);

#endif
