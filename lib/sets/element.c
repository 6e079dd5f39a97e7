// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* element.c - reads and prints the elements of sets, and collects them in a list. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "sets.h"

#define FIRST4 ((cgg_wide)0xffff << 32) /* of the mapped IPv4 addresses */

const char *set_kind(int kind)
{
	return kind == CGG_SET_NAMES ? "names" : "addresses";
}

__u32 seconds_now(void)
{
	return (__u32)(time_now() / 1000000000);
}

/* Read a time to live, and set *expires to when it ends, rounded up to seconds. */
int element_ttl(__u32 *expires, const char *time)
{
	__u64 ttl;

	if (time_parse(&ttl, time))
		return set_error(CGG_USAGE,
				 "ttl %.80s: not a time (90s, 10m, 2h, 1d; a year at most)", time);
	*expires = (__u32)((time_now() + ttl + 999999999) / 1000000000);
	return 0;
}

static int out_of_memory(const struct cgg_elements *list)
{
	return set_error(CGG_FAILED, "%zu elements: out of memory", list->count);
}

/* Append an element as it is. */
int element_append(struct cgg_elements *list, const struct cgg_element *element)
{
	struct cgg_element *more = grow(list->element, list->count, &list->room, sizeof(*more));

	if (!more)
		return CGG_FAILED;
	list->element = more;
	list->element[list->count++] = *element;
	return 0;
}

/* Append a prefix. ::/0 becomes two, because a table knows the lengths 1 to 128. */
static int prefix_append(struct cgg_elements *list, cgg_wide first, unsigned len, __u32 expires)
{
	struct cgg_element e = { { (__u64)(first >> 64), (__u64)first }, len, expires };
	int status;

	if (len)
		return element_append(list, &e);
	e.tag = 1;
	status = element_append(list, &e);
	e.key[0] = 1ULL << 63;
	return status ? status : element_append(list, &e);
}

static cgg_wide address_of(const __u8 addr[16])
{
	__u64 word[2];

	memcpy(word, addr, sizeof(word));
	return (cgg_wide)be64toh(word[0]) << 64 | be64toh(word[1]);
}

/* Append the prefixes that a range of addresses consists of. */
static int range_append(struct cgg_elements *list, const __u8 first[16], const __u8 last[16],
			__u32 expires)
{
	struct cgg_prefixes all = { 0 };
	struct cgg_net net = { .range = true };
	int status;

	memcpy(net.addr, first, sizeof(net.addr));
	memcpy(net.last, last, sizeof(net.last));
	status = prefixes_add(&all, &net);
	for (unsigned i = 0; i < all.count && !status; i++)
		status = prefix_append(list, address_of(all.prefix[i].addr), all.prefix[i].len,
				       expires);
	free(all.prefix);
	return status;
}

/* Read an address of a range, without a length. */
static int end_parse(struct cgg_net *net, const char *word, const char *text)
{
	if (strchr(text, '/') || net_parse(net, text) || !net_is_address(net))
		return set_error(CGG_USAGE,
				 "%.140s: not a range of addresses; write ADDR-ADDR without blanks",
				 word);
	return 0;
}

static int range_parse(struct cgg_elements *list, const char *word, const char *dash, __u32 expires)
{
	char first[CGG_NET_TEXT] = "";
	struct cgg_net from, to;
	int status;

	snprintf(first, sizeof(first), "%.*s", (int)(dash - word), word);
	status = end_parse(&from, word, first);
	if (!status)
		status = end_parse(&to, word, dash + 1);
	if (status)
		return status;
	if (addr_is_ip4(from.addr) != addr_is_ip4(to.addr))
		return set_error(CGG_USAGE, "%.140s: one end is IPv4, the other IPv6", word);
	if (memcmp(from.addr, to.addr, sizeof(from.addr)) > 0)
		return set_error(CGG_USAGE, "%.140s: ends before it begins", word);
	return range_append(list, from.addr, to.addr, expires);
}

/* Make of a message about a match `ip' one about an element: sets have no matches and no ports. */
static void hint_of_sets(void)
{
	char *hint = strstr(cgg_error, "; write ip "), *port = hint ? strstr(hint, " port ") : 0;

	if (port)
		strcpy(hint, "; an element has no port");
	else if (hint)
		memmove(hint + 8, hint + 11, strlen(hint + 11) + 1);
	if (!strncmp(cgg_error, "ip ", 3))
		memmove(cgg_error, cgg_error + 3, strlen(cgg_error + 3) + 1);
}

