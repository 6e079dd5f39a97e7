// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * event-bytes.c - an event is one line, whatever bytes the guarded program put into it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "event.h"

static void comm_is(const char *comm, const char *text, const char *json)
{
	struct cgg_event e = net_record(CGG_CONNECT4);
	char wanted[256];

	memset(e.comm, 0, sizeof(e.comm));
	memcpy(e.comm, comm, strnlen(comm, sizeof(e.comm)));
	print(&e, "/", &text_view);
	snprintf(wanted, sizeof(wanted), "[DENY connect4] pid=12345 comm=%s daddr=127.0.0.1 ",
		 text);
	assert_memory_equal(line, wanted, strlen(wanted));
	print(&e, "/", &json_view);
	snprintf(wanted, sizeof(wanted), ",\"comm\":\"%s\",\"daddr\":", json);
	assert_non_null(strstr(line, wanted));
}

static void dangerous_bytes_are_escaped(void **state)
{
	(void)state;
	comm_is("", "", "");
	comm_is("a b", "a\\x20b", "a b");
	comm_is("x=y", "x=y", "x=y");
	comm_is("[DENY fake]", "[DENY\\x20fake]", "[DENY fake]");
	comm_is("\n[DENY fake]", "\\x0a[DENY\\x20fake]", "\\u000a[DENY fake]");
	comm_is("\r", "\\x0d", "\\u000d");
	comm_is("\t", "\\x09", "\\u0009");
	comm_is("\x1b]0;owned\a", "\\x1b]0;owned\\x07", "\\u001b]0;owned\\u0007");
	comm_is("\x1b[2J", "\\x1b[2J", "\\u001b[2J");
	comm_is("\x7f", "\\x7f", "\\u007f");
	comm_is("\\", "\\x5c", "\\\\");
	comm_is("\\n", "\\x5cn", "\\\\n");
	comm_is("\\x0a", "\\x5cx0a", "\\\\x0a");
	comm_is("\"},{\"", "\"},{\"", "\\\"},{\\\"");
	comm_is("'$(id)`", "'$(id)`", "'$(id)`");
	comm_is("</script>", "</script>", "</script>");
	comm_is("caf\xc3\xa9", "caf\\xc3\\xa9", "caf\\u00e9");
	comm_is("\xe2\x82\xac", "\\xe2\\x82\\xac", "\\u20ac");
	comm_is("\xf0\x9f\x98\x80", "\\xf0\\x9f\\x98\\x80", "\\ud83d\\ude00");
	comm_is("\xf4\x8f\xbf\xbf", "\\xf4\\x8f\\xbf\\xbf", "\\udbff\\udfff");
	comm_is("\xe2\x80\xae", "\\xe2\\x80\\xae", "\\u202e"); /* right to left */
	comm_is("\xe2\x80\xa8", "\\xe2\\x80\\xa8", "\\u2028"); /* a line end in JavaScript */
	comm_is("\xc2\x9b", "\\xc2\\x9b", "\\u009b"); /* CSI in one character */
	comm_is("\x9b[2J", "\\x9b[2J", "\\ufffd[2J");
	comm_is("\xff", "\\xff", "\\ufffd");
	comm_is("\xc3", "\\xc3", "\\ufffd");
	comm_is("\xc3x", "\\xc3x", "\\ufffdx");
	comm_is("\xc0\x80", "\\xc0\\x80", "\\ufffd\\ufffd");
	comm_is("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf", "\\ufffd\\ufffd\\ufffd");
	comm_is("\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd");
	comm_is("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf", "\\ufffd\\ufffd\\ufffd\\ufffd");
	comm_is("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd");
	comm_is("\xf0\x9f\x98", "\\xf0\\x9f\\x98", "\\ufffd\\ufffd\\ufffd");
	comm_is("123456789012345\xc3\xa9", "123456789012345\\xc3", "123456789012345\\ufffd");
}

