// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * yaml.c - reads a policy in the YAML form of cgguard-rule(5).
 *
 * It turns each rule into the words that a user would type and calls rule_parse(), so there is
 * only one grammar. An error about those words names the key in the file and its line.
 *
 * Invariant of functions that read a node: they are called at its first parser event, and
 * return at its last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"

/* The keys of a rule, and of its match. action is first, because a rule begins with its verdict. */
enum { ACTION, ID, DESCRIPTION, IP, PORT, PROTO, UID, GID, CGROUP, CGROUP_ID, LIMIT, BURST, KEYS };
static const struct {
	const char *key, *word;
	bool match, list; /* list: a sequence may be its value */
} keys[KEYS] = {
	[ACTION] = { "action", "action", false, false },
	[ID] = { "id", "name", false, false },
	[DESCRIPTION] = { "description", "comment", false, false },
	[IP] = { "dest_ip", "ip", true, true },
	[PORT] = { "dest_port", "port", true, true },
	[PROTO] = { "proto", "proto", true, true },
	[UID] = { "uid", "uid", true, false },
	[GID] = { "gid", "gid", true, false },
	[CGROUP] = { "cgroup", "cgroup", true, false },
	[CGROUP_ID] = { "cgroup_id", "cgroup", true, false },
	[LIMIT] = { "limit", "limit", false, false },
	[BURST] = { "burst", "burst", false, false },
};

/* One rule: the text of each of its keys, and the lines where they are. */
struct line {
	char *text[KEYS];
	size_t at[KEYS];
	size_t first;
	bool has[KEYS], match;
};

static void unknown_key(struct reader *r, const char *key, size_t at, const char *of)
{
	if (!strcmp(key, "<<"))
		node_complain_at(
			r, at,
			set_error(CGG_USAGE, "<<: merging is not supported; write the keys here"));
	else
		node_complain_at(r, at, set_error(CGG_USAGE, "%.80s: not a key of %s", key, of));
	node_skip(r);
}

/* Return whether the key is repeated, and report it: one of the two values would be lost. */
static bool repeated(struct reader *r, const char *key, size_t at, bool *has)
{
	bool before = *has;

	*has = true;
	if (!before)
		return false;
	node_complain_at(r, at, set_error(CGG_USAGE, "%s: the key is repeated", key));
	node_skip(r);
	return true;
}

/* Read the value of keys[k], which is the node that begins here. */
static void read_value(struct reader *r, struct line *line, unsigned k)
{
	bool null = node_is_null(&r->event), list = r->event.type == YAML_SEQUENCE_START_EVENT;

	line->at[k] = r->event.start_mark.line;
	if (list && keys[k].list && node_check(r))
		line->text[k] = node_texts(r, keys[k].key);
	else
		line->text[k] = node_text(r, keys[k].key);
	if (!line->text[k])
		return;
	if (k == DESCRIPTION)
		text_one_line(line->text[k]);
	if (k == DESCRIPTION && (null || !*line->text[k])) {
		free(line->text[k]);
		line->text[k] = 0;
	} else if (null) {
		node_complain(r, set_error(CGG_USAGE, "%s: needs a value", keys[k].key));
	}
}

static bool read_key(struct reader *r, struct line *line, const char *key, size_t at, bool match)
{
	for (unsigned k = 0; k < KEYS; k++) {
		if (strcmp(keys[k].key, key) || keys[k].match != match)
			continue;
		if (!repeated(r, key, at, &line->has[k]))
			read_value(r, line, k);
		return true;
	}
	return false;
}

static void read_match(struct reader *r, struct line *line)
{
	size_t at;
	char *key;

	if (!node_begins(r, YAML_MAPPING_START_EVENT, "match: not a mapping"))
		return;
	for (; (key = node_key(r, &at)); free(key))
		if (!read_key(r, line, key, at, true))
			unknown_key(
				r, key, at,
				"match (cgroup_id, cgroup, dest_ip, dest_port, proto, uid, gid)");
}

/* Replace the id of a cgroup by its path. */
static int cgroup_by_id(struct line *line)
{
	char path[4096], *text = line->text[CGROUP_ID];
	unsigned long id;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	id = strtoul(text, &end, 10);
	if (text[strspn(text, "0123456789")] || !*text || errno ||
	    !cgroup_name(id, path, sizeof(path)))
		return set_error(CGG_USAGE, "cgroup %.80s: no such cgroup", text);
	line->text[CGROUP_ID] = strdup(path);
	free(text);
	return line->text[CGROUP_ID] ? 0 : set_error(CGG_FAILED, "out of memory");
}

