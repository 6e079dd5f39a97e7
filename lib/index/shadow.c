// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * shadow.c - finds the rules that can never decide, because earlier rules take all they match.
 *
 * Rules are read in order. Each is first compared with the covers, then added to them. Rules that
 * ask for something beside a prefix, a port and a selection (a cgroup, say) are of a class. A rule
 * can be shadowed by rules of its class and of wider ones. So each class has covers of its own, to
 * which the rules of wider classes are added too.
 */
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "shadow.h"

/*
 * Additions of rules to covers of narrower classes. Once there are so many, the covers of further
 * classes have only their own rules, and the wider classes are looked at beside them. Then a rule
 * is not found that rules of several classes shadow only together, each a part of its addresses.
 */
#define EXACT_COST 1500000

/*
 * Up to so many classes are compared with each other. Of more, a rule is found only if the wider
 * one asks for the same things, or for fewer: not where a range lies inside another.
 */
#define COMPARED 1000

struct class
{
	struct cgg_condition condition;
	__u64 boxes;
	__u32 *wider, wider_count; /* this class, and those that hold wherever it does */
	__u32 *into, into_count; /* the classes to whose covers its rules are added */
	bool wanted, exact;
};

struct cover_of {
	__u64 name; /* of the class and the kind, + 1; 0: free */
	struct cover cover;
};

struct finder {
	const struct cgg_rules *rules;
	cgg_above *above;
	struct class *class;
	__u32 classes, classes_room;
	__u32 *class_hash, class_slots;
	struct cover_of *cover;
	__u32 covers, cover_slots;
	struct looks looks;
	__u32 kinds_by_name; /* 1 << hook: it has rules by name */
	unsigned first_wanted; /* the first entry whose rule is to be compared */
	const struct cgg_entry *entry; /* of which boxes are visited */
	__u32 rule; /* its number: of its rule's first entry, + 1 */
	bool shadowed;
	__u32 by;
};

/* ---- classes ---- */

static __u32 hash_of(const void *bytes, size_t size)
{
	return words_hash(bytes, size);
}

/* Return the slot of a class in the hash table: its number + 1, or 0 where it would be. */
static __u32 *class_slot(const struct finder *f, const struct cgg_condition *c)
{
	__u32 at = hash_of(c, sizeof(*c)) & (f->class_slots - 1);

	while (f->class_hash[at] &&
	       memcmp(&f->class[f->class_hash[at] - 1].condition, c, sizeof(*c)))
		at = (at + 1) & (f->class_slots - 1);
	return &f->class_hash[at];
}

static int classes_grow(struct finder *f)
{
	__u32 slots = f->class_slots ? 2 * f->class_slots : 64;
	__u32 *hash = calloc(slots, sizeof(*hash));
	struct class *class = reallocarray(f->class, slots / 2, sizeof(*class));

	if (class)
		f->class = class;
	free(f->class_hash);
	f->class_hash = hash;
	f->class_slots = slots;
	if (!hash || !class)
		return set_error(CGG_FAILED, "out of memory");
	for (__u32 i = 0; i < f->classes; i++)
		*class_slot(f, &f->class[i].condition) = i + 1;
	return 0;
}

/* Count a box of a class. */
static int class_count(struct finder *f, const struct cgg_condition *c, const struct part_box *box)
{
	__u32 *slot;

	(void)box;
	if (2 * f->classes + 2 > f->class_slots && classes_grow(f))
		return CGG_FAILED;
	slot = class_slot(f, c);
	if (!*slot) {
		f->class[f->classes] = (struct class){ .condition = *c };
		*slot = ++f->classes;
	}
	f->class[*slot - 1].boxes++;
	f->class[*slot - 1].wanted |= f->entry >= f->rules->entry + f->first_wanted;
	return 0;
}

static int list_add(__u32 **list, __u32 *count, __u32 number)
{
	__u32 *more = *list;

	for (__u32 i = 0; i < *count; i++)
		if (more[i] == number)
			return 0;
	if (!(*count & (*count - 1))) {
		more = reallocarray(more, *count ? 2 * *count : 1, sizeof(*more));
		if (!more)
			return set_error(CGG_FAILED, "out of memory");
		*list = more;
	}
	more[(*count)++] = number;
	return 0;
}

