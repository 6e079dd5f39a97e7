// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * check.c - cgg-rule check: prints rules that can never decide here, or that do not mean what their
 * words say.
 *
 * Changes of a policy warn of new rules that can never decide.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "rule.h"

#define WARNINGS 10 /* of one change */
#define SLOW_ENTRIES 2000000 /* to compare more of them takes seconds */
#define WARN_ENTRIES 200000 /* a change to a larger policy is not compared: it would take seconds */

struct check {
	const struct cgg_rules *rules;
	unsigned lacking; /* hooks that this kernel lacks: 1 << enum cgg_hook */
	bool in_force; /* the rules are not from a FILE, whose words were just read */
	bool any;
};

/* Write the ids of the cgroups above one, or zeros if it is gone. */
static void cgroups_above(__u64 id, __u64 above[CGG_LEVELS])
{
	int fd = cgroup_open_id(id);

	memset(above, 0, CGG_LEVELS * sizeof(*above));
	if (fd < 0)
		return;
	cgroup_above(fd, above);
	close(fd);
}

/* Say why a rule can never decide. */
static void shadow_say(const struct cgg_shadowed *shadow, char text[64])
{
	if (shadow->unknown)
		snprintf(text, 64, "not checked: the ranges of too many rules overlap it");
	else if (shadow->never)
		snprintf(text, 64, "no operation matches it");
	else if (shadow->by)
		snprintf(text, 64, shadow->repeats ? "repeats rule %u" : "rule %u takes all of it",
			 shadow->by);
	else
		snprintf(text, 64, "earlier rules together take all of it");
}

/* Print a line about a rule, or about a setting (0: none). */
static void tell(struct check *check, const struct cgg_entry *e, const char *why,
		 const char *setting)
{
	static char words[CGG_LINE_TEXT];

	check->any = true;
	if (setting) {
		printf("-\t%s\t%s\n", why, setting);
		return;
	}
	entry_print(check->rules, e, words);
	printf("%u\t%s\t%s\n", e->id, why, words);
}

static void tell_lacking(struct check *check, const struct cgg_entry *e, unsigned hooks,
			 const char *setting)
{
	char why[256] = "this kernel lacks ";
	size_t used = strlen(why);

	if (!(hooks & check->lacking))
		return;
	hooks_print(hooks & check->lacking, why + used, sizeof(why) - used);
	tell(check, e, why, setting);
}

static void settings_check(struct check *check)
{
	const struct cgg_rules *rules = check->rules;
	char text[CGG_SETTINGS_TEXT], words[256];

	settings_print(&rules->defaults, rules->audit, &rules->naming, text);
	for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
		unsigned hooks;

		if (sscanf(line, "default %255s", words) == 1 && !hooks_parse(&hooks, words))
			tell_lacking(check, 0, hooks, line);
	}
}

/* Tell if a printed rule is refused, or would be another rule when it is read back. */
static void words_check(struct check *check, const struct cgg_entry *e)
{
	const size_t len = e->text_len;
	const char *words = check->rules->heap + 8 * (size_t)e->text, *again;
	char why[CGG_ERROR + 64] = "", *text = strndup(words, len);
	struct cgg_rule rule;
	bool is_read;

	if (!text)
		errx(CGG_FAILED, "out of memory");
	is_read = !rule_line(&rule, text);
	if (!is_read || (check->in_force && rule_accept(&rule, false))) {
		snprintf(why, sizeof(why), "cannot be read back: %s", cgg_error);
	} else if (check->in_force && rule.cgroup_id != e->condition.cgroup) {
		snprintf(why, sizeof(why), "its cgroup is gone, and another has its name");
	} else {
		again = rule_print(&rule);
		if (strlen(again) != len || memcmp(words, again, len) != 0)
			snprintf(why, sizeof(why), "is read back as %.512s", again);
	}
	if (is_read)
		rule_free(&rule);
	free(text);
	if (*why)
		tell(check, e, why, 0);
}

static void rule_check(struct check *check, const struct cgg_entry *e)
{
	words_check(check, e);
	if (e->condition.access == CGG_BY_NAME && !check->rules->naming.resolvers)
		tell(check, e, NO_RESOLVER, 0);
	tell_lacking(check, e, e->condition.hooks, 0);
}

static int rules_check(struct check *check)
{
	const struct cgg_rules *rules = check->rules;
	struct cgg_shadowed *shadow;
	unsigned count, at = 0;
	char why[64];

	if (rules->count > SLOW_ENTRIES)
		warnx("the lists of the rules make %u combinations; comparing them takes a while",
		      rules->count);
	if (shadows_find(rules, 0, cgroups_above, false, &shadow, &count))
		die(CGG_FAILED);
	settings_check(check);
	for (unsigned i = 0; i < rules->count; i++) {
		if (!rules->entry[i].text_len)
			continue;
		if (at < count && shadow[at].entry == i) {
			shadow_say(&shadow[at++], why);
			tell(check, &rules->entry[i], why, 0);
		}
		rule_check(check, &rules->entry[i]);
	}
	free(shadow);
	return check->any ? CGG_NO : CGG_DONE;
}

