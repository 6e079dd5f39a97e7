/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* files.h - policy files -> rules. */
#ifndef CGG_FILES_H
#define CGG_FILES_H

#include "../index/index.h"
#include "../host/host.h"

/* file.c: a policy file; appends to rules. All its errors, a line each, in *errors (free it), and its notes. */
int rule_line(struct cgg_rule *rule, char *line); /* cuts line up */
int default_parse(struct cgg_rules *rules, int count, char *const word[]);
int mode_parse(struct cgg_rules *rules, int count, char *const word[]);
int file_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors);
#define CGG_SETTINGS_TEXT 640
void settings_print(const __u8 defaults[CGG_HOOKS], bool audit, char text[CGG_SETTINGS_TEXT]);

/* yaml.c: the same from the shape of cgguard-rule(5), POLICY YAML */
int yaml_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors);

#endif
