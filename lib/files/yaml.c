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
#include <yaml.h>

#include "files.h"

/*
 * Limits against quadratic time: libyaml keeps a state for each open level, and compares each
 * %TAG line with all lines before it.
 */
#define DEPTH 32
#define DIRECTIVES 64

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	FILE *file;
	struct cgg_rules *rules;
	const char *name;
	FILE *errors;
	int worst;
	int depth;
	unsigned directives; /* lines in a row that begin with % */
	bool in_line, broken;
};

/* The keys of a rule, and of its match. action is first, because a rule begins with its verdict. */
enum { ACTION, ID, DESCRIPTION, IP, PORT, PROTO, UID, GID, CGROUP, CGROUP_ID, KEYS };
static const struct {
	const char *key, *word;
	bool match;
} keys[KEYS] = {
	[ACTION] = { "action", "action", false },
	[ID] = { "id", "name", false },
	[DESCRIPTION] = { "description", "comment", false },
	[IP] = { "dest_ip", "ip", true },
	[PORT] = { "dest_port", "port", true },
	[PROTO] = { "proto", "proto", true },
	[UID] = { "uid", "uid", true },
	[GID] = { "gid", "gid", true },
	[CGROUP] = { "cgroup", "cgroup", true },
	[CGROUP_ID] = { "cgroup_id", "cgroup", true },
};

/* One rule: the text of each of its keys, and the lines where they are. */
struct line {
	char *text[KEYS];
	size_t at[KEYS];
	size_t first;
	bool has[KEYS], match;
};

static void complain_at(struct reader *r, size_t line, int status)
{
	error_put(r->errors, r->name, line + 1);
	if (status > r->worst)
		r->worst = status;
}

static void complain(struct reader *r, int status)
{
	complain_at(r, r->event.start_mark.line, status);
}

/* Return the line of the byte at `offset`: libyaml gives no line for an invalid byte. */
static size_t line_of(FILE *file, size_t offset)
{
	size_t line = 0;

	rewind(file);
	for (int c; offset && (c = getc(file)) != EOF; offset--)
		line += c == '\n';
	return line;
}

static void parser_failed(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "not YAML";
	bool context = p->context && p->error != YAML_READER_ERROR;

	if (ferror(r->file))
		complain_at(r, p->mark.line, set_error(CGG_FAILED, "%s", strerror(errno)));
	else if (p->error == YAML_MEMORY_ERROR)
		complain_at(r, p->mark.line, set_error(CGG_FAILED, "out of memory"));
	else if (r->directives > DIRECTIVES)
		complain_at(r, p->mark.line,
			    set_error(CGG_USAGE, "more than %d directives (%%)", DIRECTIVES));
	else if (p->error == YAML_READER_ERROR)
		complain_at(r, line_of(r->file, p->problem_offset),
			    set_error(CGG_USAGE, "not YAML: %s", problem));
	else
		complain_at(r, p->problem_mark.line,
			    set_error(CGG_USAGE, "not YAML: %s%s%s", problem, context ? " " : "",
				      context ? p->context : ""));
}

/* Go to the next event. Return false at the end of the input, or after an error. */
static bool next(struct reader *r)
{
	if (r->broken || r->event.type == YAML_STREAM_END_EVENT)
		return false;
	yaml_event_delete(&r->event);
	r->event.type = YAML_NO_EVENT;
	if (!yaml_parser_parse(&r->parser, &r->event)) {
		parser_failed(r);
		r->broken = true;
		return false;
	}
	if (r->event.type == YAML_MAPPING_START_EVENT || r->event.type == YAML_SEQUENCE_START_EVENT)
		r->depth++;
	if (r->event.type == YAML_MAPPING_END_EVENT || r->event.type == YAML_SEQUENCE_END_EVENT)
		r->depth--;
	if (r->depth > DEPTH) {
		complain(r, set_error(CGG_USAGE, "nested more than %d levels deep", DEPTH));
		r->broken = true;
	}
	return !r->broken;
}

/* Skip the node that begins here. */
static void skip(struct reader *r)
{
	for (int outside = r->depth - (r->event.type == YAML_MAPPING_START_EVENT ||
				       r->event.type == YAML_SEQUENCE_START_EVENT);
	     r->depth > outside && next(r);)
		;
}

