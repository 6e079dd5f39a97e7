// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * prefixes.c - turns nets, ranges and the words for nets into prefixes.
 *
 * Sources: IANA, "IPv4 Special-Purpose Address Registry" and "IPv6 Special-Purpose Address
 * Registry" (RFC 6890), column Globally Reachable, as of 2026; RFC 6598 (100.64.0.0/10),
 * RFC 4193 (fc00::/7), RFC 3879 (fec0::/10, deprecated), RFC 5771 and RFC 4291 (multicast).
 */
#include <stdlib.h>
#include <string.h>

#include "words.h"

/*
 * What is not global, and the exceptions inside. The words `private', `link-local' and `multicast'
 * are rows of the same table. An IPv6 address may have an IPv4 address inside: 64:ff9b::/96
 * (NAT64, RFC 6052), 2002::/16 (6to4, RFC 3056) and ::/96 (compatible, RFC 4291). What holds for
 * the IPv4 address holds for these forms too: add_forms() adds them, so their own rows say OTHER.
 */
enum kind {
	OTHER = CGG_NET_WORDS, /* not global, and no word of its own */
	GLOBAL = CGG_NET_GLOBAL,
	PRIVATE = CGG_NET_PRIVATE,
	LINK_LOCAL = CGG_NET_LINK_LOCAL,
	MULTICAST = CGG_NET_MULTICAST,
	METADATA = CGG_NET_METADATA,
};
static const struct special {
	const char *net;
	enum kind kind;
} four[] = {
	{ "0.0.0.0/8", OTHER }, /* this network */
	{ "10.0.0.0/8", PRIVATE },
	{ "100.64.0.0/10", PRIVATE }, /* carrier-grade NAT */
	{ "127.0.0.0/8", OTHER }, /* loopback: the word local */
	{ "169.254.0.0/16", LINK_LOCAL },
	{ "172.16.0.0/12", PRIVATE },
	{ "192.0.0.0/24", OTHER }, /* IETF protocol assignments */
	{ "192.0.0.9/32", GLOBAL }, /* port control protocol */
	{ "192.0.0.10/32", GLOBAL }, /* TURN */
	{ "192.0.2.0/24", OTHER }, /* documentation */
	{ "192.168.0.0/16", PRIVATE },
	{ "198.18.0.0/15", OTHER }, /* benchmarks */
	{ "198.51.100.0/24", OTHER }, /* documentation */
	{ "203.0.113.0/24", OTHER }, /* documentation */
	{ "224.0.0.0/4", MULTICAST },
	{ "240.0.0.0/4", OTHER }, /* reserved */
	{ "255.255.255.255/32", MULTICAST }, /* limited broadcast */
}, six[] = {
	{ "::/96", OTHER }, /* unspecified, loopback, IPv4-compatible */
	{ "64:ff9b::/96", OTHER }, /* as the IPv4 address inside */
	{ "64:ff9b:1::/48", OTHER }, /* local NAT64 */
	{ "100::/64", OTHER }, /* discard */
	{ "100:0:0:1::/64", OTHER }, /* dummy */
	{ "2001::/23", OTHER }, /* IETF protocol assignments, Teredo among them */
	{ "2001:1::1/128", GLOBAL }, /* port control protocol */
	{ "2001:1::2/128", GLOBAL }, /* TURN */
	{ "2001:1::3/128", GLOBAL }, /* DNS-SD service registration */
	{ "2001:3::/32", GLOBAL }, /* AMT */
	{ "2001:4:112::/48", GLOBAL }, /* AS112 */
	{ "2001:20::/28", GLOBAL }, /* ORCHIDv2 */
	{ "2001:30::/28", GLOBAL }, /* drone remote identification */
	{ "2001:db8::/32", OTHER }, /* documentation */
	{ "2002::/16", OTHER }, /* as the IPv4 address inside */
	{ "3fff::/20", OTHER }, /* documentation */
	{ "5f00::/16", OTHER }, /* segment routing */
	{ "fc00::/7", PRIVATE },
	{ "fe80::/10", LINK_LOCAL },
	{ "fec0::/10", OTHER }, /* site-local */
	{ "ff00::/8", MULTICAST },
}, metadata[] = {
	{ "169.254.169.254/32", METADATA },
	{ "fd00:ec2::254/128", METADATA },
};
#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static int add(struct cgg_prefixes *all, const struct cgg_prefix *prefix)
{
	struct cgg_prefix *more = grow(all->prefix, all->count, &all->room, sizeof(*more));

	if (!more)
		return CGG_FAILED;
	all->prefix = more;
	all->prefix[all->count++] = *prefix;
	return 0;
}

