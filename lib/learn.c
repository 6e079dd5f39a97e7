// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * learn.c - events in JSON -> the smallest allow list that lets them pass.
 *
 * Each event becomes the one rule that allows it and nothing else; equal ones are
 * counted in a tree. Then neighbours are joined, as far as they are the same set of
 * operations or the caller said how far to widen. What an event holds was chosen by
 * the guarded program: it enters a rule as one word through rule_parse(), is read back
 * from there, and is left out when the two are not the same.
 */
#include <errno.h>
#include <jansson.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cgg.h"

#define COMMS 4 /* names that are told, of a rule */
#define CUT 112 /* bytes of a name that an event has; longer ones are cut */
#define WORDS 12

struct seen {
	struct cgg_rule rule;
	__u64 count;
	unsigned comms;
	bool others; /* more names than comm[] has room for */
	bool widened; /* its net is more than one address */
	char comm[COMMS][16];
};

/* ---- one event -> one rule ---- */

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
static const char *text_of(const json_t *event, const char *key)
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

/* program_hook - the hook whose events bear the name of this program; -1: none */
static int program_hook(const char *name)
{
	for (int i = 0; name && i < CGG_PROGRAMS; i++)
		for (int hook = 0; hook < CGG_HOOKS && !strcmp(cgg_programs[i].name, name); hook++)
			if (cgg_hooks[hook].programs & 1u << i)
				return hook;
	return -1;
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
static int rule_of(struct cgg_rule *rule, const json_t *event, int hook)
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
		return refuse(CGG_USAGE, "an event of %s lacks what such events have",
			      cgg_hooks[hook].word);
	if (words.count < 3 || rule_parse(rule, words.count, words.word) ||
	    !is_exact(rule, &words) || json_is_integer(json_object_get(event, "unread")))
		return CGG_NO;
	return 0;
}

/* ---- what was seen ---- */

#define COMPARE(a, b)                                                                              \
	if ((a) != (b))                                                                            \
	return (a) < (b) ? -1 : 1

static int is_net(const struct cgg_rule *rule)
{
	return rule->matches & CGG_MATCH_IP;
}

/* What is joined stands together: ports of one net, then nets; letters are not looked at. */
static int compare_rules(const struct cgg_rule *a, const struct cgg_rule *b)
{
	int order = memcmp(a->net.addr, b->net.addr, sizeof(a->net.addr));

	COMPARE(a->hooks, b->hooks);
	COMPARE(a->matches, b->matches);
	COMPARE(a->proto, b->proto);
	COMPARE(order, 0);
	COMPARE(a->net.len, b->net.len);
	COMPARE(a->port_min, b->port_min);
	COMPARE(a->port_max, b->port_max);
	COMPARE(a->device, b->device);
	COMPARE(a->major, b->major);
	COMPARE(a->minor, b->minor);
	COMPARE(a->family, b->family);
	COMPARE(a->type, b->type);
	return strcmp(a->operand, b->operand);
}

static int compare_seen(const void *a, const void *b)
{
	return compare_rules(&((const struct seen *)a)->rule, &((const struct seen *)b)->rule);
}

static void add_comm(struct seen *seen, const char *comm)
{
	for (unsigned i = 0; i < seen->comms; i++)
		if (!strcmp(seen->comm[i], comm))
			return;
	if (seen->comms < COMMS)
		strcpy(seen->comm[seen->comms++], comm);
	else
		seen->others = true;
}

/* take_over - from is let pass by into */
static void take_over(struct seen *into, const struct seen *from)
{
	into->count += from->count;
	into->others |= from->others;
	into->rule.access |= from->rule.access;
	for (unsigned i = 0; i < from->comms; i++)
		add_comm(into, from->comm[i]);
}

