// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * walk.c - count what lookups in an index wait for: walk FILE QUESTIONS
 *
 * FILE has rules, QUESTIONS is the output of `oracle -w'. The index is built in memory. Each key
 * is followed as bpf/descend.h does, to the rules of its longest prefix. Prints, as means:
 *
 *	levels N loads N lines N rare N touched KIB index KIB
 *
 * levels: references followed; each costs a load that waits for the one before, so this many are
 * the least. loads: all that wait for the one before. lines: cache lines of 64 bytes that
 * a question touches. rare: those of them that 8 questions at most touch, so that no cache has
 * them. touched: what all questions touch together; index: all that the programs may read.
 *
 * A walk that ends at one plain rule must end at the rule in QUESTIONS.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cgg.h"
#include "engine.h"

#define RARE 8
#define LINE 64

/* As oracle.c writes it. */
struct record {
	struct cgg_ask ask;
	uint32_t verdict, rule;
};

static struct cgg_index head;
static const char *pages;
static uint32_t *touched; /* by line: by how many questions */
static uint64_t line[256]; /* of this question */
static unsigned lines, loads, levels;

static void touch(uint64_t byte, size_t bytes)
{
	for (uint64_t at = byte / LINE; at <= (byte + bytes - 1) / LINE; at++) {
		unsigned i = 0;

		while (i < lines && line[i] != at)
			i++;
		if (i == lines && lines < sizeof(line) / sizeof(*line))
			line[lines++] = at;
	}
}

/* Return where a load begins that waits for the one before. */
static const void *load(uint64_t byte, size_t bytes)
{
	loads++;
	touch(byte, bytes);
	return pages + byte;
}

/* Return how many of the sorted numbers of a node are below digit. */
static unsigned bound(uint64_t byte, unsigned digit, unsigned numbers)
{
	const __u16 *number = load(byte, 2 * (size_t)numbers);
	unsigned at = 0;

	while (at < numbers - 1 && number[at] < digit)
		at++;
	return at;
}

static __u64 word(uint64_t byte)
{
	return *(const __u64 *)load(byte, 8);
}

static __u64 intervals_next(__u64 ref, unsigned digit)
{
	unsigned count = CGG_INTERVALS_COUNT(ref), at = 0, width = CGG_INTERVALS_NODE;
	unsigned lowest = (count + width - 1) / width;
	uint64_t byte = 8 * (uint64_t)CGG_REF_LOW(ref);

	if (count > CGG_INTERVALS_MOST)
		return word(byte + 8 * digit);
	if (count <= CGG_INTERVALS_SMALL)
		return word(byte + 16 + 8 * bound(byte, digit, CGG_INTERVALS_SMALL));
	if (count > width) {
		at = bound(byte, digit, width);
		byte += LINE;
	}
	if (count > width * width) {
		at = width * at + bound(byte + LINE * at, digit, width);
		byte += LINE * ((lowest + width - 1) / width);
	}
	at = width * at + bound(byte + LINE * at, digit, width);
	return word(byte + LINE * lowest + 8 * at);
}

static __u64 points_next(__u64 ref, unsigned digit)
{
	unsigned count = CGG_INTERVALS_COUNT(ref), at = 0, width = CGG_INTERVALS_NODE;
	uint64_t start = 8 * (uint64_t)CGG_REF_LOW(ref), numbers = start + 16, lows;

	touch(start, 16); /* whose place is known from the beginning */
	if (count > width) {
		at = bound(numbers, digit, width);
		numbers += LINE;
	}
	lows = numbers + LINE * ((count + width - 1) / width);
	if (count <= CGG_POINTS_SMALL) {
		lows = numbers + 2 * CGG_POINTS_SMALL;
		at = bound(numbers, digit, CGG_POINTS_SMALL);
	} else {
		at = width * at + bound(numbers + LINE * at, digit, width);
	}
	if (at >= count || ((const __u16 *)(pages + numbers))[at] != digit)
		return *(const __u64 *)(pages + start);
	return ((const __u64 *)(pages + start))[1] | *(const __u32 *)load(lows + 4 * at, 4);
}

static __u64 path_next(__u64 ref, const unsigned char *key)
{
	const struct cgg_path *path = load(8 * (uint64_t)CGG_REF_LOW(ref), sizeof(*path));
	__u64 part[2];

	memcpy(part, key + 8 * (CGG_REF_HIGH(ref) << 1 & 14), sizeof(part));
	return ((part[0] ^ path->value[0]) & path->mask[0]) |
			       ((part[1] ^ path->value[1]) & path->mask[1])
		       ? path->no
		       : path->yes;
}

/* Follow a key from the root of its space, and return the reference where it ends. */
static __u64 walk(const unsigned char *key, unsigned space)
{
	__u64 ref = head.root[space];

	for (lines = loads = levels = 0;; levels++) {
		unsigned digit = 2 * (CGG_INTERVALS_DIGIT(ref) % CGG_DIGITS);
		unsigned number = (unsigned)key[digit] << 8 | key[digit + 1];

		if (CGG_REF_KIND(ref) == CGG_REF_INTERVALS)
			ref = intervals_next(ref, number);
		else if (CGG_REF_KIND(ref) == CGG_REF_POINTS)
			ref = points_next(ref, number);
		else if (CGG_REF_KIND(ref) == CGG_REF_PATH)
			ref = path_next(ref, key);
		else
			break;
	}
	if (CGG_REF_KIND(ref) == CGG_REF_LIST || CGG_REF_KIND(ref) == CGG_REF_NODE) {
		load(8 * (uint64_t)CGG_REF_LOW(ref), sizeof(struct cgg_item));
		levels++;
	}
	return ref;
}

static void ask(const struct record *r)
{
	const struct cgg_query *q = &r->ask.query;
	unsigned char key[CGG_OPERAND] = { 0 };
	unsigned space = CGG_SPACE_UNIX + q->hook - CGG_UNIX;
	__u64 end;

	if (q->hook < CGG_UNIX)
		space = q->select & CGG_IS_IPV4 ? CGG_SPACE_IPV4 : CGG_SPACE_IPV6;
	else if (q->hook == CGG_UNIX && q->select == CGG_VAGUE)
		space = CGG_SPACE_VAGUE;
	if (q->hook == CGG_UNIX || q->hook == CGG_SYSCTL)
		memcpy(key, &r->ask.name, sizeof(key));
	else
		memcpy(key, q->word, sizeof(q->word));
	end = walk(key, space);
	if (CGG_REF_KIND(end) == CGG_REF_PLAIN && r->rule &&
	    r->rule != head.first_id + CGG_REF_LOW(end))
		errx(1, "rule %u, but %u is right", head.first_id + CGG_REF_LOW(end), r->rule);
}

static void index_make(const char *name)
{
	FILE *file = fopen(name, "re");
	struct cgg_rules rules;
	char *errors = 0, *made;

	rules_begin(&rules);
	if (!file || file_read(&rules, file, name, &errors))
		errx(2, "%s: %s", name, errors ? errors : "cannot be read");
	if (index_build(&made, &head, &rules))
		errx(3, "%s", cgg_error);
	pages = made;
	touched = calloc(head.pages, CGG_PAGE / LINE * sizeof(*touched));
	if (!touched)
		errx(3, "out of memory");
}

int main(int argc, char **argv)
{
	FILE *file = argc == 3 ? fopen(argv[2], "re") : 0;
	double count = 0, all[4] = { 0 };
	unsigned long known = 0;
	struct record r;

	if (!file)
		errx(2, "usage: walk FILE QUESTIONS");
	index_make(argv[1]);
	for (; fread(&r, sizeof(r), 1, file) == 1; count++) {
		ask(&r);
		all[0] += levels;
		all[1] += loads;
		all[2] += lines;
		for (unsigned i = 0; i < lines; i++)
			known += !touched[line[i]]++;
	}
	for (size_t i = 0; i < (size_t)head.pages * (CGG_PAGE / LINE); i++)
		all[3] += touched[i] <= RARE ? touched[i] : 0;
	printf("levels %.1f loads %.1f lines %.1f rare %.1f touched %lu index %lu\n",
	       all[0] / count, all[1] / count, all[2] / count, all[3] / count, known * LINE / 1024,
	       (unsigned long)head.pages * (CGG_PAGE / 1024));
	return 0;
}
