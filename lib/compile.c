// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * compile.c - rules become an image, and an image its rules; nothing else.
 *
 * The rules' own words lie in the image: it is all that there is of a policy.
 */
#include <stdlib.h>
#include <string.h>

#include "cgg.h"

/* heap_put - a text's place, in units of 8 bytes; it takes room bytes; 0: no room */
static __u16 heap_put(struct cgg_image *image, const char *text, size_t room)
{
	__u32 place = image->heap_used, units = (__u32)(room + 7) / 8;

	if (8 * (place + units) > CGG_HEAP)
		return 0;
	image->heap_used += units;
	memset(image->heap + 8 * place, 0, 8 * units);
	memcpy(image->heap + 8 * place, text, strnlen(text, room));
	return (__u16)place;
}

/* The heads of 16 bytes of a prefix are in mask[], in network order. */
static void compile_net(struct cgg_entry *e, const struct cgg_rule *rule)
{
	const struct cgg_net *net = &rule->net;
	__u8 mask[16] = { 0 };

	if (rule->matches & CGG_MATCH_PROTO) {
		e->value[2] |= rule->proto;
		e->mask[2] |= 0xffff;
	}
	if (!(rule->matches & CGG_MATCH_IP))
		return;
	if (net->local) {
		e->value[2] |= CGG_IS_LOCAL;
		e->mask[2] |= CGG_IS_LOCAL;
		return;
	}
	for (unsigned i = 0; i < net->len; i++)
		mask[i / 8] |= (__u8)(0x80 >> i % 8);
	memcpy(e->value, net->addr, sizeof(net->addr));
	memcpy(e->mask, mask, sizeof(mask));
	/* ::/0 is every IPv6 address, and not the mapped ones too */
	e->mask[2] |= CGG_IS_IPV4;
	if (net->len >= 96 && addr_is_ip4(net->addr))
		e->value[2] |= CGG_IS_IPV4;
}

static void compile_device(struct cgg_entry *e, const struct cgg_rule *rule)
{
	if (rule->device != 'a') {
		e->value[0] = rule->device == 'c' ? CGG_CHAR : CGG_BLOCK;
		e->mask[0] = ~0ull;
	}
	if (rule->major >= 0) {
		e->value[1] = (__u64)rule->major;
		e->mask[1] = ~0ull;
	}
	if (rule->minor >= 0) {
		e->value[2] = (__u64)rule->minor;
		e->mask[2] = ~0ull;
	}
}

/* word_mask - the bytes of word number i of a name that its first len bytes reach */
static __u64 word_mask(unsigned i, size_t len)
{
	__u8 bytes[8] = { 0 };
	__u64 mask;

	for (unsigned b = 0; b < 8; b++)
		if (8 * i + b < len)
			bytes[b] = 0xff;
	memcpy(&mask, bytes, sizeof(mask));
	return mask;
}

/* A whole name also has its length compared; a prefix only its bytes. */
static int compile_name(struct cgg_image *image, struct cgg_entry *e, const struct cgg_rule *rule)
{
	size_t len = strlen(rule->operand);

	if (!rule->prefix) {
		e->value[0] = len;
		e->mask[0] = ~0ull;
	}
	memcpy(&e->value[1], rule->operand, 16);
	e->mask[1] = word_mask(0, len);
	e->mask[2] = word_mask(1, len);
	e->value[1] &= e->mask[1];
	e->value[2] &= e->mask[2];
	if (len <= 16)
		return 0;
	e->operand_words = (__u16)(len / 8);
	e->operand_last = word_mask((unsigned)len / 8, len);
	e->operand = heap_put(image, rule->operand, CGG_OPERAND);
	return e->operand ? 0 : -1;
}

static void compile_numbers(struct cgg_entry *e, long first, long second)
{
	if (first >= 0) {
		e->value[0] = (__u64)first;
		e->mask[0] = ~0ull;
	}
	if (second >= 0) {
		e->value[1] = (__u64)second;
		e->mask[1] = ~0ull;
	}
}

static int compile_what(struct cgg_image *image, struct cgg_entry *e, const struct cgg_rule *rule)
{
	if (rule->hooks & (1u << CGG_SYSCTL | 1u << CGG_UNIX))
		return compile_name(image, e, rule);
	if (rule->hooks & 1u << CGG_DEVICE)
		compile_device(e, rule);
	else if (rule->hooks & (1u << CGG_SETSOCKOPT | 1u << CGG_GETSOCKOPT))
		compile_numbers(e, rule->major, rule->minor);
	else
		compile_net(e, rule);
	if (rule->hooks & 1u << CGG_SOCKET)
		compile_numbers(e, rule->matches & CGG_MATCH_FAMILY ? rule->family : -1,
				rule->matches & CGG_MATCH_TYPE ? rule->type : -1);
	return 0;
}