static int note(struct cgg_learn *learn, const struct cgg_rule *rule, const char *comm)
{
	struct seen *seen = calloc(1, sizeof(*seen)), **found;

	if (!seen)
		return refuse(CGG_FAILED, "out of memory");
	seen->rule = *rule;
	seen->count = 1;
	snprintf(seen->comm[0], sizeof(seen->comm[0]), "%s", comm);
	seen->comms = *comm != 0;
	found = tsearch(seen, &learn->tree, compare_seen);
	if (!found || *found == seen) {
		learn->unique += found != 0;
		return found ? 0 : refuse(CGG_FAILED, "out of memory");
	}
	take_over(*found, seen);
	free(seen);
	return 0;
}

static int event_take(struct cgg_learn *learn, const json_t *event)
{
	const char *program = text_of(event, "hook"), *comm = text_of(event, "comm");
	const json_t *lost = json_object_get(event, "lost");
	int hook = program_hook(program), status;
	struct cgg_rule rule;

	if (json_is_integer(lost) && !program) {
		learn->lost += (__u64)json_integer_value(lost);
		return 0;
	}
	if (hook < 0)
		return refuse(CGG_USAGE, "not an event of cgg-events -j");
	learn->events++;
	if (cgg_hooks[hook].watches)
		return 0;
	learn->hooks |= 1u << hook;
	status = rule_of(&rule, event, hook);
	if (status == CGG_NO)
		return refuse(CGG_NO, "no rule can allow this one event of %s",
			      cgg_hooks[hook].word);
	return status ? status : note(learn, &rule, comm ? comm : "");
}

int learn_line(struct cgg_learn *learn, const char *line, size_t len)
{
	json_error_t error;
	json_t *event = json_loadb(line, len, JSON_ALLOW_NUL, &error);
	int status;

	if (!event)
		return refuse(CGG_USAGE, "not JSON: %s", error.text);
	status = json_is_object(event) ? event_take(learn, event)
				       : refuse(CGG_USAGE, "not an event of cgg-events -j");
	json_decref(event);
	return status;
}

/* ---- neighbours ---- */

static struct seen **walk_at; /* twalk(3) hands nothing on */

static void walk(const void *node, VISIT visit, int depth)
{
	(void)depth;
	if (visit == postorder || visit == leaf)
		*walk_at++ = *(struct seen *const *)node;
}

static void net_mask(struct cgg_net *net, unsigned len)
{
	for (unsigned bit = len; bit < 128; bit++)
		net->addr[bit / 8] &= (__u8) ~(0x80 >> bit % 8);
	net->len = (__u8)len;
}

/* wide - the net that rule's address is widened to */
static struct cgg_net wide(const struct cgg_rule *rule, const struct cgg_widen *widen)
{
	struct cgg_net net = rule->net;

	net_mask(&net, addr_is_ip4(net.addr) ? 96 + widen->prefix4 : widen->prefix6);
	return net;
}

static const struct cgg_widen *sort_widen;

/* Those that one net may let pass stand together. */
static int compare_wide(const void *one, const void *other)
{
	const struct cgg_rule *a = &(*(struct seen *const *)one)->rule;
	const struct cgg_rule *b = &(*(struct seen *const *)other)->rule;
	struct cgg_net net_a = wide(a, sort_widen), net_b = wide(b, sort_widen);
	int order = memcmp(net_a.addr, net_b.addr, sizeof(net_a.addr));

	COMPARE(a->hooks, b->hooks);
	COMPARE(a->matches, b->matches);
	COMPARE(a->proto, b->proto);
	COMPARE(order, 0);
	COMPARE(a->port_min, b->port_min);
	return compare_rules(a, b);
}

static int compare_places(const void *one, const void *other)
{
	return compare_seen(*(struct seen *const *)one, *(struct seen *const *)other);
}

static bool same_wide(const struct seen *a, const struct seen *b, const struct cgg_widen *widen)
{
	struct cgg_net net_a = wide(&a->rule, widen), net_b = wide(&b->rule, widen);

	return a->rule.hooks == b->rule.hooks && a->rule.matches == b->rule.matches &&
	       a->rule.proto == b->rule.proto && a->rule.port_min == b->rule.port_min &&
	       !memcmp(net_a.addr, net_b.addr, 16) && net_a.len == net_b.len;
}

