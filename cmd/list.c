// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* list.c - print a policy for cgg-rule list: as lines that restore reads, or as JSON. */
#include <jansson.h>
#include <string.h>

#include "rule.h"

/* A policy being listed. */
struct listing {
	enum list_form form;
	json_t *rules;
	int counts;
	__u32 place;
	bool any; /* something was printed */
};

/* Print the columns that -i and -s put before a line; id 0: the line is not a rule. */
static void in_front(struct listing *l, __u32 id)
{
	struct cgg_count count;

	l->any = true;
	if (l->form == LIST_PLAIN)
		return;
	if (!id)
		fputs("-\t", stdout);
	else
		printf("%u\t", id);
	if (id && l->form == LIST_STATS) {
		count = count_read(l->counts, l->place, id);
		printf("%llu\t%llu\t", count.hits, count.bytes);
	}
}

static int list_line(void *context, const struct cgg_line *line)
{
	static char text[CGG_LINE_TEXT];

	in_front(context, line->id);
	line_print(line, text);
	puts(text);
	return 0;
}

/* Sum the counts of all hooks of a line of defaults; return false if it is another line. */
static bool defaults_count(const struct listing *l, const char *line, struct cgg_count *sum)
{
	struct cgg_tally tally[CGG_HOOKS];
	unsigned hooks = 0;
	char words[256];

	*sum = (struct cgg_count){ 0 };
	if (sscanf(line, "default %255s", words) != 1 || hooks_parse(&hooks, words))
		return false;
	tallies_read(l->place, tally);
	for (int i = 0; i < CGG_HOOKS; i++) {
		struct cgg_count count = tally_default(&tally[i]);

		sum->hits += hooks >> i & 1 ? count.hits : 0;
		sum->bytes += hooks >> i & 1 ? count.bytes : 0;
	}
	return true;
}

static void list_settings(struct listing *l, const struct cgg_image *image)
{
	char text[CGG_SETTINGS_TEXT];
	struct cgg_count count;

	settings_print(&image->defaults, image->audit, &image->naming, text);
	for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
		in_front(l, 0);
		if (l->form == LIST_STATS && defaults_count(l, line, &count))
			printf("%llu\t%llu\t", count.hits, count.bytes);
		else if (l->form == LIST_STATS)
			printf("-\t-\t");
		puts(line);
	}
}

static json_t *hooks_json(unsigned hooks)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (hooks & 1u << i)
			json_array_append_new(list, json_string(cgg_hooks[i].word));
	return list;
}

static int list_object(void *context, const struct cgg_line *line)
{
	struct listing *l = context;
	struct cgg_count count = count_read(l->counts, l->place, line->id);
	static char text[CGG_LINE_TEXT];
	char last[40];
	json_t *o = json_object();
	struct cgg_rule rule;
	int status = line_rule(line, &rule);

	rule_free(&rule);
	line_print(line, text);
	json_object_set_new(o, "id", json_integer(line->id));
	json_object_set_new(o, "rule", json_string(text));
	json_object_set_new(o, "verdict", json_string(cgg_verdicts[rule.verdict]));
	json_object_set_new(o, "hooks", hooks_json(rule.hooks));
	if (*rule.name)
		json_object_set_new(o, "name", json_string(rule.name));
	if (*rule.comment)
		json_object_set_new(o, "comment", json_string(rule.comment));
	json_object_set_new(o, "hits", json_integer((json_int_t)count.hits));
	json_object_set_new(o, "bytes", json_integer((json_int_t)count.bytes));
	json_object_set_new(o, "last",
			    count_time(count.last, last) ? json_string(last) : json_null());
	json_array_append_new(l->rules, o);
	return status;
}

/* Add the lines about names: whom to believe, and how many names to keep for how long. */
static void naming_json(json_t *o, const struct cgg_naming *naming)
{
	json_t *list = json_array();
	char address[CGG_NET_TEXT];
	__u64 keep = naming->keep ? naming->keep : CGG_KEEP;

	for (__u32 i = 0; i < naming->resolvers && i < CGG_RESOLVERS; i++) {
		addr_print((const __u8 *)naming->resolver[i], address);
		json_array_append_new(list, json_string(address));
	}
	json_object_set_new(o, "resolvers", list);
	json_object_set_new(o, "names",
			    json_pack("{sIsI}", "room",
				      (json_int_t)(naming->room ? naming->room : CGG_NAMES_ROOM),
				      "keep", (json_int_t)(keep / 1000000000)));
}

static int list_json(struct cgg_guard *guard, struct listing *l, const struct cgg_image *image)
{
	json_t *o = json_object(), *defaults = json_object(), *errors = json_object();
	int status;

	l->rules = json_array();
	for (int i = 0; i < CGG_HOOKS; i++)
		json_object_set_new(defaults, cgg_hooks[i].word,
				    json_string(cgg_verdicts[image->defaults.verdict[i]]));
	for (int i = 0; i < CGG_HOOKS; i++)
		if (image->defaults.error[i])
			json_object_set_new(errors, cgg_hooks[i].word,
					    json_string(errno_name(image->defaults.error[i])));
	status = policy_each(guard, (int)l->place, list_object, l);
	json_object_set_new(o, "policy", json_string(guard->policies[l->place].name));
	json_object_set_new(o, "mode", json_string(image->audit ? "audit" : "enforce"));
	json_object_set_new(o, "defaults", defaults);
	json_object_set_new(o, "errors", errors);
	json_object_set_new(o, "quiet", hooks_json(image->defaults.quiet));
	naming_json(o, &image->naming);
	json_object_set_new(o, "rules", l->rules);
	if (!status) {
		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(o);
	return status;
}

/*
 * Print a policy, whose image in force is given.
 *
 * restore accepts every plain list, also that of an empty policy.
 */
int policy_list(struct cgg_guard *guard, int place, const struct cgg_image *image,
		enum list_form form)
{
	struct listing l = { .form = form, .place = (__u32)place, .counts = -1 };
	int status;

	if (form == LIST_STATS || form == LIST_JSON)
		l.counts = count_open();
	if (form == LIST_JSON)
		return list_json(guard, &l, image);
	list_settings(&l, image);
	status = policy_each(guard, place, list_line, &l);
	if (!status && !l.any && form == LIST_PLAIN)
		puts("# " ALLOW_EVERYTHING);
	return status;
}
