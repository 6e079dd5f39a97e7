// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* settings.c - reads and prints the lines of a policy that are not rules. */
#include <string.h>

#include "files.h"

int mode_parse(struct cgg_rules *rules, int count, char *const word[])
{
	bool audit = count == 1 && !strcmp(word[0], "audit");

	if (count > 1)
		return set_error(CGG_USAGE, "mode %.80s %.80s: takes one word: enforce or audit",
				 word[0], word[1]);
	if (!audit && (!count || strcmp(word[0], "enforce")))
		return set_error(CGG_USAGE, "mode%s%.80s: needs enforce or audit", count ? " " : "",
				 count ? word[0] : "");
	rules->audit = audit;
	return 0;
}

/* Read `errno NAME' and `quiet', in either order. */
static int denial_parse(int *error, bool *quiet, int count, char *const word[])
{
	int status = 0;

	for (int i = 0; i < count && !status; i++) {
		bool is_errno = !strcmp(word[i], "errno");

		if (!is_errno && strcmp(word[i], "quiet") != 0)
			return set_error(CGG_USAGE,
					 "%.80s: not an option of default (errno NAME, quiet)",
					 word[i]);
		if (is_errno ? *error : *quiet)
			return set_error(CGG_USAGE, "%s: given twice", word[i]);
		if (!is_errno)
			*quiet = true;
		else if (++i == count)
			return set_error(CGG_USAGE, "errno: needs a value: errno NAME");
		else
			status = errno_parse(error, word[i]);
	}
	return status;
}

/* Refuse what a hook cannot do by default. */
static int default_check(int hook, __u8 verdict, int error, bool quiet)
{
	if (cgg_hooks[hook].observe_only && verdict == CGG_DENY)
		return set_error(CGG_USAGE, "%s: the kernel lets no program deny here",
				 cgg_hooks[hook].word);
	if (error && verdict != CGG_DENY)
		return set_error(CGG_USAGE, "errno: only a default deny can have one");
	if (error && !cgg_hooks[hook].error)
		return set_error(CGG_USAGE,
				 "errno: %s has none; give it a default of its own: default %s deny",
				 cgg_hooks[hook].word, cgg_hooks[hook].word);
	if (quiet && verdict == CGG_ALLOW)
		return set_error(CGG_USAGE, "quiet: a default allow reports nothing anyway");
	return 0;
}

int default_parse(struct cgg_rules *rules, int count, char *const word[])
{
	int status, error = 0;
	bool quiet = false;
	unsigned hooks;
	__u8 verdict;

	if (count < 2)
		return set_error(CGG_USAGE, "default: needs hooks and a verdict: default "
					    "HOOK[,HOOK] allow|deny|alert [errno NAME] [quiet]");
	if (verdict_find(word[0]) >= 0)
		return set_error(CGG_USAGE,
				 "default %s: the hooks come first; write default %.80s %s",
				 word[0], word[1], word[0]);
	status = hooks_parse(&hooks, word[0]);
	if (!status)
		status = verdict_parse(&verdict, word[1]);
	if (!status)
		status = denial_parse(&error, &quiet, count - 2, word + 2);
	for (int i = 0; i < CGG_HOOKS && !status; i++)
		if (hooks & 1u << i)
			status = default_check(i, verdict, error, quiet);
	for (unsigned i = 0; i < CGG_HOOKS && !status; i++)
		if (hooks & 1u << i)
			default_set(&rules->defaults, i, verdict, (__u8)error, quiet);
	return status;
}

/* Read addresses of resolvers, and add them to those of the lines before. */
static int resolvers_parse(struct cgg_rules *rules, int count, char *const word[])
{
	struct cgg_naming *naming = &rules->naming;

	if (naming->resolvers == CGG_UNSET_RESOLVERS)
		naming->resolvers = 0;
	if (!count)
		return set_error(CGG_USAGE, "resolver: needs an address: resolver ADDR...");
	for (int i = 0; i < count; i++) {
		int status;

		if (naming->resolvers == CGG_RESOLVERS)
			return set_error(CGG_USAGE, "resolver: a policy has at most %d",
					 CGG_RESOLVERS);
		status = resolver_parse(naming->resolver[naming->resolvers], word[i]);
		if (status)
			return status;
		naming->resolvers++;
	}
	return 0;
}

