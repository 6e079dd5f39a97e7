// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* edit.c - cgg-rule edit: open a policy in an editor, and restore what was saved. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rule.h"

/* The file to edit, in a folder that only we can read: editors write other files beside it. */
static char folder[4000], path[sizeof(folder) + CGG_POLICY_NAME + 16];

static void folder_remove(void)
{
	DIR *list = *folder ? opendir(folder) : 0;
	struct dirent *entry;

	while (list && (entry = readdir(list)))
		unlinkat(dirfd(list), entry->d_name, 0);
	if (list)
		closedir(list);
	if (*folder)
		rmdir(folder);
	*folder = 0;
}

/* Remove the file and the folder, as far as they are made, then end by the signal. */
static void end_by_signal(int number)
{
	unlink(path);
	rmdir(folder);
	signal(number, SIG_DFL);
	raise(number);
}

static void folder_make(void)
{
	const char *parent = getenv("TMPDIR");

	signal(SIGHUP, end_by_signal);
	signal(SIGTERM, end_by_signal);
	signal(SIGINT, end_by_signal);
	if (snprintf(folder, sizeof(folder), "%s/cgg-rule-XXXXXX",
		     parent && *parent ? parent : "/tmp") >= (int)sizeof(folder) ||
	    !mkdtemp(folder)) {
		*folder = 0;
		err(CGG_FAILED, "%s", parent && *parent ? parent : "/tmp");
	}
	snprintf(path, sizeof(path), "%s/%s.policy", folder, policy_name);
	atexit(folder_remove);
}

static void file_write(const struct lines *lines)
{
	FILE *file = fopen(path, "wxe");

	for (unsigned i = 0; file && i < lines->count; i++)
		fprintf(file, "%s\n", lines->text[i].words);
	if (file && !lines->count)
		fputs("# " ALLOW_EVERYTHING "\n", file);
	if (!file || fchmod(fileno(file), 0600) || fclose(file))
		err(CGG_FAILED, "%s", path);
}

static char *file_text(void)
{
	FILE *file = fopen(path, "re");
	char *text = 0;
	size_t size;

	if (file)
		text = slurp(file, &size);
	if (!text)
		err(CGG_FAILED, "%s", path);
	fclose(file);
	return text;
}

/* Wait until the editor has ended; signals from the terminal are for it alone. */
static void editor_run(void)
{
	const char *editor = getenv("VISUAL");
	char command[4096];
	pid_t child;
	int status;

	if (!editor || !*editor)
		editor = getenv("EDITOR");
	if (!editor || !*editor)
		editor = "vi";
	if (snprintf(command, sizeof(command), "%s \"$1\"", editor) >= (int)sizeof(command))
		errx(CGG_FAILED, "%s: the command of the editor is too long", editor);
	fflush(0);
	child = fork();
	if (!child) {
		signal(SIGXFSZ, SIG_DFL);
		hand_on();
		execl("/bin/sh", "sh", "-c", command, editor, path, (char *)0);
		_exit(127);
	}
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	signal(SIGINT, end_by_signal);
	signal(SIGQUIT, SIG_DFL);
	if (child < 0)
		err(CGG_FAILED, "fork");
	if (status)
		errx(CGG_FAILED, "%s: the editor failed; nothing is changed", editor);
}

/* Ask on a terminal whether to edit again; without a terminal, or after n, exit. */
static void again_or_exit(int status)
{
	char answer[80];

	if (!isatty(STDIN_FILENO))
		exit(status);
	fputs("Edit again? [Y/n] ", stderr);
	if (!fgets(answer, sizeof(answer), stdin) || strchr("nN", *answer))
		exit(status);
}

static int by_line(const void *one, const void *other)
{
	const struct text *const *a = one, *const *b = other;

	return strcmp((*a)->words, (*b)->words);
}

