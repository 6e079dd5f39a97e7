// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * change.c - adds and deletes elements of a set, or replaces all of them.
 *
 * A change announces the next generation in `writing', writes the slots, and raises `generation':
 * that is the step. If the command is killed before, the next one finds the two different. Then the
 * slots of the unfinished change must not count, so it makes a new table, as it does when there is
 * no room.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sets.h"

#define FEW_ELEMENTS 256 /* a change of more elements maps the whole table */

/* Put the elements into a new table; look for equal ones unless unique. CGG_NO: it is full. */
static int table_fill(struct cgg_table *table, const struct cgg_elements *list, bool unique,
		      __u32 *count)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct cgg_element *e = &list->element[i];
		struct cgg_slot *slot = unique ? 0 : table_find(table, e, list->text);

		element_fetch(list, i + 16);
		if (i + 8 < list->count)
			table_fetch(table, list, i + 8);
		if (slot) {
			if (slot->expires < e->expires)
				slot->expires = e->expires;
			continue;
		}
		if (table_put(table, e, list->text, 0))
			return CGG_NO;
		++*count;
	}
	return 0;
}

/* Make a table with these elements, which no program uses yet. */
static int table_of(struct cgg_table *table, const struct cgg_elements *list, bool unique)
{
	__u64 seed[4];
	size_t pages;
	__u32 lines, count;
	int status = CGG_NO;

	for (unsigned more = 0; status == CGG_NO && more < 32; more += 4) {
		count = 0;
		if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
			return set_error(CGG_FAILED, "getrandom: %s", strerror(errno));
		table_size(list, more, &lines, &pages);
		status = table_make(table, pages);
		if (status)
			return status;
		table_begin(table, list->kind, lines, seed);
		status = table_fill(table, list, unique, &count);
		if (status)
			table_close(table);
	}
	if (status)
		return set_error(CGG_FAILED, "%zu elements: they do not fit", list->count);
	table_settle(table, count);
	return 0;
}

/* Give a set the table with these elements; make the set if it is new (number -1). */
static int replace(const struct cgg_sets *sets, int number, const char *name,
		   struct cgg_table *table)
{
	bool fresh = number < 0;
	int status = fresh ? set_name(sets, name, &number) : 0;

	if (!status)
		status = set_replace(sets, number, table);
	if (!status && fresh)
		set_named(sets, number);
	table_close(table);
	return status;
}

static int element_take(void *context, const struct cgg_slot *slot, const char *text)
{
	struct cgg_elements *list = context;
	char shown[CGG_ELEMENT_TEXT];

	if (list->kind == CGG_SET_NAMES) {
		element_print(CGG_SET_NAMES, slot->key, slot->tag, text, shown);
		return element_add(list, shown, slot->expires);
	}
	return element_append(list, &(struct cgg_element){ { slot->key[0], slot->key[1] },
							   slot->tag,
							   slot->expires });
}

/* Make a new table with the elements of the old one that count, and more; either may be empty. */
static int table_renew(struct cgg_table *fresh, struct cgg_table *old,
		       const struct cgg_elements *more)
{
	struct cgg_elements list = { .kind = (int)table_head(old)->kind };
	char shown[CGG_ELEMENT_TEXT];
	int status = table_each(old, element_take, &list);

	for (size_t i = 0; more && i < more->count && !status; i++) {
		const struct cgg_element *e = &more->element[i];

		element_print(list.kind, e->key, e->tag,
			      list.kind == CGG_SET_NAMES ? more->text + e->tag : "", shown);
		status = element_add(&list, shown, e->expires);
	}
	if (!status)
		status = table_of(fresh, &list, false);
	elements_free(&list);
	return status;
}

static int kind_check(const char *name, const struct cgg_table *table,
		      const struct cgg_elements *list)
{
	int kind = (int)table_head(table)->kind;

	return kind == list->kind ? 0
				  : set_error(CGG_USAGE, "set %s: holds %s, not %s", name,
					      set_kind(kind), set_kind(list->kind));
}

/* Return whether the last change of the table was not finished. */
static bool is_unfinished(const struct cgg_table *table)
{
	const struct cgg_set_head *head = table_head(table);

	return head->writing != head->generation;
}

/* Announce a change; return its generation. */
static __u32 change_begins(struct cgg_table *table)
{
	struct cgg_set_head *head = table_head(table);
	__u32 next = head->generation + 1;

	__atomic_store_n(&head->writing, next, __ATOMIC_SEQ_CST);
	return next;
}

/* Put a change in force. */
static void change_ends(struct cgg_table *table, __u32 next, long more)
{
	struct cgg_set_head *head = table_head(table);

	head->count[next & 1] = (__u32)((long)head->count[~next & 1] + more);
	__atomic_store_n(&head->generation, next, __ATOMIC_SEQ_CST);
}

/* Write the elements that are new or stay longer into the table in force; CGG_NO: no room. */
static int add_in_place(struct cgg_table *table, const struct cgg_elements *list)
{
	__u32 next = change_begins(table);
	long more = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct cgg_element *e = &list->element[i];
		struct cgg_slot *slot = table_find(table, e, list->text);

		if (slot && (slot->expires >= e->expires || slot->until == next))
			continue;
		if (table_put(table, e, list->text, next))
			return CGG_NO;
		if (slot)
			slot->until = next;
		else
			more++;
	}
	change_ends(table, next, more);
	return 0;
}

