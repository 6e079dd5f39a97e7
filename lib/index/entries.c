// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * entries.c - compiles rules into entries, and converts entries to an image and back.
 *
 * struct cgg_rules is a whole policy in memory: entries, and a heap with the words of the rules.
 * An image holds at most CGG_ENTRIES entries and CGG_HEAP bytes of words.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "entries.h"

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

static int compile_rule(struct cgg_rules *rules, struct cgg_entry *e, const struct cgg_rule *rule)
{
	const char *text = rule_print(rule);

	memset(e, 0, sizeof(*e));
	e->id = rule->id;
	e->condition.hooks = rule->hooks;
	e->verdict = rule->verdict;
	e->condition.access = compile_access(rule);
	e->condition.expires = rule->expires ? rule->expires : CGG_NEVER;
	e->condition.cgroup = rule->cgroup_id;
	e->condition.level = rule->cgroup_level;
	if (rule->matches & CGG_MATCH_UID)
		e->condition.uid = (struct cgg_ids){ rule->uid.min, rule->uid.max + 1 };
	if (rule->matches & CGG_MATCH_GID)
		e->condition.gid = (struct cgg_ids){ rule->gid.min, rule->gid.max + 1 };
	if (rule->matches & CGG_MATCH_IFACE)
		e->condition.iface = rule->own.iface_number;
	if (rule->matches & CGG_MATCH_VALUE)
		e->condition.value = (struct cgg_values){ CGG_VALUE_OF(rule->value.min),
							  CGG_VALUE_OF(rule->value.max) + 1 };
	e->condition.unknown = rule->verdict == CGG_DENY &&
			       rule->matches & (CGG_MATCH_UID | CGG_MATCH_GID | CGG_MATCH_VALUE);
	e->condition.interval = rate_interval(&rule->limit);
	e->condition.burst = rule->limit.burst;
	e->quiet = rule->quiet;
	e->error = (__u8)rule->error;
	e->text_len = (__u32)strlen(text);
	if (e->text_len == CGG_RULE_TEXT - 1)
		return set_error(CGG_USAGE, "a rule has at most %d bytes; write several rules",
				 CGG_RULE_TEXT - 2);
	e->text = heap_put(rules, text, e->text_len);
	if (*rule->name)
		e->label = heap_put(rules, rule->name, CGG_NAME);
	if (e->text == NO_ROOM || e->label == NO_ROOM)
		return CGG_FAILED;
	return compile_what(rules, e, rule);
}

/* Return whether a rule also needs an entry for vague names, which may mean the denied name. */
static bool is_vague_too(const struct cgg_rule *rule)
{
	if (rule->verdict != CGG_DENY)
		return false;
	return (rule->hooks & 1u << CGG_UNIX && *rule->operand == '/') ||
	       (rule->hooks & 1u << CGG_DNS && (*rule->operand || *rule->set));
}

static void compile_vague(struct cgg_entry *vague, const struct cgg_entry *e)
{
	*vague = *e;
	vague->condition.select = CGG_VAGUE;
	vague->condition.select_mask = ~0u;
	memset(vague->value, 0, sizeof(vague->value));
	memset(vague->mask, 0, sizeof(vague->mask));
	vague->operand_words = 0;
	vague->operand_last = 0;
	vague->operand = vague->text = vague->text_len = 0;
}

/* Remove from an entry about packets the conditions whose fields the access bit leaves unknown. */
static void loosen(struct cgg_entry *e, unsigned access_bit)
{
	e->port_min = 0;
	e->port_max = 65535;
	e->condition.sport_min = e->condition.sport_above = 0;
	if (access_bit != CGG_KNOWN_PROTO) {
		e->condition.select &= ~0xffffu;
		e->condition.select_mask &= ~0xffffu;
	}
	if (access_bit == CGG_KNOWN_NONE) {
		e->condition.select = e->condition.select_mask = 0;
		memset(e->value, 0, sizeof(e->value));
		memset(e->mask, 0, sizeof(e->mask));
		memset(e->condition.self, 0, sizeof(e->condition.self));
		memset(e->condition.self_mask, 0, sizeof(e->condition.self_mask));
	}
}

