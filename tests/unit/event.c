// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * event.c - the fields of an event, as text and as JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "event.h"

static const struct cgg_event_view time_view = { .time = true };

/* 2025-11-23T17:12:05.123456789Z, the machine being up for 1 s */
#define CLOCK (1763917924123456789 - 23)

static struct cgg_event sysctl_record(const char *name)
{
	struct cgg_event e = record(CGG_SYSCTL_RW);

	e.named.len = (__u32)strlen(name);
	memcpy(e.named.name, name,
	       e.named.len < sizeof(e.named.name) ? e.named.len : sizeof(e.named.name));
	return e;
}

static void prints(const struct cgg_event *e, const struct cgg_event_view *view, const char *wanted)
{
	print(e, "/demo", view);
	assert_string_equal(line, wanted);
}

/* ---- every field ---- */

static void a_connection_has_its_destination(void **state)
{
	struct cgg_event e = net_record(CGG_CONNECT4);

	(void)state;
	prints(&e, &text_view,
	       "[DENY connect4] pid=12345 comm=curl daddr=127.0.0.1 dport=9090 proto=6 "
	       "tid=12346 uid=1000 gid=100 cgroup=/demo policy=default rule=7\n");
	e.verdict = CGG_ALERT;
	e.program = CGG_CONNECT6;
	memset(e.net.addr, 0, 16);
	e.net.addr[15] = 1;
	e.net.port = 65535;
	e.net.proto = 17;
	prints(&e, &text_view,
	       "[ALERT connect6] pid=12345 comm=curl daddr=::1 dport=65535 proto=17 "
	       "tid=12346 uid=1000 gid=100 cgroup=/demo policy=default rule=7\n");
}

