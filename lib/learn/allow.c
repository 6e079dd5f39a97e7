// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * allow.c - makes the rule that allows the operation of one event, and nothing else.
 *
 * The texts of an event are untrusted: the guarded program chose them. Each becomes one word for
 * rule_parse(), and is compared with the parsed rule. If the two differ, no rule is made.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../host/host.h"
#include "seen.h"

#define CUT 112 /* events cut names to so many bytes */
#define WORDS 12
#define CLIENT_PORTS 32768 /* the kernel gives ports from this one on to clients */

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

/* Return the string of a key, or 0 if there is none or it contains a NUL. */
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

/*
 * Find the name for the rule of an event, and whether its address is an inner one. Return false if
 * it has none, or one that no rule can have: of a long name, an event has only the end.
 */
static bool host_words_of(const json_t *event, int hook, const char *ip, const char **name,
			  bool *inner)
{
	const char *text = text_of(event, "host");
	struct cgg_rule rule = { 0 };
	struct cgg_net net;

	*name = 0;
	if (!text || !((1u << CGG_CONNECT | 1u << CGG_SENDMSG) >> hook & 1) ||
	    strlen(text) >= sizeof(((struct cgg_event_host *)0)->name) || host_parse(&rule, text) ||
	    rule.prefix || strcmp(rule.operand, text) || net_parse(&net, ip))
		return false;
	*inner = addr_is_inner(net.addr);
	*name = text;
	return true;
}

/* Return whether a packet is an answer: it goes from a server's port to one that a client got. */
static bool is_answer(const json_t *event, int hook, json_int_t port, json_int_t *sport)
{
	return (hook == CGG_EGRESS || hook == CGG_INGRESS) && port >= CLIENT_PORTS &&
	       number_of(event, "sport", sport) && *sport && *sport < CLIENT_PORTS;
}

/* Add the words after the hook's word. Return false if the event lacks a field. */
static bool net_words(struct event_words *words, const json_t *event, int hook,
		      const struct cgg_learn *learn)
{
	const char *ip = text_of(event, hook == CGG_INGRESS ? "saddr" : "daddr"), *name;
	json_int_t proto, port, sport;
	bool inner;

	if (!ip || !number_of(event, "proto", &proto) || !number_of(event, "dport", &port))
		return false;
	add_number(words, "proto", proto);
	if (!host_words_of(event, hook, ip, &name, &inner)) {
		add_word(words, "ip");
		add_word(words, ip);
	} else {
		add_word(words, "host");
		add_word(words, name);
	}
	if (has_ports(proto) && learn->answers && is_answer(event, hook, port, &sport))
		add_number(words, "sport", sport);
	else if (has_ports(proto))
		add_number(words, "port", port);
	if (name && inner)
		add_word(words, "inner");
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
	add_word(words, *access ? access : "?"); /* no letters would mean all: refuse instead */
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

/* A question that could not be read has no name, and of a long name only the end is known. */
static bool host_words(struct event_words *words, const json_t *event)
{
	const char *name = text_of(event, "host");

	if (name && strlen(name) < sizeof(((struct cgg_event_host *)0)->name))
		add_word(words, name);
	return true;
}

/* Add the user who called, if the hook's rules can have one. */
static bool uid_words(struct event_words *words, const json_t *event, int hook)
{
	json_int_t uid;

	if (!(cgg_hooks[hook].matches & CGG_MATCH_UID))
		return true;
	if (!number_of(event, "uid", &uid))
		return false;
	add_number(words, "uid", uid);
	return true;
}

/* Return whether the rule names exactly the address, device or name of the event. */
static bool is_exact(const struct cgg_rule *rule, const struct event_words *words)
{
	const char *name = words->word[2];

	if (rule->matches & CGG_MATCH_IP)
		return net_is_address(&rule->net) && !rule->nets.count;
	if (rule->hooks == 1u << CGG_DEVICE)
		return rule->device != 'a' && rule->device && rule->major >= 0 && rule->minor >= 0;
	if (rule->hooks != 1u << CGG_UNIX && rule->hooks != 1u << CGG_SYSCTL)
		return true;
	return !rule->prefix && !strcmp(rule->operand, name) && strlen(name) < CUT &&
	       !strstr(name, "\xef\xbf\xbd");
}

/* Return whether a policy may have the rule: an event that was made up may be an impossible one. */
static bool is_accepted(const struct cgg_rule *rule)
{
	struct cgg_rule copy = *rule;
	bool accepted = !rule_accept(&copy, false);

	*cgg_note = 0; /* whether this host has the sysctl does not matter */
	return accepted;
}

/*
 * Make the rule that allows only this event. Return 0; CGG_NO if no such rule can exist; CGG_USAGE
 * if the event lacks a field.
 */
int rule_of(const struct cgg_learn *learn, struct cgg_rule *rule, const json_t *event, int hook)
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
	case CGG_DNS:
		whole = host_words(&words, event);
		break;
	case CGG_SETSOCKOPT:
	case CGG_GETSOCKOPT:
		whole = sockopt_words(&words, event);
		break;
	default:
		whole = net_words(&words, event, hook, learn);
	}
	if (learn->users && hook != CGG_EGRESS && hook != CGG_INGRESS)
		whole = uid_words(&words, event, hook) && whole;
	if (!whole)
		return set_error(CGG_USAGE, "%s event without a field that it must have",
				 cgg_hooks[hook].word);
	if (words.count < 3 || rule_parse(rule, words.count, words.word))
		return CGG_NO;
	if (is_exact(rule, &words) && !json_is_integer(json_object_get(event, "unread")) &&
	    is_accepted(rule))
		return 0;
	rule_free(rule); /* a text with a comma is a list, which no address is */
	return CGG_NO;
}
