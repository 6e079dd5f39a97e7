// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * allow.c - one event -> the one rule that allows it, and nothing else.
 *
 * The guarded program chose the texts of an event: each enters a rule as one word through
 * rule_parse(), is compared with what that made of it, and is left out when the two differ.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "seen.h"

#define CUT 112 /* bytes of a name that an event has; longer ones are cut */
#define WORDS 12

struct event_words {
	char *word[WORDS];
	int count;
	char text[WORDS][24];
};

static void add_word(struct event_words *words, const char *word)
{
	words->word[words->count++] = (char *)(size_t)word;
}

static void add_number(struct event_words *words, const char *name, json_int_t number)
{
	char *text = words->text[words->count];

	if (name) {
		add_word(words, name);
		text = words->text[words->count];
	}
	snprintf(text, sizeof(words->text[0]), "%lld", (long long)number);
	add_word(words, text);
}

/* text_of - a string without NUL, 0: there is none */
const char *text_of(const json_t *event, const char *key)
{
	const json_t *value = json_object_get(event, key);
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : 0;
}

static bool number_of(const json_t *event, const char *key, json_int_t *number)
{
	const json_t *value = json_object_get(event, key);

	*number = json_integer_value(value);
	return json_is_integer(value) && *number >= 0 && *number <= 0xffffffff;
}

static bool has_ports(json_int_t proto)
{
	static const int with[] = { 6, 17, 33, 132, 136 }; /* tcp udp dccp sctp udplite */

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		if (with[i] == proto)
			return true;
	return false;
}

/* The words that stand behind the hook's; false: the event lacks what it should have. */
static bool net_words(struct event_words *words, const json_t *event, int hook)
{
	const char *ip = text_of(event, hook == CGG_INGRESS ? "saddr" : "daddr");
	json_int_t proto, port;

	if (!ip || !number_of(event, "proto", &proto) || !number_of(event, "dport", &port))
		return false;
	add_number(words, "proto", proto);
	add_word(words, "ip");
	add_word(words, ip);
	if (has_ports(proto))
		add_number(words, "port", port);
	return true;
}

static bool socket_words(struct event_words *words, const json_t *event)
{
	const char *family = text_of(event, "family"), *type = text_of(event, "type");
	json_int_t proto;

	if (!family || !number_of(event, "proto", &proto))
		return false;
	add_word(words, "family");
	add_word(words, family);
	add_word(words, "type");
	add_word(words, type ? type : "?");
	add_number(words, "proto", proto);
	return true;
}

static bool device_words(struct event_words *words, const json_t *event)
{
	const char *type = text_of(event, "type"), *access = text_of(event, "access");
	char *text = words->text[0];
	json_int_t major, minor;

	if (!type || !access || !number_of(event, "major", &major) ||
	    !number_of(event, "minor", &minor))
		return false;
	snprintf(text, sizeof(words->text[0]), "%lld:%lld", (long long)major, (long long)minor);
	add_word(words, type);
	add_word(words, text);
	add_word(words, *access ? access : "?"); /* none said would mean all */
	return true;
}

static bool sockopt_words(struct event_words *words, const json_t *event)
{
	char *text = words->text[0];
	json_int_t level, name;

	if (!number_of(event, "level", &level) || !number_of(event, "optname", &name))
		return false;
	snprintf(text, sizeof(words->text[0]), "%d:%d", (int)level, (int)name);
	add_word(words, text);
	return true;
}

static bool named_words(struct event_words *words, const json_t *event, int hook)
{
	const char *name = text_of(event, hook == CGG_UNIX ? "path" : "name");
	json_int_t write;

	if (hook == CGG_SYSCTL && !number_of(event, "write", &write))
		return false;
	if (!name)
		return json_is_string(json_object_get(event, hook == CGG_UNIX ? "path" : "name"));
	add_word(words, name);
	if (hook == CGG_SYSCTL)
		add_word(words, write ? "w" : "r");
	return true;
}

/* is_exact - the rule has the event's address, device or name, whole and nothing else */
static bool is_exact(const struct cgg_rule *rule, const struct event_words *words)
{
	const char *name = words->word[2];

	if (rule->matches & CGG_MATCH_IP)
		return rule->net.len == 128 && !rule->net.local;
	if (rule->hooks == 1u << CGG_DEVICE)
		return rule->device != 'a' && rule->device && rule->major >= 0 && rule->minor >= 0;
	if (rule->hooks != 1u << CGG_UNIX && rule->hooks != 1u << CGG_SYSCTL)
		return true;
	return !rule->prefix && !strcmp(rule->operand, name) && strlen(name) < CUT &&
	       !strstr(name, "\xef\xbf\xbd");
}

/* rule_of - the rule that allows this event alone; CGG_NO: there can be none */
int rule_of(struct cgg_rule *rule, const json_t *event, int hook)
{
	struct event_words words = { .count = 0 };
	bool whole;

	add_word(&words, "allow");
	add_word(&words, cgg_hooks[hook].word);
	switch (hook) {
	case CGG_UNIX:
	case CGG_SYSCTL:
		whole = named_words(&words, event, hook);
		break;
	case CGG_SOCKET:
		whole = socket_words(&words, event);
		break;
	case CGG_DEVICE:
		whole = device_words(&words, event);
		break;
	case CGG_SETSOCKOPT:
	case CGG_GETSOCKOPT:
		whole = sockopt_words(&words, event);
		break;
	default:
		whole = net_words(&words, event, hook);
	}
	if (!whole)
		return set_error(CGG_USAGE, "an event of %s lacks what such events have",
				 cgg_hooks[hook].word);
	if (words.count < 3 || rule_parse(rule, words.count, words.word) ||
	    !is_exact(rule, &words) || json_is_integer(json_object_get(event, "unread")))
		return CGG_NO;
	return 0;
}
