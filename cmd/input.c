// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* input.c - reads the file of rules of cgg-rule add and restore, or exits. */
#include <errno.h>
#include <string.h>

#include "rule.h"

/* Return rules without a rule, in which no default and no mode is set. */
struct cgg_rules rules_unset(void)
{
	struct cgg_rules rules;

	rules_begin(&rules);
	memset(rules.defaults.verdict, CGG_UNSET, sizeof(rules.defaults.verdict));
	rules.audit = CGG_UNSET;
	rules.naming.resolvers = CGG_UNSET_RESOLVERS;
	return rules;
}

/* Return whether more has neither a rule nor a default nor a mode. */
bool rules_are_unset(const struct cgg_rules *more)
{
	bool set = more->rules || more->audit != CGG_UNSET || more->naming.keep ||
		   more->naming.resolvers != CGG_UNSET_RESOLVERS;

	for (int hook = 0; hook < CGG_HOOKS; hook++)
		set = set || more->defaults.verdict[hook] != CGG_UNSET;
	return !set;
}

/* Return whether a line of the text is the comment that marks an intended empty policy. */
static bool is_meant(const char *text)
{
	static const char wanted[] = ALLOW_EVERYTHING;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\r\n");
		if (*line != '#')
			continue;
		line += 1 + strspn(line + 1, " \t");
		if (strncmp(line, wanted, strlen(wanted)))
			continue;
		line += strlen(wanted);
		line += strspn(line, " \t\r");
		if (!*line || *line == '\n')
			return true;
	}
	return false;
}

/* Read the whole file, or print why not and return 0. */
static char *text_read(const char *name, size_t *size, int *status)
{
	bool standard = !strcmp(name, "-");
	FILE *file = standard ? stdin : fopen(name, "re");
	char *text = file ? slurp(file, size) : 0;

	if (!text) {
		const int error = errno;

		*status = !file && error == ENOENT ? CGG_USAGE : CGG_FAILED;
		if (*status == CGG_USAGE && is_other_policy(name))
			warnx("%s: no such file; for policy %s write cgg-rule -p %s", name, name,
			      name);
		else
			warnx("%s: %s", name, strerror(error));
	}
	if (file && !standard)
		fclose(file);
	return text;
}

/* Read a text of lines of rules, or YAML, and print the messages about it. */
static int text_parse(struct cgg_rules *more, const char *name, char *text, size_t size)
{
	FILE *memory = fmemopen(text, size, "r");
	char *errors = 0;
	int status;

	if (!memory) {
		warn("%s", name);
		return CGG_FAILED;
	}
	status = text_is_yaml(text) ? yaml_read(more, memory, name, &errors)
				    : file_read(more, memory, name, &errors);
	fclose(memory);
	if (!errors) /* there was no memory for them */
		warnx("%s", cgg_error);
	for (char *line = errors ? strtok(errors, "\n") : 0; line; line = strtok(0, "\n"))
		warnx("%s", line);
	free(errors);
	return status;
}

/*
 * Add all rules of a file to more, from lines of rules or YAML.
 *
 * Refuse an empty file, unless a comment marks it as intended: it would make a policy allow
 * everything. It is often the output of a command that failed.
 */
int rules_read(struct cgg_rules *more, const char *name)
{
	size_t size;
	int status = 0;
	char *text = text_read(name, &size, &status);

	if (text && size)
		status = text_parse(more, name, text, size);
	if (!status && rules_are_unset(more) && !is_meant(text)) {
		warnx("%s: no rule, default or mode line; "
		      "if that is intended, add the line '# " ALLOW_EVERYTHING "'",
		      name);
		status = CGG_USAGE;
	}
	free(text);
	return status;
}

void rules_read_or_die(struct cgg_rules *more, const char *name)
{
	int status = rules_read(more, name);

	if (status)
		exit(status);
}

/* Set the defaults and the mode that are not set to those of a new policy. */
void settings_fill(struct cgg_rules *rules)
{
	for (int hook = 0; hook < CGG_HOOKS; hook++)
		if (rules->defaults.verdict[hook] == CGG_UNSET)
			rules->defaults.verdict[hook] = CGG_ALLOW;
	if (rules->audit == CGG_UNSET)
		rules->audit = false;
	if (rules->naming.resolvers == CGG_UNSET_RESOLVERS)
		rules->naming.resolvers = 0;
}