/* Refuse aliases, which refer to values elsewhere, and tags other than the standard types. */
static bool node_check(struct reader *r)
{
	static const char standard[] = "tag:yaml.org,2002:";
	static const char *const types[] = { "str", "int", "seq", "map" };
	const yaml_event_t *e = &r->event;
	const char *tag = 0;
	bool ours;

	if (e->type == YAML_ALIAS_EVENT) {
		complain(r, set_error(CGG_USAGE,
				      "*%.80s: aliases are not supported; write the value here",
				      (const char *)e->data.alias.anchor));
		return false;
	}
	if (e->type == YAML_SCALAR_EVENT)
		tag = (const char *)e->data.scalar.tag;
	else if (e->type == YAML_SEQUENCE_START_EVENT)
		tag = (const char *)e->data.sequence_start.tag;
	else if (e->type == YAML_MAPPING_START_EVENT)
		tag = (const char *)e->data.mapping_start.tag;
	if (!tag || !strcmp(tag, "!"))
		return true;
	ours = !strncmp(tag, standard, strlen(standard));
	if (ours)
		tag += strlen(standard);
	for (size_t i = 0; ours && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(tag, types[i]))
			return true;
	complain(r, set_error(CGG_USAGE, "%s%.80s: tags are not supported; leave it out",
			      ours ? "!!" : "", tag));
	return false;
}

/* Return whether a node of this kind begins here. Report and skip any other node. */
static bool begins(struct reader *r, yaml_event_type_t kind, const char *sentence)
{
	if (node_check(r)) {
		if (r->event.type == kind)
			return true;
		complain(r, set_error(CGG_USAGE, "%s", sentence));
	}
	skip(r);
	return false;
}

/* Return whether the value is a null: empty, ~ or null, without quotes. */
static bool is_null(const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;

	return e->type == YAML_SCALAR_EVENT && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcasecmp(text, "null"));
}

/* Return the text of the scalar that begins here, to be freed, or report an error of key: 0. */
static char *scalar(struct reader *r, const char *key)
{
	char *text;

	if (r->event.type == YAML_SCALAR_EVENT && node_check(r)) {
		text = (char *)r->event.data.scalar.value;
		if (strlen(text) == r->event.data.scalar.length) {
			text = strdup(text);
			if (!text)
				complain(r, set_error(CGG_FAILED, "out of memory"));
			return text;
		}
		complain(r, set_error(CGG_USAGE, "%s: has a NUL byte", key));
	} else if (r->event.type != YAML_SCALAR_EVENT && node_check(r)) {
		complain(r, set_error(CGG_USAGE, "%s: is a %s; it needs a plain value", key,
				      r->event.type == YAML_SEQUENCE_START_EVENT ? "list"
										 : "mapping"));
	}
	skip(r);
	return 0;
}

/* Return the next key of the mapping, to be freed, and go to its value. Return 0 at the end. */
static char *key_next(struct reader *r, size_t *at)
{
	while (next(r) && r->event.type != YAML_MAPPING_END_EVENT) {
		char *key;

		*at = r->event.start_mark.line;
		key = scalar(r, "a key");
		if (!next(r)) {
			free(key);
			return 0;
		}
		if (key)
			return key;
		skip(r);
	}
	return 0;
}

static void unknown_key(struct reader *r, const char *key, size_t at, const char *of)
{
	if (!strcmp(key, "<<"))
		complain_at(
			r, at,
			set_error(CGG_USAGE, "<<: merging is not supported; write the keys here"));
	else
		complain_at(r, at, set_error(CGG_USAGE, "%.80s: not a key of %s", key, of));
	skip(r);
}

/* Return whether the key is repeated, and report it: one of the two values would be lost. */
static bool repeated(struct reader *r, const char *key, size_t at, bool *has)
{
	bool before = *has;

	*has = true;
	if (!before)
		return false;
	complain_at(r, at, set_error(CGG_USAGE, "%s: the key is repeated", key));
	skip(r);
	return true;
}

