// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * policy.c - a policy is read, changed in one step, made and dropped.
 *
 * A change writes the image that is not in force and then raises the generation:
 * one store, and every decision that begins after it goes by the new rules.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "cgg.h"

int policy_find(struct cgg_guard *guard, const char *name)
{
	for (int i = 0; i < CGG_POLICIES; i++)
		if (!strncmp(guard->policies[i].name, name, CGG_POLICY_NAME))
			return i;
	return -1;
}

/* Return the name of the policy that a tag stands for; 0: it is gone */
const char *policy_by_tag(const struct cgg_policy *policies, const char *tag, unsigned place)
{
	for (unsigned i = 0; i < CGG_POLICIES; i++) {
		const struct cgg_policy *policy = &policies[(place + i) % CGG_POLICIES];

		if (*policy->name && !memcmp(policy->tag, tag, CGG_NAME))
			return policy->name;
	}
	return 0;
}

/*
 * Return the name of the policy that had the place then: its tag when it is gone, "" when
 * another one took the place
 */
const char *policy_by_place(const struct cgg_policy *policies, unsigned place, __u32 born)
{
	if (place >= CGG_POLICIES || policies[place].born != born)
		return "";
	return *policies[place].name ? policies[place].name : policies[place].tag;
}

/* generation_now - that in force: a restore that nobody confirmed in time has lapsed */
static __u32 generation_now(const struct cgg_policy *policy)
{
	__u32 generation = __atomic_load_n(&policy->generation, __ATOMIC_ACQUIRE);
	bool lapsed = policy->revert_at && policy->unconfirmed == generation &&
		      time_now() >= policy->revert_at;

	return generation + lapsed;
}

static struct cgg_image *image_now(struct cgg_guard *guard, int place)
{
	struct cgg_image *images = guard_images(guard, place);

	return images ? &images[generation_now(&guard->policies[place]) & 1] : 0;
}

/* policy_image - 0 when it cannot be had, which is refused */
const struct cgg_image *policy_image(struct cgg_guard *guard, int place)
{
	return image_now(guard, place);
}

bool policy_is_open(struct cgg_guard *guard, int place)
{
	const struct cgg_image *image = policy_image(guard, place);

	return image && !image->hooks;
}

/* left - whole seconds until an unconfirmed restore lapses; 0: there is none */
static unsigned long long left(const struct cgg_policy *policy)
{
	__u64 now = time_now();

	if (!policy->revert_at || policy->unconfirmed != policy->generation ||
	    now >= policy->revert_at)
		return 0;
	return (policy->revert_at - now + 999999999) / 1000000000;
}

/*
 * policy_programs - those that the image in force needs, and while a restore waits to be
 * confirmed those of the one before, which may be in force again at any time
 */
int policy_programs(struct cgg_guard *guard, int place, unsigned *programs)
{
	const struct cgg_policy *policy = &guard->policies[place];
	const struct cgg_image *images = guard_images(guard, place);
	unsigned hooks = images ? policy_image(guard, place)->hooks : 0;

	if (images && left(policy))
		hooks |= images[0].hooks | images[1].hooks;
	*programs = hook_programs(hooks);
	return images ? 0 : CGG_FAILED;
}

/*
 * writing_begins - of the next generation, which it gives: who reads the image that has
 * its place begins again. Nothing may wait to be confirmed.
 */