/* random_text - return bytes, many of them dangerous; NULs after them up to room */
static void random_text(char *text, size_t room)
{
	static const char *const nasty[] = {
		"\n",
		"\r",
		"\x1b[2J",
		"\"",
		"\\",
		" ",
		"=",
		"[DENY ",
		"\xf0\x9f\x98\x80",
		"\xe2\x82",
		"\xed\xa0\x80",
		"\xc2\x9b",
		"\xff",
		"{",
		"}",
		"\\u",
		"\x7f",
		"a",
	};
	size_t len = 0;

	memset(text, 0, room);
	while (len < room && pick(20)) {
		const char *interval = nasty[pick(sizeof(nasty) / sizeof(nasty[0]))];
		size_t size = strnlen(interval, room - len);

		if (pick(3)) {
			text[len++] = (char)(1 + pick(255));
		} else {
			memcpy(text + len, interval, size);
			len += size;
		}
	}
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c);

	assert_true(c && at);
	return (int)(at - digits);
}

/* text_says - return whether the line has KEY=VALUE, and VALUE stands for those bytes */
static void text_says(const char *key, const char *bytes, size_t room)
{
	size_t len = strnlen(bytes, room);
	char start[32], *at;

	snprintf(start, sizeof(start), " %s=", key);
	at = strstr(line, start);
	assert_non_null(at);
	at += strlen(start);
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)*at++;

		if (byte == '\\') {
			assert_int_equal(*at, 'x');
			byte = (unsigned char)(hex(at[1]) << 4 | hex(at[2]));
			at += 3;
		}
		assert_int_equal(byte, (unsigned char)bytes[i]);
	}
	assert_true(*at == ' ' || *at == '\n');
}

static void line_is_clean(unsigned blanks)
{
	size_t len = strlen(line);
	unsigned found = 0;

	for (size_t i = 0; i < len - 1; i++) {
		if (line[i] < ' ' || line[i] > '~')
			fail_msg("byte 0x%02x: %s", (unsigned char)line[i], line);
		found += line[i] == ' ';
	}
	assert_int_equal(line[len - 1], '\n');
	if (blanks)
		assert_int_equal(found, blanks);
}

/* json_says - UTF-8 bytes are kept; others become U+FFFD */
static void json_says(json_t *object, const char *key, const char *bytes, size_t room)
{
	json_t *value = json_object_get(object, key);
	json_t *whole = json_stringn(bytes, strnlen(bytes, room));

	assert_true(json_is_string(value));
	if (whole)
		assert_true(json_equal(whole, value));
	else
		assert_non_null(strstr(json_string_value(value), "\xef\xbf\xbd"));
	json_decref(whole);
}

static void random_record(struct cgg_event *e, char cgroup[256])
{
	*e = record((enum cgg_program)pick(CGG_PROGRAMS));
	random_text(cgroup, 255);
	cgroup[255] = 0;
	random_text(e->comm, sizeof(e->comm));
	random_text(e->policy, sizeof(e->policy));
	random_text(e->label, sizeof(e->label));
	e->verdict = (__u8)pick(4);
	if (e->program != CGG_SYSCTL_RW && e->program != CGG_CONNECT_UNIX &&
	    e->program != CGG_SENDMSG_UNIX)
		return;
	random_text(e->named.name, sizeof(e->named.name));
	e->named.len = (__u32)strnlen(e->named.name, sizeof(e->named.name));
}

/* keys_of - return how many words a line without a label has */
static unsigned keys_of(unsigned program)
{
	switch (program) {
	case CGG_CONNECT_UNIX:
	case CGG_SENDMSG_UNIX:
		return 9;
	case CGG_SYSCTL_RW:
		return 10;
	case CGG_DEV:
		return 13;
	case CGG_FLOW_SOCKET: /* these three have no events */
	case CGG_FLOW_SENT:
	case CGG_FLOW_RECEIVED:
	case CGG_FLOW_TCP:
		return 15;
	case CGG_FLOW_UDP:
		return 16;
	}
	return 11;
}

