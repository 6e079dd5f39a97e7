/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* node.h - functions of node.c for yaml.c. */
#ifndef CGG_NODE_H
#define CGG_NODE_H

#include <yaml.h>

#include "files.h"

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

int node_input(void *data, unsigned char *buffer, size_t size, size_t *length);
void node_complain(struct reader *r, int status); /* prints cgg_error with the line */
void node_complain_at(struct reader *r, size_t line, int status);
bool node_step(struct reader *r);
void node_skip(struct reader *r);
bool node_check(struct reader *r);
bool node_begins(struct reader *r, yaml_event_type_t kind, const char *sentence);
bool node_is_null(const yaml_event_t *e);
char *node_text(struct reader *r, const char *key);
char *node_texts(struct reader *r, const char *key);
char *node_key(struct reader *r, size_t *at);

#endif
