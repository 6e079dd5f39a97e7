// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* names.c - the hash of a DNS name, which nobody without the seed can choose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../lib/cgg.h"

#define SEEDS 100000

/* A seed that differs from call to call, the same in each run (splitmix64). */
static __u64 seed_next(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/*
 * A difference in the upper bits of a word stays there through one product with an odd number. So
 * without a second, secret factor the next word could take it back, for every fourth seed.
 */
static void no_difference_of_two_words_cancels_out_for_many_seeds(void **state)
{
	static const __u64 first[] = { 1ULL << 62, 1ULL << 63, 1ULL << 61, 3ULL << 61 };
	const __u64 upper = 7ULL << 61;
	__u64 random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
		for (__u64 left = 1ULL << 61; left; left = (left + (1ULL << 61)) & upper) {
			unsigned same = 0;

			for (unsigned n = 0; n < SEEDS; n++) {
				const __u64 seed = seed_next(&random);
				struct cgg_operand one = { { 0 } }, other;

				memcpy(&one, "moc.elpmaxe.ipa", 16);
				other = one;
				other.word[0] ^= first[i];
				other.word[1] ^= left ^ left >> 29 ^ left >> 32;
				same += names_hash(seed, &one) == names_hash(seed, &other);
				other.word[1] = one.word[1] ^ left ^ left >> 29;
				same += names_hash(seed, &one) == names_hash(seed, &other);
			}
			assert_int_equal(same, 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_difference_of_two_words_cancels_out_for_many_seeds),
	};

	return cmocka_run_group_tests(tests, 0, 0);
}