static bool bit_of(const __u8 addr[16], unsigned bit)
{
	return addr[bit / 8] >> (7 - bit % 8) & 1;
}

static bool contains(const struct cgg_prefix *outer, const struct cgg_prefix *inner)
{
	unsigned bytes = outer->len / 8u, bits = outer->len % 8u;

	if (outer->len > inner->len || memcmp(outer->addr, inner->addr, bytes))
		return false;
	return !bits || !((outer->addr[bytes] ^ inner->addr[bytes]) >> (8 - bits));
}

/* Add an IPv4 prefix, and its form in IPv6: at bit `at` of base. */
static int add_inside(struct cgg_prefixes *all, const char *base, unsigned at,
		      const struct cgg_prefix *prefix)
{
	struct cgg_prefix form = { .len = (__u8)(at + prefix->len - 96u) };
	struct cgg_net net;

	if (net_parse(&net, base))
		return CGG_FAILED;
	memcpy(form.addr, net.addr, sizeof(form.addr));
	memcpy(form.addr + at / 8, prefix->addr + 12, 4);
	return add(all, &form);
}

/* Add a prefix; of an IPv4 prefix also the forms in IPv6 that are routed to it. */
static int add_forms(struct cgg_prefixes *all, const struct cgg_prefix *prefix, bool compatible)
{
	int status = add(all, prefix);

	if (status || prefix->len < 96 || !addr_is_ip4(prefix->addr))
		return status;
	status = add_inside(all, "64:ff9b::", 96, prefix);
	if (!status)
		status = add_inside(all, "2002::", 16, prefix);
	return status || !compatible ? status : add_inside(all, "::", 96, prefix);
}

static int row_read(struct cgg_prefix *prefix, const struct special *row)
{
	struct cgg_net net;
	int status = net_parse(&net, row->net);

	memcpy(prefix->addr, net.addr, sizeof(prefix->addr));
	prefix->len = net.len;
	return status;
}

static int kind_add(struct cgg_prefixes *all, const struct special *row, size_t rows,
		    enum kind kind)
{
	struct cgg_prefix prefix;
	int status = 0;

	for (size_t i = 0; i < rows && !status; i++) {
		if (row[i].kind != kind)
			continue;
		status = row_read(&prefix, &row[i]);
		if (!status)
			status = add_forms(all, &prefix, true);
	}
	return status;
}

/* Add the part of a prefix that is global: the longest row that contains an address decides. */
static int global_add(struct cgg_prefixes *all, const struct special *row, size_t rows,
		      struct cgg_prefix prefix)
{
	struct cgg_prefix special;
	bool global = true, divided = false;
	int longest = -1, status;

	for (size_t i = 0; i < rows; i++) {
		status = row_read(&special, &row[i]);
		if (status)
			return status;
		if (contains(&special, &prefix) && special.len > longest) {
			longest = special.len;
			global = row[i].kind == GLOBAL;
		} else if (contains(&prefix, &special)) {
			divided = true;
		}
	}
	if (!divided)
		return global ? add_forms(all, &prefix, false) : 0;
	prefix.len++;
	status = global_add(all, row, rows, prefix);
	prefix.addr[(prefix.len - 1) / 8] |= (__u8)(0x80 >> (prefix.len - 1) % 8);
	return status ? status : global_add(all, row, rows, prefix);
}

/* Cut a range into prefixes: the longest that begins at the first address, and so on. */
static int range_add(struct cgg_prefixes *all, const struct cgg_net *net)
{
	struct cgg_prefix prefix = { .len = 128 };
	bool ip4 = addr_is_ip4(net->addr);
	__u8 end[16];

	memcpy(prefix.addr, net->addr, sizeof(prefix.addr));
	for (;;) {
		unsigned at = 16;
		int status = 0;

		memcpy(end, prefix.addr, sizeof(end));
		for (prefix.len = 128; prefix.len && !bit_of(prefix.addr, prefix.len - 1u);
		     prefix.len--) {
			__u8 more = (__u8)(0x80 >> (prefix.len - 1) % 8);

			end[(prefix.len - 1) / 8] |= more;
			if (memcmp(end, net->last, sizeof(end)) <= 0)
				continue;
			end[(prefix.len - 1) / 8] &= (__u8)~more;
			break;
		}
		/* What looks like IPv4 is not in a range of IPv6 addresses. */
		if (ip4 || prefix.len < 96 || !addr_is_ip4(prefix.addr))
			status = add(all, &prefix);
		if (status || memcmp(end, net->last, sizeof(end)) >= 0)
			return status;
		while (at && !++end[at - 1])
			at--;
		memcpy(prefix.addr, end, sizeof(end));
	}
}