/* Read the value of keys[k], which is the node that begins here. */
static void read_value(struct reader *r, struct line *line, unsigned k)
{
	bool null = is_null(&r->event);

	line->at[k] = r->event.start_mark.line;
	line->text[k] = scalar(r, keys[k].key);
	if (!line->text[k])
		return;
	if (k == DESCRIPTION)
		text_one_line(line->text[k]);
	if (k == DESCRIPTION && (null || !*line->text[k])) {
		free(line->text[k]);
		line->text[k] = 0;
	} else if (null) {
		complain(r, set_error(CGG_USAGE, "%s: needs a value", keys[k].key));
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

	if (!begins(r, YAML_MAPPING_START_EVENT, "match: not a mapping"))
		return;
	for (; (key = key_next(r, &at)); free(key))
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

	if (!begins(r, YAML_MAPPING_START_EVENT, "a rule is a mapping with action:"))
		return;
	r->worst = 0;
	for (; (key = key_next(r, &at)); free(key)) {
		if (!strcmp(key, "match")) {
			if (!repeated(r, key, at, &line.match))
				read_match(r, &line);
		} else if (!read_key(r, &line, key, at, false)) {
			unknown_key(r, key, at, "a rule (id, description, match, action)");
		}
	}
	if (!r->worst && !line.text[ACTION]) {
		complain_at(r, line.first,
			    set_error(CGG_USAGE, "action: needs a value: allow, deny or alert"));
	} else if (!r->worst && verdict_parse(&verdict, line.text[ACTION])) {
		complain_at(r, line.at[ACTION], CGG_USAGE);
	} else if (!r->worst) {
		status = rule_make(r, &line);
		if (status)
			complain_at(r, blame(&line), status);
	}
	for (unsigned k = 0; k < KEYS; k++)
		free(line.text[k]);
	if (before > r->worst)
		r->worst = before;
	progress("rules read", r->rules->rules);
}

static void read_rules(struct reader *r)
{
	if (!begins(r, YAML_SEQUENCE_START_EVENT, "rules: not a list"))
		return;
	while (next(r) && r->event.type != YAML_SEQUENCE_END_EVENT && r->worst != CGG_FAILED)
		read_rule(r);
}

static void read_top(struct reader *r)
{
	bool version = false, description = false, rules = false;
	size_t first = r->event.start_mark.line, at;
	char *key;

	if (!begins(r, YAML_MAPPING_START_EVENT,
		    r->event.type == YAML_SEQUENCE_START_EVENT
			    ? "a list at the top; write rules: before it"
			    : "a policy is a mapping with rules:"))
		return;
	for (; (key = key_next(r, &at)); free(key)) {
		if (!strcmp(key, "rules")) {
			if (!repeated(r, key, at, &rules))
				read_rules(r);
		} else if (!strcmp(key, "version")) {
			if (!repeated(r, key, at, &version))
				skip(r);
		} else if (!strcmp(key, "description")) {
			if (!repeated(r, key, at, &description))
				skip(r);
		} else {
			unknown_key(r, key, at, "a policy (version, description, rules)");
		}
		if (r->worst == CGG_FAILED)
			r->broken = true; /* out of memory: one such error is enough */
	}
	if (!rules && !r->broken)
		complain_at(r, first, set_error(CGG_USAGE, "rules: there are none"));
}

/* Read the only document of the stream. Ignore empty ones, like one after a final "---". */
static void read_stream(struct reader *r)
{
	unsigned documents = 0;

	while (next(r)) {
		if (r->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (!next(r))
			return;
		if (is_null(&r->event) && !*r->event.data.scalar.value)
			continue;
		if (documents++) {
			complain(r,
				 set_error(CGG_USAGE,
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

/* Give the parser its input; fail when more than DIRECTIVES lines in a row are directives. */
static int input_read(void *data, unsigned char *buffer, size_t size, size_t *length)
{
	struct reader *r = data;

	*length = fread(buffer, 1, size, r->file);
	for (size_t i = 0; i < *length && r->directives <= DIRECTIVES; i++) {
		if (!r->in_line && buffer[i] == '%')
			r->directives++;
		else if (!r->in_line && !strchr(" \t\r\n#", buffer[i]))
			r->directives = 0;
		r->in_line = buffer[i] != '\n';
	}
	return r->directives <= DIRECTIVES && !ferror(r->file);
}

int yaml_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors)
{
	struct reader r = { .rules = rules, .name = name, .file = file };
	size_t size = 0;

	r.errors = open_memstream(errors, &size);
	if (!r.errors || !yaml_parser_initialize(&r.parser))
		return set_error(CGG_FAILED, "%s: %s", name, strerror(errno));
	yaml_parser_set_input(&r.parser, input_read, &r);
	read_stream(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	fclose(r.errors);
	return r.worst;
}