static void a_message_has_its_destination(void **state)
{
	struct cgg_event e = net_record(CGG_SENDMSG4);

	(void)state;
	e.verdict = CGG_AUDIT;
	e.net.port = 0;
	e.net.proto = 17;
	prints(&e, &text_view,
	       "[AUDIT sendmsg4] pid=12345 comm=curl daddr=127.0.0.1 dport=0 proto=17 "
	       "tid=12346 uid=1000 gid=100 cgroup=/demo policy=default rule=7\n");
	e.program = CGG_SENDMSG6;
	memset(e.net.addr, 0xff, 16);
	prints(&e, &text_view,
	       "[AUDIT sendmsg6] pid=12345 comm=curl daddr=ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	       "dport=0 proto=17 tid=12346 uid=1000 gid=100 cgroup=/demo policy=default rule=7\n");
}

static void a_connection_that_ended_has_its_bytes_and_its_ends(void **state)
{
	struct cgg_event e = net_record(CGG_FLOW_TCP);

	(void)state;
	memcpy(e.net.local, e.net.addr, 16);
	e.net.local[15] = 2;
	e.net.sport = 40000;
	e.flow.opened = CGG_OPENED_HERE;
	e.flow.sent = 1ULL << 40;
	e.flow.received = 7;
	e.flow.duration = 1999;
	e.flow.retransmits = 3;
	e.flow.rtt = 25;
	e.flow.end = CGG_TIMEOUT;
	prints(&e, &text_view,
	       "[DENY flow] pid=12345 comm=curl daddr=127.0.0.1 dport=9090 proto=6 tid=12346 "
	       "uid=1000 gid=100 cgroup=/demo policy=default rule=7 saddr=127.0.0.2 sport=40000 "
	       "opened=here duration_us=1 sent=1099511627776 received=7 retransmits=3 rtt_us=25 "
	       "end=timeout\n");
	e.flow.opened = CGG_OPENED_THERE;
	e.flow.rtt = 0;
	prints(&e, &text_view,
	       "[DENY flow] pid=12345 comm=curl daddr=127.0.0.2 dport=9090 proto=6 tid=12346 "
	       "uid=1000 gid=100 cgroup=/demo policy=default rule=7 saddr=127.0.0.1 sport=40000 "
	       "opened=there duration_us=1 sent=1099511627776 received=7 retransmits=3 "
	       "end=timeout\n");
	e.flow.opened = CGG_OPENED_UNKNOWN;
	e.flow.end = 255; /* of a later guard */
	print(&e, "/", &json_view);
	assert_null(strstr(line, "opened"));
	assert_non_null(strstr(line, "\"sent\":1099511627776,\"received\":7,\"retransmits\":3,"));
}

static void a_device_has_its_number_and_access(void **state)
{
	struct cgg_event e = record(CGG_DEV);

	(void)state;
	e.device.major = 1;
	e.device.minor = 3;
	e.device.access_type = CGG_R << 16 | CGG_CHAR;
	prints(&e, &text_view,
	       "[DENY device] pid=12345 comm=curl major=1 minor=3 access_type=0x20002 type=c "
	       "access=r tid=12346 uid=1000 gid=100 cgroup=/demo policy=default rule=7\n");
	e.device.major = 4095;
	e.device.minor = 1048575;
	e.device.access_type = (CGG_R | CGG_W | CGG_M) << 16 | CGG_BLOCK;
	prints(&e, &text_view,
	       "[DENY device] pid=12345 comm=curl major=4095 minor=1048575 access_type=0x70001 "
	       "type=b access=rwm tid=12346 uid=1000 gid=100 cgroup=/demo policy=default rule=7\n");
}

static void every_access_is_printed(void **state)
{
	static const char *const access_bits[] = { "", "m", "r", "rm", "w", "wm", "rw", "rwm" };
	struct cgg_event e = record(CGG_DEV);
	char wanted[64];

	(void)state;
	for (__u32 access = 0; access < 8; access++) {
		e.device.access_type = access << 16 | CGG_CHAR;
		print(&e, "/", &text_view);
		snprintf(wanted, sizeof(wanted),
			 " access_type=0x%05x type=c access=%s tid=", e.device.access_type,
			 access_bits[access]);
		assert_non_null(strstr(line, wanted));
	}
	e.device.access_type = 0x12340000 | CGG_BLOCK; /* access bits that are not known yet */
	print(&e, "/", &text_view);
	assert_non_null(strstr(line, " access_type=0x12340001 type=b access=w tid="));
}

static void a_sysctl_has_its_name(void **state)
{
	struct cgg_event e = sysctl_record("kernel/hostname");

	(void)state;
	prints(&e, &text_view,
	       "[DENY sysctl] pid=12345 comm=curl write=0 name=kernel/hostname "
	       "tid=12346 uid=1000 gid=100 cgroup=/demo policy=default rule=7\n");
	e.named.write = 1;
	prints(&e, &text_view,
	       "[DENY sysctl] pid=12345 comm=curl write=1 name=kernel/hostname "
	       "tid=12346 uid=1000 gid=100 cgroup=/demo policy=default rule=7\n");
}

/* A record has room for 112 bytes; a longer name is cut there, and nothing else is printed. */
static void a_long_sysctl_is_cut(void **state)
{
	char name[128] = "", wanted[160];
	struct cgg_event e;

	(void)state;
	memset(name, 'a', 127);
	e = sysctl_record(name);
	e.serial = ~0ull;
	print(&e, "/", &text_view);
	snprintf(wanted, sizeof(wanted), " name=%.112s tid=12346 ", name);
	assert_non_null(strstr(line, wanted));
	e.named.len = 65535;
	print(&e, "/", &text_view);
	assert_non_null(strstr(line, wanted));
	e.named.len = 0;
	print(&e, "/", &text_view);
	assert_non_null(strstr(line, " name= tid=12346 "));
}

static void a_named_rule_adds_its_label(void **state)
{
	struct cgg_event e = net_record(CGG_CONNECT4);

	(void)state;
	strcpy(e.label, "rule-001");
	prints(&e, &text_view,
	       "[DENY connect4] pid=12345 comm=curl daddr=127.0.0.1 dport=9090 proto=6 tid=12346 "
	       "uid=1000 gid=100 cgroup=/demo policy=default rule=7 label=rule-001\n");
}

static void another_cgroup_of_the_process_comes_last(void **state)
{
	struct cgg_event e = net_record(CGG_CONNECT4);

	(void)state;
	assert_int_equal(event_own(&e), 0);
	e.own = e.cgroup;
	assert_int_equal(event_own(&e), 0);
	e.own = 4712;
	assert_int_equal(event_own(&e), 4712);
	e.net.sport = 7;
	print_own(&e, "/demo", "/demo/a b", &text_view);
	assert_non_null(strstr(line, " rule=7 sport=7 own_cgroup=/demo/a\\x20b\n"));
	print_own(&e, "/demo", "/demo/a b", &json_view);
	assert_non_null(strstr(line, ",\"sport\":7,\"own_cgroup\":\"/demo/a b\","
				     "\"own_cgroup_id\":4712}\n"));
}

static void the_default_is_rule_0(void **state)
{
	struct cgg_event e = net_record(CGG_CONNECT4);

	(void)state;
	e.rule = 0;
	print(&e, "/", &text_view);
	assert_non_null(strstr(line, " cgroup=/ policy=default rule=0\n"));
}

static void the_largest_numbers_are_printed(void **state)
{
	struct cgg_event e = net_record(CGG_CONNECT4);

	(void)state;
	e.pid = e.tid = e.uid = e.gid = e.rule = 0xffffffff;
	e.cgroup = ~0ull;
	e.net.port = e.net.proto = 0xffff;
	prints(&e, &text_view,
	       "[DENY connect4] pid=4294967295 comm=curl daddr=127.0.0.1 dport=65535 proto=65535 "
	       "tid=4294967295 uid=4294967295 gid=4294967295 cgroup=/demo policy=default "
	       "rule=4294967295\n");
	print(&e, "/", &json_view);
	assert_non_null(strstr(line, ",\"cgroup_id\":18446744073709551615,"));
}

static void names_without_a_nul_end_at_their_field(void **state)
{
	struct cgg_event e = net_record(CGG_CONNECT4);

	(void)state;
	memset(e.comm, 'c', sizeof(e.comm));
	memset(e.policy, 'p', sizeof(e.policy));
	memset(e.label, 'l', sizeof(e.label));
	prints(&e, &text_view,
	       "[DENY connect4] pid=12345 comm=cccccccccccccccc daddr=127.0.0.1 dport=9090 proto=6 "
	       "tid=12346 uid=1000 gid=100 cgroup=/demo policy=pppppppppppppppppppppppppppppppp "
	       "rule=7 label=llllllllllllllllllllllllllllllll\n");
}

/* ---- the same as JSON ---- */

#define JSON_HEAD(verdict, hook)                                                                   \
	"{\"time\":\"1970-01-01T00:00:01.000000Z\",\"verdict\":\"" verdict "\",\"hook\":\"" hook   \
	"\",\"pid\":12345,\"comm\":\"curl\","
#define JSON_TAIL                                                                                  \
	"\"tid\":12346,\"uid\":1000,\"gid\":100,\"cgroup\":\"/demo\",\"cgroup_id\":4711,"          \
	"\"policy\":\"default\",\"rule\":7"

static void json_has_the_keys_of_text(void **state)
{
	struct cgg_event e = net_record(CGG_CONNECT4);

	(void)state;
	prints(&e, &json_view,
	       JSON_HEAD("deny",
			 "connect4") "\"daddr\":\"127.0.0.1\",\"dport\":9090,\"proto\":6," JSON_TAIL
				     "}\n");
	strcpy(e.label, "rule-001");
	e.verdict = CGG_ALERT;
	e.program = CGG_SENDMSG6;
	prints(&e, &json_view,
	       JSON_HEAD("alert",
			 "sendmsg6") "\"daddr\":\"127.0.0.1\",\"dport\":9090,\"proto\":6," JSON_TAIL
				     ",\"label\":\"rule-001\"}\n");

	e = record(CGG_DEV);
	e.verdict = CGG_AUDIT;
	e.device = (struct cgg_event_device){ 1, 3, (CGG_R | CGG_W) << 16 | CGG_CHAR };
	prints(&e, &json_view,
	       JSON_HEAD("audit", "device") "\"major\":1,\"minor\":3,\"access_type\":393218,"
					    "\"type\":\"c\",\"access\":\"rw\"," JSON_TAIL "}\n");

	e = sysctl_record("kernel/hostname");
	e.named.write = 1;
	prints(&e, &json_view,
	       JSON_HEAD("deny", "sysctl") "\"write\":1,\"name\":\"kernel/hostname\"," JSON_TAIL
					   "}\n");
}

/* Each key of a text line, and verdict, hook, time and cgroup_id. */
static void text_and_json_agree(void **state)
{
	struct cgg_event all[] = { net_record(CGG_CONNECT4), net_record(CGG_CONNECT6),
				   net_record(CGG_SENDMSG4), net_record(CGG_SENDMSG6),
				   record(CGG_DEV),	     sysctl_record("kernel/hostname") };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		unsigned keys = 0;
		json_t *object;

		strcpy(all[i].label, "l");
		print(&all[i], "/demo", &json_view);
		object = json_loads(line, JSON_REJECT_DUPLICATES, 0);
		assert_non_null(object);
		assert_string_equal(json_string_value(json_object_get(object, "hook")),
				    cgg_programs[all[i].program].name);
		print(&all[i], "/demo", &text_view);
		for (char *word = strtok(strchr(line, ']') + 1, " \n"); word;
		     word = strtok(0, " \n")) {
			*strchr(word, '=') = 0;
			assert_non_null(json_object_get(object, word));
			keys++;
		}
		assert_int_equal(json_object_size(object), keys + 4);
		json_decref(object);
	}
}

