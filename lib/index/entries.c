// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * entries.c - compiles rules into entries, and converts entries to an image and back.
 *
 * struct cgg_rules is a whole policy in memory: entries, and a heap with the words of the rules.
 * An image holds at most CGG_ENTRIES entries and CGG_HEAP bytes of words.
 */
#include <stdlib.h>
#include <string.h>

#include "index.h"

#define NO_ROOM ((__u32)-1)

/*
 * Copy `room` bytes of text to the heap. Return their offset in units of 8 bytes, 0 for "", or
 * NO_ROOM with cgg_error set.
 */
static __u32 heap_put(struct cgg_rules *rules, const char *text, size_t room)
{
	__u32 place = rules->heap_used ? rules->heap_used : CGG_NAME / 8;
	__u32 units = (__u32)(room + 7) / 8;

	if (!units)
		return 0;
	if (place + units > rules->heap_room) {
		__u32 more = 2 * (place + units) + 1024;
		char *heap = realloc(rules->heap, 8 * (size_t)more);

		if (!heap || more > CGG_INDEX_UNITS) {
			rules->heap = heap ? heap : rules->heap;
			set_error(CGG_FAILED, "%u rules: out of memory", rules->rules);
			return NO_ROOM;
		}
		rules->heap = heap;
		rules->heap_room = more;
	}
	if (!rules->heap_used) /* offset 0 is "" */
		memset(rules->heap, 0, CGG_NAME);
	memset(rules->heap + 8 * (size_t)(place + units - 1), 0, 8);
	memcpy(rules->heap + 8 * (size_t)place, text, room);
	rules->heap_used = place + units;
	return place;
}