/* Read N keep TIME. */
static int names_parse(struct cgg_rules *rules, int count, char *const word[])
{
	static const char usage[] = "names: write names N keep TIME";
	unsigned long room;
	__u64 keep;

	if (count != 3 || strcmp(word[1], "keep"))
		return set_error(CGG_USAGE, "%s", usage);
	if (number_parse(&room, word[0], strlen(word[0]), CGG_NAMES_ROOM_MOST) || room < 128)
		return set_error(CGG_USAGE, "names %.80s: not a number from 128 to %d", word[0],
				 CGG_NAMES_ROOM_MOST);
	if (time_parse(&keep, word[2]) || keep > CGG_KEEP_MOST)
		return set_error(CGG_USAGE, "keep %.80s: not a time (90s, 10m, 2h; a day at most)",
				 word[2]);
	rules->naming.room = (__u32)room;
	rules->naming.keep = keep;
	return 0;
}

/* Read a setting; return CGG_NO if the first word begins none. */
int setting_parse(struct cgg_rules *rules, int count, char *const word[])
{
	static const struct {
		const char *word;
		int (*parse)(struct cgg_rules *rules, int count, char *const word[]);
	} settings[] = { { "default", default_parse },
			 { "mode", mode_parse },
			 { "resolver", resolvers_parse },
			 { "names", names_parse } };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (!strcmp(word[0], settings[i].word))
			return settings[i].parse(rules, count - 1, word + 1);
	return CGG_NO;
}

/* Print the lines `resolver' and `names', if they are not the default; return the length. */
static size_t naming_print(const struct cgg_naming *naming, char *text, size_t size)
{
	char address[CGG_NET_TEXT];
	size_t used = 0;

	for (__u32 i = 0; i < naming->resolvers && i < CGG_RESOLVERS; i++) {
		addr_print((const __u8 *)naming->resolver[i], address);
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "resolver ",
					 address);
	}
	if (used)
		used += (size_t)snprintf(text + used, size - used, "\n");
	if ((naming->room && naming->room != CGG_NAMES_ROOM) ||
	    (naming->keep && naming->keep != CGG_KEEP))
		used += (size_t)snprintf(text + used, size - used, "names %u keep %llus\n",
					 naming->room, naming->keep / 1000000000);
	return used;
}

/* Return the hooks that have the same default as one of them. */
static unsigned defaults_alike(const struct cgg_defaults *defaults, unsigned hook)
{
	unsigned hooks = 0;

	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (defaults->verdict[i] == defaults->verdict[hook] &&
		    defaults->error[i] == defaults->error[hook] &&
		    !((defaults->quiet >> i ^ defaults->quiet >> hook) & 1))
			hooks |= 1u << i;
	return hooks;
}

/* Print one line for all hooks that have this default. */
static size_t default_print(const struct cgg_defaults *defaults, unsigned hook, char *text,
			    size_t size)
{
	int error = defaults->error[hook];
	char words[256];

	hooks_print(defaults_alike(defaults, hook), words, sizeof(words));
	return (size_t)snprintf(text, size, "default %s %s%s%s%s\n", words,
				cgg_verdicts[defaults->verdict[hook]],
				defaults->quiet >> hook & 1 ? " quiet" : "", error ? " errno " : "",
				error ? errno_name(error) : "");
}

/* Print the mode line, a default line for each other default than allow, and those about names. */
void settings_print(const struct cgg_defaults *defaults, bool audit,
		    const struct cgg_naming *naming, char text[CGG_SETTINGS_TEXT])
{
	size_t used = (size_t)sprintf(text, "%s", audit ? "mode audit\n" : "");

	used += naming_print(naming, text + used, CGG_SETTINGS_TEXT - used);
	for (int verdict = CGG_ALERT; verdict <= CGG_DENY; verdict++) {
		unsigned printed = 0;

		for (unsigned i = 0; i < CGG_HOOKS; i++) {
			if (defaults->verdict[i] != verdict || printed >> i & 1)
				continue;
			printed |= defaults_alike(defaults, i);
			used += default_print(defaults, i, text + used, CGG_SETTINGS_TEXT - used);
		}
	}
}
