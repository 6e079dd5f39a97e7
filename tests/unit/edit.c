// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * edit.c - the shortest edit between two lists, by all methods, against a table of all prefixes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define shortest_edit edit_by_edits /* the same, but always by the method for many pairs */
#define MANY_PAIRS 0
#define MANY_EDITS many_edits /* of Myers' method, before that of whole words goes on */
#define MANY_PLACES many_places
static long many_edits, many_places;
#include "../../lib/util/edit.c"
#undef shortest_edit
int shortest_edit(const __u32 *const list[2], const unsigned count[2], unsigned values,
		  bool *const edited[2]);

#define MOST 48

/* Return the length of a longest common subsequence. */
static unsigned common(const __u32 *one, unsigned ones, const __u32 *other, unsigned others)
{
	static unsigned best[MOST + 1][MOST + 1];

	for (unsigned i = 1; i <= ones; i++)
		for (unsigned j = 1; j <= others; j++)
			if (one[i - 1] == other[j - 1])
				best[i][j] = best[i - 1][j - 1] + 1;
			else
				best[i][j] = best[i - 1][j] > best[i][j - 1] ? best[i - 1][j]
									     : best[i][j - 1];
	return best[ones][others];
}

/* Apply the edit to the first list, and compare the result and the number of edits. */
static void check(const __u32 *const list[2], const unsigned count[2], bool *const edited[2],
		  bool shortest)
{
	unsigned i = 0, j = 0, edits = 0;

	while (i < count[0] || j < count[1]) {
		if (i < count[0] && edited[0][i]) {
			i++, edits++;
		} else if (j < count[1] && edited[1][j]) {
			j++, edits++;
		} else {
			assert_true(i < count[0] && j < count[1]);
			assert_int_equal(list[0][i], list[1][j]);
			i++, j++;
		}
	}
	if (shortest)
		assert_int_equal(edits, count[0] + count[1] -
						2 * common(list[0], count[0], list[1], count[1]));
}

static void fill(__u32 *list, unsigned count, unsigned values)
{
	for (unsigned i = 0; i < count; i++)
		list[i] = (__u32)rand() % values;
}

static void all_methods(const __u32 *one, unsigned ones, const __u32 *other, unsigned others)
{
	bool removed[MOST], added[MOST];
	const __u32 *const list[2] = { one, other };
	const unsigned count[2] = { ones, others };
	bool *const edited[2] = { removed, added };

	memset(removed, 2, sizeof(removed));
	assert_int_equal(shortest_edit(list, count, MOST, edited), 0);
	check(list, count, edited, true);
	for (many_edits = 2 * MOST; many_edits; many_edits /= 6) {
		many_places = MOST * MOST;
		assert_int_equal(edit_by_edits(list, count, MOST, edited), 0);
		check(list, count, edited, true);
		many_places = rand() % 200;
		assert_int_equal(edit_by_edits(list, count, MOST, edited), 0);
		check(list, count, edited, many_edits > MOST);
	}
}

static void random_lists_get_the_shortest_edit(void **state)
{
	__u32 one[MOST], other[MOST];

	(void)state;
	srand(1);
	for (int turn = 0; turn < 10000; turn++) {
		unsigned values = 1 + (unsigned)rand() % MOST;
		unsigned ones = (unsigned)rand() % (MOST + 1),
			 others = (unsigned)rand() % (MOST + 1);

		fill(one, ones, values);
		fill(other, others, values);
		all_methods(one, ones, other, others);
	}
}

static void lists_in_another_order_get_the_shortest_edit(void **state)
{
	__u32 one[MOST], other[MOST];

	(void)state;
	srand(2);
	for (unsigned i = 0; i < MOST; i++)
		one[i] = i;
	for (int turn = 0; turn < 2500; turn++) {
		memcpy(other, one, sizeof(one));
		for (int moves = rand() % MOST; moves; moves--) {
			unsigned i = (unsigned)rand() % MOST, j = (unsigned)rand() % MOST;
			__u32 value = other[i];

			other[i] = other[j];
			other[j] = value;
		}
		all_methods(one, MOST, other, MOST - (unsigned)rand() % 3);
	}
}

static void equal_and_empty_lists_get_no_edit_and_all(void **state)
{
	static const __u32 one[] = { 3, 1, 3, 3, 2 };

	(void)state;
	all_methods(one, 5, one, 5);
	all_methods(one, 0, one, 0);
	all_methods(one, 5, one, 0);
	all_methods(one, 0, one, 5);
	all_methods(one, 4, one, 5);
	all_methods(one + 1, 4, one, 5);
}

static void long_lists_get_as_short_an_edit_by_whole_words(void **state)
{
	enum { LONG = 3000 };
	static __u32 one[LONG], other[LONG];
	static bool removed[LONG], added[LONG];
	const __u32 *const list[2] = { one, other };
	const unsigned count[2] = { LONG, LONG - 100 };
	bool *const edited[2] = { removed, added };

	(void)state;
	srand(3);
	for (int turn = 0; turn < 10; turn++) {
		unsigned values = 2 + (unsigned)rand() % 200;
		unsigned edits[2] = { 0 };

		fill(one, LONG, values);
		fill(other, LONG, values);
		many_places = LONG * LONG;
		for (int words = 0; words < 2; words++) {
			many_edits = words ? 1 : LONG;
			assert_int_equal(edit_by_edits(list, count, values, edited), 0);
			check(list, count, edited, false);
			for (unsigned i = 0; i < LONG; i++)
				edits[words] += (unsigned)removed[i] + (i < count[1] && added[i]);
		}
		assert_int_equal(edits[0], edits[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_lists_get_the_shortest_edit),
		cmocka_unit_test(lists_in_another_order_get_the_shortest_edit),
		cmocka_unit_test(equal_and_empty_lists_get_no_edit_and_all),
		cmocka_unit_test(long_lists_get_as_short_an_edit_by_whole_words),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