/* ---- the time ---- */

static void times(__s64 clock, __u64 boot, const char *wanted)
{
	struct cgg_event_view view = { .time = true, .clock = clock };
	struct cgg_event e = net_record(CGG_CONNECT4);
	char json[64];

	e.time = boot;
	print(&e, "/", &view);
	assert_memory_equal(line, wanted, strlen(wanted));
	assert_memory_equal(line + strlen(wanted), " [DENY connect4] ", 17);
	view.json = true;
	print(&e, "/", &view);
	snprintf(json, sizeof(json), "{\"time\":\"%s\",", wanted);
	assert_memory_equal(line, json, strlen(json));
}

static void time_is_rfc_3339_in_utc(void **state)
{
	(void)state;
	assert_int_equal(setenv("TZ", "America/New_York", 1), 0);
	times(CLOCK, BOOT, "2025-11-23T17:12:05.123456Z");
	times(CLOCK, BOOT + 1000, "2025-11-23T17:12:05.123457Z");
	times(CLOCK, BOOT + 1000000000, "2025-11-23T17:12:06.123456Z");
	times(CLOCK, BOOT - 1000000000, "2025-11-23T17:12:04.123456Z");
	times(0, 0, "1970-01-01T00:00:00.000000Z");
	times(0, 999999999, "1970-01-01T00:00:00.999999Z");
	times(0, 1000000000, "1970-01-01T00:00:01.000000Z");
	times(951782400000000000, 0, "2000-02-29T00:00:00.000000Z");
	times(2147483648000000000, 1, "2038-01-19T03:14:08.000000Z");
	times(4102444799000000000, 999999000, "2099-12-31T23:59:59.999999Z");
}

