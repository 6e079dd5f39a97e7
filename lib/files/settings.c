// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* settings.c - reads and prints the lines of a policy that are not rules. */
#include <string.h>

#include "files.h"

int mode_parse(struct cgg_rules *rules, int count, char *const word[])
{
	bool audit = count == 1 && !strcmp(word[0], "audit");

	if (!audit && (count != 1 || strcmp(word[0], "enforce")))
		return set_error(CGG_USAGE, "mode: needs enforce or audit");
	rules->audit = audit;
	return 0;
}

int default_parse(struct cgg_rules *rules, int count, char *const word[])
{
	unsigned hooks;
	__u8 verdict;
	int status;

	if (count != 2)
		return set_error(
			CGG_USAGE,
			"default: needs hooks and a verdict: default HOOK[,HOOK] allow|deny|alert");
	status = hooks_parse(&hooks, word[0]);
	if (!status)
		status = verdict_parse(&verdict, word[1]);
	if (status)
		return status;
	for (int i = 0; i < CGG_HOOKS; i++)
		if (hooks & 1u << i && cgg_hooks[i].observe_only && verdict == CGG_DENY)
			return set_error(CGG_USAGE, "%s: the kernel lets no program deny here",
					 cgg_hooks[i].word);
	for (int i = 0; i < CGG_HOOKS; i++)
		if (hooks & 1u << i)
			rules->defaults[i] = verdict;
	return 0;
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

/* Print the mode line, a default line for each verdict other than allow, and those about names. */
void settings_print(const __u8 defaults[CGG_HOOKS], bool audit, const struct cgg_naming *naming,
		    char text[CGG_SETTINGS_TEXT])
{
	size_t used = (size_t)sprintf(text, "%s", audit ? "mode audit\n" : "");

	used += naming_print(naming, text + used, CGG_SETTINGS_TEXT - used);
	for (int verdict = CGG_ALERT; verdict <= CGG_DENY; verdict++) {
		unsigned hooks = 0;
		char words[256];

		for (unsigned i = 0; i < CGG_HOOKS; i++)
			if (defaults[i] == verdict)
				hooks |= 1u << i;
		hooks_print(hooks, words, sizeof(words));
		if (hooks)
			used += (size_t)snprintf(text + used, CGG_SETTINGS_TEXT - used,
						 "default %s %s\n", words, cgg_verdicts[verdict]);
	}
}