/* Find the prefixes that a word stands for. */
static int word_find(struct cgg_prefixes *all, __u8 word)
{
	struct cgg_prefix prefix = { 0 };
	int status;

	switch (word) {
	case CGG_NET_METADATA:
		return kind_add(all, metadata, ROWS(metadata), METADATA);
	case CGG_NET_GLOBAL:
		status = global_add(all, six, ROWS(six), prefix);
		prefix = (struct cgg_prefix){ .addr = { [10] = 0xff, 0xff }, .len = 96 };
		return status ? status : global_add(all, four, ROWS(four), prefix);
	default:
		status = kind_add(all, four, ROWS(four), (enum kind)word);
		return status ? status : kind_add(all, six, ROWS(six), (enum kind)word);
	}
}

/* Add the prefixes that a word stands for. They are found once, for all rules with the word. */
static int word_add(struct cgg_prefixes *all, __u8 word)
{
	static struct cgg_prefixes found[CGG_NET_WORDS];
	struct cgg_prefixes *known = &found[word];
	int status = known->count ? 0 : word_find(known, word);

	if (status)
		known->count = 0;
	for (unsigned i = 0; i < known->count && !status; i++)
		status = add(all, &known->prefix[i]);
	return status;
}

/* Add the prefixes of a net, but not those of local or of a set, which the programs know. */
int prefixes_add(struct cgg_prefixes *all, const struct cgg_net *net)
{
	struct cgg_prefix prefix = { .len = net->len };

	switch (net->word) {
	case CGG_NET_ADDRESSES:
		memcpy(prefix.addr, net->addr, sizeof(prefix.addr));
		return net->range ? range_add(all, net) : add(all, &prefix);
	case CGG_NET_LOCAL:
	case CGG_NET_SET:
		return 0;
	default:
		return word_add(all, net->word);
	}
}

static bool is_ip4(const struct cgg_prefix *prefix)
{
	return prefix->len >= 96 && addr_is_ip4(prefix->addr);
}

static int prefix_compare(const void *first, const void *second)
{
	const struct cgg_prefix *a = first, *b = second;

	return is_ip4(a) != is_ip4(b) ? is_ip4(b) - is_ip4(a) : memcmp(a, b, sizeof(*a));
}

/* Sort the prefixes and drop those inside others. A prefix of IPv6 contains no IPv4 address. */
void prefixes_join(struct cgg_prefixes *all)
{
	unsigned kept = 0;

	if (all->count)
		qsort(all->prefix, all->count, sizeof(*all->prefix), prefix_compare);
	for (unsigned i = 0; i < all->count; i++) {
		const struct cgg_prefix *last = kept ? &all->prefix[kept - 1] : 0;

		if (!last || is_ip4(last) != is_ip4(&all->prefix[i]) ||
		    !contains(last, &all->prefix[i]))
			all->prefix[kept++] = all->prefix[i];
	}
	all->count = kept;
}

/*
 * Take the IPv4 addresses out of prefixes of IPv6 that contain their mapped form, for what is
 * compared without regard to the family. Return 0 or CGG_FAILED.
 */
int prefixes_divide(struct cgg_prefixes *all)
{
	static const struct cgg_prefix mapped = { .addr = { [10] = 0xff, 0xff }, .len = 96 };
	unsigned count = all->count;
	int status = 0;

	for (unsigned i = 0; i < count && !status; i++) {
		unsigned len = all->prefix[i].len;

		if (len >= mapped.len || !contains(&all->prefix[i], &mapped))
			continue;
		for (unsigned end = len + 1; end <= mapped.len && !status; end++) {
			struct cgg_prefix part = { .len = (__u8)end };

			for (unsigned bit = 0; bit < end; bit++)
				if (bit_of(mapped.addr, bit) != (bit + 1 == end))
					part.addr[bit / 8] |= (__u8)(0x80 >> bit % 8);
			if (end == len + 1)
				all->prefix[i] = part;
			else
				status = add(all, &part);
		}
	}
	return status;
}
