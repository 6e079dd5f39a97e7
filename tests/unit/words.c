// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * words.c - every line of tests/language/words.table holds, and what is printed is read back.
 *
 * A section of the table is a test. The head of the table explains its lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../lib/cgg.h"

#define SECTIONS 64
#define LINE 4096

struct line {
	struct line *next;
	unsigned number;
	bool refused;
	char *words, *answer;
};

static struct section {
	char *name;
	struct line *lines, **last;
} sections[SECTIONS];
static size_t count;

/* table_open - open it from where the tests run, or from where this program was built */
static FILE *table_open(void)
{
	char path[4096 + 32], *slash;
	FILE *table = fopen("tests/language/words.table", "re");
	ssize_t len = readlink("/proc/self/exe", path, 4096);

	if (table || len < 0)
		return table;
	path[len] = 0;
	for (int up = 0; up < 3; up++) {
		slash = strrchr(path, '/');
		if (!slash)
			return 0;
		*slash = 0;
	}
	strcat(path, "/tests/language/words.table");
	return fopen(path, "re");
}

/* bytes_expand - return a copy with {HH} as that byte, {HH*N} as N of them */
static char *bytes_expand(const char *text)
{
	char *copy = 0;
	size_t size;
	FILE *out = open_memstream(&copy, &size);

	while (*text) {
		unsigned byte, times = 1;
		int len = 0;

		if (sscanf(text, "{%2x*%u}%n", &byte, &times, &len) < 2 || !len) {
			times = 1;
			if (sscanf(text, "{%2x}%n", &byte, &len) < 1 || !len) {
				byte = (unsigned char)*text;
				len = 1;
			}
		}
		while (times--)
			putc((int)byte, out);
		text += len;
	}
	fclose(out);
	return copy;
}

static void blanks_cut(char *text)
{
	size_t len = strlen(text);

	while (len && strchr(" \t\n", text[len - 1]))
		text[--len] = 0;
}

/* line_take - add WORDS | ANSWER or WORDS ! REFUSAL to the last section */
static void line_take(char *text, unsigned number)
{
	struct section *section = &sections[count - 1];
	struct line *line = calloc(1, sizeof(*line));
	char *sign = strstr(text, " | "), *no = strstr(text, " ! ");

	if (!sign || (no && no < sign))
		sign = no;
	if (!line || !sign || !count) {
		fprintf(stderr, "words.table:%u: neither a section nor WORDS | ANSWER\n", number);
		exit(1);
	}
	line->number = number;
	line->refused = sign[1] == '!';
	line->answer = bytes_expand(sign + 3 + strspn(sign + 3, " "));
	*sign = 0;
	blanks_cut(text);
	line->words = bytes_expand(text);
	*section->last = line;
	section->last = &line->next;
}

static void table_read(void)
{
	FILE *table = table_open();
	char text[LINE];

	if (!table) {
		perror("words.table");
		exit(1);
	}
	for (unsigned number = 1; fgets(text, sizeof(text), table); number++) {
		blanks_cut(text);
		if (!strncmp(text, "## ", 3)) {
			if (count == SECTIONS)
				exit(1);
			sections[count].name = strdup(text + 3);
			sections[count].last = &sections[count].lines;
			count++;
		} else if (*text && *text != '#') {
			line_take(text, number);
		}
	}
	fclose(table);
}

/* words_answer - store the answer to a line of a policy file; return false if it is refused */
static bool words_answer(const char *words, struct cgg_rule *rule, char answer[CGG_RULE_TEXT])
{
	char *line = strdup(words);
	int status = rule_line(rule, line);

	if (!status)
		status = rule_accept(rule, true);

	free(line);
	if (status)
		snprintf(answer, CGG_RULE_TEXT, "%s", cgg_error);
	else
		strcpy(answer, rule_print(rule));
	assert_true(status == 0 || status == CGG_USAGE);
	return !status;
}

/* line_holds - the printed rule is read as the same rule, and printed the same */
static bool line_holds(const struct line *line)
{
	char answer[CGG_RULE_TEXT], again[CGG_RULE_TEXT];
	struct cgg_rule rule, same;
	bool taken = words_answer(line->words, &rule, answer);

	if (taken == line->refused || strcmp(answer, line->answer) != 0) {
		print_error("words.table:%u: %s\n  must be %s %s\n  but is  %s %s\n", line->number,
			    line->words, line->refused ? "!" : "|", line->answer, taken ? "|" : "!",
			    answer);
		return false;
	}
	if (!taken)
		return true;
	rule_free(&rule); /* lists are the same if they are printed the same */
	if (words_answer(answer, &same, again))
		rule_free(&same);
	if (strcmp(answer, again) != 0 || memcmp(&rule, &same, sizeof(rule)) != 0) {
		print_error("words.table:%u: %s\n  is read back as %s\n", line->number, answer,
			    again);
		return false;
	}
	return true;
}

