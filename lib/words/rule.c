// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * rule.c - parses and prints rules in the words of cgguard-rule(5).
 *
 * rule_parse() must read the output of rule_print() back as the same rule, because policies
 * store and compare rules in their printed form.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "operand.h"

struct cgg_word {
	const char *word;
	int number;
};

static bool is_keyword(const char *word); /* whether it names a match or an option */

static const struct cgg_word families[] = { { "inet", AF_INET }, { "inet6", AF_INET6 }, { 0, 0 } };
static const struct cgg_word types[] = {
	{ "stream", SOCK_STREAM }, { "dgram", SOCK_DGRAM }, { "raw", SOCK_RAW }, { 0, 0 }
};

static int value_word(struct cgg_words *w, const char *key, const char *usage, const char **value)
{
	*value = words_next(w);
	return *value ? 0 : set_error(CGG_USAGE, "%s: needs a value: %s", key, usage);
}

static int comment_parse(struct cgg_rule *rule, const char *word)
{
	size_t len = strlen(word), step;

	if (!len || len >= CGG_COMMENT)
		return set_error(CGG_USAGE, "comment: has 1 to %d bytes", CGG_COMMENT - 1);
	for (size_t at = 0; at < len; at += step) {
		__u32 c = utf8_read((const __u8 *)word + at, len - at, &step);

		if (c == 0xfffd && step == 1)
			return set_error(CGG_USAGE, "comment: is not UTF-8");
		if (c < ' ' || (c >= 0x7f && c < 0xa0))
			return set_error(CGG_USAGE, "comment: has a control character");
	}
	memcpy(rule->comment, word, len + 1);
	return 0;
}

/* Read the optional access letters after an operand. Without letters all access bits are set. */
static int access_parse(struct cgg_rule *rule, const struct cgg_hook_info *hook,
			struct cgg_words *w)
{
	static const struct {
		char name;
		__u8 bit;
	} access_bits[] = { { 'r', CGG_R }, { 'w', CGG_W }, { 'm', CGG_M } };
	const char *word = w->at < w->count ? w->word[w->at] : 0;

	rule->access = hook->access_bits;
	if (!word || is_keyword(word))
		return 0;
	rule->access = 0;
	for (const char *c = word; *c; c++) {
		__u8 bit = 0;

		for (int i = 0; i < 3; i++)
			if (access_bits[i].name == *c)
				bit = access_bits[i].bit & hook->access_bits;
		if (!bit || rule->access & bit)
			return set_error(CGG_USAGE, "%.80s: not access letters of %s (%s)", word,
					 hook->word,
					 hook->access_bits & CGG_M ? "r, w, m" : "r, w");
		rule->access |= bit;
	}
	w->at++;
	return *word ? 0 : set_error(CGG_USAGE, "%s: the access letters are empty", hook->word);
}

/* Read the operand and the access letters. A hook with an operand must be the rule's only hook. */
static int operands_parse(struct cgg_rule *rule, struct cgg_words *w)
{
	rule->access = CGG_R;
	for (int i = 0; i < CGG_HOOKS; i++) {
		const struct cgg_hook_info *hook = &cgg_hooks[i];
		int status;

		if (!(rule->hooks & 1u << i) || !hook->operand)
			continue;
		if (rule->hooks != 1u << i)
			return set_error(CGG_USAGE, "%s: cannot be combined with other hooks",
					 hook->word);
		status = operand_parse(rule, hook->operand, w);
		return status || !hook->access_bits ? status : access_parse(rule, hook, w);
	}
	return 0;
}

static int proto_word(struct cgg_rule *rule, const char *word)
{
	return proto_parse(&rule->proto, word);
}

static int ip_word(struct cgg_rule *rule, const char *word)
{
	return net_parse(&rule->net, word);
}

static int port_word(struct cgg_rule *rule, const char *word)
{
	return port_parse(&rule->port_min, &rule->port_max, word);
}

static int word_number(const char *what, const struct cgg_word *words, const char *word,
		       int *number)
{
	char list[128] = "";

	for (; words->word; words++) {
		size_t used = strlen(list);

		if (!strcmp(words->word, word)) {
			*number = words->number;
			return 0;
		}
		snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", words->word);
	}
	return set_error(CGG_USAGE, "%s %.80s: not one of %s", what, word, list);
}