/* join_nets - addresses that share their first bits, by one hook, protocol and port */
static unsigned join_nets(struct seen **list, unsigned count, const struct cgg_widen *widen)
{
	unsigned kept = 0;

	sort_widen = widen;
	qsort(list, count, sizeof(*list), compare_wide);
	for (unsigned i = 0; i < count; i++) {
		struct seen *last = kept ? list[kept - 1] : 0;

		if (!last || !is_net(&list[i]->rule) || !is_net(&last->rule) ||
		    !same_wide(last, list[i], widen)) {
			list[kept++] = list[i];
			continue;
		}
		last->rule.net = wide(&last->rule, widen);
		last->widened = true;
		take_over(last, list[i]);
	}
	return kept;
}

/* same_net - but for the ports */
static bool same_net(const struct cgg_rule *a, const struct cgg_rule *b)
{
	return is_net(a) && a->hooks == b->hooks && a->matches == b->matches &&
	       a->proto == b->proto && a->net.len == b->net.len &&
	       !memcmp(a->net.addr, b->net.addr, 16);
}

/* join_ports - of one net, when they follow each other or the gap is as small as was said */
static unsigned join_ports(struct seen **list, unsigned count, unsigned gap)
{
	unsigned kept = 0;

	qsort(list, count, sizeof(*list), compare_places);
	for (unsigned i = 0; i < count; i++) {
		struct seen *last = kept ? list[kept - 1] : 0;
		struct cgg_rule *rule = &list[i]->rule;

		if (!last || !same_net(&last->rule, rule) || !(rule->matches & CGG_MATCH_PORT) ||
		    rule->port_min > last->rule.port_max + gap + 1) {
			list[kept++] = list[i];
			continue;
		}
		if (last->rule.port_max < rule->port_max)
			last->rule.port_max = rule->port_max;
		take_over(last, list[i]);
	}
	return kept;
}

/* covers - what inner allows, outer allows too */
static bool covers(const struct cgg_rule *outer, const struct cgg_rule *inner)
{
	struct cgg_net net = inner->net;

	if (!is_net(outer) || outer->hooks != inner->hooks || outer->matches != inner->matches ||
	    outer->proto != inner->proto || outer->net.len > net.len)
		return false;
	net_mask(&net, outer->net.len);
	return !memcmp(net.addr, outer->net.addr, 16) && outer->port_min <= inner->port_min &&
	       outer->port_max >= inner->port_max;
}

/*
 * drop_needless - only where both addresses and ports were widened can the rules
 * overlap so that one lets nothing pass that another does not. exact has each thing
 * that was seen, as it was.
 */
static unsigned drop_needless(struct seen **list, unsigned count, const struct cgg_rule *exact,
			      unsigned exacts)
{
	unsigned *ways = calloc(exacts + 1, sizeof(*ways)), kept = 0;

	for (unsigned e = 0; ways && e < exacts; e++)
		for (unsigned i = 0; i < count; i++)
			ways[e] += covers(&list[i]->rule, &exact[e]);
	for (unsigned i = 0; ways && i < count; i++) {
		bool needed = !is_net(&list[i]->rule);

		for (unsigned e = 0; e < exacts && !needed; e++)
			needed = ways[e] == 1 && covers(&list[i]->rule, &exact[e]);
		for (unsigned e = 0; e < exacts && !needed; e++)
			ways[e] -= covers(&list[i]->rule, &exact[e]);
		if (needed)
			list[kept++] = list[i];
	}
	free(ways);
	return ways ? kept : count;
}

