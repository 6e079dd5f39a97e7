// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-set.c - show and change the sets of addresses and of DNS names that rules use. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "elements.h"
#include "hint.h"

static const char usage[] =
	"usage: cgg-set add NAME ELEMENT [ttl TIME] [ELEMENT [ttl TIME]]...\n"
	"       cgg-set delete NAME ELEMENT...\n"
	"       cgg-set restore [-n] NAME [FILE]\n"
	"       cgg-set list [-s | -j] [NAME]\n"
	"       cgg-set test NAME ADDR|DOMAIN\n"
	"       cgg-set drop NAME\n"
	"Shows and changes sets. Rules use them as ip @NAME, host @NAME and dns @NAME.\n"
	"ELEMENT is ADDR, ADDR/LEN or ADDR-ADDR, or in a set of names DOMAIN or *.DOMAIN.\n"
	"\n"
	"  -n, --dry-run  restore: only check FILE\n"
	"  -s, --stats    list: print name, kind, number of elements and bytes of memory\n"
	"  -j, --json     list: print JSON\n"
	"  -h, --help     print this and exit\n"
	"  -V, --version  print the version and exit\n";

static bool dry_run, with_stats, as_json;

/* Open the guard and its sets, or exit. */
static void begin(struct cgg_guard *guard, struct cgg_sets *sets, enum cgg_open how)
{
	int status = guard_open(guard, how);

	if (!status)
		status = sets_open(sets, how);
	if (status)
		die(status);
}

static int end(struct cgg_guard *guard, struct cgg_sets *sets, int status)
{
	if (status)
		die(status);
	sets_close(sets);
	guard_close(guard);
	return CGG_DONE;
}

static void name_or_die(const char *name)
{
	if (*name == '@')
		errx(CGG_USAGE, "set %s: only rules have the @ before its name; write %s", name,
		     name + 1);
	if (name_check("set", name))
		die(CGG_USAGE);
}

/* Refuse an argument that is no element, but can be read as a name; warn of a word for nets. */
static void element_check(const char *element)
{
	if (!strcmp(element, "ttl"))
		errx(CGG_USAGE, "ttl: follows its element: ELEMENT ttl TIME");
	if (*element == '-')
		errx(CGG_USAGE, "%s: not an element; %s", element,
		     element[1] ? "options come before NAME"
				: "a range is ADDR-ADDR, without blanks");
	if (net_is_word(element))
		warnx("warning: %s: is taken as a DNS name; in a rule, ip %s means those addresses",
		      element, element);
}

/* Read ELEMENT [ttl TIME]..., or exit. */
static struct cgg_elements elements_or_die(int count, char **word, bool with_ttl)
{
	struct cgg_elements list = { .kind = -1 };
	int status = 0;

	for (int i = 0; i < count && !status; i++) {
		__u32 expires = CGG_SET_NEVER;
		const char *element = word[i];

		element_check(element);
		if (i + 1 < count && !strcmp(word[i + 1], "ttl")) {
			if (!with_ttl)
				errx(CGG_USAGE, "ttl: delete takes none; name only the element");
			if (i + 2 == count)
				errx(CGG_USAGE, "ttl: needs a value: ttl TIME");
			status = element_ttl(&expires, word[i + 2]);
			i += 2;
		}
		if (!status)
			status = element_add(&list, element, expires);
	}
	if (status)
		die(status);
	return list;
}

static int change(int count, char **word, bool add)
{
	struct cgg_elements list;
	struct cgg_guard guard;
	struct cgg_sets sets;
	int status;

	if (count < 2)
		errx(CGG_USAGE, "%s: needs NAME and ELEMENT...", add ? "add" : "delete");
	name_or_die(word[0]);
	list = elements_or_die(count - 1, word + 1, add);
	begin(&guard, &sets, CGG_CHANGE);
	status = add ? set_add(&sets, word[0], &list) : set_delete(&sets, word[0], &list);
	elements_free(&list);
	return end(&guard, &sets, status);
}

static int add(int count, char **word)
{
	return change(count, word, true);
}

static int delete (int count, char **word)
{
	return change(count, word, false);
}

