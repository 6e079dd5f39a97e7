// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* addr.c - parses and prints addresses, ports and protocols. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "words.h"

static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

/* The protocols, of IANA's "Assigned Internet Protocol Numbers", that rules can name. */
static const struct {
	const char *name;
	__u16 number;
} protos[] = {
	{ "icmp", 1 },	  { "igmp", 2 },   { "tcp", 6 },       { "udp", 17 },
	{ "dccp", 33 },	  { "gre", 47 },   { "esp", 50 },      { "ah", 51 },
	{ "icmpv6", 58 }, { "sctp", 132 }, { "udplite", 136 },
};

bool addr_is_ip4(const __u8 addr[16])
{
	return !memcmp(addr, mapped, sizeof(mapped));
}

void addr_print(const __u8 addr[16], char text[CGG_NET_TEXT])
{
	if (addr_is_ip4(addr))
		inet_ntop(AF_INET, addr + 12, text, CGG_NET_TEXT);
	else
		inet_ntop(AF_INET6, addr, text, CGG_NET_TEXT);
}

/* The words for nets, by enum cgg_net_word. */
static const char *const net_words[] = {
	[CGG_NET_ADDRESSES] = "",	   [CGG_NET_LOCAL] = "local",
	[CGG_NET_PRIVATE] = "private",	   [CGG_NET_LINK_LOCAL] = "link-local",
	[CGG_NET_MULTICAST] = "multicast", [CGG_NET_METADATA] = "metadata",
	[CGG_NET_GLOBAL] = "global",
};
_Static_assert(sizeof(net_words) / sizeof(net_words[0]) == CGG_NET_WORDS, "each has a word");

static __u8 net_word(const char *word)
{
	for (__u8 i = CGG_NET_LOCAL; i < CGG_NET_WORDS; i++)
		if (!strcmp(word, net_words[i]))
			return i;
	return CGG_NET_ADDRESSES;
}

bool net_is_word(const char *word)
{
	return net_word(word);
}

/* Return whether a net is one address. */
bool net_is_address(const struct cgg_net *net)
{
	return !net->word && !net->range && net->len == 128;
}

static void mask(__u8 addr[16], unsigned len)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = len > 8 * i ? len - 8 * i : 0;

		if (keep < 8)
			addr[i] &= (__u8)(0xff00 >> keep);
	}
}

/* Read an address without a prefix length. Return the bits of its family (32, 128), or 0. */
static unsigned addr_read(__u8 addr[16], const char *text)
{
	if (inet_pton(AF_INET, text, addr + 12) == 1) {
		memcpy(addr, mapped, sizeof(mapped));
		return 32;
	}
	return inet_pton(AF_INET6, text, addr) == 1 ? 128 : 0;
}

/* Return whether other tools use the word for "every value". */
static bool is_everything(const char *word)
{
	return !strcasecmp(word, "any") || !strcasecmp(word, "all") || !strcmp(word, "*");
}

/* Return whether a number of an IPv4 address begins with a zero: some read it as octal. */
bool addr_is_padded(const char *word)
{
	if (word[strspn(word, "0123456789./-")])
		return false;
	for (const char *c = word; *c && *c != '/'; c++)
		if (*c == '0' && (c == word || c[-1] == '.' || c[-1] == '-') && c[1] >= '0' &&
		    c[1] <= '9')
			return strchr(word, '.');
	return false;
}

/* Words of other tools after ip. */
static const struct {
	const char *word, *hint;
} ip_others[] = {
	{ "localhost", "; write ip local" },
	{ "loopback", "; write ip local" },
	{ "local", "; write ip local" },
	{ "linklocal", "; write ip link-local" },
	{ "link_local", "; write ip link-local" },
	{ "public", "; write ip global" },
	{ "internet", "; write ip global" },
	{ "daddr", "; leave daddr out" },
	{ "dst", "; leave dst out" },
	{ "to", "; leave to out" },
	{ "saddr", "; for the sender write ingress ip ADDR, or recvmsg ip ADDR" },
	{ "src", "; for the sender write ingress ip ADDR, or recvmsg ip ADDR" },
	{ "from", "; for the sender write ingress ip ADDR, or recvmsg ip ADDR" },
};

