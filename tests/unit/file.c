// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * file.c - a policy file is read, or all its errors are reported.
 *
 * A file is given as its text, and the answer is the output of file_write(), or its errors.
 * tests/language/words.table has the words of rules.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "written.h"

/* read_bytes - return the rules that file_read() makes of them; free *answer */
static int read_bytes(const char *bytes, size_t len, char **answer)
{
	FILE *file = fmemopen((void *)(size_t)bytes, len ? len : 1, "r"), *out;
	struct cgg_rules rules = { 0 };
	char *errors = 0;
	size_t size;
	int status;

	assert_non_null(file);
	if (!len)
		getc(file);
	status = file_read(&rules, file, "web.rules", &errors);
	fclose(file);
	assert_non_null(errors);
	if (status) {
		*answer = errors;
	} else {
		assert_string_equal(errors, "");
		free(errors);
		out = open_memstream(answer, &size);
		file_write(&rules, out);
		fclose(out);
	}
	rules_free(&rules);
	return status;
}

static void reads_bytes(const char *bytes, size_t len, const char *wanted)
{
	char *answer;
	int status = read_bytes(bytes, len, &answer);

	if (status)
		fail_msg("%s", answer);
	assert_string_equal(answer, wanted);
	free(answer);
}

static void reads(const char *text, const char *wanted)
{
	reads_bytes(text, strlen(text), wanted);
}

static void refuses_bytes(const char *bytes, size_t len, const char *wanted)
{
	char *answer;

	assert_int_equal(read_bytes(bytes, len, &answer), CGG_USAGE);
	assert_string_equal(answer, wanted);
	free(answer);
}

static void refuses(const char *text, const char *wanted)
{
	refuses_bytes(text, strlen(text), wanted);
}

static void rules_keep_their_order(void **state)
{
	(void)state;
	reads("port 2\nport 1\nallow ip ::1\n", "deny connect,sendmsg port 2\n"
						"deny connect,sendmsg port 1\n"
						"allow connect,sendmsg ip ::1\n");
}

static void an_empty_file_is_no_mistake(void **state)
{
	(void)state;
	reads("", "");
	reads("\n", "");
	reads("\n\n   \n\t\n", "");
	reads("# only a comment", "");
	reads("  # with blanks before it\n#\n##\n", "");
	reads("\r\n\r\n", "");
}

static void the_last_line_needs_no_newline(void **state)
{
	(void)state;
	reads("port 1\nport 2", "deny connect,sendmsg port 1\ndeny connect,sendmsg port 2\n");
	refuses("port 1\nport x", "web.rules:2: port x: not a port (0 to 65535); "
				  "write its number: getent services prints it\n");
}

static void lines_may_end_with_cr_and_newline(void **state)
{
	(void)state;
	reads("port 1\r\n# comment\r\n\r\nport 2 comment \"x\"\r\n",
	      "deny connect,sendmsg port 1\n"
	      "deny connect,sendmsg port 2 comment \"x\"\n");
}

static void blanks_may_stand_anywhere(void **state)
{
	(void)state;
	reads("\t port\t1  \t# why\n", "deny connect,sendmsg port 1\n");
}

static void quotes_join_words(void **state)
{
	(void)state;
	reads("port 1 comment \"a # b\" name x # c\n",
	      "deny connect,sendmsg port 1 name x comment \"a # b\"\n");
	reads("port 1 comment \"\\\"\\\\\"\n",
	      "deny connect,sendmsg port 1 comment \"\\\"\\\\\"\n");
	refuses("port 1 comment \"a\nb\"\n",
		"web.rules:1: a quote is not closed\n"
		"web.rules:2: b\": not a verdict, a hook or a match\n");
	refuses("port 1 comment \"a\"b\n", "web.rules:1: b: no blank after a quote\n");
}

static void a_default_is_a_line(void **state)
{
	(void)state;
	reads("default connect deny\nport 1\n",
	      "default connect deny\ndeny connect,sendmsg port 1\n");
	reads("port 1\ndefault device,sysctl alert\n",
	      "default device,sysctl alert\ndeny connect,sendmsg port 1\n");
	reads("default connect deny\ndefault sysctl alert\ndefault device deny\n",
	      "default sysctl alert\ndefault connect,device deny\n");
	reads("default sendmsg,connect,sendmsg deny\n", "default connect,sendmsg deny\n");
	reads("default connect allow\n", "");
	reads("default connect deny\ndefault connect allow\n", "");
	reads("default connect alert # why\n", "default connect alert\n");
}