static void tell(void *context, const char *message)
{
	(void)context;
	warnx("%s", message);
}

/* Tell how many elements were removed because others contain them. */
static void joined_tell(const char *name, const struct cgg_joined *joined)
{
	if (joined->same + joined->within)
		warnx("%s: joined: %zu duplicates, and %zu elements within others", name,
		      joined->same, joined->within);
}

static int restore(int count, char **word)
{
	const char *name = count > 1 ? word[1] : "-";
	bool standard = !strcmp(name, "-");
	struct cgg_elements list = { .kind = -1 };
	struct cgg_joined joined;
	struct cgg_guard guard;
	struct cgg_sets sets;
	FILE *file;
	int status;

	if (count < 1 || count > 2)
		errx(CGG_USAGE, "restore: needs NAME, then one FILE at most");
	name_or_die(word[0]);
	file = standard ? stdin : fopen(name, "re");
	if (!file)
		err(errno == ENOENT ? CGG_USAGE : CGG_FAILED, "%s", name);
	status = elements_read(&list, file, standard ? "standard input" : name, tell, 0);
	if (!standard)
		fclose(file);
	if (status)
		exit(status);
	elements_join(&list, &joined);
	joined_tell(standard ? "standard input" : name, &joined);
	if (dry_run)
		return CGG_DONE;
	begin(&guard, &sets, CGG_CHANGE);
	status = set_restore(&sets, word[0], &list);
	elements_free(&list);
	return end(&guard, &sets, status);
}

/* ---- list ---- */

static int slot_count(void *context, const struct cgg_slot *slot, const char *text)
{
	(void)slot, (void)text;
	++*(size_t *)context;
	return 0;
}

/* Print one set in the form that the options choose. */
static void set_list(const struct cgg_sets *sets, int number, bool elements, json_t *all)
{
	const char *name = sets->name[number].name;
	struct cgg_table table;
	size_t count = 0;
	json_t *json, *list = 0;

	if (!elements && !with_stats && !all) {
		puts(name);
		return;
	}
	if (set_open(sets, number, &table))
		die(CGG_FAILED);
	table_each(&table, slot_count, &count);
	if (with_stats)
		printf("%s\t%s\t%zu\t%zu\n", name, set_kind((int)table_head(&table)->kind), count,
		       table.pages * CGG_PAGE);
	if (all) {
		json = json_pack("{s:s, s:s, s:I, s:I}", "name", name, "kind",
				 set_kind((int)table_head(&table)->kind), "count",
				 (json_int_t)count, "bytes", (json_int_t)(table.pages * CGG_PAGE));
		if (elements) {
			list = json_array();
			json_object_set_new(json, "elements", list);
		}
		json_array_append_new(all, json);
	}
	if (elements && all)
		set_json(&table, list);
	else if (elements && !with_stats)
		set_print(&table, stdout, true);
	table_close(&table);
}

static int by_set_name(const void *first, const void *second, void *context)
{
	const struct cgg_sets *sets = context;

	return strcmp(sets->name[*(const int *)first].name, sets->name[*(const int *)second].name);
}