/* Return a hint, or "", for a word after "ip" that is not an address. */
static const char *ip_hint(const char *typed)
{
	static char hint[128];
	struct cgg_net net;
	char part[64];
	const char *colon = strrchr(typed, ':'), *end = strchr(typed, ']');
	size_t len = colon ? (size_t)(colon - typed) : 0;

	if (is_everything(typed))
		return "; leave ip out";
	for (size_t i = 0; i < sizeof(ip_others) / sizeof(ip_others[0]); i++)
		if (!strcasecmp(ip_others[i].word, typed))
			return ip_others[i].hint;
	if (addr_is_padded(typed))
		return "; write its numbers without zeros in front";
	if (*typed == '[' && end) {
		colon = end[1] == ':' ? end + 1 : 0;
		typed++;
		len = (size_t)(end - typed);
	} else if (colon && strchr(typed, ':') != colon) {
		colon = 0; /* more than one colon: an IPv6 address, not ADDR:PORT */
		len = 0;
	}
	if (len && len < sizeof(part)) {
		memcpy(part, typed, len);
		part[len] = 0;
		if (!net_parse(&net, part)) {
			snprintf(hint, sizeof(hint), "; write ip %s%s%.5s", part,
				 colon ? " port " : "", colon ? colon + 1 : "");
			return hint;
		}
	}
	if (isalpha((unsigned char)*typed) && !strpbrk(typed, ":/%"))
		return "; names are not looked up: write the addresses that getent ahosts prints";
	return "";
}

/* Read an address of a range, which is not ended by a NUL. Return the bits of its family, or 0. */
static unsigned end_read(__u8 addr[16], const char *word, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	if (len >= sizeof(text))
		return 0;
	memcpy(text, word, len);
	text[len] = 0;
	return addr_read(addr, text);
}

/* Write a range that is one prefix as that prefix. */
static void range_simplify(struct cgg_net *net)
{
	__u8 low[16];
	unsigned len = 0;
	bool whole = true;

	while (len < 128 && !((net->addr[len / 8] ^ net->last[len / 8]) >> (7 - len % 8) & 1))
		len++;
	memcpy(low, net->addr, sizeof(low));
	mask(low, len);
	for (unsigned bit = len; bit < 128; bit++)
		whole &= net->last[bit / 8] >> (7 - bit % 8) & 1;
	if (!whole || memcmp(low, net->addr, sizeof(low)) != 0)
		return;
	memset(net->last, 0, sizeof(net->last));
	net->range = false;
	net->len = (__u8)len;
}

/* Read FIRST-LAST, where dash is. */
static int range_parse(struct cgg_net *net, const char *word, const char *dash)
{
	if (!end_read(net->addr, word, (size_t)(dash - word)) ||
	    !end_read(net->last, dash + 1, strlen(dash + 1)))
		return set_error(CGG_USAGE,
				 "ip %.80s: not a range; write two whole addresses, ADDR-ADDR",
				 word);
	if (addr_is_ip4(net->addr) != addr_is_ip4(net->last))
		return set_error(CGG_USAGE, "ip %.80s: one end is IPv4, the other IPv6", word);
	if (memcmp(net->addr, net->last, sizeof(net->addr)) > 0)
		return set_error(CGG_USAGE, "ip %.80s: ends before it begins", word);
	net->range = true;
	range_simplify(net);
	return 0;
}

/* Read ADDR or ADDR/LEN, where slash is, or 0. */
static int prefix_parse(struct cgg_net *net, const char *word, const char *slash)
{
	size_t len = slash ? (size_t)(slash - word) : strlen(word);
	unsigned family = end_read(net->addr, word, len);
	unsigned long bits = family;
	char meant[CGG_NET_TEXT];
	struct cgg_net clean;

	if (!family)
		return set_error(CGG_USAGE, "ip %.80s: not an address%s", word, ip_hint(word));
	if (slash && number_parse(&bits, slash + 1, strlen(slash + 1), family))
		return set_error(CGG_USAGE, "ip %.80s: not a prefix length (0 to %u)", word,
				 family);
	net->len = (__u8)(family == 32 ? 96 + bits : bits);
	clean = *net;
	mask(clean.addr, clean.len);
	if (memcmp(clean.addr, net->addr, sizeof(clean.addr))) {
		net_print(&clean, meant);
		return set_error(CGG_USAGE, "ip %s: host bits are set; did you mean %s?", word,
				 meant);
	}
	return 0;
}