static void no_byte_breaks_a_line(void **state)
{

	(void)state;
	random_state = SEED;
	print_message("# seed %u\n", SEED);
	for (int i = 0; i < ROUNDS; i++) {
		char cgroup[256];
		struct cgg_event e;
		json_t *object;

		random_record(&e, cgroup);
		print(&e, cgroup, &text_view);
		line_is_clean(1 + keys_of(e.program) + (*e.label != 0));
		text_says("comm", e.comm, sizeof(e.comm));
		text_says("cgroup", cgroup, sizeof(cgroup));
		text_says("policy", e.policy, sizeof(e.policy));

		print(&e, cgroup, &json_view);
		line_is_clean(0);
		object = json_loads(line, JSON_REJECT_DUPLICATES, 0);
		if (!object)
			fail_msg("not JSON: %s", line);
		json_says(object, "comm", e.comm, sizeof(e.comm));
		json_says(object, "cgroup", cgroup, sizeof(cgroup));
		json_says(object, "policy", e.policy, sizeof(e.policy));
		if (*e.label)
			json_says(object, "label", e.label, sizeof(e.label));
		if (e.program == CGG_SYSCTL_RW)
			json_says(object, "name", e.named.name, sizeof(e.named.name));
		json_decref(object);
	}
}

static void a_udp_socket_has_its_bytes_and_datagrams(void **state)
{
	struct cgg_event e = record(CGG_FLOW_UDP);

	(void)state;
	e.flow.opened = CGG_OPENED_HERE;
	e.flow.sent = 5;
	e.flow.received = 1ULL << 33;
	e.flow.duration = 2000;
	e.flow.out = 2;
	e.flow.in = ~0u;
	print(&e, "/", &text_view);
	assert_non_null(strstr(line, " opened=here duration_us=2 sent=5 received=8589934592 "
				     "datagrams_sent=2 datagrams_received=4294967295 "
				     "end=closed-here\n"));
	e.net.len = 3;
	e.flow.others = 1;
	e.flow.end = CGG_CUT;
	print(&e, "/", &json_view);
	assert_null(strstr(line, "\"len\""));
	assert_non_null(strstr(line, ",\"datagrams_received\":4294967295,\"dropped\":3,"
				     "\"others\":1,\"end\":\"cut\""));
}

/* Records that no program writes: what a ring holds after tampering. */
static void any_bytes_make_one_line(void **state)
{
	(void)state;
	random_state = SEED + 1;
	for (int i = 0; i < ROUNDS / 10; i++) {
		struct cgg_event e;

		for (size_t b = 0; b < sizeof(e); b++)
			((__u8 *)&e)[b] = (__u8)pick(256);
		e.time = e.time >> 1;
		print_own(&e, "/", "/own", &text_view);
		line_is_clean(0);
		print_own(&e, "/", "/own", &json_view);
		line_is_clean(0);
	}
}

static void the_longest_line_fits(void **state)
{
	char *cgroup = malloc(4096), *exact = malloc(CGG_EVENT_TEXT);
	struct cgg_event e;
	size_t longest = 0;

	(void)state;
	memset(cgroup, 0xff, 4095);
	cgroup[4095] = 0;
	for (int program = 0; program <= CGG_PROGRAMS; program++) {
		for (int view = 0; view < 4; view++) {
			const struct cgg_event_view v = { .json = view & 1, .time = view & 2 };
			size_t len;

			memset(&e, 0xff, sizeof(e));
			e.time = 0;
			e.program = (__u8)program;
			len = event_print(exact, &e, cgroup, cgroup, &v);
			assert_true(len >= 2 * 4 * 4095 && len <= CGG_EVENT_TEXT);
			assert_int_equal(exact[len - 1], '\n');
			longest = len > longest ? len : longest;
		}
	}
	print_message("# the longest line has %zu of %d bytes\n", longest, CGG_EVENT_TEXT);
	free(cgroup);
	free(exact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dangerous_bytes_are_escaped),
		cmocka_unit_test(no_byte_breaks_a_line),
		cmocka_unit_test(a_udp_socket_has_its_bytes_and_datagrams),
		cmocka_unit_test(any_bytes_make_one_line),
		cmocka_unit_test(the_longest_line_fits),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