/* Parse the words of a rule and add it to the policy. */
static int rule_make(struct reader *r, struct line *line)
{
	char *word[2 * KEYS] = { line->text[ACTION], (char[]){ "connect,sendmsg" } };
	int count = 2, status;

	if (line->has[CGROUP] && line->has[CGROUP_ID])
		return set_error(CGG_USAGE, "cgroup: given by path and by id; give one of them");
	status = cgroup_by_id(line);
	if (status)
		return status;
	for (unsigned k = ACTION + 1; k < KEYS; k++) {
		if (!line->text[k])
			continue;
		word[count++] = (char *)(size_t)keys[k].word;
		word[count++] = line->text[k];
	}
	return rule_read(r->rules, count, word);
}

/* Replace the rule word at the begin of cgg_error by the key of the file. Return the key's line. */
static size_t blame(const struct line *line)
{
	char why[CGG_ERROR];

	for (unsigned k = ACTION + 1; k < KEYS; k++) {
		size_t len = strlen(keys[k].word);

		if (!line->text[k] || strncmp(cgg_error, keys[k].word, len) ||
		    !strchr(" :", cgg_error[len]))
			continue;
		snprintf(why, sizeof(why), "%s%s", keys[k].key, cgg_error + len);
		memcpy(cgg_error, why, sizeof(why));
		return line->at[k];
	}
	return line->text[CGROUP] ? line->at[CGROUP] : line->first;
}

static void read_rule(struct reader *r)
{
	struct line line = { .first = r->event.start_mark.line };
	int before = r->worst, status;
	__u8 verdict;
	size_t at;
	char *key;

	if (!node_begins(r, YAML_MAPPING_START_EVENT, "a rule is a mapping with action:"))
		return;
	r->worst = 0;
	for (; (key = node_key(r, &at)); free(key)) {
		if (!strcmp(key, "match")) {
			if (!repeated(r, key, at, &line.match))
				read_match(r, &line);
		} else if (!read_key(r, &line, key, at, false)) {
			unknown_key(r, key, at, "a rule (id, description, match, action)");
		}
	}
	if (!r->worst && !line.text[ACTION]) {
		node_complain_at(
			r, line.first,
			set_error(CGG_USAGE, "action: needs a value: allow, deny or alert"));
	} else if (!r->worst && verdict_parse(&verdict, line.text[ACTION])) {
		node_complain_at(r, line.at[ACTION], CGG_USAGE);
	} else if (!r->worst) {
		status = rule_make(r, &line);
		if (status)
			node_complain_at(r, blame(&line), status);
	}
	for (unsigned k = 0; k < KEYS; k++)
		free(line.text[k]);
	if (before > r->worst)
		r->worst = before;
	progress("rules read", r->rules->rules);
}

static void read_rules(struct reader *r)
{
	if (!node_begins(r, YAML_SEQUENCE_START_EVENT, "rules: not a list"))
		return;
	while (node_step(r) && r->event.type != YAML_SEQUENCE_END_EVENT && r->worst != CGG_FAILED)
		read_rule(r);
}

static void read_top(struct reader *r)
{
	bool version = false, description = false, rules = false;
	size_t first = r->event.start_mark.line, at;
	char *key;

	if (!node_begins(r, YAML_MAPPING_START_EVENT,
			 r->event.type == YAML_SEQUENCE_START_EVENT
				 ? "a list at the top; write rules: before it"
				 : "a policy is a mapping with rules:"))
		return;
	for (; (key = node_key(r, &at)); free(key)) {
		if (!strcmp(key, "rules")) {
			if (!repeated(r, key, at, &rules))
				read_rules(r);
		} else if (!strcmp(key, "version")) {
			if (!repeated(r, key, at, &version))
				node_skip(r);
		} else if (!strcmp(key, "description")) {
			if (!repeated(r, key, at, &description))
				node_skip(r);
		} else {
			unknown_key(r, key, at, "a policy (version, description, rules)");
		}
		if (r->worst == CGG_FAILED)
			r->broken = true; /* out of memory: one such error is enough */
	}
	if (!rules && !r->broken)
		node_complain_at(r, first, set_error(CGG_USAGE, "rules: there are none"));
}

/* Read the only document of the stream. Ignore empty ones, like one after a final "---". */
static void read_stream(struct reader *r)
{
	unsigned documents = 0;

	while (node_step(r)) {
		if (r->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (!node_step(r))
			return;
		if (node_is_null(&r->event) && !*r->event.data.scalar.value)
			continue;
		if (documents++) {
			node_complain(
				r, set_error(CGG_USAGE,
					     "a second document; a policy is one document: put its "
					     "rules in the first"));
			return;
		}
		read_top(r);
	}
	if (!documents && !r->broken) {
		r->worst = set_error(CGG_USAGE, "is empty");
		error_put(r->errors, r->name, 0);
	}
}

int yaml_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors)
{
	struct reader r = { .rules = rules, .name = name, .file = file };
	size_t size = 0;

	r.errors = open_memstream(errors, &size);
	if (!r.errors || !yaml_parser_initialize(&r.parser))
		return set_error(CGG_FAILED, "%s: %s", name, strerror(errno));
	yaml_parser_set_input(&r.parser, node_input, &r);
	read_stream(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	fclose(r.errors);
	return r.worst;
}
