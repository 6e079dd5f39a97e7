// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* change.c - cgg-rule add, insert and delete. */
#include <string.h>

#include "rule.h"

/* Add no rules: check the name and the guard, but make no policy. */
static int add_nothing(void)
{
	int status = policy_name_check(policy_name);
	struct cgg_guard guard;

	if (!status)
		status = guard_open(&guard, CGG_READ);
	return done(&guard, status);
}

int add_rules(int count, char **word)
{
	struct cgg_rules more = rules_unset();
	struct cgg_rule rule = { 0 };
	struct cgg_guard guard;
	bool added = false;
	int place, status = 0;

	if (file_name && count)
		errx(CGG_USAGE, "%s: a RULE or -f FILE, not both", word[0]);
	if (file_name && renew)
		errx(CGG_USAGE, "--renew: needs a RULE, not -f FILE");
	if (file_name) {
		rules_read_or_die(&more, file_name);
		if (rules_are_unset(&more))
			return add_nothing();
	} else {
		rule = parse_or_die(count, word, true);
		if (renew && !rule.ttl)
			errx(CGG_USAGE, "--renew: the rule needs a ttl: ttl TIME");
		status = rules_add(&more, &rule);
	}
	programs_or_die(&more);
	guard_begin(&guard, &place, true);
	new_ids = more.rules;
	guard.ready = with_id ? ids_print : 0;
	if (!status)
		status = renew ? policy_renew(&guard, place, &rule, &new_id) : CGG_NO;
	if (status == CGG_NO) {
		status = policy_add(&guard, place, &more, &new_id);
		added = !status;
	}
	if (!status)
		tell_new();
	if (added)
		new_warn(&guard, place, new_id, &more);
	rules_free(&more);
	return done_cut(&guard, place, status);
}

static __u32 id_or_die(const char *command, const char *word, const char *why)
{
	unsigned long id;

	if (number_parse(&id, word, strlen(word), 0xffffffff))
		errx(CGG_USAGE, "%s%s: %s", command, word, why);
	return (__u32)id;
}

/* Find the ids of the rules with a name, or exit. */
static __u32 *named_or_die(struct cgg_guard *guard, int place, const char *name, unsigned *count)
{
	__u32 *ids;
	int status = policy_named(guard, place, name, &ids, count);

	if (status)
		die(status);
	return ids;
}

/* Where insert puts a rule: before the rule `before` (0: before every rule), or before a name. */
struct before {
	__u32 id;
	const char *name;
	int words; /* that say so */
};

static struct before before_or_die(int count, char **word)
{
	static const char needs[] = "needs the id of the rule to insert before, "
				    "or first, or before name WORD; add appends a rule";
	struct before before = { .words = 1 };

	if (!count)
		errx(CGG_USAGE, "insert: %s", needs);
	if (!strcmp(word[0], "before")) {
		if (count < 3 || strcmp(word[1], "name") != 0)
			errx(CGG_USAGE,
			     "insert before%s%s: needs a name: insert before name WORD RULE; "
			     "or write insert ID RULE",
			     count > 1 ? " " : "", count > 1 ? word[1] : "");
		before = (struct before){ .name = word[2], .words = 3 };
		if (name_check("name", before.name))
			die(CGG_USAGE);
	} else if (strcmp(word[0], "first") != 0) {
		before.id = id_or_die("insert ", word[0], needs);
		if (!before.id)
			errx(CGG_NO, "%s: no such rule; cgg-rule list -i prints the ids", word[0]);
	}
	return before;
}

int insert_rule(int count, char **word)
{
	struct before before = before_or_die(count, word);
	struct cgg_rule rule = parse_or_die(count - before.words, word + before.words, true);
	struct cgg_rules one = rules_unset();
	struct cgg_guard guard;
	unsigned named;
	int place, status;

	if (!rules_add(&one, &rule))
		programs_or_die(&one);
	guard_begin(&guard, &place, !before.id && !before.name);
	if (before.name) {
		__u32 *ids = named_or_die(&guard, place, before.name, &named);

		before.id = ids[0];
		free(ids);
	}
	new_ids = 1;
	guard.ready = with_id ? ids_print : 0;
	status = policy_insert(&guard, place, before.id, &rule, &new_id);
	if (!status)
		tell_new();
	if (!status)
		new_warn(&guard, place, new_id, &one);
	rules_free(&one);
	return done_cut(&guard, place, status);
}

/* Delete the rules with these ids in one step; refuse an id that is repeated. */
static int delete_ids(int count, char **word)
{
	__u32 *ids = calloc((size_t)count, sizeof(*ids));
	struct cgg_guard guard;
	int place, status;

	if (!ids)
		errx(CGG_FAILED, "out of memory");
	for (int i = 0; i < count; i++)
		ids[i] = id_or_die("", word[i], "not an id");
	qsort(ids, (size_t)count, sizeof(*ids), by_number);
	for (int i = 1; i < count; i++)
		if (ids[i] == ids[i - 1])
			errx(CGG_USAGE, "%u: the id is repeated", ids[i]);
	guard_begin(&guard, &place, false);
	status = policy_delete_ids(&guard, place, ids, (unsigned)count);
	free(ids);
	return done(&guard, status);
}

static int delete_named(const char *name)
{
	struct cgg_guard guard;
	unsigned count;
	__u32 *ids;
	int place, status;

	if (name_check("name", name))
		die(CGG_USAGE);
	guard_begin(&guard, &place, false);
	ids = named_or_die(&guard, place, name, &count);
	status = policy_delete_ids(&guard, place, ids, count);
	free(ids);
	return done(&guard, status);
}

/* Refuse a word that looks like several ids, or like all of them. */
static void delete_check(const char *word)
{
	size_t ids = strspn(word, "0123456789,-");

	if (ids && !word[ids])
		errx(CGG_USAGE, "%s: not an id; write several with blanks, like delete 1 2", word);
	if (!strcmp(word, "all"))
		errx(CGG_USAGE, "all: not an id; cgg-rule flush deletes all rules");
}

int delete_rules(int count, char **word)
{
	struct cgg_guard guard;
	struct cgg_rule rule;
	int place, status;

	if (count && word[0][strspn(word[0], "0123456789")] == 0)
		return delete_ids(count, word);
	if (count == 2 && !strcmp(word[0], "name"))
		return delete_named(word[1]);
	if (count == 1)
		delete_check(word[0]);
	rule = parse_or_die(count, word, false);
	guard_begin(&guard, &place, false);
	status = policy_delete(&guard, place, 0, rule_print(&rule));
	if (status == CGG_NO)
		errx(status, "%.1000s: %s", rule_print(&rule), cgg_error);
	return done(&guard, status);
}
