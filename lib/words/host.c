// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* host.c - parses and prints DNS names in rules, and addresses of resolvers. */
#include <ctype.h>
#include <string.h>

#include "../../bpf/names/inner.h"
#include "operand.h"

#define LABEL_MOST 63

/* Return why a name is none, or 0; name is in lower case, without a dot at its end. */
static const char *name_fault(const char *name)
{
	size_t label = 0;
	bool numbers = true;

	if (strlen(name) > CGG_NAME_MOST)
		return "a name has at most 127 bytes here";
	for (const char *c = name;; c++) {
		if (*c == '.' || !*c) {
			if (!label)
				return "has an empty label";
			if (!*c)
				break;
			label = 0;
			numbers = true;
			continue;
		}
		if (++label > LABEL_MOST)
			return "a label has at most 63 bytes";
		if (*c & 0x80)
			return "write its ASCII form, xn--...";
		if (*c == ',')
			return "a rule takes one; write a rule for each, or a set: cgg-set add NAME ...";
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return *c == '*' ? "* must be the whole name or its first label"
					 : "use letters, digits, - and _, with dots between";
		numbers &= isdigit((unsigned char)*c) != 0;
	}
	return numbers ? "is an address; write ip ADDR" : 0;
}

/* Read the name of a set. */
int set_parse(struct cgg_rule *rule, const char *word)
{
	int status = name_check("@", word + 1);

	if (!status)
		strcpy(rule->set, word + 1);
	return status;
}

/* Read NAME, *.NAME, * or @SET into operand and prefix. */
int host_parse(struct cgg_rule *rule, const char *word)
{
	const char *name = word, *why;
	struct cgg_net net;
	size_t len;

	if (*word == '@')
		return set_parse(rule, word);
	rule->prefix = *word == '*' && (!word[1] || word[1] == '.');
	if (rule->prefix)
		name += word[1] ? 2 : 1;
	len = strlen(name);
	if (len && name[len - 1] == '.')
		len--;
	if (!len && rule->prefix && !word[1])
		return 0;
	if (len > CGG_NAME_MOST)
		return set_error(CGG_USAGE, "%.80s...: a name has at most %d bytes here", word,
				 CGG_NAME_MOST);
	for (size_t i = 0; i < len; i++)
		rule->operand[i] = (char)tolower((unsigned char)name[i]);
	rule->operand[len] = 0;
	why = strchr(name, ':') && !net_parse(&net, name) ? "is an address; write ip ADDR"
							   : name_fault(rule->operand);
	if (!why && rule->prefix && len == CGG_NAME_MOST)
		why = "is so long that no name below it fits";
	return why ? set_error(CGG_USAGE, "%.140s: not a name: %s", word, why) : 0;
}

void host_print(const struct cgg_rule *rule, char text[CGG_OPERAND_TEXT])
{
	if (*rule->set)
		snprintf(text, CGG_OPERAND_TEXT, "@%s", rule->set);
	else
		snprintf(text, CGG_OPERAND_TEXT, "%s%s%s", rule->prefix ? "*" : "",
			 rule->prefix && *rule->operand ? "." : "", rule->operand);
}

/* Return whether allow with host needs inner for this address. */
bool addr_is_inner(const __u8 addr[16])
{
	__u64 word[2];

	memcpy(word, addr, sizeof(word));
	return is_inner(word);
}

/* Reverse the bytes of a name, as the programs have it. */
void host_reverse(char to[CGG_OPERAND], const char *name)
{
	size_t len = strnlen(name, CGG_NAME_MOST);

	memset(to, 0, CGG_OPERAND);
	for (size_t i = 0; i < len; i++)
		to[i] = name[len - 1 - i];
}

/* Read the address of a resolver. */
int resolver_parse(__u64 addr[2], const char *word)
{
	struct cgg_net net;

	if (net_parse(&net, word) || !net_is_address(&net))
		return set_error(CGG_USAGE, "resolver %.80s: not an address", word);
	memcpy(addr, net.addr, sizeof(net.addr));
	return 0;
}

/* Refuse host beside ip, for one rule looks at one of them; and options that need host. */
int host_check(const struct cgg_rule *rule)
{
	if (rule->matches & CGG_MATCH_HOST && rule->matches & CGG_MATCH_IP)
		return set_error(CGG_USAGE, "host, ip: a rule has one of them, or neither");
	if ((rule->inner || rule->alias) && !(rule->matches & CGG_MATCH_HOST))
		return set_error(CGG_USAGE, "%s: only for rules with host",
				 rule->inner ? "inner" : "alias");
	if ((rule->inner || rule->alias) && rule->verdict != CGG_ALLOW)
		return set_error(CGG_USAGE, "%s: only for allow; deny and alert match anyway",
				 rule->inner ? "inner" : "alias");
	return 0;
}

int host_inner(struct cgg_rule *rule, const char *word)
{
	(void)word;
	rule->inner = true;
	return 0;
}

int host_alias(struct cgg_rule *rule, const char *word)
{
	(void)word;
	rule->alias = true;
	return 0;
}