/* Check FILE, or the policy in force. */
int check_rules(int count, char **word)
{
	struct cgg_rules rules = rules_unset();
	struct check check = { .rules = &rules, .lacking = hooks_lacking() };
	struct cgg_guard guard;
	int place, status;

	if (count > 1)
		errx(CGG_USAGE, "%s: check takes one FILE", word[1]);
	if (count) {
		status = policy_name_check(policy_name);
		rules_read_or_die(&rules, word[0]);
		settings_fill(&rules);
	} else {
		guard_look(&guard, &place);
		status = policy_read(&guard, place, &rules);
		check.in_force = true;
		guard_close(&guard);
	}
	if (status)
		die(status);
	status = rules_check(&check);
	rules_free(&rules);
	return status;
}

/* Return whether a policy has too many rules to compare new ones with them, and say so. */
static bool is_too_large(unsigned rules)
{
	if (rules > WARN_ENTRIES)
		warnx("warning: policy %s: has more than %u rules, lists counted, so new ones were "
		      "not compared; run cgg-rule check",
		      policy_name, WARN_ENTRIES);
	return rules > WARN_ENTRIES;
}

/* Warn of rules from entry `from` on that can never decide. A failure changes nothing. */
void shadows_warn(const struct cgg_rules *rules, unsigned from)
{
	unsigned count, warned = 0, unknown = 0, more;
	struct cgg_shadowed *shadow;
	char why[64];

	if (is_too_large(rules->count) ||
	    shadows_find(rules, from, cgroups_above, true, &shadow, &count))
		return;
	for (unsigned i = 0; i < count; i++) {
		unknown += shadow[i].unknown;
		if (shadow[i].unknown || warned == WARNINGS)
			continue;
		warned++;
		shadow_say(&shadow[i], why);
		warnx("warning: policy %s: rule %u can never decide: %s", policy_name,
		      rules->entry[shadow[i].entry].id, why);
	}
	more = count - warned - unknown;
	if (more)
		warnx("warning: policy %s: %u more rules can never decide; cgg-rule check prints "
		      "them",
		      policy_name, more);
	if (unknown)
		warnx("warning: policy %s: %u rules were not checked: too many ranges overlap; run "
		      "cgg-rule check",
		      policy_name, unknown);
	free(shadow);
}

/* Ask the kernel whether a new rule decides the first operation that its first entry matches. */
static bool sample_decides(int place, const struct cgg_rules *rules, __u32 id, int hook, __u8 bit)
{
	static const __u8 loopback[16] = { [15] = 1 };
	const struct cgg_entry *e = &rules->entry[0];
	struct cgg_ask ask = { .query = { .select = e->condition.select,
					  .port = e->port_min,
					  .hook = (__u8)hook,
					  .access = bit } };
	__u32 rule = 0;
	__u8 verdict;

	memcpy(ask.query.word, e->value, sizeof(ask.query.word));
	if (e->condition.select & CGG_IS_LOCAL)
		memcpy(ask.query.word, loopback, sizeof(ask.query.word));
	memcpy(&ask.name, ask.query.word, sizeof(ask.query.word));
	if (e->operand_words)
		memcpy(&ask.name, rules->heap + 8 * (size_t)e->operand, sizeof(ask.name));
	ask.ancestor[e->condition.level % CGG_LEVELS] = e->condition.cgroup;
	return !query_ask(&ask, place, &verdict, &rule) && rule == id;
}

static bool any_decides(int place, const struct cgg_rules *rules, __u32 id)
{
	const struct cgg_condition *c = &rules->entry[0].condition;

	for (int at = 0; at < CGG_HOOKS * CGG_QUERY_BITS; at++) {
		int hook = at / CGG_QUERY_BITS;
		unsigned bits = cgg_hooks[hook].access_bits | CGG_R | CGG_BY_NAME;
		__u8 bit = (__u8)(1 << at % CGG_QUERY_BITS);

		if (c->hooks >> hook & 1 && bits & c->access & bit &&
		    sample_decides(place, rules, id, hook, bit))
			return true;
	}
	return false;
}

/*
 * Warn of the new rules of a policy that can never decide: those of more, whose ids begin at id.
 *
 * To be fast when one rule is added to many, first try whether it decides some operation.
 */
void new_warn(struct cgg_guard *guard, int place, __u32 id, const struct cgg_rules *more)
{
	unsigned from = 0, end, size;
	struct cgg_rules rules;

	if (rules_have_host(more))
		resolver_warn(guard, place);
	if (!more->rules || (more->rules == 1 && any_decides(place, more, id)) ||
	    policy_size(guard, place, &size) || is_too_large(size))
		return;
	if (!policy_read(guard, place, &rules)) {
		while (from < rules.count && rules.entry[from].id != id)
			from++;
		for (end = from; end < rules.count && rules.entry[end].id - id < more->rules;)
			end++;
		rules.count = end;
		if (from < end)
			shadows_warn(&rules, from);
	}
	rules_free(&rules);
}