static const char *number_word(const struct cgg_word *words, int number)
{
	while (words->word && words->number != number)
		words++;
	return words->word ? words->word : "?";
}

static int family_word(struct cgg_rule *rule, const char *word)
{
	return word_number("family", families, word, &rule->family);
}

static int type_word(struct cgg_rule *rule, const char *word)
{
	return word_number("type", types, word, &rule->type);
}

static int cgroup_word(struct cgg_rule *rule, const char *word)
{
	size_t len = strlen(word);

	if (!len || len >= CGG_CGROUP)
		return set_error(CGG_USAGE, "cgroup %.80s: a TARGET has 1 to %d bytes", word,
				 CGG_CGROUP - 1);
	memcpy(rule->cgroup, word, len + 1);
	return 0;
}

static int errno_word(struct cgg_rule *rule, const char *word)
{
	for (int e = 1; e < 134; e++) {
		const char *name = strerrorname_np(e);

		if (name && !strcmp(name, word)) {
			rule->error = e;
			return 0;
		}
	}
	return set_error(CGG_USAGE, "errno %.80s: not the name of an error, like ECONNREFUSED",
			 word);
}

static int ttl_word(struct cgg_rule *rule, const char *word)
{
	return time_parse(&rule->ttl, word)
		       ? set_error(CGG_USAGE,
				   "ttl %.80s: not a time (90s, 10m, 2h, 1d; a year at most)", word)
		       : 0;
}

static int quiet_word(struct cgg_rule *rule, const char *word)
{
	(void)word;
	rule->quiet = true;
	return 0;
}

static int name_word(struct cgg_rule *rule, const char *word)
{
	int status = name_check("name", word);

	if (!status)
		strcpy(rule->name, word);
	return status;
}

/* The matches and options, in the order in which rule_print() prints them. */
static const struct keyword {
	const char *word;
	const char *usage; /* 0: takes no value */
	unsigned match; /* 0: an option */
	int (*parse)(struct cgg_rule *rule, const char *word);
} keywords[] = {
	{ "family", "family inet|inet6", CGG_MATCH_FAMILY, family_word },
	{ "type", "type stream|dgram|raw", CGG_MATCH_TYPE, type_word },
	{ "proto", "proto NAME|NUM", CGG_MATCH_PROTO, proto_word },
	{ "ip", "ip ADDR[/LEN]|local", CGG_MATCH_IP, ip_word },
	{ "host", "host NAME|*.NAME|*", CGG_MATCH_HOST, host_parse },
	{ "port", "port N[-M]", CGG_MATCH_PORT, port_word },
	{ "cgroup", "cgroup TARGET", CGG_MATCH_CGROUP, cgroup_word },
	{ "name", "name WORD", 0, name_word },
	{ "comment", "comment \"TEXT\"", 0, comment_parse },
	{ "quiet", 0, 0, quiet_word },
	{ "errno", "errno NAME", 0, errno_word },
	{ "ttl", "ttl TIME", 0, ttl_word },
	{ "inner", 0, 0, host_inner },
	{ "alias", 0, 0, host_alias },
};
#define KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

static const struct keyword *keyword_find(const char *word)
{
	for (size_t i = 0; i < KEYWORDS; i++)
		if (!strcmp(keywords[i].word, word))
			return &keywords[i];
	return 0;
}

static bool is_keyword(const char *word)
{
	return keyword_find(word);
}

int verdict_parse(__u8 *verdict, const char *word)
{
	int found = verdict_find(word);

	*verdict = (__u8)found;
	return found < 0 ? set_error(CGG_USAGE, "%.80s: not a verdict (allow, deny or alert)%s",
				     word, word_hint(word, true, is_keyword))
			 : 0;
}

static int keywords_parse(struct cgg_rule *rule, struct cgg_words *w)
{
	unsigned said = 0;
	const char *word, *value = 0;

	while ((word = words_next(w))) {
		const struct keyword *key = keyword_find(word);
		unsigned bit = key ? 1u << (key - keywords) : 0;
		int status;

		if (!key)
			return set_error(CGG_USAGE, "%.80s: not a match or an option%s", word,
					 word_hint(word, false, is_keyword));
		if (said & bit)
			return set_error(CGG_USAGE, "%s: given twice", word);
		said |= bit;
		status = key->usage ? value_word(w, word, key->usage, &value) : 0;
		if (!status)
			status = key->parse(rule, value);
		if (status)
			return status;
		rule->matches |= key->match;
	}
	return 0;
}

