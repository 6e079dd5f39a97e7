// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * learn.c - turns events in JSON into the smallest allow list for them.
 *
 * It takes only events of one policy, and only allowed operations, or only denied ones. Each
 * event becomes the rule that allows it and nothing else. A tree counts equal rules, and widen.c
 * joins adjacent ones.
 */
#include <errno.h>
#include <jansson.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "seen.h"

/* Return the hook of a program, by the program's name in events, or -1. */
static int program_hook(const char *name)
{
	for (int i = 0; name && i < CGG_PROGRAMS; i++)
		for (int hook = 0; hook < CGG_HOOKS && !strcmp(cgg_programs[i].name, name); hook++)
			if (cgg_hooks[hook].programs & 1u << i)
				return hook;
	return -1;
}

/* ---- rules that were seen ---- */

static int compare_seen(const void *a, const void *b)
{
	return seen_compare(&((const struct seen *)a)->rule, &((const struct seen *)b)->rule);
}

/* Fill `seen` from one event and its rule. */
static void seen_begin(struct seen *seen, const struct cgg_rule *rule, const json_t *event)
{
	const char *comm = text_of(event, "comm"), *time = text_of(event, "time");

	seen->rule = *rule;
	seen->count = 1;
	snprintf(seen->comm[0], sizeof(seen->comm[0]), "%s", comm ? comm : "");
	seen->comms = *seen->comm[0] != 0;
	if (time && strlen(time) < sizeof(seen->first)) {
		strcpy(seen->first, time);
		strcpy(seen->last, time);
	}
}

static int note(struct cgg_learn *learn, const struct cgg_rule *rule, const json_t *event)
{
	struct seen *seen = calloc(1, sizeof(*seen)), **found;

	if (!seen)
		return set_error(CGG_FAILED, "out of memory");
	seen_begin(seen, rule, event);
	found = tsearch(seen, &learn->tree, compare_seen);
	if (!found || *found == seen) {
		learn->unique += found != 0;
		if (!found)
			free(seen);
		return found ? 0 : set_error(CGG_FAILED, "out of memory");
	}
	seen_merge(*found, seen);
	free(seen);
	return 0;
}

/* ---- the choice of events ---- */

/* Add `key` with `value` to the JSON object *set, unless it has the key. Create *set if it is 0. */
static int set_add(json_t **set, const char *key, const char *value)
{
	if (!*set)
		*set = json_object();
	if (json_object_get(*set, key))
		return 0;
	return *set && !json_object_set_new(*set, key, json_string(value))
		       ? 0
		       : set_error(CGG_FAILED, "out of memory");
}

/*
 * Return the path of the event's cgroup. cgg-events prints the id when the cgroup is gone; the
 * path then comes from an earlier event with the same id.
 */
static const char *cgroup_of(struct cgg_learn *learn, const json_t *event, int *status)
{
	const char *name = text_of(event, "cgroup"), *earlier;
	json_t *id = json_object_get(event, "cgroup_id");
	char key[24];

	*status = 0;
	if (!name || !json_is_integer(id))
		return name ? name : "";
	snprintf(key, sizeof(key), "%lld", (long long)json_integer_value(id));
	if (*name == '/') {
		*status = set_add(&learn->paths, key, name);
		return name;
	}
	earlier = json_string_value(json_object_get(learn->paths, key));
	return earlier ? earlier : name;
}

static bool is_in_cgroup(const char *name, const char *top)
{
	size_t len = strcmp(top, "/") ? strlen(top) : 0;

	return !strncmp(name, top, len) && (!name[len] || name[len] == '/');
}

/* Set `chosen` if the event is of the policy and the cgroup that the caller wants. */
static int choose(struct cgg_learn *learn, const json_t *event, bool *chosen)
{
	const char *policy = text_of(event, "policy");
	int status;
	const char *cgroup = cgroup_of(learn, event, &status);

	if (!policy)
		policy = "";
	*chosen = (!learn->policy || !strcmp(learn->policy, policy)) &&
		  (!learn->cgroup || is_in_cgroup(cgroup, learn->cgroup));
	if (status || !*chosen)
		return status;
	status = set_add(&learn->policies, policy, "");
	return status ? status : set_add(&learn->cgroups, cgroup, "");
}

/* Write the first names of `set` into `text`, as a list. */
static void names_print(json_t *set, char *text, size_t size)
{
	char name[41], visible[4 * sizeof(name)];
	FILE *out = fmemopen(text, size, "w");
	const char *key;
	json_t *value;
	int count = 0;

	json_object_foreach(set, key, value) if (out && count++ < 4)
	{
		snprintf(name, sizeof(name), "%s", *key ? key : "unknown");
		text_print(visible, name);
		fprintf(out, "%s%s", count > 1 ? ", " : "", visible);
		fputs(strlen(key) < sizeof(name) ? "" : "...", out);
	}
	if (out && count > 4)
		fprintf(out, ", and %d more", count - 4);
	if (out)
		fclose(out);
}

