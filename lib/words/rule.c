// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * rule.c - parses rules in the words of cgguard-rule(5).
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "operand.h"

static bool is_keyword(const char *word); /* whether it names a match or an option */

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
	return protos_parse(&rule->proto, &rule->protos, word);
}

static int ip_word(struct cgg_rule *rule, const char *word)
{
	return nets_and_sets_parse(&rule->net, &rule->nets, word);
}

static int host_word(struct cgg_rule *rule, const char *word)
{
	char guess[CGG_GUESS];
	int status = host_parse(rule, word);

	return status && endpoint_guess(guess, word)
		       ? set_error(CGG_USAGE, "host %.140s: not a name; write %s", word, guess)
		       : status;
}

static int port_word(struct cgg_rule *rule, const char *word)
{
	return ports_parse(&rule->port_min, &rule->port_max, &rule->ports, word);
}

static int family_word(struct cgg_rule *rule, const char *word)
{
	return socket_word("family", cgg_families, word, &rule->family);
}

static int type_word(struct cgg_rule *rule, const char *word)
{
	return socket_word("type", cgg_types, word, &rule->type);
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

static int uid_word(struct cgg_rule *rule, const char *word)
{
	return uid_parse(&rule->uid, word);
}

static int gid_word(struct cgg_rule *rule, const char *word)
{
	return gid_parse(&rule->gid, word);
}

static int sport_word(struct cgg_rule *rule, const char *word)
{
	return sport_parse(&rule->own, word);
}

static int iface_word(struct cgg_rule *rule, const char *word)
{
	return iface_parse(&rule->own, word);
}

static int self_word(struct cgg_rule *rule, const char *word)
{
	return self_parse(&rule->own, word);
}

static int value_match(struct cgg_rule *rule, const char *word)
{
	return value_parse(&rule->value, word);
}

static int errno_word(struct cgg_rule *rule, const char *word)
{
	return errno_parse(&rule->error, word);
}

static int ttl_word(struct cgg_rule *rule, const char *word)
{
	return time_parse(&rule->ttl, word)
		       ? set_error(CGG_USAGE,
				   "ttl %.80s: not a time (90s, 10m, 2h, 1d; a year at most)", word)
		       : 0;
}

static int limit_word(struct cgg_rule *rule, const char *word)
{
	return rate_parse(&rule->limit, word);
}

static int burst_word(struct cgg_rule *rule, const char *word)
{
	return burst_parse(&rule->limit, word);
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
	{ "proto", "proto NAME|NUM[,...]", CGG_MATCH_PROTO, proto_word },
	{ "ip", "ip " CGG_NET_USAGE "|@SET[,...]", CGG_MATCH_IP, ip_word },
	{ "host", "host NAME|*.NAME|*|@SET", CGG_MATCH_HOST, host_word },
	{ "port", "port N[-M][,...]", CGG_MATCH_PORT, port_word },
	{ "sport", "sport N[-M][,...]", CGG_MATCH_SPORT, sport_word },
	{ "uid", "uid ID[-ID]", CGG_MATCH_UID, uid_word },
	{ "gid", "gid ID[-ID]", CGG_MATCH_GID, gid_word },
	{ "iface", "iface NAME", CGG_MATCH_IFACE, iface_word },
	{ "self", "self NET[,...]", CGG_MATCH_SELF, self_word },
	{ "value", "value N[-M]", CGG_MATCH_VALUE, value_match },
	{ "cgroup", "cgroup TARGET", CGG_MATCH_CGROUP, cgroup_word },
	{ "name", "name WORD", 0, name_word },
	{ "comment", "comment \"TEXT\"", 0, comment_parse },
	{ "quiet", 0, 0, quiet_word },
	{ "errno", "errno NAME", 0, errno_word },
	{ "ttl", "ttl TIME", 0, ttl_word },
	{ "limit", "limit N/s|m|h|d", 0, limit_word },
	{ "burst", "burst N", 0, burst_word },
	{ "inner", 0, 0, host_inner },
	{ "alias", 0, 0, host_alias },
};
#define KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

static const struct keyword *keyword_find(const char *word)
{
	for (size_t i = 0; i < KEYWORDS; i++)
		if (*keywords[i].word == *word && !strcmp(keywords[i].word, word))
			return &keywords[i];
	return 0;
}

static bool is_keyword(const char *word)
{
	return keyword_find(word);
}

bool is_rule_word(const char *word)
{
	return is_own(word, is_keyword) || !strcmp(word, "net");
}

int verdict_parse(__u8 *verdict, const char *word)
{
	int found = verdict_find(word);

	*verdict = (__u8)found;
	return found < 0 ? set_error(CGG_USAGE, "%.80s: not a verdict (allow, deny or alert)%s",
				     word, word_hint(word, true, is_keyword))
			 : 0;
}

/* Refuse a word that is no keyword; `before' is the last keyword, or 0. */
static int word_refuse(const char *word, const struct keyword *before)
{
	bool comment = before && before->parse == comment_parse;

	return set_error(CGG_USAGE, "%.80s: not a match or an option%s", word,
			 comment ? "; put a comment of several words between quotes"
				 : word_hint(word, false, is_keyword));
}

static int keywords_parse(struct cgg_rule *rule, struct cgg_words *w)
{
	const struct keyword *key = 0;
	unsigned said = 0;
	const char *word, *value = 0;

	while ((word = words_next(w))) {
		const struct keyword *before = key;
		unsigned bit;
		int status;

		key = keyword_find(word);
		if (!key)
			return word_refuse(word, before);
		bit = 1u << (key - keywords);
		if (said & bit)
			return set_error(CGG_USAGE, "%s: given twice", word);
		said |= bit;
		status = key->usage ? value_word(w, word, key->usage, &value) : 0;
		if (!status && key->usage)
			status = blanks_check(w, word, key->match, key->parse, is_keyword);
		if (!status)
			status = key->parse(rule, value);
		if (status)
			return status;
		rule->matches |= key->match;
	}
	return 0;
}

/* Refuse the first of matches, which a hook does not support, and tell which hooks do. */
static int match_refuse(unsigned matches, const struct cgg_hook_info *hook)
{
	const struct keyword *key = keywords;
	unsigned hooks = 0;
	char words[128];

	while (!(key->match & matches))
		key++;
	for (int i = 0; i < CGG_HOOKS; i++)
		if (cgg_hooks[i].matches & key->match)
			hooks |= 1u << i;
	hooks_print(hooks, words, sizeof(words));
	return set_error(CGG_USAGE, "%s: %s does not take it; it is for %s", key->word, hook->word,
			 words);
}

/* Refuse a rule with a match that one of its hooks does not support. */
static int takes_check(const struct cgg_rule *rule)
{
	for (int i = 0; i < CGG_HOOKS; i++)
		if (rule->hooks & 1u << i && rule->matches & ~cgg_hooks[i].matches)
			return match_refuse(rule->matches & ~cgg_hooks[i].matches, &cgg_hooks[i]);
	return 0;
}

/* Refuse proto ah for packets: the programs skip that header, so no packet has this protocol. */
static int ah_check(const struct cgg_rule *rule)
{
	if (!(rule->hooks & CGG_PACKET_HOOKS) || !(rule->matches & CGG_MATCH_PROTO) ||
	    (rule->proto != IPPROTO_AH && !protos_have(&rule->protos, IPPROTO_AH)))
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
static int this_host_check(const struct cgg_rule *rule, const struct cgg_net *net)
{
	static const __u8 any6[16], any4[16] = { [10] = 0xff, [11] = 0xff };
	bool six = !memcmp(net->addr, any6, 16), four = !memcmp(net->addr, any4, 16);

	if (rule->hooks & ~CGG_NET_HOOKS || !net_is_address(net) || (!six && !four))
		return 0;
	return set_error(
		CGG_USAGE, "ip %s: means this host; write ip %s, or %s/0 for every address",
		four ? "0.0.0.0" : "::", four ? "127.0.0.1" : "::1", four ? "0.0.0.0" : "::");
}

static int nets_check(const struct cgg_rule *rule)
{
	int status = 0;

	if (!(rule->matches & CGG_MATCH_IP))
		return 0;
	for (unsigned i = 0; i < rule->nets.count && !status; i++)
		status = this_host_check(rule, &rule->nets.net[i]);
	return status ? status : this_host_check(rule, &rule->net);
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

/* Refuse values that no call can set, and let a rule about values judge writes only. */
static int value_check(struct cgg_rule *rule)
{
	if (!(rule->matches & CGG_MATCH_VALUE))
		return 0;
	if (rule->hooks == 1u << CGG_SETSOCKOPT &&
	    (rule->value.min < INT_MIN || rule->value.max > INT_MAX))
		return set_error(CGG_USAGE,
				 "value: an option is an int, %d to %d; write -1 for 4294967295",
				 INT_MIN, INT_MAX);
	if (rule->hooks == 1u << CGG_SYSCTL && !(rule->access & CGG_W))
		return set_error(CGG_USAGE, "value: only writes have one; write w");
	if (rule->hooks == 1u << CGG_SYSCTL)
		rule->access = CGG_W;
	return 0;
}

static int rule_check(struct cgg_rule *rule)
{
	int status = takes_check(rule);

	if (!status)
		status = value_check(rule);
	if (!status)
		status = rate_check(&rule->limit);

	if (!status)
		status = ah_check(rule);
	if (!status)
		status = host_check(rule);
	if (!status)
		status = verdict_check(rule);
	return status ? status : nets_check(rule);
}

/* Parse the words of a rule. The caller frees its lists with rule_free(), unless this fails. */
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
	if (!status && !rule->hooks && !rule->matches)
		status = set_error(CGG_USAGE, "a rule needs a hook or a match, like port 9090");
	if (!rule->hooks)
		rule->hooks = 1u << CGG_CONNECT | 1u << CGG_SENDMSG;
	if (!status)
		status = rule_check(rule);
	if (status)
		rule_free(rule);
	return status;
}
