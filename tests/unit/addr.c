// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * addr.c - addresses, ports, protocols and numbers: tables, read in both directions.
 *
 * tests/language/words.table has the words and refusals; here are the bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/cgg.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MAPPED 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff

/* The text, its bytes, and the printed text. */
static const struct {
	const char *word, *printed;
	__u8 addr[16], len;
} nets[] = {
	{ "127.0.0.1", "127.0.0.1", { MAPPED, 127, 0, 0, 1 }, 128 },
	{ "::ffff:127.0.0.1", "127.0.0.1", { MAPPED, 127, 0, 0, 1 }, 128 },
	{ "::ffff:7f00:1", "127.0.0.1", { MAPPED, 127, 0, 0, 1 }, 128 },
	{ "1.2.3.4/32", "1.2.3.4", { MAPPED, 1, 2, 3, 4 }, 128 },
	{ "255.255.255.255", "255.255.255.255", { MAPPED, 255, 255, 255, 255 }, 128 },
	{ "10.0.0.0/8", "10.0.0.0/8", { MAPPED, 10 }, 104 },
	{ "::ffff:10.0.0.0/104", "10.0.0.0/8", { MAPPED, 10 }, 104 },
	{ "192.168.0.128/25", "192.168.0.128/25", { MAPPED, 192, 168, 0, 128 }, 121 },
	{ "128.0.0.0/1", "128.0.0.0/1", { MAPPED, 128 }, 97 },
	{ "0.0.0.0/0", "0.0.0.0/0", { MAPPED }, 96 },
	{ "::ffff:0:0/96", "0.0.0.0/0", { MAPPED }, 96 },
	{ "::/0", "::/0", { 0 }, 0 },
	{ "::/1", "::/1", { 0 }, 1 },
	{ "::/96", "::/96", { 0 }, 96 },
	{ "8000::/1", "8000::/1", { 0x80 }, 1 },
	{ "::1", "::1", { [15] = 1 }, 128 },
	{ "::1/128", "::1", { [15] = 1 }, 128 },
	{ "::fffe:0:0/95", "::fffe:0:0/95", { [10] = 0xff, 0xfe }, 95 },
	{ "2001:DB8:0:0::/32", "2001:db8::/32", { 0x20, 1, 0xd, 0xb8 }, 32 },
	{ "2001:db8::ff00:0/104",
	  "2001:db8::ff00:0/104",
	  { 0x20, 1, 0xd, 0xb8, [12] = 0xff },
	  104 },
	{ "1:0:0:2:0:0:0:3", "1:0:0:2::3", { 0, 1, [7] = 2, [15] = 3 }, 128 },
	{ "::1.2.3.4", "::1.2.3.4", { [12] = 1, 2, 3, 4 }, 128 },
};

static void a_prefix_is_read_to_its_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(nets); i++) {
		struct cgg_net net;

		memset(&net, 0xff, sizeof(net));
		if (net_parse(&net, nets[i].word))
			fail_msg("%s: %s", nets[i].word, cgg_error);
		assert_memory_equal(net.addr, nets[i].addr, 16);
		assert_int_equal(net.len, nets[i].len);
		assert_false(net.word == CGG_NET_LOCAL);
	}
}

static void a_prefix_is_printed_as_it_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(nets); i++) {
		struct cgg_net net = { .len = nets[i].len }, again;
		char text[CGG_NET_TEXT];

		memcpy(net.addr, nets[i].addr, 16);
		net_print(&net, text);
		assert_string_equal(text, nets[i].printed);
		assert_int_equal(net_parse(&again, text), 0);
		assert_memory_equal(&again, &net, sizeof(net));
	}
}

