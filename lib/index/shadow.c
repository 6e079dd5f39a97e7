// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * shadow.c - finds the rules that can never decide, because earlier rules take all they match.
 *
 * Rules are read in order. Each is first compared with the covers, then added to them. Rules that
 * ask for something beside a prefix, a port and a selection (a cgroup, say) are of a class. A rule
 * can be shadowed by rules of its class and of wider ones. So each class has covers of its own, to
 * which the rules of wider classes are added too.
 *
 * Rules that name ranges of other numbers (users, say) stand in no cover, and covers do not join
 * protocols. Where rules name such ranges, or all protocols, what the covers leave open is looked
 * for among the blocks of all rules (ranges.h).
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ranges.h"

/* Nodes of ranges that are looked at: about 2 seconds, and one minute. */
#define STEPS_FAST 20000000
#define STEPS_ALL 600000000

struct cover_of {
	__u64 name; /* of the class and the kind, + 1; 0: free */
	struct cover cover;
};

/* A rule that covers take, or for which blocks have to tell. */
struct suspect {
	unsigned entry; /* the first of the rule */
	__u32 by; /* number of the rule that takes all; 0: several rules together; or NO_RULE */
	kind_set unsure; /* 0: it is shadowed */
};

struct finder {
	const struct cgg_rules *rules;
	struct classes classes;
	struct cover_of *cover;
	__u32 covers, cover_slots;
	struct looks looks;
	struct ranges ranges;
	kind_set ranged; /* kinds of queries with rules that name ranges */
	kind_set collected; /* those whose rules are compared by blocks, too */
	bool proto[PROTOS]; /* that a rule names */
	__u32 hooks_by_name; /* 1 << hook: it has rules by name */
	unsigned first_wanted; /* the first entry whose rule is to be compared */
	const struct cgg_entry *entry, *form; /* of which boxes are visited */
	__u32 rule; /* its number: of its rule's first entry, + 1 */
	bool shadowed;
	kind_set unsure; /* kinds of queries for which the covers do not take all */
	__u32 blocks; /* up to the end of the last rule for which these have to tell */
	__u32 by;
	struct suspect *suspect; /* in the order of rules */
	unsigned suspects;
};

/* ---- covers ---- */

static struct cover_of *cover_slot(const struct finder *f, __u64 name)
{
	__u32 at = words_hash((const char *)&name, sizeof(name)) & (f->cover_slots - 1);

	while (f->cover[at].name && f->cover[at].name != name)
		at = (at + 1) & (f->cover_slots - 1);
	return &f->cover[at];
}

static __u64 cover_name(__u32 class, __u32 kind)
{
	return (__u64) class * KINDS + kind + 1;
}

static int covers_grow(struct finder *f)
{
	struct cover_of *old = f->cover;
	__u32 slots = f->cover_slots;

	f->cover_slots = slots ? 2 * slots : 256;
	f->cover = calloc(f->cover_slots, sizeof(*f->cover));
	if (!f->cover) {
		f->cover = old;
		f->cover_slots = slots;
		return set_error(CGG_FAILED, "out of memory");
	}
	for (__u32 i = 0; i < slots; i++)
		if (old[i].name)
			*cover_slot(f, old[i].name) = old[i];
	free(old);
	return 0;
}

/* Return the cover of a class and kind, 0: no rule was added to it. */
static const struct cover *cover_find(const struct finder *f, __u32 class, __u32 kind)
{
	const struct cover_of *slot = f->cover_slots ? cover_slot(f, cover_name(class, kind)) : 0;

	return slot && slot->name ? &slot->cover : 0;
}

/* Return the cover of a class and kind, which is made if needed; 0: no memory. */
static struct cover *cover_make(struct finder *f, __u32 class, __u32 kind)
{
	const __u64 name = cover_name(class, kind);
	struct cover_of *slot;
	int hook = (int)(kind / PARTS / CGG_QUERY_BITS);
	bool addresses = cgg_hooks[hook].matches & CGG_MATCH_IP;

	if (2 * f->covers + 2 > f->cover_slots && covers_grow(f))
		return 0;
	slot = cover_slot(f, name);
	if (slot->name)
		return &slot->cover;
	if (cover_begin(&slot->cover))
		return 0;
	slot->name = name;
	f->covers++;
	return cover_preset(&slot->cover, kind % PARTS, addresses) ? 0 : &slot->cover;
}