static void text_has_a_time_only_on_request(void **state)
{
	struct cgg_event e = net_record(CGG_CONNECT4);

	(void)state;
	print(&e, "/", &time_view);
	assert_memory_equal(line, "1970-01-01T00:00:01.000000Z [DENY connect4] pid=", 48);
}

/* ---- lost events ---- */

static void lost(__u64 count, const struct cgg_event_view *view, const char *wanted)
{
	size_t len = event_lost(line, count, view);

	assert_int_equal(len, strlen(wanted));
	assert_memory_equal(line, wanted, len);
}

static void lost_events_are_reported_in_the_stream(void **state)
{
	(void)state;
	lost(512, &text_view, "[LOST 512]\n");
	lost(512, &time_view, "[LOST 512]\n");
	lost(512, &json_view, "{\"lost\":512}\n");
	lost(1, &text_view, "[LOST 1]\n");
	lost(~0ull, &text_view, "[LOST 18446744073709551615]\n");
	lost(~0ull, &json_view, "{\"lost\":18446744073709551615}\n");
}

static void suppressed(const struct cgg_event_view *view, const char *cgroup, const char *policy,
		       const char *wanted)
{
	const struct cgg_news news = {
		.key = { .cgroup = 4711, .rule = 7, .program = CGG_CONNECT4, .verdict = CGG_DENY },
		.count = 512
	};
	size_t len = event_suppressed(line, &news, cgroup, policy, view);

	assert_int_equal(len, strlen(wanted));
	assert_memory_equal(line, wanted, len);
}