/* Rules that differ in the hook alone stand together. */
static int compare_but_hooks(const void *one, const void *other)
{
	struct cgg_rule a = (*(struct seen *const *)one)->rule;
	struct cgg_rule b = (*(struct seen *const *)other)->rule;
	unsigned hooks_a = a.hooks, hooks_b = b.hooks;

	COMPARE(!is_net(&a), !is_net(&b));
	if (!is_net(&a))
		COMPARE(a.hooks, b.hooks);
	a.hooks = b.hooks = 0;
	int order = compare_rules(&a, &b);
	COMPARE(order, 0);
	COMPARE(hooks_a, hooks_b);
	return 0;
}

static unsigned join_hooks(struct seen **list, unsigned count)
{
	unsigned kept = 0;

	qsort(list, count, sizeof(*list), compare_but_hooks);
	for (unsigned i = 0; i < count; i++) {
		struct cgg_rule a, b = list[i]->rule;

		if (kept && is_net(&b)) {
			a = list[kept - 1]->rule;
			a.hooks = b.hooks = 0;
			if (is_net(&a) && !compare_rules(&a, &b)) {
				list[kept - 1]->rule.hooks |= list[i]->rule.hooks;
				take_over(list[kept - 1], list[i]);
				continue;
			}
		}
		list[kept++] = list[i];
	}
	return kept;
}

/* ---- the policy ---- */

/* By hook, and what was seen most comes first. */
static int compare_shown(const void *one, const void *other)
{
	const struct seen *a = *(struct seen *const *)one, *b = *(struct seen *const *)other;

	COMPARE(a->rule.hooks, b->rule.hooks);
	COMPARE(b->count, a->count);
	return compare_rules(&a->rule, &b->rule);
}

static void write_seen(const struct seen *seen, FILE *file)
{
	char text[CGG_RULE_TEXT], comm[4 * sizeof(seen->comm[0])];

	rule_print(&seen->rule, text);
	fprintf(file, "%s # %llu time%s", text, seen->count, seen->count == 1 ? "" : "s");
	for (unsigned i = 0; i < seen->comms; i++) {
		text_print(comm, seen->comm[i]);
		fprintf(file, "%s %s", i ? "," : ", by", comm);
	}
	fprintf(file, "%s\n", seen->others ? " and others" : "");
}

static void write_all(const struct cgg_learn *learn, struct seen **list, unsigned count, FILE *file)
{
	char hooks[256];

	fprintf(file, "# learned from %llu event%s", learn->events, learn->events == 1 ? "" : "s");
	if (learn->lost)
		fprintf(file, "; %llu more were lost", learn->lost);
	putc('\n', file);
	hooks_print(learn->hooks, hooks, sizeof(hooks));
	if (learn->hooks)
		fprintf(file, "default %s deny\n", hooks);
	for (unsigned i = 0; i < count; i++)
		write_seen(list[i], file);
}

int learn_write(struct cgg_learn *learn, const struct cgg_widen *widen, FILE *file)
{
	struct seen **list = calloc(learn->unique + 1, sizeof(*list));
	struct cgg_rule *exact = calloc(learn->unique + 1, sizeof(*exact));
	unsigned count = learn->unique;

	if (!list || !exact) {
		free(list);
		free(exact);
		return refuse(CGG_FAILED, "out of memory");
	}
	walk_at = list;
	twalk(learn->tree, walk);
	for (unsigned i = 0; i < count; i++)
		/* walk() filled it. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		exact[i] = list[i]->rule;
	count = join_nets(list, count, widen);
	count = join_ports(list, count, widen->gap);
	if (widen->gap && (widen->prefix4 < 32 || widen->prefix6 < 128))
		count = drop_needless(list, count, exact, learn->unique);
	count = join_hooks(list, count);
	qsort(list, count, sizeof(*list), compare_shown);
	write_all(learn, list, count, file);
	free(list);
	free(exact);
	return 0;
}

void learn_free(struct cgg_learn *learn)
{
	tdestroy(learn->tree, free);
	learn->tree = 0;
}