static __u32 writing_begins(struct cgg_policy *policy)
{
	__u32 next = generation_now(policy) + 1;

	/* A lapsed restore is over for good once the generation says so too. */
	__atomic_store_n(&policy->generation, next - 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->revert_at, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->writing, next, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return next;
}

/* image_write - where the next generation will look for it; gives that generation */
static __u32 image_write(struct cgg_policy *policy, struct cgg_image *images,
			 const struct cgg_image *image)
{
	__u32 next = writing_begins(policy);

	memcpy(&images[next & 1], image, offsetof(struct cgg_image, heap));
	memcpy(images[next & 1].heap, image->heap, 8 * (size_t)image->heap_used);
	return next;
}

/* switch_image - in one store; with seconds, unless policy_confirm() follows, for so long */
static void switch_image(struct cgg_policy *policy, __u32 next, unsigned seconds)
{
	__u64 until = seconds ? time_now() + seconds * 1000000000ULL : 0;

	__atomic_store_n(&policy->unconfirmed, next, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->revert_at, until, __ATOMIC_SEQ_CST);
	__atomic_store_n(&policy->generation, next, __ATOMIC_SEQ_CST);
	if (!*policy->name) {
		char first = policy->name[CGG_POLICY_NAME - 1];

		policy->name[CGG_POLICY_NAME - 1] = 0;
		__atomic_store_n(&policy->name[0], first, __ATOMIC_SEQ_CST);
	}
}

/* indexes_free - those that the image in force has not, and no way back needs */
static void indexes_free(struct cgg_guard *guard, int place)
{
	struct cgg_policy *policy = &guard->policies[place];
	__u32 kept = policy_image(guard, place)->index.number, number = 2 * (__u32)place;

	writing_begins(policy);
	for (__u32 i = number; i < number + 2; i++)
		if (i + 1 != kept)
			index_drop(guard, i);
}

/*
 * place_clear - a place without a name holds nothing: what a policy left that was dropped, or
 * that was killed before it had its name
 */
static int place_clear(struct cgg_guard *guard, int place)
{
	const struct cgg_rules none = { .next_id = 1 };
	struct cgg_policy *policy = &guard->policies[place];
	__u32 next;

	if (!policy->unclean)
		return 0;
	if (!guard_images(guard, place))
		return CGG_FAILED;
	memset(policy->name, 0, sizeof(policy->name));
	if (count_forget((__u32)place))
		return CGG_FAILED;
	next = writing_begins(policy);
	compile(&guard->images[place][next & 1], &none);
	switch_image(policy, next, 0);
	indexes_free(guard, place);
	__atomic_store_n(&policy->unclean, 0, __ATOMIC_SEQ_CST);
	return 0;
}

static bool chunk_is_used(const struct cgg_guard *guard, __u32 chunk)
{
	for (__u32 i = 0; i < CGG_CHUNK; i++)
		if (*guard->policies[chunk * CGG_CHUNK + i].name)
			return true;
	return false;
}

/* Have the maps that a free place needs. Those of other policies are never replaced */
static int place_prepare(struct cgg_guard *guard, int place)
{
	__u32 chunk = (__u32)place / CGG_CHUNK;

	if (!chunk_is_used(guard, chunk) && !chunk_is_whole(guard, chunk)) {
		chunk_forget(guard, chunk);
		if (chunk_make(CGG_DIR, guard->image_maps, guard->tally_maps, chunk))
			return CGG_FAILED;
	}
	return place_clear(guard, place) || !guard_images(guard, place) ? CGG_FAILED : 0;
}

/* Free the maps of a chunk in which no policy has a name. Chunk 0 has the policy "default" */
static void chunk_free(struct cgg_guard *guard, __u32 chunk)
{
	if (!chunk || chunk_is_used(guard, chunk))
		return;
	for (__u32 i = 0; i < CGG_CHUNK; i++)
		if (place_clear(guard, (int)(chunk * CGG_CHUNK + i)))
			break;
	chunk_forget(guard, chunk);
}

/* policy_make - the place of that name, or a free one that policy_commit() will name */
int policy_make(struct cgg_guard *guard, const char *name, int *place)
{
	const struct cgg_rules none = { .next_id = 1 };
	struct cgg_policy *policy = guard->policies;
	int status = policy_name_check(name);

	if (status)
		return status;
	*place = policy_find(guard, name);
	if (*place >= 0)
		return 0;
	while (policy < guard->policies + CGG_POLICIES && *policy->name)
		policy++;
	if (policy == guard->policies + CGG_POLICIES)
		return set_error(CGG_FAILED,
				 "policy %s: there are %d policies, no more fit; "
				 "cgg-rule -p NAME drop removes one",
				 name, CGG_POLICIES);
	*place = (int)(policy - guard->policies);
	status = place_prepare(guard, *place);
	if (status)
		return status;
	__atomic_store_n(&policy->unclean, 1, __ATOMIC_SEQ_CST);
	/* The name becomes one with its first letter, which comes last. */
	strncpy(policy->name + 1, name + 1, CGG_POLICY_NAME - 2);
	policy->name[CGG_POLICY_NAME - 1] = *name;
	name_tag(policy->tag, name);
	policy->born++;
	compile(&guard->images[*place][(writing_begins(policy) - 1) & 1], &none);
	return 0;
}

/* Call sweep for each number that is a pin in a directory of inner maps */
static void inner_each(struct cgg_guard *guard, const char *path, unsigned long most,
		       void sweep(struct cgg_guard *guard, __u32 number))
{
	DIR *list = opendir(path);
	struct dirent *entry;
	unsigned long number;

	while (list && (entry = readdir(list)))
		if (!number_parse(&number, entry->d_name, strlen(entry->d_name), most))
			sweep(guard, (__u32)number);
	if (list)
		closedir(list);
}

static void index_sweep(struct cgg_guard *guard, __u32 number)
{
	int place = (int)(number / 2);
	const struct cgg_image *image = policy_image(guard, place);

	if (!image)
		return;
	if (!*guard->policies[place].name)
		place_clear(guard, place);
	else if (left(&guard->policies[place]) || image->index.number == number + 1)
		return;
	indexes_free(guard, place);
}

/* policies_sweep - what a killed command, or a restore that lapsed, left of policies */
void policies_sweep(struct cgg_guard *guard)
{
	inner_each(guard, CGG_DIR "/indexes", 2 * CGG_POLICIES - 1, index_sweep);
	inner_each(guard, CGG_DIR "/tallies", CGG_CHUNKS - 1, chunk_free);
}

/* Until a restore is confirmed or has lapsed its way back stays as it is. */
static int pending_check(const struct cgg_policy *policy)
{
	unsigned long long seconds = left(policy);

	return seconds ? set_error(CGG_NO, "policy %s: waits %llu s for cgg-rule -p %s confirm",
				   policy->name, seconds, policy->name)
		       : 0;
}

/* commit - what compile() made; its index, if that is a new one, is stored */
static int commit(struct cgg_guard *guard, int place, const struct cgg_image *image,
		  unsigned seconds)
{
	const struct cgg_image *old = policy_image(guard, place);
	struct cgg_policy *policy = &guard->policies[place];
	unsigned before = old ? old->hooks : 0;
	int status = old ? pending_check(policy) : CGG_FAILED;
	__u32 old_index = old ? old->index.number : 0;

	/* With no image there is a status: set_error() gave it. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	if (!status && image->hooks & ~before)
		status = attach_hooks(guard, (__u32)place, image->hooks);
	if (!status && guard->ready) {
		status = guard->ready();
		if (status)
			detach_hooks(guard, (__u32)place, image->hooks & ~before);
	}
	if (status)
		return status;
	switch_image(policy, image_write(policy, guard->images[place], image), seconds);
	if (before & ~image->hooks && !seconds)
		detach_hooks(guard, (__u32)place, before & ~image->hooks);
	if (old_index != image->index.number && !seconds)
		indexes_free(guard, place);
	return 0;
}

/* new_index - all rules into an index of their own, beside which nothing stands */
static int new_index(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	const struct cgg_image *now = policy_image(guard, place);
	struct cgg_policy *policy = &guard->policies[place];
	struct cgg_index head;
	char *pages;
	int status = now ? pending_check(policy) : CGG_FAILED;

	if (!status)
		status = index_build(&pages, &head, rules);
	if (status)
		return status;
	head.number = 2 * (__u32)place + 1;
	if (now->index.number == head.number)
		head.number++;
	writing_begins(policy);
	status = index_store(guard, &head, pages);
	free(pages);
	if (status)
		return status;
	rules->index = head;
	rules->count = rules->rules = 0;
	return 0;
}

/* commit_rules - all that there are, or those beside the index in force */
static int commit_rules(struct cgg_guard *guard, int place, struct cgg_rules *rules,
			unsigned seconds)
{
	struct cgg_image *image = malloc(sizeof(*image));
	int status = image ? compile(image, rules) : set_error(CGG_FAILED, "out of memory");

	if (status == CGG_NO) {
		status = new_index(guard, place, rules);
		if (!status) {
			compile(image, rules);
			status = commit(guard, place, image, seconds);
			if (status)
				index_drop(guard, rules->index.number - 1);
		}
	} else if (!status) {
		status = commit(guard, place, image, seconds);
	}
	free(image);
	return status;
}

/* ---- the rules of a policy, in their order ---- */

static int image_line(const struct cgg_image *image, unsigned at, __u64 now, policy_line *line,
		      void *context)
{
	const struct cgg_entry *e = &image->entry[at];

	if (!e->text_len || e->expires <= now)
		return 0;
	return line(context, &(struct cgg_line){ .text = image->heap + 8 * (size_t)e->text,
						 .len = e->text_len,
						 .id = e->id,
						 .expires = e->expires,
						 .cgroup = e->cgroup,
						 .level = e->level });
}

static int index_line(const struct cgg_store *index, __u32 rule, __u64 now, policy_line *line,
		      void *context)
{
	const struct cgg_record *record = &index->records[rule];
	const struct cgg_action *action = &index->actions[record->action];

	if (index_is_dead(index, rule) || action->expires <= now)
		return 0;
	return line(context, &(struct cgg_line){ .text = index_text(index, rule),
						 .len = record->len,
						 .id = record->id,
						 .expires = action->expires,
						 .cgroup = action->cgroup,
						 .level = action->level });
}

/* policy_each - calls line for each rule until it gives something else than 0, which it gives */
int policy_each(struct cgg_guard *guard, int place, policy_line *line, void *context)
{
	const struct cgg_image *image = policy_image(guard, place);
	struct cgg_store index = { 0 };
	__u64 now = time_now();
	unsigned at = 0;
	int status = image ? 0 : CGG_FAILED;

	if (!status && image->index.number)
		status = index_open(&index, &image->index, CGG_READ, CGG_RECORDS | CGG_TEXTS);
	for (__u32 rule = 0; index.head && rule < index.head->rules && !status; rule++) {
		for (; at < image->count && image->entry[at].before <= rule && !status; at++)
			status = image_line(image, at, now, line, context);
		if (!status)
			status = index_line(&index, rule, now, line, context);
	}
	for (; !status && at < image->count; at++)
		status = image_line(image, at, now, line, context);
	index_close(&index);
	return status;
}

static int count_line(void *context, const struct cgg_line *line)
{
	(void)line;
	++*(unsigned *)context;
	return 0;
}

int policy_size(struct cgg_guard *guard, int place, unsigned *rules)
{
	*rules = 0;
	return policy_each(guard, place, count_line, rules);
}

/* line_rule - the rule itself, from its words */
int line_rule(const struct cgg_line *line, struct cgg_rule *rule)
{
	char text[CGG_RULE_TEXT];
	int status;

	memcpy(text, line->text, line->len);
	text[line->len] = 0;
	status = rule_line(rule, text);
	rule->id = line->id;
	rule->cgroup_id = line->cgroup;
	rule->cgroup_level = line->level;
	rule->expires = line->expires == CGG_NEVER ? 0 : line->expires;
	return status;
}

/* The time left is rounded up to seconds: a rule that still holds has some. */
void line_print(const struct cgg_line *line, char text[CGG_LINE_TEXT])
{
	__u64 now, left;

	memcpy(text, line->text, line->len);
	text[line->len] = 0;
	if (line->expires == CGG_NEVER)
		return;
	now = time_now();
	left = line->expires > now ? line->expires - now : 1;
	snprintf(text + line->len, CGG_LINE_TEXT - line->len, " ttl %llus",
		 (left + 999999999) / 1000000000);
}

static int take_line(void *context, const struct cgg_line *line)
{
	struct cgg_rules *rules = context;
	struct cgg_rule rule;
	int status = line_rule(line, &rule);

	progress("rules read", rules->rules);
	return status ? status : rules_add(rules, &rule);
}

/* policy_read - all rules, with no index */
static int policy_read(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	const struct cgg_image *image = policy_image(guard, place);

	rules_begin(rules);
	if (!image)
		return CGG_FAILED;
	rules->next_id = image->next_id;
	memcpy(rules->defaults, image->defaults, sizeof(rules->defaults));
	rules->audit = image->audit;
	return policy_each(guard, place, take_line, rules);
}

/* ---- changes ---- */

/* beside_read - the rules beside the index, and which index that is */
static int beside_read(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	const struct cgg_image *image = policy_image(guard, place);

	rules_begin(rules);
	return image ? decompile(rules, image) : CGG_FAILED;
}

/* fits - whether so many more entries may stand beside the index; their words are not more than */
static bool fits(const struct cgg_rules *rules, unsigned entries, __u32 units)
{
	return rules->count + entries <= CGG_ENTRIES && 8 * (rules->heap_used + units) <= CGG_HEAP;
}

/* rule_units - of a heap, at most, that a rule takes */
static __u32 rule_units(const struct cgg_rule *rule)
{
	char text[CGG_RULE_TEXT];

	return (__u32)(rule_print(rule, text) + CGG_NAME + CGG_OPERAND) / 8 + 3;
}

/* settings_take - what more says of defaults and mode */
static void settings_take(struct cgg_rules *rules, const struct cgg_rules *more)
{
	for (unsigned i = 0; i < CGG_HOOKS; i++)
		if (more->defaults[i] != CGG_UNSET)
			rules->defaults[i] = more->defaults[i];
	if (more->audit != CGG_UNSET)
		rules->audit = more->audit;
}

/* policy_add - at the end, and the settings that it has; first_id: the new ids begin with it */
int policy_add(struct cgg_guard *guard, int place, const struct cgg_rules *more, __u32 *first_id)
{
	struct cgg_rules rules;
	int status = beside_read(guard, place, &rules);

	if (!status && rules.index.number && !fits(&rules, more->count, more->heap_used)) {
		rules_free(&rules);
		status = policy_read(guard, place, &rules);
	}
	settings_take(&rules, more);
	*first_id = rules.next_id;
	if (!status)
		status = rules_take(&rules, more);
	if (!status)
		status = commit_rules(guard, place, &rules, 0);
	rules_free(&rules);
	return status;
}

/* What a rule is looked for by: its words, or with text 0 its id. */
struct wanted {
	const char *text;
	size_t len;
	__u32 id;
};

static bool is_wanted(struct cgg_store *index, __u32 rule, const struct wanted *w)
{
	struct cgg_record record;

	if (index_is_dead(index, rule) || index_record(index, rule, &record))
		return false;
	return (w->text ? index_has_text(index, &record, w->text, w->len) : record.id == w->id) &&
	       index->actions[record.action].expires > time_now();
}

/* in_index - the first rule that is wanted, CGG_LOW: none */
static __u32 in_index(struct cgg_store *index, const struct wanted *w)
{
	__u32 rule = 0, end = index->head->rules, hash = w->text ? words_hash(w->text, w->len) : 0;

	if (!w->text && index->head->first_id) {
		rule = w->id - index->head->first_id;
		end = rule < end ? rule + 1 : 0;
	}
	for (; rule < end; rule++)
		if ((w->text ? index->hashes[rule] == hash
			     : !index->records || index->records[rule].id == w->id) &&
		    is_wanted(index, rule, w))
			return rule;
	return CGG_LOW;
}

static unsigned beside(const struct cgg_rules *rules, const struct wanted *w)
{
	unsigned at = 0;

	for (; at < rules->count; at++) {
		const struct cgg_entry *e = &rules->entry[at];

		if (!e->text_len)
			continue;
		if (w->text ? e->text_len == w->len &&
				      !memcmp(rules->heap + 8 * (size_t)e->text, w->text, w->len)
			    : e->id == w->id)
			break;
	}
	return at;
}

/*
 * rule_find - the first rule that is wanted: a number in the index (else CGG_LOW), or
 * of an entry beside it; CGG_NO: there is none
 */
static int rule_find(const struct cgg_rules *rules, const struct wanted *w, unsigned *at,
		     __u32 *rule)
{
	struct cgg_store index;

	*at = beside(rules, w);
	*rule = CGG_LOW;
	if (rules->index.number && (*at == rules->count || w->text)) {
		int status = index_open(&index, &rules->index, CGG_READ, w->text ? CGG_HASHES : 0);

		if (!status && !w->text && !index.head->first_id)
			status = index_map(&index, CGG_RECORDS);
		if (status)
			return status;
		*rule = in_index(&index, w);
		index_close(&index);
	}
	if (*at < rules->count && rules->entry[*at].before <= *rule)
		*rule = CGG_LOW;
	return *at < rules->count || *rule != CGG_LOW ? 0 : set_error(CGG_NO, "no such rule");
}

int policy_insert(struct cgg_guard *guard, int place, __u32 before, const struct cgg_rule *rule,
		  __u32 *id)
{
	const struct wanted wanted = { .id = before };
	struct cgg_rules rules;
	unsigned at = 0;
	__u32 index_rule = CGG_LOW;
	int status = beside_read(guard, place, &rules);

	if (!status)
		status = rule_find(&rules, &wanted, &at, &index_rule);
	if (!status && rules.index.number && !fits(&rules, 2, rule_units(rule))) {
		rules_free(&rules);
		status = policy_read(guard, place, &rules);
		if (!status)
			status = rule_find(&rules, &wanted, &at, &index_rule);
	}
	if (!status && index_rule != CGG_LOW)
		for (at = 0; at < rules.count && rules.entry[at].before <= index_rule;)
			at++;
	else if (!status)
		index_rule = rules.entry[at].before;
	*id = rules.next_id;
	if (!status)
		status = rules_insert(&rules, at, index_rule, rule);
	if (!status)
		status = commit_rules(guard, place, &rules, 0);
	rules_free(&rules);
	return status;
}

/*
 * index_delete - by a bit of its own, if nothing was left out because of the rule
 * and most others are still there; CGG_NO: it takes a new index
 */
static int index_delete(struct cgg_image *image, __u32 rule, __u32 *id)
{
	struct cgg_record record;
	struct cgg_store index;
	int status = index_open(&index, &image->index, CGG_CHANGE, 0);

	if (!status)
		status = index_record(&index, rule, &record);
	if (status)
		return status;
	*id = record.id;
	if (record.shadows || 2 * (image->index.dead + 1) >= image->index.rules) {
		status = CGG_NO;
	} else {
		/* Bits count while some rule is dead, so the bit comes last: it is the step. */
		__atomic_fetch_add(&image->index.dead, 1, __ATOMIC_SEQ_CST);
		__atomic_fetch_or(&index.bits[rule / 8], (__u8)(1 << rule % 8), __ATOMIC_SEQ_CST);
	}
	index_close(&index);
	return status;
}

/* policy_delete - by the rule's words, or with text 0 by its id */
int policy_delete(struct cgg_guard *guard, int place, __u32 id, const char *text)
{
	const struct wanted wanted = { text, text ? strlen(text) : 0, id };
	struct cgg_rules rules;
	__u32 index_rule = CGG_LOW;
	unsigned at;
	int status = beside_read(guard, place, &rules);

	if (!status)
		status = rule_find(&rules, &wanted, &at, &index_rule);
	if (!status)
		status = pending_check(&guard->policies[place]);
	if (!status && index_rule != CGG_LOW) {
		status = index_delete(image_now(guard, place), index_rule, &id);
		if (status != CGG_NO) {
			if (!status)
				count_forget_rule((__u32)place, id);
			rules_free(&rules);
			return status;
		}
		rules_free(&rules);
		status = policy_read(guard, place, &rules);
		if (!status)
			status = rule_find(&rules, &wanted, &at, &index_rule);
	}
	if (!status) {
		id = rules.entry[at].id;
		rules_remove(&rules, at);
		status = commit_rules(guard, place, &rules, 0);
	}
	if (!status)
		count_forget_rule((__u32)place, id);
	rules_free(&rules);
	return status;
}

/* policy_settings - the defaults and the mode that are not CGG_UNSET */
int policy_settings(struct cgg_guard *guard, int place, const struct cgg_rules *settings)
{
	struct cgg_rules rules;
	int status = beside_read(guard, place, &rules);

	settings_take(&rules, settings);
	if (!status)
		status = commit_rules(guard, place, &rules, 0);
	rules_free(&rules);
	return status;
}

/* ---- a whole policy ---- */

/* New rules by their words: an open table of numbers of entries + 1. */
struct by_words {
	struct cgg_rules *rules;
	__u32 *slot, size;
};

/* A rule whose words did not change keeps its id, and so its counts. */
static int keep_id(void *context, const struct cgg_line *line)
{
	struct by_words *known = context;
	__u32 at = words_hash(line->text, line->len) & (known->size - 1);

	for (; known->slot[at]; at = (at + 1) & (known->size - 1)) {
		struct cgg_entry *e = &known->rules->entry[known->slot[at] - 1];

		if (e->id || e->text_len != line->len ||
		    memcmp(known->rules->heap + 8 * (size_t)e->text, line->text, line->len) != 0)
			continue;
		e->id = line->id;
		break;
	}
	return 0;
}

static int keep_ids(struct cgg_guard *guard, int place, struct cgg_rules *rules)
{
	const struct cgg_image *now = policy_image(guard, place);
	struct by_words known = { .rules = rules, .size = 64 };
	__u32 id = 0;
	int status;

	if (!now)
		return CGG_FAILED;
	while (known.size < 2 * rules->rules)
		known.size *= 2;
	known.slot = calloc(known.size, sizeof(*known.slot));
	if (!known.slot)
		return set_error(CGG_FAILED, "%u rules: out of memory", rules->rules);
	for (unsigned i = 0; i < rules->count; i++) {
		struct cgg_entry *e = &rules->entry[i];
		__u32 at;

		e->id = 0;
		if (!e->text_len)
			continue;
		at = words_hash(rules->heap + 8 * (size_t)e->text, e->text_len) & (known.size - 1);
		while (known.slot[at])
			at = (at + 1) & (known.size - 1);
		known.slot[at] = i + 1;
	}
	/* A restore is the cure of words that were lost, so it must do without them. */
	status = index_is_lost(&now->index) ? 0 : policy_each(guard, place, keep_id, &known);
	free(known.slot);
	if (status)
		return status;
	rules->next_id = now->next_id;
	for (unsigned i = 0; i < rules->count; i++) {
		struct cgg_entry *e = &rules->entry[i];

		if (e->text_len)
			id = e->id ? e->id : rules->next_id++;
		e->id = id;
	}
	return 0;
}

/* ids_of - of all rules, to be freed; 0: there are none, or no memory to forget the others */
static __u32 *ids_of(const struct cgg_rules *rules)
{
	__u32 *ids = reallocarray(0, rules->rules, sizeof(*ids)), count = 0;

	for (unsigned i = 0; ids && i < rules->count; i++)
		if (rules->entry[i].text_len)
			ids[count++] = rules->entry[i].id;
	return ids;
}

/* policy_restore - for so many seconds, unless they are 0 */
int policy_restore(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds)
{
	const struct cgg_image *now = policy_image(guard, place);
	bool counted = !seconds && count_any((__u32)place);
	unsigned count = rules->rules;
	int status = now ? 0 : CGG_FAILED;
	__u32 *ids;

	if (!status && (now->count || now->index.number || now->next_id != 1))
		status = keep_ids(guard, place, rules);
	ids = !status && counted && count ? ids_of(rules) : 0;
	if (!status)
		status = commit_rules(guard, place, rules, seconds);
	if (!status && counted && (ids || !count))
		count_keep((__u32)place, ids, count);
	free(ids);
	return status;
}

int policy_confirm(struct cgg_guard *guard, int place)
{
	struct cgg_policy *policy = &guard->policies[place];
	const struct cgg_image *image = policy_image(guard, place);
	__u64 waits = left(policy);

	if (!image)
		return CGG_FAILED;
	if (!waits)
		return set_error(CGG_NO, "policy %s: %s", policy->name,
				 policy->revert_at && policy->unconfirmed == policy->generation
					 ? "has gone back, the time is over"
					 : "nothing waits to be confirmed");
	__atomic_store_n(&policy->revert_at, 0, __ATOMIC_SEQ_CST);
	detach_hooks(guard, (__u32)place, ~image->hooks);
	indexes_free(guard, place);
	return 0;
}

/* Free the place. Without its name the policy is gone; the next command finishes the rest */
static int drop(struct cgg_guard *guard, int place)
{
	int status = pending_check(&guard->policies[place]);

	if (status)
		return status;
	__atomic_store_n(&guard->policies[place].name[0], 0, __ATOMIC_SEQ_CST);
	place_clear(guard, place);
	chunk_free(guard, (__u32)place / CGG_CHUNK);
	return 0;
}

/* Count the attachments of each policy, in used[CGG_POLICIES] */
static int uses_read(struct cgg_guard *guard, unsigned *used)
{
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count);

	memset(used, 0, CGG_POLICIES * sizeof(*used));
	for (unsigned i = 0; !status && i < count; i++)
		if (all[i].policy < CGG_POLICIES)
			used[all[i].policy]++;
	free(all);
	return status;
}

int policy_drop(struct cgg_guard *guard, int place)
{
	static unsigned used[CGG_POLICIES];
	int status = uses_read(guard, used);

	if (status)
		return status;
	if (!place)
		return set_error(CGG_USAGE,
				 "policy default: always exists; cgg-rule flush empties it");
	if (used[place])
		return set_error(CGG_NO, "policy %s: %u cgroup%s attached to it; cgg-detach first",
				 guard->policies[place].name, used[place],
				 used[place] == 1 ? " is" : "s are");
	return drop(guard, place);
}

/* Drop each policy of such a name that no cgroup is attached to */
int policies_drop_idle(struct cgg_guard *guard, bool is_meant(const char *name))
{
	static unsigned used[CGG_POLICIES];
	int status = uses_read(guard, used);

	for (int i = 1; i < CGG_POLICIES && !status; i++)
		if (!used[i] && is_meant(guard->policies[i].name) && drop(guard, i) == CGG_FAILED)
			status = CGG_FAILED;
	return status;
}
