/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* files.h - policy files -> rules. */
#ifndef CGG_FILES_H
#define CGG_FILES_H

#include "../index/index.h"
#include "../host/host.h"

/* settings.c: the lines of a file that are not rules: defaults, mode, resolvers, names */
int setting_parse(struct cgg_rules *rules, int count,
		  char *const word[]); /* CGG_NO: none of them */
int default_parse(struct cgg_rules *rules, int count, char *const word[]);
int mode_parse(struct cgg_rules *rules, int count, char *const word[]);
#define CGG_SETTINGS_TEXT 2048
void settings_print(const struct cgg_defaults *defaults, bool audit,
		    const struct cgg_naming *naming, char text[CGG_SETTINGS_TEXT]);

/* file.c: appends to rules; writes errors and warnings, a line each, to *errors, to be freed */
int rule_line(struct cgg_rule *rule, char *line); /* changes line */
int rule_read(struct cgg_rules *rules, int count, char *const word[]);
bool text_is_yaml(const char *text);
int file_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors);

/* yaml.c: file_read() for the YAML form of cgguard-rule(5) */
int yaml_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors);

#endif