/* Refuse a rule with a match that one of its hooks does not support. */
static int takes_check(const struct cgg_rule *rule)
{
	for (size_t k = 0; k < KEYWORDS; k++)
		for (int i = 0; i < CGG_HOOKS; i++)
			if (rule->hooks & 1u << i &&
			    rule->matches & keywords[k].match & ~cgg_hooks[i].matches)
				return set_error(CGG_USAGE, "%s: %s does not take it",
						 keywords[k].word, cgg_hooks[i].word);
	return 0;
}

/* Refuse proto ah for packets: the programs skip that header, so no packet has this protocol. */
static int ah_check(const struct cgg_rule *rule)
{
	if (!(rule->hooks & CGG_PACKET_HOOKS) || !(rule->matches & CGG_MATCH_PROTO) ||
	    rule->proto != IPPROTO_AH)
		return 0;
	return set_error(CGG_USAGE,
			 "proto ah: egress and ingress judge a packet by the protocol after that "
			 "header; write that one, like proto tcp");
}

/* Refuse deny for hooks that only observe, and errno where the hook or verdict cannot have one. */
static int verdict_check(const struct cgg_rule *rule)
{
	if (rule->error && rule->verdict != CGG_DENY)
		return set_error(CGG_USAGE, "errno: only deny rules can have one");
	for (int i = 0; i < CGG_HOOKS; i++) {
		if (!(rule->hooks & 1u << i))
			continue;
		if (cgg_hooks[i].observe_only && rule->verdict == CGG_DENY)
			return set_error(CGG_USAGE,
					 "%s: the kernel lets no program deny here; write alert %s",
					 cgg_hooks[i].word, cgg_hooks[i].word);
		if (rule->error && !cgg_hooks[i].error)
			return set_error(CGG_USAGE, "errno: %s does not take it",
					 cgg_hooks[i].word);
	}
	return 0;
}

/*
 * Refuse 0.0.0.0 and :: as single addresses: programs see the address of this host that the
 * kernel takes instead (bpf/address.h), so such a rule would never match.
 */
static int this_host_check(const struct cgg_rule *rule)
{
	static const __u8 any6[16], any4[16] = { [10] = 0xff, [11] = 0xff };
	bool six = !memcmp(rule->net.addr, any6, 16), four = !memcmp(rule->net.addr, any4, 16);

	if (rule->hooks & ~CGG_NET_HOOKS)
		return 0;
	if (!(rule->matches & CGG_MATCH_IP) || rule->net.local || rule->net.len != 128 ||
	    (!six && !four))
		return 0;
	return set_error(
		CGG_USAGE, "ip %s: means this host; write ip %s, or %s/0 for every address",
		four ? "0.0.0.0" : "::", four ? "127.0.0.1" : "::1", four ? "0.0.0.0" : "::");
}

static int hooks_word(struct cgg_rule *rule, struct cgg_words *w)
{
	const char *word = w->at < w->count ? w->word[w->at] : 0;
	int status;

	if (!word || is_keyword(word))
		return 0;
	status = hooks_parse(&rule->hooks, word);
	if (status && !strchr(word, ','))
		return set_error(CGG_USAGE, "%.80s: not a verdict, a hook or a match%s", word,
				 word_hint(word, false, is_keyword));
	w->at++;
	return status;
}

int rule_parse(struct cgg_rule *rule, int count, char *const word[])
{
	struct cgg_words w = { .word = word, .count = count };
	int status;

	memset(rule, 0, sizeof(*rule));
	rule->verdict = CGG_DENY;
	rule->port_max = 65535;
	if (count && verdict_find(word[0]) >= 0)
		rule->verdict = (__u8)verdict_find(word[w.at++]);
	status = hooks_word(rule, &w);
	if (!status)
		status = operands_parse(rule, &w);
	if (!status)
		status = keywords_parse(rule, &w);
	if (status)
		return status;
	if (!rule->hooks && !rule->matches)
		return set_error(CGG_USAGE, "a rule needs a hook or a match, like port 9090");
	if (!rule->hooks)
		rule->hooks = 1u << CGG_CONNECT | 1u << CGG_SENDMSG;
	status = takes_check(rule);
	if (!status)
		status = ah_check(rule);
	if (!status)
		status = host_check(rule);
	if (!status)
		status = verdict_check(rule);
	return status ? status : this_host_check(rule);
}