int net_parse(struct cgg_net *net, const char *word)
{
	const char *dash = strchr(word, '-');
	__u8 first[16];

	memset(net, 0, sizeof(*net));
	net->word = net_word(word);
	if (net->word)
		return 0;
	if (dash && end_read(first, word, (size_t)(dash - word)))
		return range_parse(net, word, dash);
	return prefix_parse(net, word, strchr(word, '/'));
}

void net_print(const struct cgg_net *net, char text[CGG_NET_TEXT])
{
	bool ip4 = addr_is_ip4(net->addr) && (net->len >= 96 || net->range);
	unsigned len = ip4 ? net->len - 96u : net->len;
	size_t used;

	if (net->word == CGG_NET_SET)
		snprintf(text, CGG_NET_TEXT, "@%.*s", CGG_NAME, net->set);
	else
		strcpy(text, net_words[net->word]);
	if (net->word)
		return;
	addr_print(net->addr, text);
	used = strlen(text);
	if (net->range) {
		text[used] = '-';
		inet_ntop(ip4 ? AF_INET : AF_INET6, net->last + (ip4 ? 12 : 0), text + used + 1,
			  (socklen_t)(CGG_NET_TEXT - used - 1));
	} else if (len != (ip4 ? 32 : 128)) {
		snprintf(text + used, CGG_NET_TEXT - used, "/%u", len);
	}
}

/* Return a hint, or "", for a word after "port" that is not a number. */
static const char *port_hint(const char *typed)
{
	if (is_everything(typed))
		return "; leave port out";
	if (strchr(typed, '{'))
		return "; write a list like 22,80,8000-8100";
	if (strpbrk(typed, ":.<>=") || (*typed && strchr(typed + 1, '+')))
		return "; a range is N-M";
	if (isalpha((unsigned char)*typed))
		return "; write its number: getent services prints it";
	return "";
}

int port_parse(__u16 *min, __u16 *max, const char *word)
{
	const char *dash = strchr(word, '-');
	size_t len = dash ? (size_t)(dash - word) : strlen(word);
	unsigned long low, high;

	if (number_parse(&low, word, len, 65535))
		return set_error(CGG_USAGE, "port %.80s: not a port (0 to 65535)%s", word,
				 port_hint(word));
	high = low;
	if (dash && number_parse(&high, dash + 1, strlen(dash + 1), 65535))
		return set_error(CGG_USAGE, "port %.80s: not a range of ports (N-M, 0 to 65535)",
				 word);
	if (high < low)
		return set_error(CGG_USAGE, "port %s: ends before it begins; did you mean %lu-%lu?",
				 word, high, low);
	*min = (__u16)low;
	*max = (__u16)high;
	return 0;
}

int proto_find(__u16 *proto, const char *word)
{
	if (!strcmp(word, "mptcp"))
		word = "tcp";
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (!strcmp(protos[i].name, word)) {
			*proto = protos[i].number;
			return 0;
		}
	}
	return -1;
}

int proto_parse(__u16 *proto, const char *word)
{
	char lower[16] = "";
	unsigned long n;

	if (!proto_find(proto, word))
		return 0;
	if (!number_parse(&n, word, strlen(word), 255)) {
		*proto = (__u16)n;
		return 0;
	}
	for (size_t i = 0; word[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)tolower((unsigned char)word[i]);
	if (!strcmp(lower, "any") || !strcmp(lower, "all") || !strcmp(lower, "*"))
		return set_error(CGG_USAGE, "proto %s: not a protocol; leave proto out", word);
	return set_error(CGG_USAGE,
			 "proto %.80s: not a protocol (a name like tcp, or 0 to 255)%s%s", word,
			 proto_find(proto, lower) ? "" : "; write proto ",
			 proto_find(proto, lower) ? "" : lower);
}

void proto_print(__u16 proto, char text[CGG_NET_TEXT])
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (protos[i].number == proto) {
			strcpy(text, protos[i].name);
			return;
		}
	}
	snprintf(text, CGG_NET_TEXT, "%u", proto);
}