/* Return whether a part is only there to be looked at by rules by name. */
static bool is_beside(__u32 kind)
{
	__u32 part = kind % PARTS;

	return part >= PART_OUTER && part < PART_NAME;
}

static int box_put(struct finder *f, __u32 number, const struct part_box *box)
{
	const struct class *class = &f->classes.class[number];
	int hook = (int)(box->kind / PARTS / CGG_QUERY_BITS), status = 0;

	if (f->entry->condition.limit) /* beyond its limit, it leaves all to later rules */
		return 0;
	if (has_ranges(&f->form->condition))
		return 0;
	if (is_beside(box->kind) && !(f->hooks_by_name >> hook & 1))
		return 0;
	for (__u32 i = 0; i < class->into_count && !status; i++) {
		struct cover *cover = cover_make(f, class->into[i], box->kind);

		status = cover ? cover_put(cover, &box->box, f->rule) : CGG_FAILED;
	}
	return status;
}

/* Look at the covers of one class: of the name, and of all addresses that may have it. */
static int class_look(struct finder *f, __u32 class, const struct part_box *box)
{
	__u32 kind = box->kind, part = kind % PARTS, hook = kind / PARTS / CGG_QUERY_BITS;
	const struct cover *cover = cover_find(f, class, kind), *four, *six;
	int status = cover ? cover_look(cover, &box->box, &f->looks) : 0;

	if (status || part < PART_NAME || part >= PART_VAGUE)
		return status;
	part = (part - PART_NAME) & 1 ? PART_INNER : PART_OUTER;
	four = cover_find(f, class, KIND(hook, 1, part));
	six = cover_find(f, class, KIND(hook, 1, part + 1));
	return four && six ? looks_add(&f->looks, &four->node->spans, &six->node->spans) : 0;
}
_Static_assert(1 << 1 == CGG_BY_ADDRESS, "class_look() knows its number");

/* Compare a box with the covers; set *taken if together they leave nothing of it. */
static int box_check(struct finder *f, __u32 own, const struct part_box *box, bool *taken)
{
	const struct class *class = &f->classes.class[own];
	const kind_set kind = KIND_BIT(box->kind);
	bool undecided = !class->exact || f->ranged & kind;
	__u32 by = f->by;
	int status = 0;

	if (is_beside(box->kind) || !f->shadowed)
		return 0;
	if (f->unsure && undecided) { /* blocks have to tell anyway */
		f->unsure |= kind;
		return 0;
	}
	f->looks.count = 0;
	if (class->exact)
		status = class_look(f, own, box);
	for (__u32 i = 0; i < class->wider_count && !class->exact && !status; i++)
		status = class_look(f, class->wider[i], box);
	if (status)
		return status;
	*taken = looks_cover(&f->looks, &box->box, &f->by);
	if (*taken)
		return 0;
	f->by = by;
	f->shadowed = undecided;
	f->unsure |= kind;
	return 0;
}

/* Add the blocks of a box. What rules take by an address, they take whatever its name is. */
static int box_note(struct finder *f, __u32 class, const struct part_box *box)
{
	int hook = (int)(box->kind / PARTS / CGG_QUERY_BITS);
	struct taken taken = { .kinds = KIND_BIT(box->kind) & f->collected,
			       .class = class,
			       .rule = f->rule,
			       .limited = f->entry->condition.limit != 0 };

	if (box->kind % PARTS < PART_OUTER)
		taken.kinds |= kinds_by_name(f->hooks_by_name & 1u << hook) & f->collected;
	return is_beside(box->kind) || !taken.kinds ? 0
						    : ranges_add(&f->ranges, f->form, box, &taken);
}

/* ---- rules ---- */

/* Visit a form of an entry for one hook, and those access bits with which queries about it come. */
typedef int visit_form(struct finder *f, int hook, unsigned bits, __u32 class);

