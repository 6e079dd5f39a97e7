// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff.c - cgg-rule diff: the shortest edit from the lines of a policy to those of a file. */
#include <string.h>

#include "rule.h"

static int lines_add(struct lines *lines, const char *words, size_t compared, __u64 expires)
{
	struct text *text = grow(lines->text, lines->count, &lines->room, sizeof(*text));

	if (!text)
		return CGG_FAILED;
	lines->text = text;
	text += lines->count;
	text->words = strdup(words);
	text->compared = compared;
	text->expires = expires;
	if (!text->words)
		return set_error(CGG_FAILED, "out of memory");
	lines->count++;
	return 0;
}

static int rule_take(void *context, const struct cgg_line *line)
{
	static char words[CGG_LINE_TEXT];

	line_print(line, words);
	return lines_add(context, words, line->len, line->expires);
}

static int settings_lines(struct lines *lines, const struct cgg_defaults *defaults, bool audit,
			  const struct cgg_naming *naming)
{
	char text[CGG_SETTINGS_TEXT];
	int status = 0;

	settings_print(defaults, audit, naming, text);
	for (char *line = strtok(text, "\n"); line && !status; line = strtok(0, "\n"))
		status = lines_add(lines, line, strlen(line), CGG_NEVER);
	return status;
}

static struct cgg_line entry_line(const struct cgg_rules *rules, const struct cgg_entry *e)
{
	return (struct cgg_line){ .text = rules->heap + 8 * (size_t)e->text,
				  .len = e->text_len,
				  .expires = e->condition.expires };
}

/* Print a rule that was just read as cgg-rule list would. */
void entry_print(const struct cgg_rules *rules, const struct cgg_entry *e,
		 char words[CGG_LINE_TEXT])
{
	const struct cgg_line line = entry_line(rules, e);

	line_print(&line, words);
}

static int file_lines(struct lines *lines, const struct cgg_rules *rules)
{
	int status = settings_lines(lines, &rules->defaults, rules->audit, &rules->naming);

	for (unsigned i = 0; i < rules->count && !status; i++) {
		const struct cgg_line line = entry_line(rules, &rules->entry[i]);

		if (line.len)
			status = rule_take(lines, &line);
	}
	return status;
}

/* Read the lines of a policy: its settings and its rules. */
int lines_read(struct lines *lines, struct cgg_guard *guard, int place)
{
	const struct cgg_image *image = policy_image(guard, place);
	int status = image ? settings_lines(lines, &image->defaults, image->audit, &image->naming)
			   : CGG_FAILED;

	return status ? status : policy_each(guard, place, rule_take, lines);
}

/* Read the lines of the policy in force; without such a policy there are none. */
int policy_lines(struct lines *lines, bool *missing)
{
	struct cgg_guard guard;
	int place, status = guard_open(&guard, CGG_READ);

	if (status)
		return status;
	place = policy_find(&guard, policy_name);
	*missing = place < 0;
	if (!*missing)
		status = lines_read(lines, &guard, place);
	guard_close(&guard);
	return status;
}

bool text_is_same(const struct text *one, const struct text *other)
{
	return one->compared == other->compared &&
	       !one->words[one->compared] == !other->words[other->compared] &&
	       !memcmp(one->words, other->words, one->compared);
}

/* Give equal lines of both lists the same number, by a hash table with open addressing. */
static int lines_number(struct lines side[2], unsigned *numbers)
{
	unsigned all = side[0].count + side[1].count, size = 64;
	const struct text **known;
	__u32 *number;

	while (size < 2 * all)
		size *= 2;
	known = calloc(size, sizeof(const struct text *));
	number = calloc(size, sizeof(*number));
	for (unsigned i = 0; i < all && known && number; i++) {
		struct lines *lines = &side[i >= side[0].count];
		unsigned place = i - (lines == side ? 0 : side[0].count);
		const struct text *text = &lines->text[place];
		__u32 at = words_hash(text->words, text->compared) & (size - 1);

		while (known[at] && !text_is_same(known[at], text))
			at = (at + 1) & (size - 1);
		if (!known[at])
			number[at] = (*numbers)++;
		known[at] = text;
		lines->number[place] = number[at];
	}
	free(known);
	free(number);
	return known && number ? 0 : set_error(CGG_FAILED, "out of memory");
}

static int edit_find(struct lines side[2])
{
	unsigned numbers = 0;
	int status = 0;

	for (int s = 0; s < 2; s++) {
		side[s].number = calloc(side[s].count + 1UL, sizeof(*side[s].number));
		side[s].edited = calloc(side[s].count + 1UL, sizeof(*side[s].edited));
		if (!side[s].number || !side[s].edited)
			status = set_error(CGG_FAILED, "out of memory");
	}
	if (!status)
		status = lines_number(side, &numbers);
	if (status)
		return status;
	return shortest_edit((const __u32 *[]){ side[0].number, side[1].number },
			     (unsigned[]){ side[0].count, side[1].count }, numbers,
			     (bool *[]){ side[0].edited, side[1].edited });
}

/* Print the edit, and return whether there is one. */
static bool edit_print(const struct lines side[2])
{
	unsigned i = 0, j = 0;
	bool any = false;

	while (i < side[0].count || j < side[1].count) {
		for (; i < side[0].count && side[0].edited[i]; i++, any = true)
			printf("-%s\n", side[0].text[i].words);
		for (; j < side[1].count && side[1].edited[j]; j++, any = true)
			printf("+%s\n", side[1].text[j].words);
		i += i < side[0].count;
		j += j < side[1].count;
	}
	return any;
}

void lines_free(struct lines *lines)
{
	for (unsigned i = 0; i < lines->count; i++)
		free(lines->text[i].words);
	free(lines->text);
	free(lines->number);
	free(lines->edited);
}

/* Print the edit from the policy in force to rules, and return whether they differ. */
bool rules_diff(const struct cgg_rules *rules)
{
	struct lines side[2] = { 0 };
	bool missing = false, differ;
	int status = policy_name_check(policy_name);

	if (!status)
		status = file_lines(&side[1], rules);
	if (!status)
		status = policy_lines(&side[0], &missing);
	if (!status)
		status = edit_find(side);
	if (status)
		die(status);
	if (missing)
		warnx("policy %s: there is none; restore creates it", policy_name);
	differ = edit_print(side) || missing;
	lines_free(&side[0]);
	lines_free(&side[1]);
	return differ;
}

int diff_file(int count, char **word)
{
	struct cgg_rules rules = rules_unset();
	bool differ;

	if (count > 1)
		errx(CGG_USAGE, "%s: diff takes one FILE", word[1]);
	rules_read_or_die(&rules, count ? word[0] : "-");
	settings_fill(&rules);
	differ = rules_diff(&rules);
	rules_free(&rules);
	return differ ? CGG_NO : CGG_DONE;
}