/* Refuse events of several policies or cgroups, unless the caller chose one. */
int learn_check(const struct cgg_learn *learn)
{
	size_t policies = json_object_size(learn->policies);
	size_t cgroups = json_object_size(learn->cgroups);
	char names[700] = "";

	if (policies > 1) {
		names_print(learn->policies, names, sizeof(names));
		return set_error(CGG_USAGE,
				 "these are events of %zu policies (%s); choose one with --policy",
				 policies, names);
	}
	if (cgroups > 1 && !learn->policy && !learn->cgroup) {
		names_print(learn->cgroups, names, sizeof(names));
		return set_error(CGG_USAGE,
				 "these are events of %zu cgroups (%s); choose one with --cgroup, "
				 "or take all of the policy with --policy",
				 cgroups, names);
	}
	return 0;
}

/* Set *denied from the event's verdict. Events without a verdict were not denied. */
static int denied_of(const json_t *event, bool *denied)
{
	const char *verdict = text_of(event, "verdict");

	*denied = verdict && !strcmp(verdict, cgg_verdicts[CGG_DENY]);
	if (*denied || !json_object_get(event, "verdict"))
		return 0;
	for (int i = 0; verdict && i <= CGG_AUDIT; i++)
		if (!strcmp(verdict, cgg_verdicts[i]))
			return 0;
	return set_error(CGG_USAGE, "an event with an unknown verdict");
}

/* Add a line that only reports a number of events. Return false for any other line. */
static bool count_take(struct cgg_learn *learn, const json_t *event, bool denied)
{
	const json_t *lost = json_object_get(event, "lost");
	const json_t *suppressed = json_object_get(event, "withheld");

	if (json_is_integer(lost) && !json_object_get(event, "hook"))
		learn->lost += (__u64)json_integer_value(lost);
	else if (json_is_integer(suppressed) && denied == learn->denied)
		learn->lost += (__u64)json_integer_value(suppressed);
	else if (json_is_integer(suppressed) && denied)
		learn->skipped += (__u64)json_integer_value(suppressed);
	else
		return json_is_integer(suppressed);
	return true;
}

/* Count a chosen event and note its rule. */
static int rule_take(struct cgg_learn *learn, const json_t *event, int hook)
{
	const char *resolver = resolver_of(event, hook);
	struct cgg_rule rule;
	int status;

	learn->events++;
	if (hook == CGG_FLOW)
		return flow_take(learn, event);
	if (cgg_hooks[hook].observe_only)
		return 0;
	status = resolver ? set_add(&learn->resolvers, resolver, "") : 0;
	if (status)
		return status;
	status = rule_of(learn, &rule, event, hook);
	if (status == CGG_NO)
		return set_error(CGG_NO, "no rule can allow only this %s event",
				 cgg_hooks[hook].word);
	if (!status && learn->denied)
		rule.id = (__u32)json_integer_value(json_object_get(event, "rule"));
	return status ? status : note(learn, &rule, event);
}

/*
 * Take one event. A hook with denials gets the default deny even if those denials are skipped:
 * the list must not open a hook that is closed now.
 */
static int event_take(struct cgg_learn *learn, const json_t *event)
{
	int hook = program_hook(text_of(event, "hook"));
	bool denied, chosen = true;
	int status = denied_of(event, &denied);

	if (!status && hook >= 0)
		status = choose(learn, event, &chosen);
	if (status)
		return status;
	if (!chosen) {
		learn->unchosen++;
		return 0;
	}
	if (hook >= 0 && !cgg_hooks[hook].observe_only)
		learn->hooks |= 1u << hook;
	if (count_take(learn, event, denied))
		return 0;
	if (hook < 0)
		return set_error(CGG_USAGE, "not an event of cgg-events -j");
	if (denied == learn->denied)
		return rule_take(learn, event, hook);
	learn->skipped += denied;
	return 0;
}

int learn_line(struct cgg_learn *learn, const char *line, size_t len)
{
	json_error_t error;
	json_t *event = json_loadb(line, len, JSON_ALLOW_NUL, &error);
	int status;

	if (!event)
		return set_error(CGG_USAGE, "not JSON: %s", error.text);
	status = json_is_object(event) ? event_take(learn, event)
				       : set_error(CGG_USAGE, "not an event of cgg-events -j");
	json_decref(event);
	return status;
}

static struct seen **walk_at; /* a global, because twalk(3) passes no context */

static void walk(const void *node, VISIT visit, int depth)
{
	(void)depth;
	if (visit == postorder || visit == leaf)
		*walk_at++ = *(struct seen *const *)node;
}

/* ---- the policy ---- */

/* Order rules by hook, then by count, the largest first. */
static int compare_shown(const void *one, const void *other)
{
	const struct seen *a = *(struct seen *const *)one, *b = *(struct seen *const *)other;

	COMPARE(a->rule.hooks, b->rule.hooks);
	COMPARE(b->count, a->count);
	return seen_compare(&a->rule, &b->rule);
}

static const char *plural(__u64 count)
{
	return count == 1 ? "" : "s";
}

