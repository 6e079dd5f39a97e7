// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-rule.c - show and change the rules of a policy.
 *
 * Each subcommand has a row in the table commands, and a function: before the table, or in
 * ask.c, change.c, check.c, diff.c, edit.c or export.c. A change reads the policy, changes it in
 * memory, and commits it in one step (lib/guard/commit.c).
 */
#include <string.h>
#include <unistd.h>

#include "hint.h"
#include "rule.h"

static const char usage[] =
	"usage: cgg-rule [-p NAME] add [-i] [-r] [--cut [-v]] RULE\n"
	"       cgg-rule [-p NAME] add [-i] [--cut [-v]] -f FILE\n"
	"       cgg-rule [-p NAME] insert [-i] [--cut [-v]] ID RULE\n"
	"       cgg-rule [-p NAME] insert [-i] [--cut [-v]] first RULE\n"
	"       cgg-rule [-p NAME] insert [-i] [--cut [-v]] before name WORD RULE\n"
	"       cgg-rule [-p NAME] delete ID... | delete name WORD | delete RULE\n"
	"       cgg-rule [-p NAME] list [-i | -s | -j]\n"
	"       cgg-rule [-p NAME] flush\n"
	"       cgg-rule [-p NAME] default [--cut [-v]] HOOK[,HOOK] allow|deny|alert [errno NAME] [quiet]\n"
	"       cgg-rule [-p NAME] mode [--cut [-v]] enforce|audit\n"
	"       cgg-rule [-p NAME] restore [-n] [--confirm SECONDS] [--cut [-v]] [FILE]\n"
	"       cgg-rule [-p NAME] confirm\n"
	"       cgg-rule [-p NAME] diff [FILE]\n"
	"       cgg-rule [-p NAME] check [FILE]\n"
	"       cgg-rule [-p NAME] edit [--confirm SECONDS]\n"
	"       cgg-rule [-p NAME] test HOOK MATCH...\n"
	"       cgg-rule test --in TARGET HOOK MATCH...\n"
	"       cgg-rule [-p NAME] drop\n"
	"       cgg-rule export DIR\n"
	"       cgg-rule policies\n"
	"Shows and changes the rules of a policy. cgguard-rule(5) explains RULE.\n"
	"An id is not a position: a rule keeps its id, and `list -i' prints it.\n"
	"\n"
	"  -p, --policy NAME  use this policy (default: default)\n"
	"  -f, --file FILE    add: add all rules of FILE in one step (-: standard input)\n"
	"  -i, --id           add, insert: print the new id; list: begin lines with the id\n"
	"  -r, --renew        add: extend the ttl of an equal rule instead, if there is one\n"
	"  -s, --stats        list: begin lines with id, hits and bytes\n"
	"  -j, --json         list: print JSON\n"
	"  -n, --dry-run      restore: only check FILE\n"
	"      --confirm SECONDS\n"
	"                     restore, edit: undo the change unless `confirm' follows in time\n"
	"      --in TARGET    test: ask every policy that judges a process in this cgroup\n"
	"      --cut          add, insert, default, mode, restore: then end the open connections\n"
	"                     that the policy refuses, in all cgroups that are attached to it\n"
	"  -v, --verbose      print what was ended, as cgg-sockets prints it\n"
	"  -h, --help         print this and exit\n"
	"  -V, --version      print the version and exit\n";

static bool dry_run;
static enum list_form list_form;
static unsigned confirm_seconds;

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

	programs_or_die(to);
	guard_begin(&guard, &place, true);
	status = policy_settings(&guard, place, to);
	if (!status) {
		tell_new();
		resolver_warn(&guard, place);
	}
	return done_cut(&guard, place, status);
}

static int set_mode(int count, char **word)
{
	struct cgg_rules to = rules_unset();
	int status = mode_parse(&to, count, word);

	if (status)
		die_at(status, count, word);
	return change(&to);
}

static int set_default(int count, char **word)
{
	struct cgg_rules to = rules_unset();
	int status = default_parse(&to, count, word);

	if (status)
		die_at(status, count, word);
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
	if (dry_run && cut)
		errx(CGG_USAGE, "--cut: not with -n, which changes nothing");
	if (dry_run) {
		status = index_build(&pages, &index, &rules);
		if (status)
			die(status);
		free(pages);
		rules_free(&rules);
		return CGG_DONE;
	}
	programs_or_die(&rules);
	guard_begin(&guard, &place, true);
	status = done_cut(&guard, place, policy_put(&guard, place, &rules, confirm_seconds));
	if (!status)
		shadows_warn(&rules, 0);
	rules_free(&rules);
	return status;
}

static int edit(int count, char **word)
{
	(void)count, (void)word;
	return edit_policy(confirm_seconds);
}

static int confirm(int count, char **word)
{
	struct cgg_guard guard;
	int place;

	(void)count, (void)word;
	guard_begin(&guard, &place, false);
	return done(&guard, policy_confirm(&guard, place));
}