/* A text that is being written. put() drops text beyond the end; a rule that parses always fits. */
struct text {
	char *at, *end;
};

static void put(struct text *t, const char *s)
{
	while (*s && t->at < t->end)
		*t->at++ = *s++;
	*t->at = 0;
}

static void put_number(struct text *t, long n)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ld", n);
	put(t, n < 0 ? "*" : digits);
}

static void put_key(struct text *t, const char *key, const char *value)
{
	put(t, " ");
	put(t, key);
	put(t, " ");
	put(t, value);
}

/* Append a key and a quoted value; utf8 is for text that an administrator wrote. */
static void put_quoted(struct text *t, const char *key, const char *value, bool utf8)
{
	char quoted[4 * CGG_CGROUP + 3];

	word_quote(quoted, value, utf8);
	put_key(t, key, quoted);
}

static void port_print(struct text *t, const struct cgg_rule *rule)
{
	put(t, " port ");
	put_number(t, rule->port_min);
	if (rule->port_max == rule->port_min)
		return;
	put(t, "-");
	put_number(t, rule->port_max);
}

static void cgroup_print(struct text *t, const char *cgroup)
{
	if (word_is_plain(cgroup))
		put_key(t, "cgroup", cgroup);
	else
		put_quoted(t, "cgroup", cgroup, false);
}

static void operands_print(struct text *t, const struct cgg_rule *rule)
{
	for (int i = 0; i < CGG_HOOKS; i++) {
		const struct cgg_hook_info *hook = &cgg_hooks[i];
		char part[CGG_OPERAND_TEXT];

		if (!(rule->hooks & 1u << i) || !hook->operand)
			continue;
		operand_print(rule, hook->operand, part);
		put(t, " ");
		put(t, part);
		if (!hook->access_bits)
			return;
		put(t, " ");
		put(t, rule->access & CGG_R ? "r" : "");
		put(t, rule->access & CGG_W ? "w" : "");
		put(t, rule->access & CGG_M ? "m" : "");
	}
}

/* Write the rule in its canonical form, without its ttl, and return the length. */
size_t rule_print(const struct cgg_rule *rule, char text[CGG_RULE_TEXT])
{
	struct text t = { text, text + CGG_RULE_TEXT - 1 };
	char part[CGG_OPERAND_TEXT];

	put(&t, cgg_verdicts[rule->verdict]);
	put(&t, " ");
	hooks_print(rule->hooks, part, sizeof(part));
	put(&t, part);
	operands_print(&t, rule);
	if (rule->matches & CGG_MATCH_FAMILY)
		put_key(&t, "family", number_word(families, rule->family));
	if (rule->matches & CGG_MATCH_TYPE)
		put_key(&t, "type", number_word(types, rule->type));
	if (rule->matches & CGG_MATCH_PROTO) {
		proto_print(rule->proto, part);
		put_key(&t, "proto", part);
	}
	if (rule->matches & CGG_MATCH_IP) {
		net_print(&rule->net, part);
		put_key(&t, "ip", part);
	}
	if (rule->matches & CGG_MATCH_HOST) {
		host_print(rule, part);
		put_key(&t, "host", part);
	}
	if (rule->matches & CGG_MATCH_PORT)
		port_print(&t, rule);
	if (rule->matches & CGG_MATCH_CGROUP)
		cgroup_print(&t, rule->cgroup);
	if (*rule->name)
		put_key(&t, "name", rule->name);
	if (*rule->comment)
		put_quoted(&t, "comment", rule->comment, true);
	if (rule->quiet)
		put(&t, " quiet");
	if (rule->error)
		put_key(&t, "errno", strerrorname_np(rule->error));
	put(&t, rule->inner ? " inner" : "");
	put(&t, rule->alias ? " alias" : "");
	return (size_t)(t.at - text);
}