/* Return whether a class holds wherever a condition does; above: the cgroups above its own. */
static bool is_wider(const struct cgg_condition *wider, const struct cgg_condition *c,
		     const __u64 above[CGG_LEVELS + 1])
{
	struct cgg_condition inside = *c;

	for (unsigned level = 0; level <= CGG_LEVELS; level++)
		if (above[level] == wider->cgroup)
			inside.cgroup = wider->cgroup;
	return condition_implies(&inside, wider);
}

/* Compare all classes with one, also for ranges inside ranges. */
static int classes_compare(struct finder *f, struct class *class, const __u64 above[CGG_LEVELS + 1])
{
	int status = 0;

	for (__u32 i = 0; i < f->classes && !status; i++)
		if (is_wider(&f->class[i].condition, &class->condition, above))
			status = list_add(&class->wider, &class->wider_count, i);
	return status;
}

/* List the classes that hold wherever a class does: bytes that are 0 ask for nothing. */
static int wider_find(struct finder *f, struct class *class)
{
	__u64 above[CGG_LEVELS + 1] = { 0 };
	int status = 0;

	if (class->condition.cgroup && f->above)
		f->above(class->condition.cgroup, above);
	above[CGG_LEVELS] = class->condition.cgroup;
	if (f->classes <= COMPARED)
		return classes_compare(f, class, above);
	for (unsigned i = 0; i < 4 * (CGG_LEVELS + 2) && !status; i++) {
		const struct cgg_condition any = { .expires = CGG_NEVER };
		struct cgg_condition c = i & 1 ? any : class->condition;
		unsigned level = i / 4;
		__u32 slot;

		if (level <= CGG_LEVELS && !above[level])
			continue;
		c.cgroup = level <= CGG_LEVELS ? above[level] : 0;
		c.select = i & 2 ? 0 : class->condition.select;
		c.select_mask = i & 2 ? 0 : class->condition.select_mask;
		slot = *class_slot(f, &c);
		if (slot)
			status = list_add(&class->wider, &class->wider_count, slot - 1);
	}
	return status;
}

/* Find out which rules are added to the covers of which classes. */
static int classes_join(struct finder *f)
{
	__u64 cost = 0;
	int status = 0;

	for (__u32 i = 0; i < f->classes && !status; i++) {
		struct class *class = &f->class[i];
		__u64 boxes = 0;

		if (!class->wanted)
			continue;
		status = wider_find(f, class);
		for (__u32 k = 0; k < class->wider_count; k++)
			boxes += f->class[class->wider[k]].boxes;
		class->exact = class->wider_count == 1 || cost + boxes <= EXACT_COST;
		cost += class->exact ? boxes : class->boxes;
		for (__u32 k = 0; k < class->wider_count && !status; k++) {
			struct class *wider = &f->class[class->wider[k]];

			status = list_add(&wider->into, &wider->into_count,
					  class->exact ? i : class->wider[k]);
		}
	}
	return status;
}

/* ---- covers ---- */

