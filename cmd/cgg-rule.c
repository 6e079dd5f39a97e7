// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-rule.c - policies and their rules: words in, words out.
 *
 * Each word has a row in the table at the end and a function before it. A change
 * is read, changed in memory, and committed in one step (policy.c).
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

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
	"Shows and changes the rules of a policy. RULE is in cgguard-rule(5).\n"
	"\n"
	"  -p, --policy NAME  of this policy (default: default)\n"
	"  -f, --file FILE    add: every rule in FILE, in one step (-: standard input)\n"
	"  -i, --id           add, insert: print the new id; list: put ids in front\n"
	"  -s, --stats        list: put ids, hits and bytes in front\n"
	"  -j, --json         list: as JSON\n"
	"  -n, --dry-run      restore: only check\n"
	"      --confirm SECONDS\n"
	"                     restore: go back by itself unless confirm follows in time\n"
	"  -h, --help         print this and exit\n"
	"  -V, --version      print the version and exit\n";

static const char *policy_name = "default";
static const char *file_name;
static bool with_id, with_stats, as_json, dry_run;
static unsigned confirm_seconds;

#define UNSET 0xff

/* guard_begin - the place of the policy, the guard being locked; make: a new one will do */
static void guard_begin(struct cgg_guard *guard, int *place, bool make)
{
	int status = name_check("policy", policy_name);

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
}

static void change_begin(struct cgg_guard *guard, int *place, struct cgg_rules *rules, bool make)
{
	int status;

	guard_begin(guard, place, make);
	status = policy_read(guard, *place, rules);
	if (status)
		die(status);
}

static int change_end(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	int status = policy_commit_rules(guard, place, rules);

	if (status)
		die(status);
	rules_free(rules);
	guard_close(guard);
	return CGG_DONE;
}

static struct cgg_rule parse_or_die(int count, char **word)
{
	struct cgg_rule rule;
	int status = rule_parse(&rule, count, word);

	if (!status)
		status = rule_resolve(&rule);
	if (status)
		die(status);
	return rule;
}

/* is_yaml - the first word of the text ends with a colon, or begins a document or a flow */
static bool is_yaml(const char *text)
{
	size_t len;

	while (*text && (strchr(" \t\r\n", *text) || *text == '#'))
		text += *text == '#' ? strcspn(text, "\n") : 1;
	len = strcspn(text, " \t\r\n");
	return len &&
	       (text[len - 1] == ':' || *text == '{' || *text == '%' || !strncmp(text, "---", 3));
}

/* slurp - the whole file with a NUL behind it */
static char *slurp(FILE *file, size_t *size)
{
	char *text = 0;
	FILE *out = open_memstream(&text, size);
	int c;

	if (!out)
		err(CGG_FAILED, "%s", file_name);
	while ((c = getc_unlocked(file)) != EOF)
		putc_unlocked(c, out);
	if (ferror(file) || fclose(out))
		err(CGG_FAILED, "%s", file_name);
	return text;
}

/* read_or_die - all rules of file_name, whichever of the two shapes it has */
static void read_or_die(struct cgg_rules *more)
{
	bool standard = !strcmp(file_name, "-");
	FILE *file = standard ? stdin : fopen(file_name, "re"), *memory;
	char *errors, *text;
	size_t size;
	int status = 0;

	if (!file)
		err(errno == ENOENT ? CGG_USAGE : CGG_FAILED, "%s", file_name);
	text = slurp(file, &size);
	if (!standard)
		fclose(file);
	if (size) {
		memory = fmemopen(text, size, "r");
		if (!memory)
			err(CGG_FAILED, "%s", file_name);
		status = is_yaml(text) ? yaml_read(more, memory, file_name, &errors)
				       : file_read(more, memory, file_name, &errors);
		fclose(memory);
		for (char *line = strtok(errors, "\n"); line && status; line = strtok(0, "\n"))
			warnx("%s", line);
		if (status)
			exit(status);
		free(errors);
	}
	free(text);
}

/* append - what more says behind what image has */
static int append(struct cgg_image *image, const struct cgg_rules *more)
{
	int status = 0;

	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (more->defaults[i] != UNSET)
			image->defaults[i] = more->defaults[i];
	for (unsigned i = 0; i < more->count && !status; i++)
		status = image_add(image, &more->rule[i]);
	return status;
}

static int add(int count, char **word)
{
	struct cgg_rules more = { 0 };
	struct cgg_image *image = malloc(sizeof(*image));
	const struct cgg_image *now;
	struct cgg_guard guard;
	int place, status = image ? 0 : refuse(CGG_FAILED, "out of memory");

	memset(more.defaults, UNSET, sizeof(more.defaults));
	if (file_name && count)
		errx(CGG_USAGE, "%s: a RULE or -f FILE, not both", word[0]);
	if (file_name) {
		read_or_die(&more);
	} else {
		struct cgg_rule rule = parse_or_die(count, word);

		status = rules_add(&more, 0, &rule);
	}
	guard_begin(&guard, &place, true);
	now = policy_image(&guard, place);
	if (!status)
		status = now ? image_copy(image, now) : CGG_FAILED;
	if (!status && more.audit)
		image->audit = 1;
	if (!status)
		status = append(image, &more);
	if (!status)
		status = policy_commit(&guard, place, image);
	if (status)
		die(status);
	for (unsigned i = image->count - more.count; with_id && i < image->count; i++)
		printf("%u\n", image->entry[i].id);
	free(image);
	rules_free(&more);
	guard_close(&guard);
	return CGG_DONE;
}