static void write_seen(const struct seen *seen, bool denied, FILE *file)
{
	char word[4 * sizeof(seen->last)];

	fprintf(file, "%s # %s%llu time%s", rule_print(&seen->rule), denied ? "denied " : "",
		seen->count, plural(seen->count));
	for (unsigned i = 0; i < seen->comms; i++) {
		text_print(word, seen->comm[i]);
		fprintf(file, "%s %s", i ? "," : ", by", word);
	}
	fputs(seen->others ? " and others" : "", file);
	if (denied && *seen->first) {
		text_print(word, seen->first);
		fprintf(file, ", %s %s", strcmp(seen->first, seen->last) ? "from" : "at", word);
		text_print(word, seen->last);
		if (strcmp(seen->first, seen->last))
			fprintf(file, " to %s", word);
	}
	if (seen->rule.id)
		fprintf(file, "; insert it before rule %u, which denied this", seen->rule.id);
	putc('\n', file);
}

/* Name the hooks without events. Events do not tell whether such a hook was watched. */
static void write_unwatched(const struct cgg_learn *learn, FILE *file)
{
	bool any = false;

	for (int i = 0; i < CGG_HOOKS; i++) {
		if (cgg_hooks[i].observe_only || learn->hooks & 1u << i)
			continue;
		fprintf(file, "%s %s",
			any ? "" : "# not watched, stays allowed:", cgg_hooks[i].word);
		any = true;
	}
	if (any)
		fputs("\n# (no event came from these hooks; events do not tell whether a silent "
		      "hook was watched)\n",
		      file);
}

static void write_head(const struct cgg_learn *learn, struct seen *const *list, unsigned count,
		       FILE *file)
{
	char hooks[256];

	fprintf(file, "# learned from %llu event%s", learn->events, plural(learn->events));
	if (learn->lost)
		fprintf(file, "; %llu more were lost", learn->lost);
	putc('\n', file);
	if (learn->skipped)
		fprintf(file, "# skipped: %llu denial%s\n", learn->skipped, plural(learn->skipped));
	write_unwatched(learn, file);
	hooks_print(learn->hooks, hooks, sizeof(hooks));
	resolvers_write(learn, list, count, file);
	if (learn->hooks)
		fprintf(file, "default %s deny\n", hooks);
}

static bool apart_by_program; /* a global, because rules_join() passes no context */

/* Return the rule that denied, and the programs if a person has to choose among the programs. */
static const char *place_of(const struct cgg_rule *rule)
{
	static char text[SEEN_COMMS * (sizeof(((struct seen *)0)->comm[0]) + 1) + 16];
	const struct seen *seen = (const struct seen *)rule;
	size_t len = (size_t)snprintf(text, sizeof(text), "%u\n", rule->id);

	for (unsigned i = 0; i < seen->comms && apart_by_program; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\n", seen->comm[i]);
	return text;
}

static void rule_merge(struct cgg_rule *into, struct cgg_rule *from)
{
	seen_merge((struct seen *)into, (const struct seen *)from);
}

/* Join rules that differ in one match only into rules with lists. */
static int lists_join(const struct cgg_learn *learn, struct seen **list, unsigned *count)
{
	static const struct cgg_joining how = { place_of, rule_merge };
	struct cgg_rule **rule = calloc(*count + 1, sizeof(struct cgg_rule *));
	int status;

	if (!rule)
		return set_error(CGG_FAILED, "out of memory");
	for (unsigned i = 0; i < *count; i++)
		rule[i] = &list[i]->rule;
	apart_by_program = learn->denied;
	status = rules_join(rule, count, &how);
	for (unsigned i = 0; i < *count && !status; i++)
		list[i] = (struct seen *)rule[i];
	free(rule);
	return status;
}
CGG_SAME(__builtin_offsetof(struct seen, rule) == 0);

int learn_write(struct cgg_learn *learn, const struct cgg_widen *widen, FILE *file)
{
	struct seen **list = calloc(learn->unique + 1, sizeof(*list));
	unsigned count = learn->unique;
	int status;

	if (!list)
		return set_error(CGG_FAILED, "out of memory");
	walk_at = list;
	twalk(learn->tree, walk);
	count = labels_join(list, count, widen->labels);
	count = sets_join(list, count, learn->set_of);
	status = seen_widen(list, &count, widen);
	if (!status)
		status = lists_join(learn, list, &count);
	if (!status) {
		qsort(list, count, sizeof(*list), compare_shown);
		if (!learn->denied)
			write_head(learn, list, count, file);
		for (unsigned i = 0; i < count; i++)
			write_seen(list[i], learn->denied, file);
		status = flows_write(learn, file);
	}
	free(list);
	return status;
}

static void seen_free(void *seen)
{
	rule_free(&((struct seen *)seen)->rule);
	free(seen);
}

void learn_free(struct cgg_learn *learn)
{
	tdestroy(learn->tree, seen_free);
	json_decref(learn->policies);
	json_decref(learn->cgroups);
	json_decref(learn->paths);
	json_decref(learn->resolvers);
	json_decref(learn->flows);
	*learn = (struct cgg_learn){ 0 };
}