static void suppressed_events_are_reported_with_their_cgroup(void **state)
{
	(void)state;
	suppressed(
		&text_view, "/demo", "default",
		"[WITHHELD 512] cgroup=/demo policy=default rule=7 verdict=deny hook=connect4\n");
	suppressed(
		&json_view, "/demo", "default",
		"{\"withheld\":512,\"cgroup\":\"/demo\",\"cgroup_id\":4711,\"policy\":\"default\","
		"\"rule\":7,\"verdict\":\"deny\",\"hook\":\"connect4\"}\n");
	suppressed(
		&text_view, "/a b\n", "",
		"[WITHHELD 512] cgroup=/a\\x20b\\x0a policy= rule=7 verdict=deny hook=connect4\n");
}

static void only_the_verdict_has_a_color(void **state)
{
	static const struct cgg_event_view color_view = { .color = true };
	struct cgg_event e = net_record(CGG_CONNECT4);

	(void)state;
	print(&e, "/", &color_view);
	assert_memory_equal(line, "[\033[31mDENY\033[m connect4] pid=", 28);
	assert_null(strchr(strchr(line, ']'), '\033'));
	e.verdict = CGG_ALERT;
	print(&e, "/", &color_view);
	assert_memory_equal(line, "[\033[33mALERT\033[m connect4] pid=", 29);
	e.verdict = CGG_AUDIT;
	print(&e, "/", &color_view);
	assert_memory_equal(line, "[\033[36mAUDIT\033[m connect4] pid=", 29);
	lost(3, &color_view, "[\033[35mLOST\033[m 3]\n");
	suppressed(
		&color_view, "/", "p",
		"[\033[35mWITHHELD\033[m 512] cgroup=/ policy=p rule=7 verdict=deny hook=connect4\n");
}

/* Values that are cached from one line are not used for another. */
static void cached_addresses_and_options_are_not_mixed_up(void **state)
{
	struct cgg_event e = net_record(CGG_CONNECT6), o = record(CGG_SETSOCKOPT_RUN);
	char wanted[512], text[CGG_NET_TEXT], option[256];

	(void)state;
	random_state = SEED;
	for (int i = 0; i < ROUNDS; i++) {
		for (int b = 0; b < 16; b++)
			e.net.addr[b] = (__u8)(pick(3) ? pick(2) : pick(256));
		print(&e, "/", &text_view);
		addr_print(e.net.addr, text);
		snprintf(wanted, sizeof(wanted), " daddr=%s dport=", text);
		assert_non_null(strstr(line, wanted));
		o.sockopt.level = pick(3);
		o.sockopt.name = pick(20);
		print(&o, "/", &text_view);
		sockopt_print((int)o.sockopt.level, (int)o.sockopt.name, option);
		snprintf(wanted, sizeof(wanted),
			 " level=%u optname=%u option=%s tid=", o.sockopt.level, o.sockopt.name,
			 option);
		assert_non_null(strstr(line, wanted));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_has_its_destination),
		cmocka_unit_test(a_message_has_its_destination),
		cmocka_unit_test(a_connection_that_ended_has_its_bytes_and_its_ends),
		cmocka_unit_test(a_device_has_its_number_and_access),
		cmocka_unit_test(every_access_is_printed),
		cmocka_unit_test(a_sysctl_has_its_name),
		cmocka_unit_test(a_long_sysctl_is_cut),
		cmocka_unit_test(a_named_rule_adds_its_label),
		cmocka_unit_test(another_cgroup_of_the_process_comes_last),
		cmocka_unit_test(the_default_is_rule_0),
		cmocka_unit_test(the_largest_numbers_are_printed),
		cmocka_unit_test(names_without_a_nul_end_at_their_field),
		cmocka_unit_test(json_has_the_keys_of_text),
		cmocka_unit_test(text_and_json_agree),
		cmocka_unit_test(time_is_rfc_3339_in_utc),
		cmocka_unit_test(text_has_a_time_only_on_request),
		cmocka_unit_test(lost_events_are_reported_in_the_stream),
		cmocka_unit_test(suppressed_events_are_reported_with_their_cgroup),
		cmocka_unit_test(only_the_verdict_has_a_color),
		cmocka_unit_test(cached_addresses_and_options_are_not_mixed_up),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
