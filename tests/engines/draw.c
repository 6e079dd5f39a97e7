// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * draw.c - draws the index of a policy on stdin: draw [-x] <FILE
 *
 * doc/index.md shows what this prints, and tests/package/docs.bats compares the two. -x adds the
 * bytes of each node, as 64-bit words in the order of memory.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cgg.h"

static const char *pages;
static bool words;
static const char *const spaces[CGG_SPACES] = { "ipv4",	      "ipv6",	    "unix",
						"socket",     "device",	    "sysctl",
						"setsockopt", "getsockopt", "vague" };

static const void *unit(__u32 at)
{
	return pages + 8 * (size_t)at;
}

static void show_words(__u32 at, unsigned count)
{
	const __u64 *word = unit(at);

	if (!words)
		return;
	for (unsigned i = 0; i < count; i++)
		printf("%s%016llx", i % 4 ? " " : i ? "\n\t\t" : "\t\t", word[i]);
	printf("\n");
}

/* ref_name - return the node reference in words: its kind and its place */
static const char *ref_name(__u64 ref)
{
	static char text[4][96];
	static unsigned turn;
	char *to = text[turn++ % 4];
	__u32 low = CGG_REF_LOW(ref), high = CGG_REF_HIGH(ref), count = CGG_INTERVALS_COUNT(ref);
	const size_t size = sizeof(text[0]);

	switch (CGG_REF_KIND(ref)) {
	case CGG_REF_NONE:
		return "none";
	case CGG_REF_RULE:
		snprintf(to, size, "rule %u, action %u", low, high);
		return to;
	case CGG_REF_PLAIN:
		snprintf(to, size, "rule %u, plain %s", low, cgg_verdicts[CGG_PLAIN_VERDICT(high)]);
		return to;
	case CGG_REF_LIST:
		snprintf(to, size, "list of %u at %u", high, low);
		return to;
	case CGG_REF_NODE:
		snprintf(to, size, "node at %u", low);
		return to;
	case CGG_REF_PATH:
		snprintf(to, size, "path at %u", low);
		return to;
	case CGG_REF_POINTS:
		snprintf(to, size, "%u points at %u, by %u", count, low, CGG_INTERVALS_DIGIT(ref));
		return to;
	default:
		snprintf(to, size, "%u intervals at %u, by %u", count, low,
			 CGG_INTERVALS_DIGIT(ref));
		return to;
	}
}

static void show(__u64 ref);

/* show_intervals - show at most 8; larger nodes have inner nodes, which this drawing lacks */
static void show_intervals(__u64 ref)
{
	__u32 at = CGG_REF_LOW(ref), count = CGG_INTERVALS_COUNT(ref), from = 0;
	const __u16 *last = unit(at);
	const __u64 *to = unit(at + 2);

	if (count > CGG_INTERVALS_SMALL)
		errx(2, "%u intervals are more than this draws", count);
	for (__u32 i = 0; i < count; i++) {
		__u32 end = i + 1 < count ? last[i] : 65535;

		printf("\t%5u-%-5u -> %s\n", from, end, ref_name(to[i]));
		from = end + 1;
	}
	show_words(at, 2 + count);
	for (__u32 i = 0; i < count; i++)
		show(to[i]);
}

static void show_points(__u64 ref)
{
	__u32 at = CGG_REF_LOW(ref), count = CGG_INTERVALS_COUNT(ref);
	const __u64 *head = unit(at);
	const __u16 *number = unit(at + 2);
	const __u32 *low = unit(at + 2 + 2 * CGG_POINTS_SMALL / 8);

	if (count > CGG_POINTS_SMALL)
		errx(2, "%u points are more than this draws", count);
	for (__u32 i = 0; i < count; i++)
		printf("\t%11u -> %s\n", number[i], ref_name(head[1] | low[i]));
	printf("\tall others  -> %s\n", ref_name(head[0]));
	show_words(at, 2 + 2 * CGG_POINTS_SMALL / 8 + (count + 1) / 2);
	for (__u32 i = 0; i < count; i++)
		show(head[1] | low[i]);
	show(head[0]);
}

static void show_list(__u64 ref)
{
	const struct cgg_item *item = unit(CGG_REF_LOW(ref));

	for (__u32 i = 0; i < CGG_REF_HIGH(ref); i++)
		printf("\trule %u, action %u, port %u-%u, hooks %#x, proto %u\n", item[i].rule,
		       CGG_ITEM_ACTION(item[i].action), item[i].port_min, item[i].port_max,
		       item[i].hooks, item[i].proto);
	show_words(CGG_REF_LOW(ref), 2 * CGG_REF_HIGH(ref));
}

static void show_node(__u64 ref)
{
	const struct cgg_node *node = unit(CGG_REF_LOW(ref));

	printf("\town -> %s\n\tnext shorter prefix -> %s, whose first rule is %d\n",
	       ref_name(node->own), ref_name(node->next),
	       node->best == (__u32)-1 ? -1 : (int)node->best);
	show_words(CGG_REF_LOW(ref), sizeof(*node) / 8);
	show(node->own);
	show(node->next);
}

static void show_path(__u64 ref)
{
	const struct cgg_path *path = unit(CGG_REF_LOW(ref));

	printf("\tkey & mask == value -> %s\n\telse -> %s\n", ref_name(path->yes),
	       ref_name(path->no));
	show_words(CGG_REF_LOW(ref), sizeof(*path) / 8);
	show(path->yes);
	show(path->no);
}

/* show - show a node and all nodes that it leads to, each once */
static void show(__u64 ref)
{
	static bool seen[1 << 20];
	__u32 kind = CGG_REF_KIND(ref), at = CGG_REF_LOW(ref) % (1 << 20);

	if (kind == CGG_REF_NONE || kind == CGG_REF_RULE || kind == CGG_REF_PLAIN || seen[at])
		return;
	seen[at] = true;
	printf("%s:\n", ref_name(ref));
	if (kind == CGG_REF_LIST)
		show_list(ref);
	else if (kind == CGG_REF_NODE)
		show_node(ref);
	else if (kind == CGG_REF_PATH)
		show_path(ref);
	else if (kind == CGG_REF_POINTS)
		show_points(ref);
	else
		show_intervals(ref);
}

int main(int argc, char **argv)
{
	struct cgg_rules rules;
	struct cgg_index head;
	char *errors = 0;

	words = argc > 1 && !strcmp(argv[1], "-x");
	rules_begin(&rules);
	if (file_read(&rules, stdin, "stdin", &errors))
		errx(2, "%s", errors);
	if (index_build((char **)&pages, &head, &rules))
		errx(3, "%s", cgg_error);
	for (unsigned i = 0; i < rules.count; i++)
		if (rules.entry[i].text_len)
			printf("rule %u: %.*s\n", i, rules.entry[i].text_len,
			       rules.heap + 8 * (size_t)rules.entry[i].text);
	printf("%u pages: %u actions from page 0, records at %u, text at %u\n", head.pages,
	       head.actions, head.records, head.heap);
	for (unsigned i = 0; i < CGG_SPACES; i++) {
		if (!head.root[i])
			continue;
		printf("root of %s -> %s\n", spaces[i], ref_name(head.root[i]));
		show(head.root[i]);
	}
	return 0;
}