/* Return the hash of a rule's words, as an index stores it. */
__u32 words_hash(const char *text, size_t len)
{
	__u64 h = len * 0x9e3779b97f4a7c15ULL, word;

	for (; len >= 8; len -= 8, text += 8) {
		memcpy(&word, text, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdULL;
		h ^= h >> 29;
	}
	for (; len; len--)
		h = (h ^ (__u8)*text++) * 0x100000001b3ULL;
	return (__u32)(h ^ h >> 32);
}

static int entries_room(struct cgg_rules *rules, unsigned more)
{
	struct cgg_entry *entry;
	unsigned room = rules->room;

	if (rules->count + more <= room)
		return 0;
	while (rules->count + more > room)
		room = room ? 2 * room : CGG_ENTRIES;
	entry = reallocarray(rules->entry, room, sizeof(*entry));
	if (!entry)
		return set_error(CGG_FAILED, "%u rules: out of memory", rules->rules);
	rules->entry = entry;
	rules->room = room;
	return 0;
}

/* Compile proto and ip: value and mask have the 16 bytes of the address, in network byte order. */
static void compile_net(struct cgg_entry *e, const struct cgg_rule *rule)
{
	const struct cgg_net *net = &rule->net;
	__u8 mask[16] = { 0 };

	if (rule->matches & CGG_MATCH_PROTO) {
		e->condition.select |= rule->proto;
		e->condition.select_mask |= 0xffff;
	}
	if (!(rule->matches & CGG_MATCH_IP))
		return;
	if (net->local) {
		e->condition.select |= CGG_IS_LOCAL;
		e->condition.select_mask |= CGG_IS_LOCAL;
		return;
	}
	memset(mask, 0xff, net->len / 8u);
	if (net->len % 8)
		mask[net->len / 8] = (__u8)(0xff00 >> net->len % 8);
	memcpy(e->value, net->addr, sizeof(net->addr));
	memcpy(e->mask, mask, sizeof(mask));
	/* ::/0 means every IPv6 address, but not IPv4 addresses in mapped form */
	e->condition.select_mask |= CGG_IS_IPV4;
	if (net->len >= 96 && addr_is_ip4(net->addr))
		e->condition.select |= CGG_IS_IPV4;
}

/* Put n at byte `place` of the key, 4 bytes in network byte order; -1: any number. */
static void compile_number(struct cgg_entry *e, unsigned place, long n)
{
	const __u8 bytes[4] = { (__u8)(n >> 24), (__u8)(n >> 16), (__u8)(n >> 8), (__u8)n };

	if (n < 0)
		return;
	memcpy((char *)e->value + place, bytes, sizeof(bytes));
	memset((char *)e->mask + place, 0xff, sizeof(bytes));
}

/* Return the mask for word i of a name: 0xff for each of the name's first len bytes. */
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

/*
 * Compile a name. A whole name must match in its length, too. A prefix must match in its bytes
 * only, and the name must not be vague. An empty prefix matches every name.
 */
static int compile_name(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rule *rule)
{
	size_t len = strlen(rule->operand);

	e->condition.select = rule->prefix ? 0 : (__u32)len;
	e->condition.select_mask = !rule->prefix ? ~0u : len ? CGG_VAGUE & ~(CGG_VAGUE >> 1) : 0;
	memcpy(e->value, rule->operand, 16);
	for (unsigned i = 0; i < 2; i++) {
		e->mask[i] = word_mask(i, len);
		e->value[i] &= e->mask[i];
	}
	if (len <= 16)
		return 0;
	e->operand_words = (__u16)(len / 8);
	e->operand_last = word_mask((unsigned)len / 8, len);
	e->operand = heap_put(rules, rule->operand, CGG_OPERAND);
	return e->operand == NO_ROOM ? CGG_FAILED : 0;
}

static void compile_socket(struct cgg_entry *e, const struct cgg_rule *rule)
{
	if (rule->matches & CGG_MATCH_FAMILY) {
		e->condition.select |= CGG_SOCKET_SELECT((__u32)rule->family, 0, 0);
		e->condition.select_mask |= CGG_SOCKET_SELECT(0xff, 0, 0);
	}
	if (rule->matches & CGG_MATCH_TYPE) {
		e->condition.select |= CGG_SOCKET_SELECT(0, (__u32)rule->type, 0);
		e->condition.select_mask |= CGG_SOCKET_SELECT(0, 0xff, 0);
	}
}

static int compile_what(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rule *rule)
{
	if (rule->hooks & (1u << CGG_SYSCTL | 1u << CGG_UNIX))
		return compile_name(rules, e, rule);
	if (rule->hooks & 1u << CGG_DEVICE) {
		compile_number(e, 0,
			       rule->device == 'a'   ? -1
			       : rule->device == 'c' ? CGG_CHAR
						     : CGG_BLOCK);
		compile_number(e, 4, rule->major);
		compile_number(e, 8, rule->minor);
	} else if (rule->hooks & (1u << CGG_SETSOCKOPT | 1u << CGG_GETSOCKOPT)) {
		compile_number(e, 0, rule->major);
		compile_number(e, 4, rule->minor);
	} else {
		compile_net(e, rule);
	}
	if (rule->hooks & 1u << CGG_SOCKET)
		compile_socket(e, rule);
	return 0;
}

/*
 * Return the access bits of a rule. For packets they say which parts of a packet may be unknown
 * (enum cgg_known). Fail closed: a deny rule also matches when a part is unknown; allow and alert
 * rules match only when every part that they compare is known.
 */
static __u8 compile_access(const struct cgg_rule *rule)
{
	unsigned access = rule->access;
	bool deny = rule->verdict == CGG_DENY,
	     port = rule->port_min != 0 || rule->port_max != 65535,
	     proto = rule->matches & CGG_MATCH_PROTO, ip = rule->matches & CGG_MATCH_IP;

	if (!(rule->hooks & CGG_PACKET_HOOKS))
		return rule->access;
	if (deny || !port)
		access |= CGG_KNOWN_PROTO;
	if (deny || (!port && !proto))
		access |= CGG_KNOWN_ADDR;
	if (deny || (!port && !proto && !ip))
		access |= CGG_KNOWN_NONE;
	return (__u8)access;
}

static int compile_rule(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rule *rule)
{
	char text[CGG_RULE_TEXT];

	memset(e, 0, sizeof(*e));
	e->id = rule->id;
	e->condition.hooks = rule->hooks;
	e->verdict = rule->verdict;
	e->condition.access = compile_access(rule);
	e->port_min = rule->port_min;
	e->port_max = rule->port_max;
	e->condition.expires = rule->expires ? rule->expires : CGG_NEVER;
	e->condition.cgroup = rule->cgroup_id;
	e->condition.level = rule->cgroup_level;
	e->quiet = rule->quiet;
	e->error = (__u16)rule->error;
	e->text_len = (__u16)rule_print(rule, text);
	e->text = heap_put(rules, text, e->text_len);
	if (*rule->name)
		e->label = heap_put(rules, rule->name, CGG_NAME);
	if (e->text == NO_ROOM || e->label == NO_ROOM)
		return CGG_FAILED;
	return compile_what(rules, e, rule);
}

/* Return whether a rule also needs an entry for vague names, which may mean the denied path. */
static bool is_vague_too(const struct cgg_rule *rule)
{
	return rule->hooks & 1u << CGG_UNIX && rule->verdict == CGG_DENY && *rule->operand == '/';
}

static void compile_vague(struct cgg_entry *vague, const struct cgg_entry *e)
{
	*vague = *e;
	vague->condition.select = CGG_VAGUE;
	vague->condition.select_mask = ~0u;
	memset(vague->value, 0, sizeof(vague->value));
	memset(vague->mask, 0, sizeof(vague->mask));
	vague->operand_words = 0;
	vague->operand = vague->label = vague->text = vague->text_len = 0;
}

/* Remove from an entry about packets the conditions whose fields the access bit leaves unknown. */
static void loosen(struct cgg_entry *e, unsigned access_bit)
{
	e->port_min = 0;
	e->port_max = 65535;
	if (access_bit != CGG_KNOWN_PROTO) {
		e->condition.select &= ~0xffffu;
		e->condition.select_mask &= ~0xffffu;
	}
	if (access_bit == CGG_KNOWN_NONE) {
		e->condition.select = e->condition.select_mask = 0;
		memset(e->value, 0, sizeof(e->value));
		memset(e->mask, 0, sizeof(e->mask));
	}
}

static bool same_match(const struct cgg_entry *a, const struct cgg_entry *b)
{
	return a->port_min == b->port_min && a->port_max == b->port_max &&
	       a->condition.select == b->condition.select &&
	       a->condition.select_mask == b->condition.select_mask &&
	       !memcmp(a->value, b->value, sizeof(a->value)) &&
	       !memcmp(a->mask, b->mask, sizeof(a->mask));
}

/*
 * Write the forms of an entry that an index needs, and return how many. An entry about packets
 * has one form for each set of known fields, enum cgg_known; each access bit is in one form.
 */
unsigned entry_forms(const struct cgg_entry *e, struct cgg_entry form[CGG_KNOWN_BITS])
{
	static const __u8 access_bits[] = { CGG_KNOWN_PROTO, CGG_KNOWN_ADDR, CGG_KNOWN_NONE };
	unsigned count = 1;

	form[0] = *e;
	if (!(e->condition.hooks & CGG_PACKET_HOOKS))
		return 1;
	form[0].condition.access = CGG_KNOWN_ALL;
	for (unsigned i = 0; i < sizeof(access_bits); i++) {
		struct cgg_entry *last = &form[count - 1], *next = &form[count];

		if (!(e->condition.access & access_bits[i]))
			continue;
		*next = *last;
		loosen(next, access_bits[i]);
		if (same_match(last, next)) {
			last->condition.access |= access_bits[i];
			continue;
		}
		next->condition.access = access_bits[i];
		next->condition.hooks &= CGG_PACKET_HOOKS;
		count++;
	}
	return count;
}

/*
 * Insert a rule as entry number `at`; `before` is the rule of the index that it precedes. A rule
 * without an id gets the next one. Return 0 or CGG_FAILED.
 */
int rules_insert(struct cgg_rules *rules, unsigned at, __u32 before, const struct cgg_rule *rule)
{
	unsigned entries = 1 + is_vague_too(rule);
	struct cgg_entry *e;
	int status = entries_room(rules, entries);

	if (status)
		return status;
	if (rules->rules == CGG_INDEX_RULES)
		return set_error(CGG_FAILED, "a policy holds at most %u rules", CGG_INDEX_RULES);
	e = &rules->entry[at];
	memmove(e + entries, e, (rules->count - at) * sizeof(*e));
	status = compile_rule(rules, e, rule);
	if (status)
		return status;
	if (!e->id)
		e->id = rules->next_id++;
	e->before = before;
	if (entries > 1)
		compile_vague(e + 1, e);
	rules->count += entries;
	rules->rules++;
	return 0;
}

/* Append a rule to the policy. Return 0 or CGG_FAILED. */
int rules_add(struct cgg_rules *rules, const struct cgg_rule *rule)
{
	return rules_insert(rules, rules->count, CGG_LOW, rule);
}

/* Append copies of all rules of `more`, with new ids. Return 0 or CGG_FAILED. */
int rules_take(struct cgg_rules *rules, const struct cgg_rules *more)
{
	int status = entries_room(rules, more->count);
	__u32 shift;

	if (status || !more->count)
		return status;
	if (rules->rules + more->rules > CGG_INDEX_RULES)
		return set_error(CGG_FAILED, "a policy holds at most %u rules", CGG_INDEX_RULES);
	shift = heap_put(rules, more->heap, 8 * (size_t)more->heap_used);
	if (shift == NO_ROOM)
		return CGG_FAILED;
	for (unsigned i = 0; i < more->count; i++) {
		struct cgg_entry *e = &rules->entry[rules->count++];

		*e = more->entry[i];
		e->operand += e->operand ? shift : 0;
		e->label += e->label ? shift : 0;
		e->text += shift;
		e->before = CGG_LOW;
		e->id = e->text_len ? rules->next_id++ : e[-1].id;
	}
	rules->rules += more->rules;
	return 0;
}

/* Remove the rule whose first entry is `at`, with all its entries. */
void rules_remove(struct cgg_rules *rules, unsigned at)
{
	unsigned end = at + 1;

	while (end < rules->count && !rules->entry[end].text_len)
		end++;
	memmove(rules->entry + at, rules->entry + end,
		(rules->count - end) * sizeof(*rules->entry));
	rules->count -= end - at;
	rules->rules--;
}

void rules_begin(struct cgg_rules *rules)
{
	*rules = (struct cgg_rules){ .next_id = 1 };
}

void rules_free(struct cgg_rules *rules)
{
	free(rules->entry);
	free(rules->heap);
	rules_begin(rules);
}

/* Return the hooks (1 << enum cgg_hook) that the entries, the index and the defaults need. */
unsigned rules_hooks(const struct cgg_rules *rules)
{
	unsigned hooks = rules->index.number ? rules->index.hooks : 0;

	for (unsigned i = 0; i < rules->count; i++)
		hooks |= rules->entry[i].condition.hooks;
	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (rules->defaults[i] != CGG_ALLOW)
			hooks |= 1u << i;
	return hooks;
}

/* Copy a text from the rules' heap to the image's. Return its offset, or NO_ROOM: it is full. */
static __u32 image_put(struct cgg_image *image, const struct cgg_rules *rules, __u32 from,
		       size_t room)
{
	__u32 place = image->heap_used, units = (__u32)(room + 7) / 8;

	if (!from || !units)
		return 0;
	if (8 * (place + units) > CGG_HEAP)
		return NO_ROOM;
	memcpy(image->heap + 8 * (size_t)place, rules->heap + 8 * (size_t)from, 8 * (size_t)units);
	image->heap_used += units;
	return place;
}

/* Write rules into an image. Return 0, or CGG_NO: they do not fit, and need an index. */
int compile(struct cgg_image *image, const struct cgg_rules *rules)
{
	memset(image, 0, sizeof(*image));
	image->heap_used = CGG_NAME / 8; /* offset 0 is "" */
	image->next_id = rules->next_id;
	memcpy(image->defaults, rules->defaults, sizeof(rules->defaults));
	image->audit = rules->audit;
	image->index = rules->index;
	image->hooks = rules_hooks(rules);
	if (rules->count > CGG_ENTRIES)
		return CGG_NO;
	for (unsigned i = 0; i < rules->count; i++) {
		struct cgg_entry *e = &image->entry[i];

		*e = rules->entry[i];
		e->text = image_put(image, rules, e->text, e->text_len);
		e->label = image_put(image, rules, e->label, CGG_NAME);
		e->operand = image_put(image, rules, e->operand, CGG_OPERAND);
		if (e->text == NO_ROOM || e->label == NO_ROOM || e->operand == NO_ROOM)
			return CGG_NO;
		image->timed |= e->condition.expires != CGG_NEVER;
	}
	image->count = rules->count;
	return 0;
}

/* Read the entries of an image that have not expired. The caller frees rules, even on failure. */
int decompile(struct cgg_rules *rules, const struct cgg_image *image)
{
	__u64 now = image->timed ? time_now() : 0;
	int status;

	rules_begin(rules);
	rules->next_id = image->next_id;
	memcpy(rules->defaults, image->defaults, sizeof(rules->defaults));
	rules->audit = image->audit;
	rules->index = image->index;
	status = entries_room(rules, image->count);
	if (status || !image->count)
		return status;
	if (heap_put(rules, image->heap + CGG_NAME, 8 * image->heap_used - CGG_NAME) == NO_ROOM)
		return CGG_FAILED;
	for (unsigned i = 0; i < image->count; i++) {
		if (image->entry[i].condition.expires <= now)
			continue;
		rules->entry[rules->count++] = image->entry[i];
		rules->rules += image->entry[i].text_len != 0;
	}
	return 0;
}