/* 0.0.0.0/LEN has no host bits; 255.255.255.255/LEN has one more each time. */
static void a_prefix_keeps_as_many_bits_as_its_length(void **state)
{
	struct cgg_net net;
	char word[80], clean[80];

	(void)state;
	for (unsigned len = 0; len <= 32; len++) {
		__u32 bits = len ? 0xffffffffu << (32 - len) : 0;

		snprintf(clean, sizeof(clean), "%u.%u.%u.%u/%u", bits >> 24, bits >> 16 & 255,
			 bits >> 8 & 255, bits & 255, len);
		snprintf(word, sizeof(word), "255.255.255.255/%u", len);
		assert_int_equal(net_parse(&net, clean), 0);
		assert_int_equal(net_parse(&net, word), len == 32 ? 0 : CGG_USAGE);
		if (len < 32)
			assert_non_null(strstr(cgg_error, clean));
	}
	for (unsigned len = 0; len <= 128; len++) {
		snprintf(word, sizeof(word), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/%u", len);
		assert_int_equal(net_parse(&net, word), len == 128 ? 0 : CGG_USAGE);
		snprintf(word, sizeof(word), "::/%u", len);
		assert_int_equal(net_parse(&net, word), 0);
		assert_int_equal(net.len, len);
	}
}

static void addresses_of_both_families_are_printed(void **state)
{
	static const struct {
		const char *text;
		__u8 addr[16];
	} table[] = {
		{ "127.0.0.1", { MAPPED, 127, 0, 0, 1 } },
		{ "0.0.0.0", { MAPPED } },
		{ "::", { 0 } },
		{ "::1", { [15] = 1 } },
		{ "fe80::1", { 0xfe, 0x80, [15] = 1 } },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		    255 } },
	};
	char text[CGG_NET_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		addr_print(table[i].addr, text);
		assert_string_equal(text, table[i].text);
		assert_int_equal(addr_is_ip4(table[i].addr), strchr(text, '.') != 0);
	}
}

/* in_net - return whether an address lies in a prefix of the net */
static bool in_net(const struct cgg_prefixes *all, const char *text)
{
	struct cgg_net net;
	bool in = false;

	assert_int_equal(net_parse(&net, text), 0);
	for (unsigned i = 0; i < all->count; i++) {
		const struct cgg_prefix *p = &all->prefix[i];
		bool same = addr_is_ip4(net.addr) == (addr_is_ip4(p->addr) && p->len >= 96);

		for (unsigned bit = 0; bit < p->len && same; bit++)
			same = !((p->addr[bit / 8] ^ net.addr[bit / 8]) >> (7 - bit % 8) & 1);
		in |= same;
	}
	return in;
}

/* What lies in the nets of a word, and what does not. */
static const struct {
	const char *word, *in, *out;
} word_nets[] = {
	{ "private",
	  "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 "
	  "100.64.0.0 100.127.255.255 fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	  "::ffff:10.1.2.3 64:ff9b::10.1.2.3 2002:a01:203::1 ::10.1.2.3 fd00:ec2::254",
	  "9.255.255.255 11.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 "
	  "100.63.255.255 100.128.0.0 fbff:: fe00:: 64:ff9b::8.8.8.8 2002:808:808::1 "
	  "127.0.0.1 169.254.0.1 ::1 64:ff9c::10.1.2.3 2003:a01:203::1" },
	{ "link-local",
	  "169.254.0.0 169.254.255.255 fe80:: febf:ffff:: 64:ff9b::169.254.1.1 2002:a9fe::",
	  "169.253.255.255 169.255.0.0 fe7f:: fec0:: ff02::1 10.0.0.1" },
	{ "multicast", "224.0.0.0 239.255.255.255 255.255.255.255 ff00:: ffff:: 2002:e000::",
	  "223.255.255.255 240.0.0.0 255.255.255.254 feff:: 8.8.8.8" },
	{ "metadata", "169.254.169.254 fd00:ec2::254 64:ff9b::169.254.169.254 2002:a9fe:a9fe::1",
	  "169.254.169.253 169.254.169.255 fd00:ec2::253 fd00:ec2::255 10.0.0.1" },
	{ "global",
	  "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.0.0.1 "
	  "128.0.0.1 192.0.0.9 192.0.0.10 192.0.1.0 192.88.99.1 198.17.255.255 198.20.0.0 "
	  "223.255.255.255 2606:4700::1111 2001:200:: 2003:: 2001:1::1 2001:3::1 2001:20::1 "
	  "64:ff9b::8.8.8.8 2002:808:808::1 4000::1",
	  "0.0.0.0 0.255.255.255 10.0.0.1 100.64.0.1 127.0.0.1 169.254.1.1 172.20.0.1 "
	  "192.0.0.1 192.0.0.11 192.0.2.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 "
	  "203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::8.8.8.8 "
	  "64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 "
	  "2001::1 2001:1::4 2001:2::1 2001:db8::1 2002:a00:1::1 2002:7f00:1::1 3fff::1 "
	  "5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1" },
};