static void section_holds(void **state)
{
	const struct section *section = *state;
	bool all = section->lines;

	for (const struct line *line = section->lines; line; line = line->next)
		all &= line_holds(line);
	assert_true(all);
}

/* reads_back - the printed rule is read as the same rule */
static void reads_back(const struct cgg_rule *rule)
{
	char text[CGG_RULE_TEXT], again[CGG_RULE_TEXT];
	struct cgg_rule same;

	strcpy(text, rule_print(rule));
	for (const char *c = text; *c; c++)
		assert_in_range(*c, ' ', '~');
	strcpy(again, text);
	if (rule_line(&same, again))
		fail_msg("%s: %s", text, cgg_error);
	assert_memory_equal(rule, &same, sizeof(same));
}

static void a_cgroup_of_any_bytes_is_read_back(void **state)
{
	struct cgg_rule rule = { .verdict = CGG_DENY,
				 .access = CGG_R,
				 .hooks = 1u << CGG_CONNECT,
				 .matches = CGG_MATCH_CGROUP | CGG_MATCH_PORT,
				 .port_min = 5,
				 .port_max = 5 };
	static const char *const names[] = {
		"/x port 2",	 "/\" port 2 comment \"", "/#",	   " #",   "/a\\x20b", "/\\",
		"/\xe2\x80\xae", "/caf\xc3\xa9",	  "/\xc3", "deny", "port",     "\""
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memset(rule.cgroup, 0, sizeof(rule.cgroup));
		strcpy(rule.cgroup, names[i]);
		reads_back(&rule);
	}
	memset(rule.cgroup, 0, sizeof(rule.cgroup));
	for (int byte = 1; byte < 256; byte++)
		rule.cgroup[byte - 1] = (char)byte;
	reads_back(&rule);
	for (int pair = 0; pair < 65536; pair++) {
		if (!(pair & 255) || pair < 256)
			continue;
		strcpy(rule.cgroup, "/..x41");
		memset(rule.cgroup + 7, 0, sizeof(rule.cgroup) - 7);
		rule.cgroup[1] = (char)(pair >> 8);
		rule.cgroup[2] = (char)pair;
		reads_back(&rule);
	}
}

static void the_longest_rule_is_printed_whole(void **state)
{
	struct cgg_rule rule = { .verdict = CGG_ALERT,
				 .access = CGG_R,
				 .hooks = (1u << CGG_UNIX) - 1,
				 .matches = CGG_MATCH_CGROUP | CGG_MATCH_PORT | CGG_MATCH_PROTO,
				 .proto = 253,
				 .port_min = 10000,
				 .port_max = 20000,
				 .quiet = true };

	(void)state;
	memset(rule.cgroup, 0xff, CGG_CGROUP - 1);
	memset(rule.name, 'n', CGG_NAME - 1);
	memset(rule.comment, '"', CGG_COMMENT - 1);
	reads_back(&rule);
	rule.hooks = 1u << CGG_UNIX;
	rule.matches = CGG_MATCH_CGROUP;
	rule.proto = rule.port_min = 0;
	rule.port_max = 65535;
	memset(rule.operand, 0xff, 108);
	rule.operand[0] = '@';
	rule.prefix = true;
	reads_back(&rule);
}

static void sections_free(void)
{
	for (size_t i = 0; i < count; i++) {
		struct line *line = sections[i].lines, *next;

		for (; line; line = next) {
			next = line->next;
			free(line->words);
			free(line->answer);
			free(line);
		}
		free(sections[i].name);
	}
}

/* glibc knows the names, too; not every C library does. */
static void errors_have_the_names_that_the_c_library_gives_them(void **state)
{
	int parsed;

	(void)state;
	for (int error = -1; error < 5000; error++) {
		const char *name = error > 0 ? strerrorname_np(error) : 0;

		assert_int_equal(!name, !errno_name(error));
		if (!name)
			continue;
		assert_string_equal(errno_name(error), name);
		assert_int_equal(errno_parse(&parsed, name), 0);
		assert_int_equal(parsed, error);
	}
	assert_int_equal(errno_parse(&parsed, "EPER"), CGG_USAGE);
	assert_int_equal(errno_parse(&parsed, ""), CGG_USAGE);
}

int main(void)
{
	struct CMUnitTest tests[SECTIONS + 3] = { 0 };
	int failed;

	table_read();
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ .name = sections[i].name,
						.test_func = section_holds,
						.initial_state = &sections[i] };
	tests[count] = (struct CMUnitTest)cmocka_unit_test(a_cgroup_of_any_bytes_is_read_back);
	tests[count + 1] = (struct CMUnitTest)cmocka_unit_test(the_longest_rule_is_printed_whole);
	tests[count + 2] = (struct CMUnitTest)cmocka_unit_test(
		errors_have_the_names_that_the_c_library_gives_them);
	failed = _cmocka_run_group_tests("words", tests, count + 3, 0, 0);
	sections_free();
	return failed;
}