/* id_place - the place of rule ID; -1: there is none */
static int id_place(const struct cgg_rules *rules, unsigned long id)
{
	for (unsigned i = 0; i < rules->count; i++)
		if (rules->rule[i].id == id)
			return (int)i;
	return -1;
}

static int insert(int count, char **word)
{
	struct cgg_rules rules;
	struct cgg_guard guard;
	struct cgg_rule rule;
	unsigned long id;
	int place, before, status;

	if (!count)
		errx(CGG_USAGE, "insert: needs the id of a rule to stand before");
	if (number_parse(&id, word[0], strlen(word[0]), 0xffffffff))
		errx(CGG_USAGE, "insert %s: needs the id of a rule to stand before", word[0]);
	rule = parse_or_die(count - 1, word + 1);
	change_begin(&guard, &place, &rules, false);
	before = id_place(&rules, id);
	if (before < 0)
		errx(CGG_NO, "%lu: no such rule", id);
	rule.id = rules.next_id++;
	status = rules_add(&rules, (unsigned)before, &rule);
	if (status)
		die(status);
	if (with_id)
		printf("%u\n", rule.id);
	return change_end(&guard, place, &rules);
}

static int words_place(const struct cgg_rules *rules, const struct cgg_rule *rule)
{
	char wanted[CGG_RULE_TEXT], text[CGG_RULE_TEXT];

	rule_print(rule, wanted);
	for (unsigned i = 0; i < rules->count; i++) {
		rule_print(&rules->rule[i], text);
		if (!strcmp(text, wanted))
			return (int)i;
	}
	return -1;
}

static int delete (int count, char **word)
{
	struct cgg_rules rules;
	struct cgg_guard guard;
	struct cgg_rule rule;
	unsigned long id;
	bool by_id = count == 1 && word[0][strspn(word[0], "0123456789")] == 0;
	int place, found;

	if (by_id && number_parse(&id, word[0], strlen(word[0]), 0xffffffff))
		errx(CGG_USAGE, "%s: not an id", word[0]);
	if (!by_id)
		rule = parse_or_die(count, word);
	change_begin(&guard, &place, &rules, false);
	found = by_id ? id_place(&rules, id) : words_place(&rules, &rule);
	if (found < 0)
		errx(CGG_NO, "%s%s: no such rule", word[0], count > 1 ? " ..." : "");
	rules_remove(&rules, (unsigned)found);
	return change_end(&guard, place, &rules);
}

static int flush(int count, char **word)
{
	struct cgg_rules rules;
	struct cgg_guard guard;
	int place;

	(void)count, (void)word;
	change_begin(&guard, &place, &rules, false);
	rules.count = 0;
	memset(rules.defaults, CGG_ALLOW, sizeof(rules.defaults));
	rules.audit = false;
	return change_end(&guard, place, &rules);
}

static int set_mode(int count, char **word)
{
	struct cgg_rules rules, check = { 0 };
	struct cgg_guard guard;
	int place, status = mode_parse(&check, count, word);

	if (status)
		die(status);
	change_begin(&guard, &place, &rules, true);
	rules.audit = check.audit;
	return change_end(&guard, place, &rules);
}

static int restore(int count, char **word)
{
	struct cgg_rules rules = { 0 };
	struct cgg_guard guard;
	struct cgg_image *image;
	int place, status;

	if (count > 1)
		errx(CGG_USAGE, "%s: restore takes one FILE", word[1]);
	file_name = count ? word[0] : "-";
	read_or_die(&rules);
	if (dry_run) {
		image = malloc(sizeof(*image));
		status = image ? compile(image, &rules) : refuse(CGG_FAILED, "out of memory");
		if (status)
			die(status);
		return CGG_DONE;
	}
	guard_begin(&guard, &place, true);
	status = policy_restore(&guard, place, &rules, confirm_seconds);
	if (status)
		die(status);
	rules_free(&rules);
	guard_close(&guard);
	return CGG_DONE;
}

static int confirm(int count, char **word)
{
	struct cgg_guard guard;
	int place, status;

	(void)count, (void)word;
	guard_begin(&guard, &place, false);
	status = policy_confirm(&guard, place);
	if (status)
		die(status);
	guard_close(&guard);
	return CGG_DONE;
}

