// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hint.c - suggests what to type for a word or option that cgg-rule or cgg-set does not have.
 *
 * lib/words/hint.c suggests words of a rule.
 */
#include <errno.h>
#include <string.h>

#include "hint.h"

/* rule, set: what to write after cgg-rule or cgg-set; 0: nothing there does this */
static const struct {
	const char *word, *rule, *set;
} table[] = {
	{ "remove", "delete", "delete" },
	{ "del", "delete", "delete" },
	{ "rm", "delete", "delete" },
	{ "-D", "delete", "delete" },
	{ "show", "list", "list" },
	{ "ls", "list", "list" },
	{ "print", "list", "list" },
	{ "get", "list", "list" },
	{ "dump", "list", "list" },
	{ "save", "list", "list" },
	{ "rules", "list", 0 },
	{ "elements", 0, "list" },
	{ "--list", "list", "list" },
	{ "-l", "list", "list" },
	{ "-L", "list", "list" },
	{ "-S", "list", "list" },
	{ "append", "add", "add" },
	{ "create", "add", "add" },
	{ "new", "add", "add" },
	{ "-A", "add", "add" },
	{ "-N", "add", "add" },
	{ "-I", "insert", 0 },
	{ "load", "restore", "restore" },
	{ "import", "restore", "restore" },
	{ "apply", "restore", "restore" },
	{ "replace", "restore", "restore" },
	{ "swap", 0, "restore" },
	{ "clear", "flush", 0 },
	{ "-F", "flush", 0 },
	{ "destroy", "drop", "drop" },
	{ "-X", "drop", "drop" },
	{ "policy", "default", 0 },
	{ "defaults", "default", 0 },
	{ "-P", "default", 0 },
	{ "--dport", "add port N", 0 },
	{ "--protocol", "add proto NAME", 0 },
	{ "--source", "add ingress ip ADDR", 0 },
	{ "--destination", "add ip ADDR", 0 },
	{ "--jump", "add deny ..., or add allow ...", 0 },
	{ "validate", "check", "restore -n" },
	{ "lint", "check", "restore -n" },
	{ "verify", "check", "restore -n" },
	{ "check", 0, "restore -n, or cgg-set test" },
	{ "has", 0, "test" },
	{ "contains", 0, "test" },
	{ "match", 0, "test" },
	{ "ask", "test", 0 },
	{ "why", "test", 0 },
	{ "explain", "test", 0 },
	{ "compare", "diff", 0 },
	{ "backup", "export", 0 },
	{ "audit", "mode audit", 0 },
	{ "enforce", "mode enforce", 0 },
	{ "commit", "confirm", 0 },
	{ "help", "-h", "-h" },
	{ "version", "-V", "-V" },
};

/* Words that name another command. */
static const struct {
	const char *word, *write;
} commands[] = {
	{ "attach", "cgg-attach" },
	{ "detach", "cgg-detach" },
	{ "events", "cgg-events" },
	{ "learn", "cgg-learn" },
	{ "names", "cgg-names" },
	{ "run", "cgg-run" },
	{ "set", "cgg-set" },
	{ "sets", "cgg-set list" },
	{ "sockets", "cgg-sockets" },
	{ "status", "cgg-status" },
	{ "top", "cgg-top" },
	{ "unload", "cgg-unload" },
	{ "rule", "cgg-rule" },
	{ "resolver", "it in a file, for cgg-rule add -f" },
	{ "include", "it in a file, for cgg-rule add -f" },
};

/* Return "; write ...", or "" where no word of cgg-set (set), or else of cgg-rule, fits. */
const char *subcommand_hint(const char *typed, bool set)
{
	static char hint[64];
	const char *name = set ? "cgg-set" : "cgg-rule";

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *write = set ? table[i].set : table[i].rule;

		if (write && !strcmp(table[i].word, typed)) {
			snprintf(hint, sizeof(hint), "; write %s %s", name, write);
			return hint;
		}
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && *typed != '-'; i++) {
		if (!strcmp(commands[i].word, typed)) {
			snprintf(hint, sizeof(hint), "; write %s", commands[i].write);
			return hint;
		}
	}
	if (set || !is_rule_word(typed))
		return "";
	snprintf(hint, sizeof(hint), "; write cgg-rule add %s ...", typed);
	return hint;
}

/* Refuse an option; typed is the argument that it was in. */
void option_refuse(const char *typed, bool set)
{
	char letter[3] = { '-', (char)optopt, 0 };
	const bool is_long = !strncmp(typed, "--", 2);
	char name_of[64];
	const char *hint;
	const char *name = set ? "cgg-set" : "cgg-rule";

	snprintf(name_of, sizeof(name_of), "%.*s", (int)strcspn(typed, "="), typed);
	hint = subcommand_hint(is_long ? name_of : letter, set);
	if (!*hint && !set && is_long && is_rule_word(name_of + 2))
		hint = "; write the words of a rule without dashes";
	errx(CGG_USAGE, "see %s -h%s", name, hint);
}