/* Read ADDR, ADDR/LEN or ADDR-ADDR. */
static int address_parse(struct cgg_elements *list, const char *word, __u32 expires)
{
	const char *dash = strchr(word, '-');
	struct cgg_net net;

	if (addr_is_padded(word))
		return set_error(
			CGG_USAGE,
			"%.140s: an octet begins with 0, which some programs read as octal", word);
	if (dash)
		return range_parse(list, word, dash, expires);
	if (net_parse(&net, word)) {
		hint_of_sets();
		return CGG_USAGE;
	}
	return prefix_append(list, address_of(net.addr), net.len, expires);
}

/* Return whether a word is an address or a range, or was meant as one. */
static bool is_address(const char *word)
{
	return strchr(word, ':') || !word[strspn(word, "0123456789./-")];
}

/* Take the kind of an element as that of the list, or refuse another one. */
static int kind_take(struct cgg_elements *list, int kind, const char *word)
{
	if (list->kind < 0)
		list->kind = kind;
	if (list->kind == kind)
		return 0;
	return set_error(
		CGG_USAGE, "%.140s: is %s, but the elements before it are %s; a set has one kind",
		word, kind == CGG_SET_NAMES ? "a name" : "an address", set_kind(list->kind));
}

/* Append a name, or with `below' all names below it. */
int element_add_name(struct cgg_elements *list, const char *name, bool below, __u32 expires)
{
	static struct cgg_rule rule; /* only its operand and prefix are used */
	struct cgg_element e = { .expires = expires };
	char reversed[CGG_OPERAND];
	size_t len;
	int status = kind_take(list, CGG_SET_NAMES, name);

	*rule.operand = 0;
	if (!status)
		status = host_parse(&rule, name);
	if (!status && (!*rule.operand || *rule.set || is_address(rule.operand)))
		status = set_error(CGG_USAGE, "%.140s: not a name", name);
	*rule.set = 0;
	if (status)
		return status;
	below |= rule.prefix;
	len = strlen(rule.operand);
	if (below && len >= CGG_NAME_MOST)
		return set_error(CGG_USAGE, "%.140s: too long", name);
	if (list->used + CGG_OPERAND + 1 > list->text_room) {
		size_t room = 2 * list->text_room + 65536;
		char *more = room > 0xffffffff ? 0 : realloc(list->text, room);

		if (!more)
			return out_of_memory(list);
		*more = 0;
		list->text = more;
		list->text_room = room;
		list->used += !list->used;
	}
	host_reverse(reversed, rule.operand);
	reversed[len] = below ? '.' : 0;
	len += below;
	e.tag = (__u32)list->used;
	memcpy(list->text + list->used, reversed, len);
	list->text[list->used + len] = 0;
	list->used += len + 1;
	return element_append(list, &e);
}

/* Append the element that a word is. */
int element_add(struct cgg_elements *list, const char *word, __u32 expires)
{
	int status;

	if (strchr(word, ','))
		return set_error(CGG_USAGE, "%.140s: blanks separate elements, not commas", word);
	if (!is_address(word))
		return element_add_name(list, word, false, expires);
	status = kind_take(list, CGG_SET_ADDRESSES, word);
	return status ? status : address_parse(list, word, expires);
}

/* Print an element as element_add() reads it. */
void element_print(int kind, const __u64 key[2], __u32 tag, const char *text,
		   char shown[CGG_ELEMENT_TEXT])
{
	struct cgg_net net = { .len = (__u8)tag };
	__u64 word[2] = { htobe64(key[0]), htobe64(key[1]) };
	size_t len;
	char *to = shown;

	if (kind == CGG_SET_ADDRESSES) {
		memcpy(net.addr, word, sizeof(net.addr));
		net_print(&net, shown);
		return;
	}
	len = strnlen(text, CGG_NAME_MOST);
	if (len && text[len - 1] == '.') {
		*to++ = '*';
		*to++ = '.';
		len--;
	}
	for (size_t i = 0; i < len; i++)
		*to++ = text[len - 1 - i];
	*to = 0;
}

void elements_free(struct cgg_elements *list)
{
	free(list->element);
	free(list->text);
	*list = (struct cgg_elements){ .kind = -1 };
}