static void a_word_for_nets_contains_these_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(word_nets); i++) {
		struct cgg_prefixes all = { 0, 0, 0 };
		struct cgg_net net;

		assert_int_equal(net_parse(&net, word_nets[i].word), 0);
		assert_int_equal(prefixes_add(&all, &net), 0);
		prefixes_join(&all);
		for (int in = 0; in < 2; in++) {
			char *list = strdup(in ? word_nets[i].in : word_nets[i].out), *save = 0;

			for (char *one = strtok_r(list, " ", &save); one;
			     one = strtok_r(0, " ", &save))
				if (in_net(&all, one) != in)
					fail_msg("%s: %s", word_nets[i].word, one);
			free(list);
		}
		free(all.prefix);
	}
}

static void local_is_not_an_address(void **state)
{
	struct cgg_net net;
	char text[CGG_NET_TEXT];

	(void)state;
	assert_int_equal(net_parse(&net, "local"), 0);
	assert_true(net.word == CGG_NET_LOCAL);
	assert_int_equal(net.len, 0);
	net_print(&net, text);
	assert_string_equal(text, "local");
}

static void a_port_is_a_number_or_a_range(void **state)
{
	static const struct {
		const char *word;
		unsigned min, max;
	} table[] = {
		{ "0", 0, 0 },
		{ "1", 1, 1 },
		{ "9090", 9090, 9090 },
		{ "65535", 65535, 65535 },
		{ "0-65535", 0, 65535 },
		{ "9000-9100", 9000, 9100 },
		{ "80-80", 80, 80 },
		{ "0-1", 0, 1 },
		{ "65534-65535", 65534, 65535 },
	};
	__u16 min, max;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		min = max = 7;
		assert_int_equal(port_parse(&min, &max, table[i].word), 0);
		assert_int_equal(min, table[i].min);
		assert_int_equal(max, table[i].max);
	}
}

static void every_protocol_is_read_back_as_printed(void **state)
{
	char text[CGG_NET_TEXT], number[8];
	__u16 proto;

	(void)state;
	for (__u16 n = 0; n < 256; n++) {
		proto_print(n, text);
		assert_int_equal(proto_parse(&proto, text), 0);
		assert_int_equal(proto, n);
		snprintf(number, sizeof(number), "%u", n);
		assert_int_equal(proto_parse(&proto, number), 0);
		assert_int_equal(proto, n);
	}
	assert_int_equal(proto_parse(&proto, "256"), CGG_USAGE);
}

static const struct {
	const char *word;
	unsigned long max, n;
} numbers[] = {
	{ "0", 0, 0 },
	{ "0", 9, 0 },
	{ "9", 9, 9 },
	{ "10", 10, 10 },
	{ "4294967295", 4294967295, 4294967295 },
	{ "1", 4294967295, 1 },
};

static const struct {
	const char *word;
	unsigned long max;
} no_numbers[] = {
	{ "", 9 },
	{ "10", 9 },
	{ "1", 0 },
	{ "00", 9 },
	{ "01", 9 },
	{ "-1", 9 },
	{ "+1", 9 },
	{ " 1", 9 },
	{ "1 ", 9 },
	{ "1x", 9 },
	{ "x1", 9 },
	{ "0x1", 99 },
	{ "1.0", 99 },
	{ "1,0", 99 },
	{ "1\n", 9 },
	{ "\xd9\xa1", 9 },
	{ "4294967296", 4294967295 },
	{ "42949672950", 4294967295 },
	{ "18446744073709551617", 4294967295 },
	{ ":", 99 },
	{ "/", 99 },
};

static void a_number_is_only_digits(void **state)
{
	unsigned long n;

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		n = 77;
		assert_int_equal(
			number_parse(&n, numbers[i].word, strlen(numbers[i].word), numbers[i].max),
			0);
		assert_int_equal(n, numbers[i].n);
	}
	for (size_t i = 0; i < COUNT(no_numbers); i++)
		if (number_parse(&n, no_numbers[i].word, strlen(no_numbers[i].word),
				 no_numbers[i].max) != -1)
			fail_msg("%s is taken for a number", no_numbers[i].word);
	assert_int_equal(number_parse(&n, "123", 2, 99), 0);
	assert_int_equal(n, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prefix_is_read_to_its_bytes),
		cmocka_unit_test(a_prefix_is_printed_as_it_is_read),
		cmocka_unit_test(a_prefix_keeps_as_many_bits_as_its_length),
		cmocka_unit_test(addresses_of_both_families_are_printed),
		cmocka_unit_test(a_word_for_nets_contains_these_addresses),
		cmocka_unit_test(local_is_not_an_address),
		cmocka_unit_test(a_port_is_a_number_or_a_range),
		cmocka_unit_test(every_protocol_is_read_back_as_printed),
		cmocka_unit_test(a_number_is_only_digits),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
