// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hint.c - suggests the word of cgguard for words of other tools: nftables, iptables, pf, ufw,
 * firewalld, systemd, doas. Words of cgguard in upper case or at a wrong place get one, too, and
 * values without the match before them.
 */
#include <ctype.h>
#include <string.h>

#include "operand.h"

static const struct {
	const char *word, *write;
} table[] = {
	{ "drop", "deny" },
	{ "reject", "deny" },
	{ "block", "deny" },
	{ "refuse", "deny" },
	{ "forbid", "deny" },
	{ "accept", "allow" },
	{ "permit", "allow" },
	{ "pass", "allow" },
	{ "log", "alert" },
	{ "audit", "alert, or mode audit for the whole policy" },
	{ "dport", "port" },
	{ "ports", "port" },
	{ "to-port", "port" },
	{ "dst-port", "port" },
	{ "protocol", "proto" },
	{ "l4proto", "proto" },
	{ "meta", "proto, ip, port or cgroup" },
	{ "ip6", "ip" },
	{ "addr", "ip" },
	{ "spt", "sport" },
	{ "src-port", "sport" },
	{ "from-port", "sport" },
	{ "iif", "ingress iface" },
	{ "iifname", "ingress iface" },
	{ "in-interface", "ingress iface" },
	{ "oif", "egress iface" },
	{ "oifname", "egress iface" },
	{ "out-interface", "egress iface" },
	{ "interface", "iface" },
	{ "user", "uid" },
	{ "skuid", "uid" },
	{ "uid-owner", "uid" },
	{ "group", "gid" },
	{ "skgid", "gid" },
	{ "gid-owner", "gid" },
	{ "address", "ip" },
	{ "to", "ip" },
	{ "dst", "ip" },
	{ "daddr", "ip" },
	{ "destination", "ip" },
	{ "from", "ingress ip, or recvmsg ip" },
	{ "src", "ingress ip, or recvmsg ip" },
	{ "saddr", "ingress ip, or recvmsg ip" },
	{ "source", "ingress ip, or recvmsg ip" },
	{ "in", "ingress" },
	{ "input", "ingress" },
	{ "inbound", "ingress" },
	{ "incoming", "ingress" },
	{ "out", "egress" },
	{ "output", "egress" },
	{ "outbound", "egress" },
	{ "outgoing", "egress" },
	{ "listen", "bind: a socket listens on the port that it is bound to" },
	{ "send", "sendmsg" },
	{ "sendto", "sendmsg" },
	{ "recv", "recvmsg" },
	{ "recvfrom", "recvmsg" },
	{ "connect4", "connect" },
	{ "connect6", "connect" },
	{ "bind4", "bind" },
	{ "bind6", "bind" },
	{ "sendmsg4", "sendmsg" },
	{ "sendmsg6", "sendmsg" },
	{ "any", "leave it out: a match that is left out matches everything" },
	{ "all", "leave it out: a match that is left out matches everything" },
	{ "localhost", "ip local" },
	{ "dev", "device" },
	{ "devices", "device" },
	{ "sockopt", "setsockopt or getsockopt" },
	{ "timeout", "ttl" },
	{ "label", "name" },
	{ "policy", "default HOOK VERDICT, as a line of a file or right after cgg-rule" },
	{ "default", "default HOOK VERDICT, as a line of a file or right after cgg-rule" },
	{ "mode", "mode audit, as a line of a file or right after cgg-rule" },
	{ "include", "it in a file, for cgg-rule add -f or restore" },
	{ "resolver", "it in a file, for cgg-rule add -f or restore" },
	{ "names", "it in a file, for cgg-rule add -f or restore" },
	{ "and", "leave it out: all matches of a rule must hold" },
	{ "rule", "leave it out" },
	{ "counter", "leave it out: every rule is counted, and list -s prints it" },
	{ "ct", "leave it out: connect is asked once for each connection" },
	{ "state", "leave it out: connect is asked once for each connection" },
	{ "not", "a rule before this one that decides what is excepted" },
	{ "!", "a rule before this one that decides what is excepted" },
	{ "*", "leave it out: a match that is left out matches everything" },
	{ "src-ip", "ingress ip, or recvmsg ip" },
	{ "dst-ip", "ip" },
	{ "dest", "ip" },
	{ "domain", "host" },
	{ "hostname", "host" },
	{ "fqdn", "host" },
	{ "url", "host" },
	{ "path", "unix" },
	{ "stream", "type stream" },
	{ "dgram", "type dgram" },
	{ "raw", "type raw" },
	{ "ipv4", "ip 0.0.0.0/0" },
	{ "ipv6", "ip ::/0" },
	{ "rate", "limit" },
	{ "expires", "ttl" },
	{ ",", "a list without blanks" },
	{ "-", "a range without blanks" },
};

bool is_own(const char *word, bool is_keyword(const char *word))
{
	return verdict_find(word) >= 0 || hook_find(word, strlen(word)) >= 0 || is_keyword(word);
}

/* Return whether a word is the words of a whole rule, between quotes. */
static bool is_sentence(const char *typed, bool is_keyword(const char *word))
{
	char first[32] = "";
	size_t len = strcspn(typed, " ");

	if (!typed[len] || len >= sizeof(first))
		return false;
	memcpy(first, typed, len);
	return is_own(first, is_keyword);
}

/* Return the suggestion for a word, given in lower case and as typed, or 0. */
static const char *find(const char *word, const char *typed, bool is_keyword(const char *word))
{
	static char text[CGG_GUESS];
	__u16 proto;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].word, word))
			return table[i].write;
	if (is_sentence(typed, is_keyword))
		return "its words without quotes";
	if (!strcmp(word, typed) && verdict_find(word) >= 0)
		return "one verdict, at the beginning";
	if (!strcmp(word, typed) && hook_find(word, strlen(word)) >= 0)
		return "the hooks at the beginning, with commas between them";
	if (!proto_find(&proto, word))
		snprintf(text, sizeof(text), "proto %s", word);
	else if (is_own(word, is_keyword))
		snprintf(text, sizeof(text), "%s", word);
	else if (!value_guess(text, typed))
		return 0;
	return text;
}

/* Copy a word in lower case; a longer one than any in the table becomes empty. */
static void lower(char word[32], const char *typed)
{
	size_t len = strlen(typed) < 32 ? strlen(typed) : 0;

	for (size_t i = 0; i < len; i++)
		word[i] = (char)tolower((unsigned char)typed[i]);
	word[len] = 0;
}

const char *word_hint(const char *typed, bool verdict, bool is_keyword(const char *word))
{
	static char hint[CGG_GUESS + 16];
	char word[32];
	const char *write;

	lower(word, typed);
	write = find(word, typed, is_keyword);
	if (!write || (verdict && verdict_find(write) < 0))
		return "";
	snprintf(hint, sizeof(hint), "; %s%s", strncmp(write, "leave ", 6) ? "write " : "", write);
	return hint;
}
