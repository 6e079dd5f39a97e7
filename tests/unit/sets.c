// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sets.c - a table of names contains what its elements say, also while it changes.
 *
 * A plain list of names is compared with the library's table_has_name(), and with what the programs
 * look up, built for this machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/cgg.h"

static __u64 now; /* the clock of the programs */
#define bpf_ktime_get_boot_ns() now
#include "programs.h"

#define SEED 20251127u
#define MOST 400

static struct cgg_ask asked_name;
static struct cgg_table table;

static void *map_lookup(const void *map, const void *key)
{
	const __u32 *number = key;

	if (map == &asked)
		return &asked_name;
	if (map == &sets)
		return *number ? 0 : table.page;
	assert_ptr_equal(map, table.page);
	return *number < table.pages ? table.page + (size_t)CGG_PAGE * *number : 0;
}

static unsigned random_state = SEED;

static unsigned pick(unsigned below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

/* A name of a small world, so that many are below each other. */
static void random_name(char name[CGG_OPERAND])
{
	static const char *const labels[] = { "a", "b", "aa", "a-b", "xn--a", "com", "net", "c0" };
	unsigned count = 1 + pick(4);
	size_t used = 0;

	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(name + used, CGG_OPERAND - used, "%s%s", i ? "." : "",
					 labels[pick(8)]);
	if (!pick(50)) { /* as long as a name may be */
		memset(name, 'l', 63);
		name[63] = '.';
		memset(name + 64, 'm', 63);
		name[CGG_NAME_MOST] = 0;
	}
}

/* ---- the reference: a list of names ---- */

static struct kept {
	char name[CGG_OPERAND];
	bool below, there;
} kept[MOST];
static unsigned kept_count;

static bool holds(const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < kept_count; i++) {
		size_t part = strlen(kept[i].name);

		if (!kept[i].there)
			continue;
		if (!kept[i].below && !strcmp(kept[i].name, name))
			return true;
		if (kept[i].below && len > part + 1 && name[len - part - 1] == '.' &&
		    !strcmp(name + len - part, kept[i].name))
			return true;
	}
	return false;
}

static struct kept *kept_find(const char *name, bool below)
{
	for (unsigned i = 0; i < kept_count; i++)
		if (kept[i].below == below && !strcmp(kept[i].name, name))
			return &kept[i];
	return 0;
}

/* ---- */

static void table_fresh(void)
{
	struct cgg_elements list = { .kind = CGG_SET_NAMES };
	__u64 seed[4];
	__u32 lines;

	for (int i = 0; i < 4; i++)
		seed[i] =
			(__u64)pick(1u << 24) << 40 | (__u64)pick(1u << 24) << 20 | pick(1u << 24);
	table_size(&list, 20, &lines, &table.pages);
	free(table.page);
	table.page = calloc(table.pages, CGG_PAGE);
	assert_non_null(table.page);
	table_begin(&table, CGG_SET_NAMES, lines, seed);
	table_head(&table)->generation = table_head(&table)->writing = pick(3);
	kept_count = 0;
}

static bool programs_find(const char *name)
{
	host_reverse((char *)&asked_name.name, name);
	return set_has_name_asked(0, 0);
}

static void compare(unsigned found[2])
{
	for (int i = 0; i < 40; i++) {
		char name[CGG_OPERAND];
		bool wanted;

		random_name(name);
		wanted = holds(name);
		if (table_has_name(&table, name) != wanted || programs_find(name) != wanted)
			fail_msg("%s: %d, the table says %d, the programs %d", name, wanted,
				 table_has_name(&table, name), programs_find(name));
		found[wanted]++;
	}
}

/* Add an element that counts from the next generation on, unless there is no room. */
static bool add(const char *name, bool below, __u32 next)
{
	struct cgg_elements list = { .kind = -1 };
	bool fits;

	assert_int_equal(element_add_name(&list, name, below, CGG_SET_NEVER), 0);
	fits = table_has_room(&table, &list) && !table_put(&table, list.element, list.text, next);
	elements_free(&list);
	return fits;
}

/* Let an element end with the next generation. */
static void end(const struct kept *one, __u32 next)
{
	struct cgg_elements list = { .kind = -1 };
	struct cgg_slot *slot;

	assert_int_equal(element_add_name(&list, one->name, one->below, CGG_SET_NEVER), 0);
	slot = table_find(&table, list.element, list.text);
	assert_non_null(slot);
	slot->until = next;
	elements_free(&list);
}

/* Make a change of some elements in one step; return false if the table is full. */
static bool change(unsigned found[2])
{
	__u32 next = table_head(&table)->generation + 1;
	struct kept *touched[8];
	unsigned count = 1 + pick(8), done = 0;

	for (unsigned i = 0; i < count && kept_count < MOST; i++) {
		char name[CGG_OPERAND];
		bool below = pick(2), twice = false;
		struct kept *one;

		random_name(name);
		below &= strlen(name) < CGG_NAME_MOST;
		one = kept_find(name, below);
		for (unsigned k = 0; k < done; k++)
			twice |= touched[k] == one;
		if (twice)
			continue;
		if (one && one->there)
			end(one, next);
		else if (!add(name, below, next))
			return false;
		if (!one) {
			one = &kept[kept_count++];
			*one = (struct kept){ .below = below };
			strcpy(one->name, name);
		}
		touched[done++] = one;
	}
	compare(found); /* nothing of the change counts yet */
	table_head(&table)->generation = next;
	for (unsigned i = 0; i < done; i++)
		touched[i]->there = !touched[i]->there;
	compare(found);
	return kept_count < MOST;
}

static void a_table_of_names_contains_what_its_elements_say(void **state)
{
	unsigned found[2] = { 0 }, changes = 0;

	(void)state;
	for (int round = 0; round < 60; round++) {
		table_fresh();
		while (changes++ < 20000 && change(found))
			;
	}
	free(table.page);
	table.page = 0;
	print_message("# seed %u: %u changes, %u names in the set, %u not\n", SEED, changes,
		      found[1], found[0]);
	assert_true(found[0] > 10000 && found[1] > 10000);
}

static void a_name_leaves_when_its_time_is_over(void **state)
{
	struct cgg_elements list = { .kind = -1 };

	(void)state;
	table_fresh();
	assert_int_equal(element_add_name(&list, "a.example", true, seconds_now() + 1000), 0);
	assert_int_equal(table_put(&table, list.element, list.text, 0), 0);
	elements_free(&list);
	now = (__u64)(seconds_now() + 999) * 1000000000;
	assert_true(programs_find("b.a.example"));
	assert_true(table_has_name(&table, "b.a.example"));
	assert_false(programs_find("a.example"));
	now += 2000000000;
	assert_false(programs_find("b.a.example"));
	free(table.page);
	table.page = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_of_names_contains_what_its_elements_say),
		cmocka_unit_test(a_name_leaves_when_its_time_is_over),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