static void a_wrong_default_has_its_own_messages(void **state)
{
	static const char needs[] =
		"default: needs hooks and a verdict: default HOOK[,HOOK] allow|deny|alert "
		"[errno NAME] [quiet]\n";
	static const char *const short_of[] = { "default", "default connect" };
	char wanted[256], line[64];

	(void)state;
	snprintf(wanted, sizeof(wanted), "web.rules:1: %s", needs);
	for (size_t i = 0; i < sizeof(short_of) / sizeof(short_of[0]); i++) {
		snprintf(line, sizeof(line), "%s\n", short_of[i]);
		refuses(line, wanted);
	}
	refuses("default connect deny deny\n",
		"web.rules:1: deny: not an option of default (errno NAME, quiet)\n");
	refuses("default connect sendmsg deny\n",
		"web.rules:1: sendmsg: not a verdict (allow, deny or alert)\n");
	refuses("default deny connect\n", "web.rules:1: default deny: the hooks come first; "
					  "write default connect deny\n");
	refuses("default frob deny\n", "web.rules:1: frob: not a hook\n");
	refuses("default connect,frob deny\n", "web.rules:1: frob: not a hook\n");
	refuses("default connect, deny\n",
		"web.rules:1: connect,: a list has no empty element, and no blanks\n");
	refuses("default \"\" deny\n", "web.rules:1: : not a hook\n");
	refuses("default connect frob\n",
		"web.rules:1: frob: not a verdict (allow, deny or alert)\n");
	refuses("default connect audit\n",
		"web.rules:1: audit: not a verdict (allow, deny or alert)\n");
	refuses("default connect Deny\n",
		"web.rules:1: Deny: not a verdict (allow, deny or alert); write deny\n");
	refuses("Default connect deny\n",
		"web.rules:1: Default: not a verdict, a hook or a match; write default HOOK VERDICT, "
		"as a line of a file or right after cgg-rule\n");
}

static void every_mistake_is_reported_with_its_line(void **state)
{
	(void)state;
	refuses("port 1\n"
		"port 70000\n"
		"\n"
		"# port 70000\n"
		"default connect never\n"
		"ip 10.0.0.1/8\n"
		"port 2\n"
		"device 1",
		"web.rules:2: port 70000: not a port (0 to 65535)\n"
		"web.rules:5: never: not a verdict (allow, deny or alert)\n"
		"web.rules:6: ip 10.0.0.1/8: host bits are set; did you mean 10.0.0.0/8?\n"
		"web.rules:8: device 1: not a type (c, b or a) nor a path\n");
}

static void a_thousand_mistakes_are_a_thousand_lines(void **state)
{
	char text[7 * 1000 + 1] = "", *answer, *at;

	(void)state;
	for (int i = 0; i < 1000; i++)
		memcpy(text + 7 * i, "port x\n", 7);
	assert_int_equal(read_bytes(text, 7000, &answer), CGG_USAGE);
	at = answer;
	for (int i = 1; i <= 1000; i++) {
		char wanted[128];
		int len = snprintf(wanted, sizeof(wanted),
				   "web.rules:%d: port x: not a port (0 to 65535); "
				   "write its number: getent services prints it\n",
				   i);

		assert_memory_equal(at, wanted, (size_t)len);
		at += len;
	}
	assert_int_equal(*at, 0);
	free(answer);
}

static void a_nul_byte_is_reported_and_hides_nothing(void **state)
{
	static const char hidden[] = "port 1\0port 70000\nport 2\n";
	static const char commented[] = "# a\0b\n";
	static const char last[] = "port 1\n\0";

	(void)state;
	refuses_bytes(hidden, sizeof(hidden) - 1, "web.rules:1: a line has a NUL byte\n");
	refuses_bytes(commented, sizeof(commented) - 1, "web.rules:1: a line has a NUL byte\n");
	refuses_bytes(last, sizeof(last) - 1, "web.rules:2: a line has a NUL byte\n");
}

static void a_byte_order_mark_at_the_start_is_skipped(void **state)
{
	(void)state;
	reads("\xef\xbb\xbfport 1\n", "deny connect,sendmsg port 1\n");
	reads("\xef\xbb\xbf# only a comment\n", "");
	reads("\xef\xbb\xbf", "");
	refuses("\xef\xbb\xbf\xef\xbb\xbfport 1\n",
		"web.rules:1: \\ufeffport: not a verdict, a hook or a match\n");
	refuses("port 1\n\xef\xbb\xbfport 2\n",
		"web.rules:2: \\ufeffport: not a verdict, a hook or a match\n");
	refuses("\xff\xfe", "web.rules:1: the file is UTF-16; save it as UTF-8\n");
	refuses_bytes("\xfe\xff\0p\0o", 6, "web.rules:1: the file is UTF-16; save it as UTF-8\n");
}

static void foreign_bytes_are_made_visible(void **state)
{
	(void)state;
	refuses("\x1b[2J\xff\xc3\xa9\xe2\x80\xae\n",
		"web.rules:1: \\x1b[2J\\xff\xc3\xa9\\u202e: not a verdict, a hook or a match\n");
	refuses("port 1 \"a\x07\\b\"\n", "web.rules:1: a\\x07\\b: not a match or an option\n");
}