static struct cover_of *cover_slot(const struct finder *f, __u64 name)
{
	__u32 at = hash_of(&name, sizeof(name)) & (f->cover_slots - 1);

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

static int box_put(struct finder *f, const struct cgg_condition *c, const struct part_box *box)
{
	const struct class *class = &f->class[*class_slot(f, c) - 1];
	int hook = (int)(box->kind / PARTS / CGG_QUERY_BITS), status = 0;

	if (f->entry->condition.limit) /* beyond its limit, it leaves all to later rules */
		return 0;
	if (is_beside(box->kind) && !(f->kinds_by_name >> hook & 1))
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

static int box_check(struct finder *f, const struct cgg_condition *c, const struct part_box *box)
{
	__u32 own = *class_slot(f, c) - 1;
	const struct class *class = &f->class[own];
	int status = 0;

	if (is_beside(box->kind) || !f->shadowed)
		return 0;
	f->looks.count = 0;
	if (class->exact)
		status = class_look(f, own, box);
	for (__u32 i = 0; i < class->wider_count && !class->exact && !status; i++)
		status = class_look(f, class->wider[i], box);
	f->shadowed = looks_cover(&f->looks, &box->box, &f->by);
	return status;
}

/* ---- rules ---- */

typedef int visit_box(struct finder *f, const struct cgg_condition *c, const struct part_box *box);

/* Visit the boxes of an entry. */
static int entry_visit(struct finder *f, const struct cgg_entry *e, visit_box *visit)
{
	struct cgg_entry form[CGG_KNOWN_BITS];
	unsigned forms = entry_forms(e, form);
	struct part_box boxes[BOXES];
	int status = 0;

	f->entry = e;
	for (unsigned at = 0; at < forms * CGG_HOOKS * CGG_QUERY_BITS && !status; at++) {
		int bit = (int)(at % CGG_QUERY_BITS), hook = (int)(at / CGG_QUERY_BITS % CGG_HOOKS);
		const struct cgg_entry *one = &form[at / CGG_QUERY_BITS / CGG_HOOKS];
		struct cgg_condition class;
		unsigned count;

		if (!(one->condition.hooks >> hook & 1) ||
		    !((hook_bits(hook) & one->condition.access) >> bit & 1))
			continue;
		class = class_of(one, hook);
		count = boxes_of(boxes, f->rules, e, one, hook, bit);
		for (unsigned i = 0; i < count && !status; i++)
			status = visit(f, &class, &boxes[i]);
	}
	return status;
}

/* Visit the boxes of a rule, whose entries are first to end - 1. */
static int rule_visit(struct finder *f, unsigned first, unsigned end, visit_box *visit)
{
	int status = 0;

	for (unsigned i = first; i < end && !status; i++) {
		const struct cgg_entry *e = &f->rules->entry[i];

		if (entry_is_plain(e))
			status = entry_visit(f, e, visit);
		else
			f->shadowed = false;
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

static int found_add(struct finder *f, unsigned first, struct cgg_shadowed **found, unsigned *count)
{
	struct cgg_shadowed *more = *found;

	if (!(*count & (*count - 1))) {
		more = reallocarray(more, *count ? 2 * *count : 1, sizeof(*more));
		if (!more)
			return set_error(CGG_FAILED, "out of memory");
		*found = more;
	}
	more[*count] = (struct cgg_shadowed){ .entry = first };
	if (f->by && f->by != NO_RULE) {
		more[*count].by = f->rules->entry[f->by - 1].id;
		more[*count].repeats = is_repeated(f->rules, first, f->by - 1);
	}
	++*count;
	return 0;
}

static int rules_compare(struct finder *f, struct cgg_shadowed **found, unsigned *count)
{
	int status = 0;

	for (unsigned first = 0, end; first < f->rules->count && !status; first = end) {
		end = rule_end(f->rules, first);
		f->rule = first + 1;
		f->shadowed = first >= f->first_wanted;
		f->by = NO_RULE;
		if (f->shadowed)
			status = rule_visit(f, first, end, box_check);
		if (!status && f->shadowed)
			status = found_add(f, first, found, count);
		if (!status && end < f->rules->count)
			status = rule_visit(f, first, end, box_put);
		progress("rules compared", first);
	}
	return status;
}

static void finder_free(struct finder *f)
{
	for (__u32 i = 0; i < f->classes; i++) {
		free(f->class[i].wider);
		free(f->class[i].into);
	}
	for (__u32 i = 0; i < f->cover_slots; i++)
		if (f->cover[i].name)
			cover_free(&f->cover[i].cover);
	free(f->class);
	free(f->class_hash);
	free(f->cover);
	free(f->looks.look);
}

/*
 * Find the rules from entry `from` on that can never decide. *found is for the caller to free.
 * above gives the cgroups above one. Return 0 or CGG_FAILED.
 */
int shadows_find(const struct cgg_rules *rules, unsigned from, cgg_above *above,
		 struct cgg_shadowed **found, unsigned *count)
{
	struct finder f = { .rules = rules, .above = above, .first_wanted = from };
	int status = 0;

	*found = 0;
	*count = 0;
	for (unsigned i = 0; i < rules->count && !status; i++) {
		if (rules->entry[i].condition.access == CGG_BY_NAME)
			f.kinds_by_name |= rules->entry[i].condition.hooks;
		if (entry_is_plain(&rules->entry[i]))
			status = entry_visit(&f, &rules->entry[i], class_count);
	}
	if (!status && rules->count)
		status = classes_join(&f);
	if (!status)
		status = rules_compare(&f, found, count);
	finder_free(&f);
	return status;
}