/* Count a form in its class. */
static int form_count(struct finder *f, int hook, unsigned bits, __u32 number)
{
	const struct cgg_condition *c = &f->form->condition;
	const __u32 proto = c->select_mask & LOW_HALF ? c->select & LOW_HALF : PROTOS;
	struct class *class = &f->classes.class[number];

	class->wanted |= f->entry >= f->rules->entry + f->first_wanted;
	if (has_ranges(c))
		f->ranged |= (kind_set)bits << hook * CGG_QUERY_BITS;
	else
		class->boxes += 2u * (unsigned)__builtin_popcount(bits);
	if (CGG_PACKET_HOOKS >> hook & 1 && proto < PROTOS)
		f->proto[proto] = true;
	return 0;
}

/*
 * Compare the boxes of a form with what earlier rules take, and add those to it that these do not
 * take. So a rule that is taken is never taken by its own boxes.
 */
static int form_take(struct finder *f, int hook, unsigned bits, __u32 class)
{
	struct part_box boxes[BOXES];
	int status = 0;

	for (int bit = 0; bit < CGG_QUERY_BITS; bit++) {
		unsigned count = 0;

		if (bits >> bit & 1)
			count = boxes_of(boxes, f->rules, f->entry, f->form, hook, bit);
		for (unsigned i = 0; i < count && !status; i++) {
			bool taken = false;

			status = box_check(f, class, &boxes[i], &taken);
			if (!status && !taken)
				status = box_put(f, class, &boxes[i]);
			status = status ? status : box_note(f, class, &boxes[i]);
		}
	}
	return status;
}

/* Visit the forms of an entry. */
static int entry_visit(struct finder *f, const struct cgg_entry *e, visit_form *visit)
{
	struct cgg_entry form[CGG_KNOWN_BITS];
	unsigned forms = entry_forms(e, form);
	int status = 0;

	f->entry = e;
	f->ranges.entry_first = f->ranges.count;
	for (unsigned i = 0; i < forms * CGG_HOOKS && !status; i++) {
		const int hook = (int)(i % CGG_HOOKS);
		struct cgg_condition condition;
		struct class *class;

		f->form = &form[i / CGG_HOOKS];
		if (!(f->form->condition.hooks >> hook & 1))
			continue;
		condition = class_of(f->form, hook);
		class = class_make(&f->classes, &condition);
		status = class ? visit(f, hook, hook_bits(hook) & f->form->condition.access,
				       (__u32)(class - f->classes.class))
			       : CGG_FAILED;
	}
	return status;
}

static unsigned rule_end(const struct cgg_rules *rules, unsigned first)
{
	unsigned end = first + 1;

	while (end < rules->count && !rules->entry[end].text_len)
		end++;
	return end;
}

/* Return whether the entries of two rules are equal. */
static bool is_repeated(const struct cgg_rules *rules, unsigned one, unsigned other)
{
	unsigned count = rule_end(rules, one) - one;

	if (rule_end(rules, other) - other != count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!entries_equal(rules, &rules->entry[one + i], &rules->entry[other + i]))
			return false;
	return true;
}

static int suspect_add(struct finder *f, unsigned first)
{
	struct suspect *more = grow_list(f->suspect, f->suspects, sizeof(*more));

	if (!more)
		return CGG_FAILED;
	f->suspect = more;
	more[f->suspects++] = (struct suspect){ first, f->by, f->unsure };
	return 0;
}

/*
 * Compare a rule with what earlier rules take, and add it to that. One that a single earlier rule
 * takes has no blocks, because it adds nothing.
 */
static int rule_compare(struct finder *f, unsigned first, unsigned end)
{
	const __u32 blocks = f->ranges.count;
	int status = 0;

	f->rule = first + 1;
	f->shadowed = first >= f->first_wanted;
	f->unsure = 0;
	f->by = NO_RULE;
	for (unsigned i = first; i < end && !status; i++) {
		const struct cgg_entry *e = &f->rules->entry[i];

		if (entry_is_plain(e))
			status = entry_visit(f, e, form_take);
		else
			f->shadowed = false;
	}
	if (status || !f->shadowed)
		return status;
	if (f->unsure)
		f->blocks = f->ranges.count;
	else if (f->by)
		f->ranges.count = blocks;
	return suspect_add(f, first);
}