/* Megabytes of one line: a comment is nothing, and a word is cut in the message. */
static void long_lines_are_read_to_the_end(void **state)
{
	const size_t len = 3 << 20;
	char *text = malloc(len), wanted[256];

	(void)state;
	memset(text, 'x', len);
	memcpy(text, "# ", 2);
	memcpy(text + len - 8, "\nport 1\n", 8);
	reads_bytes(text, len, "deny connect,sendmsg port 1\n");

	memcpy(text, "xx", 2);
	snprintf(wanted, sizeof(wanted), "web.rules:1: %.80s: not a verdict, a hook or a match\n",
		 text);
	refuses_bytes(text, len, wanted);

	memset(text, ' ', len);
	memcpy(text, "port", 4);
	text[len - 1] = '1';
	reads_bytes(text, len, "deny connect,sendmsg port 1\n");

	memset(text, '"', len);
	refuses_bytes(text, len,
		      "web.rules:1: \"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
		      "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
		      "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\": no blank after a quote\n");
	free(text);
}

static void more_than_64_words_are_refused(void **state)
{
	char text[256] = "";

	(void)state;
	for (int i = 0; i < 64; i++)
		strcat(text, "x ");
	refuses(text, "web.rules:1: x: not a verdict, a hook or a match\n");
	strcat(text, "# y");
	refuses(text, "web.rules:1: x: not a verdict, a hook or a match\n");
	text[128] = ' ';
	refuses(text, "web.rules:1: too many words\n");
}

/* Earlier rules stay before those that are read. */
static void a_file_appends_its_rules(void **state)
{
	struct cgg_rules rules = { 0 };
	char *errors, text[] = "port 2\ndefault device deny\n";
	FILE *file = fmemopen(text, strlen(text), "r");

	(void)state;
	assert_int_equal(rules_add(&rules, &(struct cgg_rule){ .hooks = 1,
							       .matches = CGG_MATCH_PORT,
							       .port_min = 1,
							       .port_max = 1 }),
			 0);
	rules.defaults.verdict[CGG_SYSCTL] = CGG_ALERT;
	assert_int_equal(file_read(&rules, file, "-", &errors), 0);
	fclose(file);
	free(errors);
	assert_int_equal(rules.count, 2);
	assert_int_equal(rules.entry[0].port_min, 1);
	assert_int_equal(rules.entry[1].port_min, 2);
	assert_int_equal(rules.defaults.verdict[CGG_SYSCTL], CGG_ALERT);
	assert_int_equal(rules.defaults.verdict[CGG_DEVICE], CGG_DENY);
	rules_free(&rules);
}

static void a_written_file_is_read_back(void **state)
{
	static const char text[] = "default sendmsg,sysctl alert\n"
				   "default connect,device deny\n"
				   "allow connect proto tcp ip 10.0.0.0/8 port 443 name db\n"
				   "alert connect,sendmsg ip 2001:db8::/32 port 0-65535\n"
				   "deny device b *:* rw\n"
				   "deny device a 4095:1048575 m name far\n"
				   "deny sysctl net/ipv4/conf/lo/forwarding rw\n"
				   "deny sysctl * w comment \"say \\\"no\\\" \\\\ \xc3\xa9 #\"\n";

	(void)state;
	reads(text, text);
}

static ssize_t broken_read(void *cookie, char *buffer, size_t size)
{
	(void)cookie, (void)buffer, (void)size;
	errno = EIO;
	return -1;
}

static void a_file_with_a_read_error_is_refused(void **state)
{
	FILE *file = fopencookie(0, "r", (cookie_io_functions_t){ .read = broken_read });
	struct cgg_rules rules = { 0 };
	char *errors;

	(void)state;
	assert_int_equal(file_read(&rules, file, "web.rules", &errors), CGG_FAILED);
	assert_string_equal(errors, "web.rules: Input/output error\n");
	fclose(file);
	free(errors);
	rules_free(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_keep_their_order),
		cmocka_unit_test(an_empty_file_is_no_mistake),
		cmocka_unit_test(the_last_line_needs_no_newline),
		cmocka_unit_test(lines_may_end_with_cr_and_newline),
		cmocka_unit_test(blanks_may_stand_anywhere),
		cmocka_unit_test(quotes_join_words),
		cmocka_unit_test(a_default_is_a_line),
		cmocka_unit_test(a_wrong_default_has_its_own_messages),
		cmocka_unit_test(every_mistake_is_reported_with_its_line),
		cmocka_unit_test(a_thousand_mistakes_are_a_thousand_lines),
		cmocka_unit_test(a_nul_byte_is_reported_and_hides_nothing),
		cmocka_unit_test(a_byte_order_mark_at_the_start_is_skipped),
		cmocka_unit_test(foreign_bytes_are_made_visible),
		cmocka_unit_test(long_lines_are_read_to_the_end),
		cmocka_unit_test(more_than_64_words_are_refused),
		cmocka_unit_test(a_file_appends_its_rules),
		cmocka_unit_test(a_written_file_is_read_back),
		cmocka_unit_test(a_file_with_a_read_error_is_refused),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
