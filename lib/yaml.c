// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * yaml.c - a policy in the YAML shape of cgguard-rule(5).
 *
 * Each rule becomes the words that one would type, and goes through rule_parse():
 * there is one grammar.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "cgg.h"

struct reader {
	yaml_document_t document;
	struct cgg_rules *rules;
	const char *name;
	FILE *errors;
	int worst;
};

/* The words of one rule, as they are gathered. */
struct line {
	char *word[24];
	int count;
};

static void complain(struct reader *r, const yaml_node_t *node, int status)
{
	fprintf(r->errors, "%s:%zu: %s\n", r->name, node->start_mark.line + 1, cgg_why);
	if (status > r->worst)
		r->worst = status;
}

/* scalar - the node's text, 0 (and a complaint) when it is none, or has a NUL */
static char *scalar(struct reader *r, yaml_node_t *node, const char *key)
{
	char *text = node->type == YAML_SCALAR_NODE ? (char *)node->data.scalar.value : 0;

	if (text && strlen(text) == node->data.scalar.length)
		return text;
	complain(r, node, refuse(CGG_USAGE, "%s: not a plain value", key));
	return 0;
}

static void say(struct line *line, const char *key, char *value)
{
	line->word[line->count++] = (char *)(size_t)key;
	line->word[line->count++] = value;
}

static const struct {
	const char *key, *word; /* 0: read and ignored */
	bool match;
} keys[] = {
	{ "id", "name", false },	 { "description", "comment", false },
	{ "dest_ip", "ip", true },	 { "dest_port", "port", true },
	{ "proto", "proto", true },	 { "cgroup", "cgroup", true },
	{ "cgroup_id", "cgroup", true },
};

/* said - whether the line has the word: a key is given once */
static bool said(const struct line *line, const char *word)
{
	for (int i = 2; i < line->count; i += 2)
		if (!strcmp(line->word[i], word))
			return true;
	return false;
}

static void read_key(struct reader *r, struct line *line, yaml_node_t *key, yaml_node_t *value,
		     bool match, char path[4096])
{
	char *name = scalar(r, key, "a key"), *text;

	for (size_t i = 0; name && i < sizeof(keys) / sizeof(keys[0]); i++) {
		unsigned long id;

		if (strcmp(keys[i].key, name) || keys[i].match != match)
			continue;
		text = scalar(r, value, name);
		if (!text)
			return;
		if (said(line, keys[i].word)) {
			complain(r, key, refuse(CGG_USAGE, "%s: said twice", name));
			return;
		}
		if (!strcmp(name, "cgroup_id")) {
			char *end;

			id = strtoul(text, &end, 10);
			if (*end || !*text || !cgroup_name(id, path, 4096)) {
				complain(
					r, value,
					refuse(CGG_USAGE, "cgroup_id %.80s: no such cgroup", text));
				return;
			}
			text = path;
		}
		say(line, keys[i].word, text);
		return;
	}
	if (name)
		complain(r, key,
			 refuse(CGG_USAGE, "%.80s: not a key %s", name,
				match ? "of match (cgroup_id, cgroup, dest_ip, dest_port, proto)"
				      : "of a rule (id, description, match, action)"));
}

static void read_match(struct reader *r, struct line *line, yaml_node_t *node, char path[4096])
{
	if (node->type != YAML_MAPPING_NODE) {
		complain(r, node, refuse(CGG_USAGE, "match: not a mapping"));
		return;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++)
		read_key(r, line, yaml_document_get_node(&r->document, pair->key),
			 yaml_document_get_node(&r->document, pair->value), true, path);
}