/* Compare all rules, each with those before it. */
static int rules_compare(struct finder *f)
{
	int status = f->collected ? ranges_preset(&f->ranges, f->hooks_by_name) : 0;

	for (unsigned first = 0, end; first < f->rules->count && !status; first = end) {
		end = rule_end(f->rules, first);
		status = rule_compare(f, first, end);
		progress("rules compared", first);
	}
	return status;
}

/* Return whether rules name each protocol that a packet may have: together they may take all. */
static bool all_protos_named(const struct finder *f)
{
	for (unsigned i = 0; i < PROTOS; i++)
		if (!f->proto[i] && i != IPPROTO_AH)
			return false;
	return true;
}

/* Set the kinds of queries whose rules are compared by blocks, too. */
static void kinds_collect(struct finder *f)
{
	for (int hook = 0; hook < CGG_HOOKS; hook++) {
		const kind_set all = (((kind_set)1 << CGG_QUERY_BITS) - 1) << hook * CGG_QUERY_BITS;

		if (CGG_PACKET_HOOKS >> hook & 1 && all_protos_named(f))
			f->ranged |= all;
		if (f->ranged & all) /* what is taken by address is taken by name */
			f->ranged |= kinds_by_name(1u << hook);
	}
	f->collected |= f->ranged;
}

static int found_add(const struct finder *f, const struct suspect *suspect, bool unknown,
		     struct cgg_shadowed **found, unsigned *count)
{
	struct cgg_shadowed *more = grow_list(*found, *count, sizeof(*more));

	if (!more)
		return CGG_FAILED;
	*found = more;
	more += (*count)++;
	*more = (struct cgg_shadowed){ .entry = suspect->entry,
				       .unknown = unknown,
				       .never = suspect->by == NO_RULE };
	if (suspect->by && suspect->by != NO_RULE && !unknown) {
		more->by = f->rules->entry[suspect->by - 1].id;
		more->repeats = is_repeated(f->rules, suspect->entry, suspect->by - 1);
	}
	return 0;
}

/* Find out which suspects are shadowed. */
static int suspects_compare(struct finder *f, struct cgg_shadowed **found, unsigned *count)
{
	int status = 0;

	f->ranges.count = f->blocks;
	if (f->blocks)
		status = ranges_rank(&f->ranges);
	if (f->blocks && !status)
		status = tree_build(&f->ranges);
	for (unsigned i = 0; i < f->suspects && !status; i++) {
		struct suspect *suspect = &f->suspect[i];
		int result = COVERED;

		if (suspect->unsure)
			status = blocks_cover(&f->ranges, suspect->entry + 1, suspect->unsure,
					      &f->classes, &result, &suspect->by);
		if (!status && result != OPEN)
			status = found_add(f, suspect, result == TOO_LONG, found, count);
		progress("rules compared by blocks", i);
	}
	return status;
}

static void finder_free(struct finder *f)
{
	classes_free(&f->classes);
	for (__u32 i = 0; i < f->cover_slots; i++)
		if (f->cover[i].name)
			cover_free(&f->cover[i].cover);
	free(f->cover);
	free(f->looks.look);
	free(f->suspect);
	ranges_free(&f->ranges);
}

/*
 * Find the rules from entry `from` on that can never decide. *found is for the caller to free.
 * above gives the cgroups above one. fast: give up earlier. Return 0 or CGG_FAILED.
 */
int shadows_find(const struct cgg_rules *rules, unsigned from, cgg_above *above, bool fast,
		 struct cgg_shadowed **found, unsigned *count)
{
	struct finder f = { .rules = rules,
			    .classes.above = above,
			    .first_wanted = from,
			    .ranges.steps_most = fast ? STEPS_FAST : STEPS_ALL };
	int status = 0;

	*found = 0;
	*count = 0;
	for (unsigned i = 0; i < rules->count && !status; i++) {
		if (rules->entry[i].condition.access == CGG_BY_NAME)
			f.hooks_by_name |= rules->entry[i].condition.hooks & CGG_NAME_HOOKS;
		if (entry_is_plain(&rules->entry[i]))
			status = entry_visit(&f, &rules->entry[i], form_count);
	}
	if (!status && rules->count)
		status = classes_join(&f.classes, &f.collected);
	kinds_collect(&f);
	if (!status)
		status = rules_compare(&f);
	if (!status)
		status = suspects_compare(&f, found, count);
	finder_free(&f);
	return status;
}