static int list(int count, char **word)
{
	json_t *all = as_json ? json_array() : 0;
	int number[CGG_SETS], numbers = 0;
	struct cgg_guard guard;
	struct cgg_sets sets;

	if (count > 1)
		errx(CGG_USAGE, "%s: list takes one NAME", word[1]);
	if (with_stats && as_json)
		errx(CGG_USAGE, "list: -s or -j, one of them");
	if (count)
		name_or_die(word[0]);
	begin(&guard, &sets, CGG_READ);
	for (int i = 0; i < CGG_SETS && !count; i++)
		if (*sets.name[i].name)
			number[numbers++] = i;
	if (count)
		number[numbers++] = set_lookup(&sets, word[0]);
	if (count && number[0] < 0)
		die(set_none(word[0]));
	if (numbers)
		qsort_r(number, (size_t)numbers, sizeof(*number), by_set_name, &sets);
	for (int i = 0; i < numbers; i++)
		set_list(&sets, number[i], count, all);
	if (all) {
		json_dumpf(count ? json_array_get(all, 0) : all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	}
	return end(&guard, &sets, 0);
}

/* ---- test, drop ---- */

static int test(int count, char **word)
{
	static struct cgg_rule rule;
	struct cgg_table table;
	struct cgg_guard guard;
	struct cgg_sets sets;
	struct cgg_net net;
	bool has;
	int number;

	if (count != 2)
		errx(CGG_USAGE, "test: needs NAME and one address or name");
	name_or_die(word[0]);
	begin(&guard, &sets, CGG_READ);
	number = set_lookup(&sets, word[0]);
	if (number < 0)
		die(set_none(word[0]));
	if (set_open(&sets, number, &table))
		die(CGG_FAILED);
	if (table_head(&table)->kind == CGG_SET_ADDRESSES) {
		if (isalpha((unsigned char)*word[1]) && !strchr(word[1], ':'))
			errx(CGG_USAGE, "%.140s: not an address; set %s holds addresses", word[1],
			     word[0]);
		if (strchr(word[1], '/') || net_parse(&net, word[1]) || !net_is_address(&net))
			errx(CGG_USAGE, "%.140s: not an address", word[1]);
		has = table_has_addr(&table, net.addr);
	} else {
		if (!net_parse(&net, word[1]) && !net.word)
			errx(CGG_USAGE, "%.140s: not a name; set %s holds names", word[1], word[0]);
		if (host_parse(&rule, word[1]))
			die(CGG_USAGE);
		if (rule.prefix || *rule.set)
			errx(CGG_USAGE, "%.140s: not one name", word[1]);
		has = table_has_name(&table, rule.operand);
	}
	table_close(&table);
	end(&guard, &sets, 0);
	return has ? CGG_DONE : CGG_NO;
}

static int drop(int count, char **word)
{
	struct cgg_guard guard;
	struct cgg_sets sets;
	int number, user, status;

	if (count != 1)
		errx(CGG_USAGE, "drop: needs one NAME");
	name_or_die(word[0]);
	begin(&guard, &sets, CGG_CHANGE);
	number = set_lookup(&sets, word[0]);
	if (number < 0)
		die(set_none(word[0]));
	status = set_user(&guard, word[0], &user);
	if (!status && user >= 0)
		errx(CGG_NO, "set %s: policy %s uses it; delete these rules first", word[0],
		     guard.policies[user].name);
	if (!status)
		set_drop(&sets, number);
	return end(&guard, &sets, status);
}

static const struct command {
	const char *word, *options;
	int (*run)(int count, char **word);
} commands[] = {
	{ "add", "", add },	{ "delete", "", delete }, { "restore", "n", restore },
	{ "list", "sj", list }, { "test", "", test },	  { "drop", "", drop },
};

static const struct command *command_find(const char *word)
{
	const char *hint;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].word, word))
			return &commands[i];
	hint = subcommand_hint(word, true);
	errx(CGG_USAGE, "%s: not a word of cgg-set%s", word, *hint ? hint : "; see cgg-set -h");
}

static void option_take(int option, const struct command *command, const char *argument)
{
	if (option == '?')
		option_refuse(argument, true);
	if (!strchr("nsj", option))
		common_option(option, usage);
	if (!command || !strchr(command->options, option))
		errx(CGG_USAGE, "-%c: %s does not take it", option,
		     command ? command->word : "cgg-set");
	if (option == 'n')
		dry_run = true;
	else if (option == 's')
		with_stats = true;
	else
		as_json = true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "dry-run", 0, 0, 'n' },
						 { "stats", 0, 0, 's' },
						 { "json", 0, 0, 'j' },
						 COMMON_OPTIONS };
	const struct command *command = 0;
	int option;

	start(argv);
	for (int round = 0; round < 2; round++) {
		while ((option = option_next(argc, argv, "+nsj" COMMON_LETTERS, options)) != -1)
			option_take(option, command, argv[optind - 1]);
		if (optind == argc && !command)
			errx(CGG_USAGE, "add, delete, restore, list, test or drop? see cgg-set -h");
		if (!command)
			command = command_find(argv[optind++]);
	}
	return command->run(argc - optind, argv + optind);
}