/* Return whether two conditions ask for the same packets. */
static bool packets_alike(const struct cgg_condition *a, const struct cgg_condition *b)
{
	return a->sport_min == b->sport_min && a->sport_above == b->sport_above &&
	       !memcmp(a->self, b->self, sizeof(a->self)) &&
	       !memcmp(a->self_mask, b->self_mask, sizeof(a->self_mask));
}

/* Return whether two entries match the same keys, ports and selections. */
bool entries_match_alike(const struct cgg_entry *a, const struct cgg_entry *b)
{
	return a->port_min == b->port_min && a->port_max == b->port_max &&
	       a->condition.select == b->condition.select &&
	       a->condition.select_mask == b->condition.select_mask &&
	       packets_alike(&a->condition, &b->condition) &&
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
		if (entries_match_alike(last, next)) {
			last->condition.access |= access_bits[i];
			continue;
		}
		next->condition.access = access_bits[i];
		next->condition.hooks &= CGG_PACKET_HOOKS;
		count++;
	}
	return count;
}

/* Set *entries to how many entries a rule needs. Return 0, CGG_USAGE (too many) or CGG_FAILED. */
int rule_entries(const struct cgg_rule *rule, unsigned *entries)
{
	struct cgg_spread spread;
	int status = spread_begin(&spread, rule);

	*entries = spread.entries + is_vague_too(rule);
	spread_free(&spread);
	return status;
}

/* Write the entries of a rule in front of entry number `at`, where there is room for them. */
static int entries_put(struct cgg_rules *rules, unsigned at, __u32 before,
		       struct cgg_spread *spread)
{
	const struct cgg_rule *rule = spread->rule;
	unsigned entries = spread->entries + is_vague_too(rule);
	struct cgg_entry first, *e;
	int status = compile_rule(rules, &first, rule);

	if (!status)
		status = spread_sets(spread, rules);
	if (status)
		return status;
	if (!first.id)
		first.id = rules->next_id++;
	first.condition.limit = first.condition.interval ? first.id : 0;
	first.before = before;
	e = &rules->entry[at];
	memmove(e + entries, e, (rules->count - at) * sizeof(*e));
	*e = first;
	spread_put(e, spread);
	if (is_vague_too(rule))
		compile_vague(e + 1, e);
	rules->count += entries;
	rules->rules++;
	return 0;
}

/*
 * Insert a rule as entry number `at`; `before` is the rule of the index that it precedes. A rule
 * without an id gets the next one. Return 0, CGG_USAGE for a rule that is too large, or CGG_FAILED.
 */
int rules_insert(struct cgg_rules *rules, unsigned at, __u32 before, const struct cgg_rule *rule)
{
	struct cgg_spread spread;
	int status = spread_begin(&spread, rule);

	if (!status)
		status = entries_room(rules, spread.entries + 1);
	if (!status && rules->rules == CGG_INDEX_RULES)
		status = set_error(CGG_FAILED, "a policy holds at most %u rules", CGG_INDEX_RULES);
	if (!status)
		status = entries_put(rules, at, before, &spread);
	spread_free(&spread);
	return status;
}

/* Append a rule to the policy, like rules_insert(). */
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
		e->condition.limit = e->condition.limit ? e->id : 0;
		status = set_take(rules, e, more);
		if (status)
			return status;
	}
	rules->rules += more->rules;
	return 0;
}

/*
 * Append an entry whose operand is in the rules' heap already, and copy its words and its name
 * from the heap that it comes from. Return 0 or CGG_FAILED.
 */
int rules_take_entry(struct cgg_rules *rules, struct cgg_entry *e, const char *heap)
{
	if (entries_room(rules, 1))
		return CGG_FAILED;
	if (e->text)
		e->text = heap_put(rules, heap + 8 * (size_t)e->text, e->text_len);
	if (e->label)
		e->label = e->text_len ? heap_put(rules, heap + 8 * (size_t)e->label, CGG_NAME)
				       : rules->entry[rules->count - 1].label;
	if (e->text == NO_ROOM || e->label == NO_ROOM)
		return CGG_FAILED;
	e->before = CGG_LOW;
	rules->entry[rules->count++] = *e;
	rules->rules += e->text_len != 0;
	return 0;
}