static int compile_rule(struct cgg_image *image, struct cgg_entry *e, const struct cgg_rule *rule)
{
	char text[CGG_RULE_TEXT];

	memset(e, 0, sizeof(*e));
	e->id = rule->id;
	e->hooks = (__u16)rule->hooks;
	e->verdict = rule->verdict;
	e->access = rule->access;
	e->port_min = rule->port_min;
	e->port_max = rule->port_max;
	e->expires = rule->expires ? rule->expires : CGG_NEVER;
	e->cgroup = rule->cgroup_id;
	e->level = rule->cgroup_level;
	e->quiet = rule->quiet;
	e->error = (__u16)rule->error;
	rule_print(rule, text);
	e->text_len = (__u16)strlen(text);
	e->text = heap_put(image, text, e->text_len);
	if (!e->text)
		return -1;
	if (*rule->name) {
		e->label = heap_put(image, rule->name, CGG_NAME);
		if (!e->label)
			return -1;
	}
	return compile_what(image, e, rule);
}

/* A denied path is also denied under names that may mean it (cgguard.h, CGG_VAGUE). */
static void compile_vague(struct cgg_entry *vague, const struct cgg_entry *e)
{
	*vague = *e;
	vague->value[0] = CGG_VAGUE;
	vague->mask[0] = ~0ull;
	vague->value[1] = vague->value[2] = vague->mask[1] = vague->mask[2] = 0;
	vague->operand_words = 0;
	vague->text_len = 0;
}

/* image_add - appends rule, which gets the next id unless it has one */
int image_add(struct cgg_image *image, const struct cgg_rule *rule)
{
	bool vague =
		rule->hooks & 1u << CGG_UNIX && rule->verdict == CGG_DENY && *rule->operand == '/';
	struct cgg_entry *e = &image->entry[image->count];
	struct cgg_rule with_id = *rule;

	if (image->count + vague >= CGG_RULES)
		return refuse(CGG_FAILED, "a policy holds at most %d rules", CGG_RULES);
	if (!with_id.id)
		with_id.id = image->next_id++;
	if (compile_rule(image, e, &with_id))
		return refuse(CGG_FAILED, "a policy holds at most %d bytes of words", CGG_HEAP);
	image->count++;
	if (vague)
		compile_vague(&image->entry[image->count++], e);
	if (rule->expires)
		image->timed = 1;
	return 0;
}

void image_begin(struct cgg_image *image, __u32 next_id)
{
	memset(image, 0, sizeof(*image));
	image->heap_used = CGG_NAME / 8; /* place 0 is "" for a label */
	image->next_id = next_id;
}

void image_hooks(struct cgg_image *image)
{
	image->hooks = 0;
	for (unsigned i = 0; i < image->count; i++)
		image->hooks |= image->entry[i].hooks;
	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (image->defaults[i] != CGG_ALLOW)
			image->hooks |= 1u << i;
}

int compile(struct cgg_image *image, const struct cgg_rules *rules)
{
	int status = 0;

	image_begin(image, rules->next_id ? rules->next_id : 1);
	memcpy(image->defaults, rules->defaults, sizeof(rules->defaults));
	image->audit = rules->audit;
	for (unsigned i = 0; i < rules->count && !status; i++)
		status = image_add(image, &rules->rule[i]);
	image_hooks(image);
	return status;
}

/* decompile - the rules of an image; those that have expired are no longer any */
int decompile(struct cgg_rules *rules, const struct cgg_image *image)
{
	__u64 now = time_now();

	memset(rules, 0, sizeof(*rules));
	rules->next_id = image->next_id;
	memcpy(rules->defaults, image->defaults, sizeof(rules->defaults));
	rules->audit = image->audit;
	for (unsigned i = 0; i < image->count; i++) {
		const struct cgg_entry *e = &image->entry[i];
		char text[CGG_RULE_TEXT];
		struct cgg_rule rule;
		int status;

		if (!e->text_len || e->expires <= now)
			continue;
		snprintf(text, sizeof(text), "%.*s", e->text_len, image->heap + 8 * e->text);
		status = rule_line(&rule, text);
		rule.id = e->id;
		rule.cgroup_id = e->cgroup;
		rule.cgroup_level = e->level;
		rule.expires = e->expires == CGG_NEVER ? 0 : e->expires;
		if (!status)
			status = rules_add(rules, rules->count, &rule);
		if (status) {
			rules_free(rules);
			return status;
		}
	}
	return 0;
}

/* image_copy - of those rules that have not expired */
int image_copy(struct cgg_image *to, const struct cgg_image *from)
{
	struct cgg_rules rules;
	int status;

	if (!from->timed) {
		memcpy(to, from, offsetof(struct cgg_image, heap));
		memcpy(to->heap, from->heap, 8 * from->heap_used);
		return 0;
	}
	status = decompile(&rules, from);
	if (!status)
		status = compile(to, &rules);
	rules_free(&rules);
	return status;
}