/* Let rules whose line was not edited end when they would have: editing does not renew a ttl. */
static void ttl_keep(struct cgg_rules *rules, const struct lines *before)
{
	const struct text **timed = calloc(before->count + 1UL, sizeof(const struct text *)), **hit;
	unsigned count = 0;
	__u64 until = 0;

	if (!timed)
		errx(CGG_FAILED, "out of memory");
	for (unsigned i = 0; i < before->count; i++)
		if (before->text[i].expires != CGG_NEVER)
			timed[count++] = &before->text[i];
	qsort(timed, count, sizeof(*timed), by_line);
	for (unsigned i = 0; i < rules->count && count; i++) {
		struct cgg_entry *e = &rules->entry[i];
		static char words[CGG_LINE_TEXT];
		const struct text line = { .words = words }, *key = &line;

		if (e->text_len && e->condition.expires == CGG_NEVER) {
			until = 0;
		} else if (e->text_len) {
			entry_print(rules, e, words);
			hit = bsearch(&key, timed, count, sizeof(*timed), by_line);
			until = hit ? (*hit)->expires : 0;
		}
		if (until)
			e->condition.expires = until;
	}
	free(timed);
}

/* Return whether a policy has these lines still, but for rules that have expired since. */
static bool is_unchanged(struct cgg_guard *guard, int place, const struct lines *before)
{
	struct lines now = { 0 };
	unsigned i = 0, at = 0;
	bool same = true;

	if (*guard->policies[place].name && lines_read(&now, guard, place))
		die(CGG_FAILED);
	for (; at < before->count; at++) {
		if (i < now.count && text_is_same(&before->text[at], &now.text[i]))
			i++;
		else if (before->text[at].expires > time_now())
			same = false;
	}
	same = same && i == now.count;
	lines_free(&now);
	return same;
}

/* Exit with the message, but leave the edited file to the user, whose work it is. */
static void leave_file(int status)
{
	warnx("%s", cgg_error);
	warnx("your edit is left in %s", path);
	*folder = 0;
	exit(status);
}

/* Put the edited rules in force; exit if the policy was changed meanwhile. */
static int put_in_force(struct cgg_rules *rules, const struct lines *before, unsigned seconds)
{
	struct cgg_guard guard;
	int place, status;

	programs_or_die(rules);
	guard_begin(&guard, &place, true);
	if (is_unchanged(&guard, place, before))
		status = policy_put(&guard, place, rules, seconds);
	else
		status = set_error(CGG_NO, "policy %s: was changed meanwhile; nothing is restored",
				   policy_name);
	if (status)
		leave_file(status);
	tell_new();
	return done(&guard, 0);
}

/* Let the user edit the file until its words are right; return false if it was not changed. */
static bool rules_edit(struct cgg_rules *rules, const char *before)
{
	for (;;) {
		char *text, *pages;
		struct cgg_index index;
		bool same;
		int status;

		editor_run();
		text = file_text();
		same = !strcmp(text, before);
		free(text);
		if (same)
			return false;
		*rules = rules_unset();
		status = rules_read(rules, path);
		settings_fill(rules);
		if (!status) {
			status = index_build(&pages, &index, rules);
			if (!status) {
				free(pages);
				return true;
			}
			warnx("%s", cgg_error);
		}
		rules_free(rules);
		again_or_exit(status);
	}
}

int edit_policy(unsigned seconds)
{
	struct lines before = { 0 };
	struct cgg_rules rules;
	bool missing = false;
	char *text;
	int status = policy_name_check(policy_name);

	if (!status)
		status = policy_lines(&before, &missing);
	if (status)
		die(status);
	folder_make();
	file_write(&before);
	text = file_text();
	if (!rules_edit(&rules, text)) {
		warnx("policy %s: not changed", policy_name);
	} else {
		ttl_keep(&rules, &before);
		rules_diff(&rules);
		if (fflush(stdout))
			err(CGG_FAILED, "standard output");
		if (ferror(stdout))
			exit(CGG_FAILED); /* it failed earlier; the end of the command reports it */
		status = put_in_force(&rules, &before, seconds);
		shadows_warn(&rules, 0);
		rules_free(&rules);
	}
	lines_free(&before);
	free(text);
	return status;
}
