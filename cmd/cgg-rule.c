// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-rule.c - show and change the rules of a policy.
 *
 * Each subcommand has a row in the table commands and a function before it. A change reads the
 * policy, changes it in memory, and commits it in one step (lib/guard/commit.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const char usage[] =
	"usage: cgg-rule [-p NAME] add [-i] RULE | add [-i] -f FILE\n"
	"       cgg-rule [-p NAME] insert [-i] ID RULE\n"
	"       cgg-rule [-p NAME] delete ID | delete RULE\n"
	"       cgg-rule [-p NAME] list [-i | -s | -j]\n"
	"       cgg-rule [-p NAME] flush\n"
	"       cgg-rule [-p NAME] default HOOK[,HOOK] allow|deny|alert\n"
	"       cgg-rule [-p NAME] mode enforce|audit\n"
	"       cgg-rule [-p NAME] restore [-n] [--confirm SECONDS] [FILE]\n"
	"       cgg-rule [-p NAME] confirm\n"
	"       cgg-rule [-p NAME] test HOOK MATCH...\n"
	"       cgg-rule [-p NAME] drop\n"
	"       cgg-rule policies\n"
	"Shows and changes the rules of a policy. cgguard-rule(5) explains RULE.\n"
	"\n"
	"  -p, --policy NAME  use this policy (default: default)\n"
	"  -f, --file FILE    add: add all rules of FILE in one step (-: standard input)\n"
	"  -i, --id           add, insert: print the new id; list: begin lines with the id\n"
	"  -s, --stats        list: begin lines with id, hits and bytes\n"
	"  -j, --json         list: print JSON\n"
	"  -n, --dry-run      restore: only check FILE\n"
	"      --confirm SECONDS\n"
	"                     restore: undo the change unless `confirm' follows in time\n"
	"  -h, --help         print this and exit\n"
	"  -V, --version      print the version and exit\n";

static const char *policy_name = "default";
static const char *file_name;
static bool with_id, dry_run;
static bool is_new; /* the policy was not there before */
static enum list_form list_form;
static unsigned confirm_seconds;

/* Lock the guard and find the place of the policy; with make, prepare a new policy if needed. */
static void guard_begin(struct cgg_guard *guard, int *place, bool make)
{
	int status = policy_name_check(policy_name);

	if (!status)
		status = guard_open(guard, CGG_CHANGE);
	if (!status && make)
		status = policy_make(guard, policy_name, place);
	if (status)
		die(status);
	if (!make)
		*place = policy_find(guard, policy_name);
	if (*place < 0)
		errx(CGG_NO, "policy %s: there is none", policy_name);
	is_new = make && !*guard->policies[*place].name;
}

/* Warn that the command made a policy, because its name may be a mistake. */
static void tell_new(void)
{
	if (is_new)
		warnx("warning: policy %s: is new; cgg-attach -p %s TARGET puts it in force",
		      policy_name, policy_name);
}

static int done(struct cgg_guard *guard, int status)
{
	if (status)
		die(status);
	guard_close(guard);
	return CGG_DONE;
}

/* Parse a rule, or exit; new: also check that it can be added, and print warnings about it. */
static struct cgg_rule parse_or_die(int count, char **word, bool new)
{
	struct cgg_rule rule;
	int status = rule_parse(&rule, count, word);

	if (!status)
		status = new ? rule_accept(&rule, true) : rule_resolve(&rule);
	if (status)
		die(status);
	if (*cgg_note)
		warnx("warning: %s", cgg_note);
	return rule;
}

/* Add no rules: check the name and the guard, but make no policy. */
static int add_nothing(void)
{
	int status = policy_name_check(policy_name);
	struct cgg_guard guard;

	if (!status)
		status = guard_open(&guard, CGG_READ);
	return done(&guard, status);
}

/* The first id that -i prints, and their number; both are known before the rules are added. */
static __u32 new_id;
static unsigned new_ids;

/*
 * Print the new ids before the change; return an error to stop the change if that fails.
 *
 * A caller that gets no id tries again, so the rules must not be there yet. A pipe is enlarged to
 * hold all ids, because its reader may wait for the lock that this command holds.
 */
static int ids_print(void)
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

static int add(int count, char **word)
{
	struct cgg_rules more = rules_unset();
	struct cgg_guard guard;
	int place, status = 0;

	if (file_name && count)
		errx(CGG_USAGE, "%s: a RULE or -f FILE, not both", word[0]);
	if (file_name) {
		rules_read_or_die(&more, file_name);
		if (rules_are_unset(&more))
			return add_nothing();
	} else {
		struct cgg_rule rule = parse_or_die(count, word, true);

		status = rules_add(&more, &rule);
	}
	guard_begin(&guard, &place, true);
	new_ids = more.rules;
	guard.ready = with_id ? ids_print : 0;
	if (!status)
		status = policy_add(&guard, place, &more, &new_id);
	rules_free(&more);
	if (!status)
		tell_new();
	return done(&guard, status);
}

static __u32 id_or_die(const char *command, const char *word, const char *why)
{
	unsigned long id;

	if (number_parse(&id, word, strlen(word), 0xffffffff))
		errx(CGG_USAGE, "%s%s: %s", command, word, why);
	return (__u32)id;
}

static int insert(int count, char **word)
{
	static const char needs[] = "needs the id of the rule to insert before";
	struct cgg_guard guard;
	struct cgg_rule rule;
	__u32 before;
	int place, status;

	if (!count)
		errx(CGG_USAGE, "insert: %s", needs);
	before = id_or_die("insert ", word[0], needs);
	rule = parse_or_die(count - 1, word + 1, true);
	guard_begin(&guard, &place, false);
	new_ids = 1;
	guard.ready = with_id ? ids_print : 0;
	status = policy_insert(&guard, place, before, &rule, &new_id);
	if (status == CGG_NO)
		errx(status, "%s: %s", word[0], cgg_error);
	return done(&guard, status);
}

static int delete (int count, char **word)
{
	bool by_id = count == 1 && word[0][strspn(word[0], "0123456789")] == 0;
	char text[CGG_RULE_TEXT];
	struct cgg_guard guard;
	struct cgg_rule rule;
	__u32 id = 0;
	int place, status;

	if (by_id) {
		id = id_or_die("", word[0], "not an id");
	} else {
		rule = parse_or_die(count, word, false);
		rule_print(&rule, text);
	}
	guard_begin(&guard, &place, false);
	status = policy_delete(&guard, place, id, by_id ? 0 : text);
	if (status == CGG_NO)
		errx(status, "%s%s: %s", word[0], count > 1 ? " ..." : "", cgg_error);
	return done(&guard, status);
}

static int flush(int count, char **word)
{
	struct cgg_rules none;
	struct cgg_guard guard;
	int place;

	(void)count, (void)word;
	rules_begin(&none);
	guard_begin(&guard, &place, false);
	return done(&guard, policy_restore(&guard, place, &none, 0));
}

static int change(const struct cgg_rules *to)
{
	struct cgg_guard guard;
	int place, status;

	guard_begin(&guard, &place, true);
	status = policy_settings(&guard, place, to);
	if (!status)
		tell_new();
	return done(&guard, status);
}

static int set_mode(int count, char **word)
{
	struct cgg_rules to = rules_unset();
	int status = mode_parse(&to, count, word);

	if (status)
		die(status);
	return change(&to);
}

static int set_default(int count, char **word)
{
	struct cgg_rules to = rules_unset();
	int status = default_parse(&to, count, word);

	if (status)
		die(status);
	return change(&to);
}

static int restore(int count, char **word)
{
	struct cgg_rules rules;
	struct cgg_index index;
	char *pages;
	struct cgg_guard guard;
	int place, status = 0;

	if (count > 1)
		errx(CGG_USAGE, "%s: restore takes one FILE", word[1]);
	file_name = count ? word[0] : "-";
	rules = rules_unset();
	rules_read_or_die(&rules, file_name);
	settings_fill(&rules);
	if (dry_run) {
		status = index_build(&pages, &index, &rules);
		if (status)
			die(status);
		free(pages);
		rules_free(&rules);
		return CGG_DONE;
	}
	guard_begin(&guard, &place, true);
	status = policy_restore(&guard, place, &rules, confirm_seconds);
	rules_free(&rules);
	return done(&guard, status);
}

static int confirm(int count, char **word)
{
	struct cgg_guard guard;
	int place;

	(void)count, (void)word;
	guard_begin(&guard, &place, false);
	return done(&guard, policy_confirm(&guard, place));
}

/* The id of a rule to look for, and its line once it is found. */
struct by_id {
	__u32 id;
	char text[CGG_LINE_TEXT];
};

static int keep_line(void *context, const struct cgg_line *line)
{
	struct by_id *wanted = context;

	if (line->id != wanted->id)
		return 0;
	line_print(line, wanted->text);
	return CGG_NO;
}

/* Print the kernel's decision on an operation; the lock keeps other queries out meanwhile. */
static int test(int count, char **word)
{
	char *all[64] = { "allow" };
	struct by_id found = { 0 };
	struct cgg_guard guard;
	struct cgg_rule rule;
	struct cgg_ask ask;
	__u8 verdict;
	int place, status;

	if (!count || count > 62)
		errx(CGG_USAGE, "test: needs one operation: test HOOK MATCH...");
	memcpy(all + 1, word, (size_t)count * sizeof(*word));
	rule = parse_or_die(count + 1, all, false);
	status = query_make(&ask, &rule);
	if (status)
		die(status);
	guard_begin(&guard, &place, false);
	status = query_ask(&ask, place, &verdict, &found.id);
	if (!status && found.id && policy_each(&guard, place, keep_line, &found) == CGG_FAILED)
		status = CGG_FAILED;
	if (!status && !found.id)
		printf("%s\tdefault\n", cgg_verdicts[verdict]);
	else if (!status)
		printf("%s\t%u\t%s\n", cgg_verdicts[verdict], found.id, found.text);
	done(&guard, status);
	return verdict == CGG_DENY ? CGG_NO : CGG_DONE;
}

static int drop(int count, char **word)
{
	struct cgg_guard guard;
	int place, status;

	(void)count, (void)word;
	guard_begin(&guard, &place, false);
	status = guard_repair(&guard);
	if (!status)
		status = policy_drop(&guard, place);
	if (status)
		die(status);
	guard_close(&guard);
	return CGG_DONE;
}

static int policies(int count, char **word)
{
	struct cgg_guard guard;
	int status = guard_open(&guard, CGG_READ);

	(void)count, (void)word;
	if (status)
		die(status);
	for (int i = 0; i < CGG_POLICIES; i++)
		if (*guard.policies[i].name)
			puts(guard.policies[i].name);
	guard_close(&guard);
	return CGG_DONE;
}

static int list(int count, char **word)
{
	const struct cgg_image *image;
	struct cgg_guard guard;
	int place, status = policy_name_check(policy_name);

	(void)count, (void)word;
	if (with_id + (list_form != LIST_PLAIN) > 1)
		errx(CGG_USAGE, "list: -i, -s or -j, one of them");
	if (with_id)
		list_form = LIST_IDS;
	if (!status)
		status = guard_open(&guard, CGG_READ);
	if (status)
		die(status);
	place = policy_find(&guard, policy_name);
	if (place < 0)
		errx(CGG_NO, "policy %s: there is none", policy_name);
	image = policy_image(&guard, place);
	if (!image)
		die(CGG_FAILED);
	return done(&guard, policy_list(&guard, place, image, list_form));
}

/* options: the letters that a subcommand takes; most: its arguments at most, -1: any number */
static const struct command {
	const char *word, *options;
	int most;
	int (*run)(int count, char **word);
} commands[] = {
	{ "add", "fi", -1, add },	 { "insert", "i", -1, insert },
	{ "delete", "", -1, delete },	 { "list", "isj", 0, list },
	{ "flush", "", 0, flush },	 { "default", "", -1, set_default },
	{ "mode", "", -1, set_mode },	 { "restore", "nc", -1, restore },
	{ "confirm", "", 0, confirm },	 { "test", "", -1, test },
	{ "policies", "", 0, policies }, { "drop", "", 0, drop },
};

static const struct command *command_find(const char *word)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].word, word))
			return &commands[i];
	errx(CGG_USAGE, "%s: not a word of cgg-rule; see cgg-rule -h", word);
}

