// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* rule.c - options of cgg-rule that several files need, begin and end of a change, new ids. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "rule.h"
#include "sockets.h"

const char *policy_name = "default", *file_name;
bool with_id, renew, cut, verbose, policy_given;
static bool is_new; /* the policy was not there before */

/* Find the place of the policy, or exit. */
static int place_or_die(struct cgg_guard *guard)
{
	int place = policy_find(guard, policy_name);

	if (place < 0)
		errx(CGG_NO, "policy %s: there is none; cgg-rule policies lists them", policy_name);
	return place;
}

/* Open the guard for reading, and find the place of the policy, or exit. */
void guard_look(struct cgg_guard *guard, int *place)
{
	int status = policy_name_check(policy_name);

	if (!status)
		status = guard_open(guard, CGG_READ);
	if (status)
		die(status);
	*place = place_or_die(guard);
}

/* Lock the guard and find the place of the policy; with make, prepare a new policy if needed. */
void guard_begin(struct cgg_guard *guard, int *place, bool make)
{
	int status = policy_name_check(policy_name);

	if (!status)
		status = guard_open(guard, CGG_CHANGE);
	if (!status && guard->torn)
		policies_sweep(guard);
	if (!status && make)
		status = policy_make(guard, policy_name, place);
	if (status)
		die(status);
	if (!make)
		*place = place_or_die(guard);
	is_new = make && !*guard->policies[*place].name;
}

/* Warn that the command made a policy, because its name may be a mistake. */
void tell_new(void)
{
	if (is_new)
		warnx("warning: policy %s: is new; cgg-attach -p %s TARGET puts it in force",
		      policy_name, policy_name);
}

/* Restore a policy, but leave the rules as they are: an index would take them away. */
int policy_put(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds)
{
	const unsigned entries = rules->count, all = rules->rules;
	int status = policy_restore(guard, place, rules, seconds);

	rules->count = entries;
	rules->rules = all;
	if (!status)
		resolver_warn(guard, place);
	return status;
}

int done(struct cgg_guard *guard, int status)
{
	if (status)
		die(status);
	guard_close(guard);
	return CGG_DONE;
}

int done_cut(struct cgg_guard *guard, int place, int status)
{
	if (status)
		die(status);
	if (cut)
		status = sockets_cut_print(guard, place, 0, 0, verbose);
	guard_close(guard);
	return status;
}

/* Return whether a word is the name of a policy, and no policy was chosen by -p. */
bool is_other_policy(const char *word)
{
	struct cgg_guard guard;
	bool is_one;

	if (policy_given || !strcmp(word, policy_name) || policy_name_check(word))
		return false;
	is_one = !guard_open(&guard, CGG_READ) && policy_find(&guard, word) >= 0;
	guard_close(&guard);
	return is_one;
}

/* Exit with cgg_error, and say so if the first word is a policy's name: it has to follow -p. */
void die_at(int status, int count, char **word)
{
	const char *policy = count ? word[0] : "";
	char why[CGG_ERROR];

	strcpy(why, cgg_error);
	if (status == CGG_USAGE && is_other_policy(policy))
		errx(status, "%s; for policy %s write cgg-rule -p %s", why, policy, policy);
	errx(status, "%s", why);
}

/* Parse a rule, or exit; new: also check that it can be added, and print warnings about it. */
struct cgg_rule parse_or_die(int count, char **word, bool new)
{
	struct cgg_rule rule;
	int status = rule_parse(&rule, count, word);

	if (!status)
		status = new ? rule_accept(&rule, true) : rule_resolve(&rule);
	if (status)
		die_at(status, count, word);
	if (*cgg_note)
		warnx("warning: %s", cgg_note);
	return rule;
}

void programs_or_die(const struct cgg_rules *rules)
{
	int status = programs_need(rules);

	if (status)
		die(status);
}

/* The first id that -i prints, and their number; both are known before the rules are added. */
__u32 new_id;
unsigned new_ids;

/*
 * Print the new ids before the change; return an error to stop the change if that fails.
 *
 * A caller that gets no id tries again, so the rules must not be there yet. A pipe is enlarged to
 * hold all ids, because its reader may wait for the lock that this command holds.
 */
int ids_print(void)
{
	char *text = 0;
	size_t size = 0, done = 0;
	FILE *out = open_memstream(&text, &size);

	for (unsigned i = 0; out && i < new_ids; i++)
		fprintf(out, "%u\n", new_id + i);
	if (!out || fclose(out))
		return set_error(CGG_FAILED, "out of memory");
	if (fcntl(STDOUT_FILENO, F_GETPIPE_SZ) >= 0 && size > 4096)
		fcntl(STDOUT_FILENO, F_SETPIPE_SZ, (int)size);
	while (done < size) {
		ssize_t n = write(STDOUT_FILENO, text + done, size - done);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			done += (size_t)n;
	}
	free(text);
	return done == size ? 0 : set_error(CGG_FAILED, "standard output: %s", strerror(errno));
}