/* Append an entry of the image beside an index, as it is. Return 0 or CGG_FAILED. */
int rules_take_beside(struct cgg_rules *rules, const struct cgg_rules *beside, unsigned at)
{
	struct cgg_entry e = beside->entry[at];

	if (e.operand)
		e.operand = heap_put(rules, beside->heap + 8 * (size_t)e.operand, CGG_OPERAND);
	return e.operand == NO_ROOM ? CGG_FAILED : rules_take_entry(rules, &e, beside->heap);
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

void default_set(struct cgg_defaults *defaults, unsigned hook, __u8 verdict, __u8 error, bool quiet)
{
	defaults->verdict[hook] = verdict;
	defaults->error[hook] = error;
	defaults->quiet = (defaults->quiet & ~(1u << hook)) | (__u32)quiet << hook;
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

/* Return whether a rule asks for names of addresses. */
bool rules_have_host(const struct cgg_rules *rules)
{
	bool any = rules->index.number && rules->index.by_name;

	for (unsigned i = 0; i < rules->count && !any; i++)
		any = rules->entry[i].condition.access == CGG_BY_NAME;
	return any;
}

static unsigned hook_whole(unsigned hook)
{
	return 1u << hook | (hook == CGG_FLOW ? CGG_ASKS_TCP | CGG_ASKS_UDP : 0);
}

static bool has_proto(const struct cgg_condition *c, unsigned proto)
{
	return !((c->select ^ proto) & c->select_mask & 0xffff);
}

/* Return the hooks of a condition, with the protocols whose flows it asks for (CGG_ASKS_*). */
unsigned condition_hooks(const struct cgg_condition *c)
{
	unsigned hooks = c->hooks;

	if (!(hooks & 1u << CGG_FLOW))
		return hooks;
	if (has_proto(c, IPPROTO_TCP))
		hooks |= CGG_ASKS_TCP;
	if (has_proto(c, IPPROTO_UDP) || has_proto(c, IPPROTO_UDPLITE))
		hooks |= CGG_ASKS_UDP;
	return hooks;
}

/*
 * Return the hooks (1 << enum cgg_hook, and CGG_ASKS_*) that the entries, the index and the
 * defaults need. Names of addresses are learnt by the programs of the hook dns. Settings that are
 * unset need none.
 */
unsigned rules_hooks(const struct cgg_rules *rules)
{
	unsigned hooks = rules->index.number ? rules->index.hooks : 0;

	for (unsigned i = 0; i < rules->count; i++)
		hooks |= condition_hooks(&rules->entry[i].condition);
	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (rules->defaults.verdict[i] != CGG_ALLOW &&
		    rules->defaults.verdict[i] != CGG_UNSET)
			hooks |= hook_whole(i);
	if ((rules->naming.resolvers && rules->naming.resolvers != CGG_UNSET_RESOLVERS) ||
	    rules_have_host(rules))
		hooks |= 1u << CGG_DNS;
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
	image->defaults = rules->defaults;
	image->audit = rules->audit;
	image->naming = rules->naming;
	if (!image->naming.keep)
		image->naming.keep = CGG_KEEP;
	if (!image->naming.room)
		image->naming.room = CGG_NAMES_ROOM;
	image->by_name = rules_have_host(rules);
	image->limited = rules->index.number && rules->index.limited;
	image->index = rules->index;
	memcpy(image->set, rules->set, sizeof(rules->set));
	for (unsigned i = 0; i < CGG_SETS_OF; i++)
		if (rules->set[i].number)
			image->sets = (__u8)(i + 1);
	image->hooks = rules_hooks(rules);
	if (rules->count > CGG_ENTRIES)
		return CGG_NO;
	for (unsigned i = 0; i < rules->count; i++) {
		struct cgg_entry *e = &image->entry[i];

		*e = rules->entry[i];
		e->text = image_put(image, rules, e->text, e->text_len);
		e->label = i && e->label == rules->entry[i - 1].label
				   ? e[-1].label /* another entry of the same rule */
				   : image_put(image, rules, e->label, CGG_NAME);
		e->operand = image_put(image, rules, e->operand, CGG_OPERAND);
		if (e->text == NO_ROOM || e->label == NO_ROOM || e->operand == NO_ROOM)
			return CGG_NO;
		image->timed |= e->condition.expires != CGG_NEVER;
		image->limited |= e->condition.limit != 0;
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
	rules->defaults = image->defaults;
	rules->audit = image->audit;
	rules->naming = image->naming;
	rules->index = image->index;
	memcpy(rules->set, image->set, sizeof(rules->set));
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