/* test - what the kernel would say, in one line; the lock keeps other questions out */
static int test(int count, char **word)
{
	char *all[64] = { "allow" };
	struct cgg_rules rules;
	struct cgg_guard guard;
	struct cgg_rule rule;
	struct cgg_ask ask;
	char text[CGG_RULE_TEXT];
	__u8 verdict;
	__u32 id;
	int place, at, status;

	if (!count || count > 62)
		errx(CGG_USAGE, "test: needs one operation: test HOOK MATCH...");
	memcpy(all + 1, word, (size_t)count * sizeof(*word));
	rule = parse_or_die(count + 1, all);
	status = query_make(&ask, &rule);
	if (status)
		die(status);
	change_begin(&guard, &place, &rules, false);
	status = query_ask(&ask, place, &verdict, &id);
	if (status)
		die(status);
	at = id_place(&rules, id);
	if (at < 0) {
		printf("%s\tdefault\n", cgg_verdicts[verdict]);
	} else {
		rule_print_left(&rules.rule[at], text);
		printf("%s\t%u\t%s\n", cgg_verdicts[verdict], id, text);
	}
	rules_free(&rules);
	guard_close(&guard);
	return verdict == CGG_DENY ? CGG_NO : CGG_DONE;
}

static int set_default(int count, char **word)
{
	struct cgg_rules rules, check = { 0 };
	struct cgg_guard guard;
	int place, status = default_parse(&check, count, word);

	if (status)
		die(status);
	change_begin(&guard, &place, &rules, true);
	default_parse(&rules, count, word);
	return change_end(&guard, place, &rules);
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

static void list_text(const struct cgg_rules *rules, __u32 place)
{
	int counts = with_stats ? count_open() : -1;
	char *text = 0, *line, *next;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	unsigned at = 0;

	if (!out)
		err(CGG_FAILED, "list");
	file_write(rules, out);
	fclose(out);
	for (line = text; *line; line = next) {
		bool rule = strncmp(line, "default ", 8) && strncmp(line, "mode ", 5);
		__u32 id = rule ? rules->rule[at++].id : 0;
		struct cgg_count count = count_read(counts, place, id);

		next = line + strcspn(line, "\n");
		next += *next == '\n';
		if ((with_id || with_stats) && rule)
			printf("%u\t", id);
		else if (with_id || with_stats)
			printf("-\t");
		if (with_stats && rule)
			printf("%llu\t%llu\t", count.hits, count.bytes);
		else if (with_stats)
			printf("-\t-\t");
		printf("%.*s", (int)(next - line), line);
	}
	free(text);
}

static json_t *hooks_json(unsigned hooks)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (hooks & 1u << i)
			json_array_append_new(list, json_string(cgg_hooks[i].word));
	return list;
}

static json_t *rule_json(const struct cgg_rule *rule, struct cgg_count count)
{
	json_t *o = json_object();
	char text[CGG_RULE_TEXT];

	rule_print_left(rule, text);
	json_object_set_new(o, "id", json_integer(rule->id));
	json_object_set_new(o, "rule", json_string(text));
	json_object_set_new(o, "verdict", json_string(cgg_verdicts[rule->verdict]));
	json_object_set_new(o, "hooks", hooks_json(rule->hooks));
	if (*rule->name)
		json_object_set_new(o, "name", json_string(rule->name));
	if (*rule->comment)
		json_object_set_new(o, "comment", json_string(rule->comment));
	json_object_set_new(o, "hits", json_integer((json_int_t)count.hits));
	json_object_set_new(o, "bytes", json_integer((json_int_t)count.bytes));
	return o;
}

static void list_json(const struct cgg_rules *rules, __u32 place)
{
	json_t *o = json_object(), *defaults = json_object(), *list = json_array();
	int counts = count_open();

	for (int i = 0; i < CGG_HOOKS; i++)
		json_object_set_new(defaults, cgg_hooks[i].word,
				    json_string(cgg_verdicts[rules->defaults[i]]));
	for (unsigned i = 0; i < rules->count; i++)
		json_array_append_new(
			list,
			rule_json(&rules->rule[i], count_read(counts, place, rules->rule[i].id)));
	json_object_set_new(o, "policy", json_string(policy_name));
	json_object_set_new(o, "mode", json_string(rules->audit ? "audit" : "enforce"));
	json_object_set_new(o, "defaults", defaults);
	json_object_set_new(o, "rules", list);
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

static int list(int count, char **word)
{
	struct cgg_rules rules;
	struct cgg_guard guard;
	int place, status = name_check("policy", policy_name);

	(void)count, (void)word;
	if (with_id + with_stats + as_json > 1)
		errx(CGG_USAGE, "list: -i, -s or -j, one of them");
	if (!status)
		status = guard_open(&guard, CGG_READ);
	if (status)
		die(status);
	place = policy_find(&guard, policy_name);
	if (place < 0)
		errx(CGG_NO, "policy %s: there is none", policy_name);
	status = policy_read(&guard, place, &rules);
	if (status)
		die(status);
	if (as_json)
		list_json(&rules, (__u32)place);
	else
		list_text(&rules, (__u32)place);
	rules_free(&rules);
	guard_close(&guard);
	return CGG_DONE;
}

/* options: the letters that the word takes; most: arguments, -1: any number */
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

/* option_take - one option, before the word (command is 0) or behind it */
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
	else if (option == 's')
		with_stats = true;
	else if (option == 'j')
		as_json = true;
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
