// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * node.c - reads the nodes of a YAML file, and reports its errors.
 *
 * Invariant of functions that read a node: they are called at its first parser event, and
 * return at its last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"

/*
 * Limits against quadratic time: libyaml keeps a state for each open level, and compares each
 * %TAG line with all lines before it.
 */
#define DEPTH 32
#define DIRECTIVES 64

/* Give the parser its input; fail when more than DIRECTIVES lines in a row are directives. */
int node_input(void *data, unsigned char *buffer, size_t size, size_t *length)
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

void node_complain_at(struct reader *r, size_t line, int status)
{
	error_put(r->errors, r->name, line + 1);
	if (status > r->worst)
		r->worst = status;
}

void node_complain(struct reader *r, int status)
{
	node_complain_at(r, r->event.start_mark.line, status);
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
		node_complain_at(r, p->mark.line, set_error(CGG_FAILED, "%s", strerror(errno)));
	else if (p->error == YAML_MEMORY_ERROR)
		node_complain_at(r, p->mark.line, set_error(CGG_FAILED, "out of memory"));
	else if (r->directives > DIRECTIVES)
		node_complain_at(r, p->mark.line,
				 set_error(CGG_USAGE, "more than %d directives (%%)", DIRECTIVES));
	else if (p->error == YAML_READER_ERROR)
		node_complain_at(r, line_of(r->file, p->problem_offset),
				 set_error(CGG_USAGE, "not YAML: %s", problem));
	else
		node_complain_at(r, p->problem_mark.line,
				 set_error(CGG_USAGE, "not YAML: %s%s%s", problem,
					   context ? " " : "", context ? p->context : ""));
}

/* Go to the next event. Return false at the end of the input, or after an error. */
bool node_step(struct reader *r)
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
		node_complain(r, set_error(CGG_USAGE, "nested more than %d levels deep", DEPTH));
		r->broken = true;
	}
	return !r->broken;
}

/* Skip the node that begins here. */
void node_skip(struct reader *r)
{
	for (int outside = r->depth - (r->event.type == YAML_MAPPING_START_EVENT ||
				       r->event.type == YAML_SEQUENCE_START_EVENT);
	     r->depth > outside && node_step(r);)
		;
}

/* Refuse aliases, which refer to values elsewhere, and tags other than the standard types. */
bool node_check(struct reader *r)
{
	static const char standard[] = "tag:yaml.org,2002:";
	static const char *const types[] = { "str", "int", "seq", "map" };
	const yaml_event_t *e = &r->event;
	const char *tag = 0;
	bool ours;

	if (e->type == YAML_ALIAS_EVENT) {
		node_complain(r,
			      set_error(CGG_USAGE,
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
	node_complain(r, set_error(CGG_USAGE, "%s%.80s: tags are not supported; leave it out",
				   ours ? "!!" : "", tag));
	return false;
}

/* Return whether a node of this kind begins here. Report and skip any other node. */
bool node_begins(struct reader *r, yaml_event_type_t kind, const char *sentence)
{
	if (node_check(r)) {
		if (r->event.type == kind)
			return true;
		node_complain(r, set_error(CGG_USAGE, "%s", sentence));
	}
	node_skip(r);
	return false;
}

/* Return whether the value is a null: empty, ~ or null, without quotes. */
bool node_is_null(const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;

	return e->type == YAML_SCALAR_EVENT && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcasecmp(text, "null"));
}

/* Return the text of the scalar that begins here, to be freed, or report an error of key: 0. */
char *node_text(struct reader *r, const char *key)
{
	char *text;

	if (r->event.type == YAML_SCALAR_EVENT && node_check(r)) {
		text = (char *)r->event.data.scalar.value;
		if (strlen(text) == r->event.data.scalar.length) {
			text = strdup(text);
			if (!text)
				node_complain(r, set_error(CGG_FAILED, "out of memory"));
			return text;
		}
		node_complain(r, set_error(CGG_USAGE, "%s: has a NUL byte", key));
	} else if (r->event.type != YAML_SCALAR_EVENT && node_check(r)) {
		node_complain(r, set_error(CGG_USAGE, "%s: is a %s; it needs a plain value", key,
					   r->event.type == YAML_SEQUENCE_START_EVENT ? "list"
										      : "mapping"));
	}
	node_skip(r);
	return 0;
}

/*
 * Return the plain values of the list that begins here, joined by commas, to be freed. Report an
 * error of key: 0.
 */
char *node_texts(struct reader *r, const char *key)
{
	size_t size, count = 0, line = r->event.start_mark.line;
	int before = r->worst;
	char *all = 0, *text;
	FILE *to = open_memstream(&all, &size);

	r->worst = 0;
	while (to && node_step(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
		if (node_is_null(&r->event))
			node_complain(r, set_error(CGG_USAGE, "%s: an element needs a value", key));
		text = node_text(r, key);
		fprintf(to, "%s%s", count++ ? "," : "", text ? text : "");
		free(text);
	}
	if (!to || fclose(to))
		node_complain_at(r, line, set_error(CGG_FAILED, "out of memory"));
	else if (!count && !r->worst)
		node_complain_at(r, line, set_error(CGG_USAGE, "%s: the list is empty", key));
	if (r->worst || r->broken) {
		free(all);
		all = 0;
	}
	r->worst = before > r->worst ? before : r->worst;
	return all;
}

/* Return the next key of the mapping, to be freed, and go to its value. Return 0 at the end. */
char *node_key(struct reader *r, size_t *at)
{
	while (node_step(r) && r->event.type != YAML_MAPPING_END_EVENT) {
		char *key;

		*at = r->event.start_mark.line;
		key = node_text(r, "a key");
		if (!node_step(r)) {
			free(key);
			return 0;
		}
		if (key)
			return key;
		node_skip(r);
	}
	return 0;
}