static int drop(int count, char **word)
{
	struct cgg_guard guard;
	int place, status;

	(void)count, (void)word;
	guard_begin(&guard, &place, false);
	status = guard_tidy(&guard);
	if (!status)
		status = policy_drop(&guard, place);
	if (status)
		die(status);
	guard_close(&guard);
	return CGG_DONE;
}

static int policies(int count, char **word)
{
	static int places[CGG_POLICIES];
	struct cgg_guard guard;
	int status = guard_open(&guard, CGG_READ);
	unsigned all;

	(void)count, (void)word;
	if (status)
		die(status);
	all = policies_sorted(&guard, places);
	for (unsigned i = 0; i < all; i++)
		puts(guard.policies[places[i]].name);
	guard_close(&guard);
	return CGG_DONE;
}

static int list(int count, char **word)
{
	const struct cgg_image *image;
	struct cgg_guard guard;
	int place;

	(void)count, (void)word;
	if (with_id + (list_form != LIST_PLAIN) > 1)
		errx(CGG_USAGE, "list: -i, -s or -j, one of them");
	if (with_id)
		list_form = LIST_IDS;
	guard_look(&guard, &place);
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
	{ "add", "firCv", -1, add_rules },  { "insert", "iCv", -1, insert_rule },
	{ "delete", "", -1, delete_rules }, { "list", "isj", 0, list },
	{ "flush", "", 0, flush },	    { "default", "Cv", -1, set_default },
	{ "mode", "Cv", -1, set_mode },	    { "restore", "ncCv", -1, restore },
	{ "confirm", "", 0, confirm },	    { "diff", "", -1, diff_file },
	{ "check", "", -1, check_rules },   { "edit", "c", 0, edit },
	{ "export", "", -1, export_guard }, { "test", "I", -1, test_operation },
	{ "policies", "", 0, policies },    { "drop", "", 0, drop },
};

static const struct command *command_find(const char *word)
{
	const char *hint;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].word, word))
			return &commands[i];
	hint = subcommand_hint(word, false);
	errx(CGG_USAGE, "%s: not a word of cgg-rule%s", word, *hint ? hint : "; see cgg-rule -h");
}

/* Refuse an argument. It may be the name of a policy, which follows -p. */
static _Noreturn void argument_refuse(const struct command *command, const char *word)
{
	if (command->run == policies || !is_other_policy(word))
		errx(CGG_USAGE, "%s: %s takes no arguments", word, command->word);
	errx(CGG_USAGE, "%s: %s takes no arguments; for policy %s write cgg-rule -p %s %s", word,
	     command->word, word, word, command->word);
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

/* Store an option of argument, before the subcommand (command is 0) or after it. */
static void option_take(int option, const struct command *command, const char *argument)
{
	if (option == 'p') {
		policy_name = optarg;
		policy_given = true;
		return;
	}
	if (strchr("firsjncICv", option) && (!command || !strchr(command->options, option)))
		errx(CGG_USAGE, "-%s: %s does not take it",
		     option == 'I'   ? "-in"
		     : option == 'C' ? "-cut"
				     : (char[]){ (char)option, 0 },
		     command ? command->word : "cgg-rule");
	if (option == 'f')
		file_name = optarg;
	else if (option == 'i')
		with_id = true;
	else if (option == 'r')
		renew = true;
	else if (option == 's' || option == 'j')
		list_choose(option == 's' ? LIST_STATS : LIST_JSON);
	else if (option == 'n')
		dry_run = true;
	else if (option == 'C')
		cut = true;
	else if (option == 'v')
		verbose = true;
	else if (option == 'c')
		confirm_seconds = seconds_or_die(optarg);
	else if (option == 'I')
		test_target = optarg;
	else if (option == '?')
		option_refuse(argument, false);
	else
		common_option(option, usage);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "policy", 1, 0, 'p' },  { "file", 1, 0, 'f' },
						 { "id", 0, 0, 'i' },	   { "renew", 0, 0, 'r' },
						 { "stats", 0, 0, 's' },   { "json", 0, 0, 'j' },
						 { "dry-run", 0, 0, 'n' }, { "confirm", 1, 0, 'c' },
						 { "cut", 0, 0, 'C' },	   { "verbose", 0, 0, 'v' },
						 { "in", 1, 0, 'I' },	   COMMON_OPTIONS };
	const struct command *command = 0;
	int option;

	start(argv);
	if (isatty(STDERR_FILENO)) {
		progress_begin();
	}
	for (int round = 0; round < 2; round++) {
		while ((option = option_next(argc, argv, "+p:f:irsjnv" COMMON_LETTERS, options)) !=
		       -1)
			option_take(option, command, argv[optind - 1]);
		if (optind == argc && !command)
			errx(CGG_USAGE, "add, insert, delete, list, ...? see cgg-rule -h");
		if (!command)
			command = command_find(argv[optind++]);
	}
	if (command->most >= 0 && argc - optind > command->most)
		argument_refuse(command, argv[optind]);
	if (verbose && !cut)
		errx(CGG_USAGE, "-v: is for --cut");
	return command->run(argc - optind, argv + optind);
}