/* Add elements to a set in one step, and make the set if there is none. */
int set_add(const struct cgg_sets *sets, const char *name, struct cgg_elements *list)
{
	int number = set_lookup(sets, name), status;
	struct cgg_table table, fresh;

	elements_unique(list);
	if (number < 0) {
		status = table_of(&fresh, list, true);
		return status ? status : replace(sets, -1, name, &fresh);
	}
	status = set_open(sets, number, &table);
	if (status)
		return status;
	status = kind_check(name, &table, list);
	if (!status && list->count > FEW_ELEMENTS)
		status = table_whole(&table);
	if (!status) {
		status = is_unfinished(&table) || !table_has_room(&table, list)
				 ? CGG_NO
				 : add_in_place(&table, list);
		if (status == CGG_NO) {
			status = table_renew(&fresh, &table, list);
			if (!status)
				status = replace(sets, number, name, &fresh);
		}
	}
	table_close(&table);
	return status;
}

/* Find all elements, or refuse the first that is not in the set. */
static int all_found(const char *name, const struct cgg_table *table,
		     const struct cgg_elements *list)
{
	char shown[CGG_ELEMENT_TEXT];

	for (size_t i = 0; i < list->count; i++) {
		const struct cgg_element *e = &list->element[i];

		if (table_find(table, e, list->text))
			continue;
		element_print(list->kind, e->key, e->tag,
			      list->kind == CGG_SET_NAMES ? list->text + e->tag : "", shown);
		return set_error(CGG_NO, "%s: not an element of set %s", shown, name);
	}
	return 0;
}

/* Delete elements of a set in one step; CGG_NO: one is not there, and nothing was changed. */
int set_delete(const struct cgg_sets *sets, const char *name, struct cgg_elements *list)
{
	int number = set_lookup(sets, name), status;
	struct cgg_table table, fresh, *of = &table;
	__u32 next;

	if (number < 0)
		return set_none(name);
	status = set_open(sets, number, &table);
	if (status)
		return status;
	elements_unique(list);
	status = kind_check(name, &table, list);
	if (!status && list->count > FEW_ELEMENTS)
		status = table_whole(&table);
	if (!status)
		status = all_found(name, &table, list);
	if (!status && is_unfinished(&table)) {
		status = table_renew(&fresh, &table, 0);
		of = &fresh;
	}
	if (!status) {
		next = change_begins(of);
		for (size_t i = 0; i < list->count; i++)
			table_find(of, &list->element[i], list->text)->until = next;
		change_ends(of, next, -(long)list->count);
		if (of == &fresh)
			status = replace(sets, number, name, &fresh);
	}
	table_close(&table);
	return status;
}

/* Replace all elements of a set in one step, and make the set if there is none. */
int set_restore(const struct cgg_sets *sets, const char *name, struct cgg_elements *list)
{
	int number = set_lookup(sets, name), status = 0;
	struct cgg_table table, fresh;

	if (number >= 0) {
		status = set_open(sets, number, &table);
		if (status)
			return status;
		status = kind_check(name, &table, list);
		table_close(&table);
	}
	if (!status)
		status = table_of(&fresh, list, true);
	return status ? status : replace(sets, number, name, &fresh);
}

/* Refuse a rule about a set of the other kind. */
static int use_check(const struct cgg_rules *rules, const int kind[CGG_SETS_OF])
{
	for (unsigned i = 0; i < rules->count; i++) {
		const struct cgg_entry *e = &rules->entry[i];
		bool names = entry_is_of_names(e);
		unsigned place = entry_is_set(e) ? entry_set(e) : CGG_SETS_OF;

		if (place == CGG_SETS_OF || names == (kind[place] == CGG_SET_NAMES))
			continue;
		return set_error(CGG_USAGE, "%s @%s: it is a set of %s; write %s",
				 names ? "host or dns" : "ip", rules->set[place].name,
				 set_kind(kind[place]), names ? "ip" : "host or dns");
	}
	return 0;
}

/* Find the set at one place. */
static int place_number(const struct cgg_sets *sets, struct cgg_used_set *used, int *kind)
{
	int number = set_lookup(sets, used->name), status;
	struct cgg_table table;

	if (number < 0)
		return set_error(CGG_USAGE,
				 "@%s: there is no such set; make it first: "
				 "cgg-set add %s ELEMENT, or cgg-set restore %s FILE",
				 used->name, used->name, used->name);
	status = set_open(sets, number, &table);
	if (status)
		return status;
	used->number = (__u32)number + 1;
	*kind = (int)table_head(&table)->kind;
	table_close(&table);
	return 0;
}

/* Fill in the numbers of the sets that rules use; refuse those that do not exist. */
int sets_number(struct cgg_rules *rules)
{
	struct cgg_sets sets = { .outer = -1 };
	int kind[CGG_SETS_OF] = { 0 }, status = 0;

	rules_count_sets(rules);
	for (unsigned i = 0; i < CGG_SETS_OF && !status; i++) {
		if (!*rules->set[i].name)
			continue;
		if (!sets.name)
			status = sets_open(&sets, CGG_READ);
		if (!status)
			status = place_number(&sets, &rules->set[i], &kind[i]);
	}
	if (sets.name)
		sets_close(&sets);
	return status ? status : use_check(rules, kind);
}