static unsigned seconds_or_die(const char *word)
{
	unsigned long n;

	if (number_parse(&n, word, strlen(word), 86400) || !n)
		errx(CGG_USAGE, "--confirm %s: not a number of seconds (1 to 86400)", word);
	return (unsigned)n;
}

static void list_choose(enum list_form form)
{
	if (list_form != LIST_PLAIN && list_form != form)
		errx(CGG_USAGE, "list: -i, -s or -j, one of them");
	list_form = form;
}

/* Store one option, given before the subcommand (command is 0) or after it. */
static void option_take(int option, const struct command *command)
{
	if (option == 'p') {
		policy_name = optarg;
		return;
	}
	if (strchr("fisjnc", option) && (!command || !strchr(command->options, option)))
		errx(CGG_USAGE, "-%c: %s does not take it", option,
		     command ? command->word : "cgg-rule");
	if (option == 'f')
		file_name = optarg;
	else if (option == 'i')
		with_id = true;
	else if (option == 's' || option == 'j')
		list_choose(option == 's' ? LIST_STATS : LIST_JSON);
	else if (option == 'n')
		dry_run = true;
	else if (option == 'c')
		confirm_seconds = seconds_or_die(optarg);
	else
		common_option(option, usage);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "policy", 1, 0, 'p' },  { "file", 1, 0, 'f' },
						 { "id", 0, 0, 'i' },	   { "stats", 0, 0, 's' },
						 { "json", 0, 0, 'j' },	   { "dry-run", 0, 0, 'n' },
						 { "confirm", 1, 0, 'c' }, COMMON_OPTIONS };
	const struct command *command = 0;
	int option;

	start(argv);
	if (isatty(STDERR_FILENO)) {
		progress_begin();
	}
	for (int round = 0; round < 2; round++) {
		while ((option = getopt_long(argc, argv, "+p:f:isjn" COMMON_LETTERS, options, 0)) !=
		       -1)
			option_take(option, command);
		if (optind == argc && !command)
			errx(CGG_USAGE, "add, insert, delete, list, ...? see cgg-rule -h");
		if (!command)
			command = command_find(argv[optind++]);
	}
	if (command->most >= 0 && argc - optind > command->most)
		errx(CGG_USAGE, "%s: %s takes no arguments", argv[optind], command->word);
	return command->run(argc - optind, argv + optind);
}