static void read_rule(struct reader *r, yaml_node_t *node)
{
	struct line line = { .word = { 0, (char[]){ "connect,sendmsg" } }, .count = 2 };
	int before = r->worst, status;
	struct cgg_rule rule;
	char path[4096];

	if (node->type != YAML_MAPPING_NODE) {
		complain(r, node, refuse(CGG_USAGE, "a rule is a mapping"));
		return;
	}
	r->worst = 0;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&r->document, pair->value);
		const char *name =
			key->type == YAML_SCALAR_NODE ? (char *)key->data.scalar.value : "";

		if (!strcmp(name, "match"))
			read_match(r, &line, value, path);
		else if (!strcmp(name, "action") && !line.word[0])
			line.word[0] = scalar(r, value, name);
		else
			read_key(r, &line, key, value, false, path);
	}
	if (!line.word[0]) {
		complain(r, node, refuse(CGG_USAGE, "action: needs a value: allow, deny or alert"));
	} else {
		__u8 verdict;

		status = verdict_parse(&verdict, line.word[0]);
		if (!status)
			status = rule_parse(&rule, line.count, line.word);
		if (!status)
			status = rule_resolve(&rule);
		if (!status)
			status = rules_add(r->rules, &rule);
		if (status)
			complain(r, node, status);
	}
	if (before > r->worst)
		r->worst = before;
}

static void read_rules(struct reader *r, yaml_node_t *node)
{
	if (node->type != YAML_SEQUENCE_NODE) {
		complain(r, node, refuse(CGG_USAGE, "rules: not a list"));
		return;
	}
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++)
		read_rule(r, yaml_document_get_node(&r->document, *item));
}

static void read_top(struct reader *r, yaml_node_t *root)
{
	bool rules = false;

	if (root->type != YAML_MAPPING_NODE) {
		complain(r, root, refuse(CGG_USAGE, "a policy is a mapping with rules:"));
		return;
	}
	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
		char *name = scalar(r, key, "a key");

		if (name && !strcmp(name, "rules")) {
			read_rules(r, yaml_document_get_node(&r->document, pair->value));
			rules = true;
		} else if (name && strcmp(name, "version") && strcmp(name, "description")) {
			complain(r, key,
				 refuse(CGG_USAGE,
					"%.80s: not a key of a policy "
					"(version, description, rules)",
					name));
		}
	}
	if (!rules)
		complain(r, root, refuse(CGG_USAGE, "rules: there are none"));
}

/*
 * What the parser reads. Its time grows with the square of the depth, so what
 * opens more brackets than it closes, or begins more lists in one line, than a
 * policy ever does ends the input.
 */
#define DEPTH 64
#define LINE 512
struct input {
	FILE *file;
	int depth, line;
	bool deep;
};

static int input_read(void *data, unsigned char *buffer, size_t size, size_t *length)
{
	struct input *in = data;

	*length = fread(buffer, 1, size, in->file);
	for (size_t i = 0; i < *length; i++) {
		unsigned char c = buffer[i];

		in->depth += (c == '[' || c == '{') - (c == ']' || c == '}');
		in->line = c == '\n' ? 0 : in->line + (c == '-' || c == '?' || c == ':');
		if (in->depth > DEPTH || in->line > LINE)
			in->deep = true;
	}
	return !in->deep && !ferror(in->file);
}

int yaml_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors)
{
	struct reader r = { .rules = rules, .name = name };
	struct input in = { .file = file };
	size_t size = 0;
	yaml_parser_t parser;
	yaml_node_t *root;

	r.errors = open_memstream(errors, &size);
	if (!r.errors || !yaml_parser_initialize(&parser))
		return refuse(CGG_FAILED, "%s: %s", name, strerror(errno));
	yaml_parser_set_input(&parser, input_read, &in);
	if (!yaml_parser_load(&parser, &r.document)) {
		fprintf(r.errors, "%s:%zu: %s\n", name, parser.problem_mark.line + 1,
			in.deep		 ? "nested too deep for a policy"
			: parser.problem ? parser.problem
					 : "not YAML");
		r.worst = CGG_USAGE;
	} else {
		root = yaml_document_get_root_node(&r.document);
		if (root)
			read_top(&r, root);
		else
			r.worst = refuse(CGG_USAGE, "%s: is empty", name);
		if (!root)
			fprintf(r.errors, "%s\n", cgg_why);
		yaml_document_delete(&r.document);
	}
	yaml_parser_delete(&parser);
	fclose(r.errors);
	return r.worst;
}
