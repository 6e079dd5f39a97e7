// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* number.c - numbers and the clock. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util.h"

/* Read decimal digits, at most max, without sign, blanks or leading zeros. Return 0 or -1. */
int long_parse(__u64 *n, const char *word, size_t len, __u64 max)
{
	*n = 0;
	if (!len || (len > 1 && *word == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		__u64 digit = (__u64)(word[i] - '0');

		if (digit > 9 || digit > max || *n > (max - digit) / 10)
			return -1;
		*n = *n * 10 + digit;
	}
	return 0;
}

/* Do the same for a number that has 32 bits on some machines. */
int number_parse(unsigned long *n, const char *word, size_t len, unsigned long max)
{
	__u64 number;
	int status = long_parse(&number, word, len, max);

	*n = (unsigned long)number;
	return status;
}

int by_number(const void *one, const void *other)
{
	__u32 a = *(const __u32 *)one, b = *(const __u32 *)other;

	return a < b ? -1 : a > b;
}

__u64 time_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (__u64)t.tv_sec * 1000000000ULL + (__u64)t.tv_nsec;
}

int time_parse(__u64 *ns, const char *word)
{
	static const char units[] = "smhd";
	static const __u64 seconds[] = { 1, 60, 3600, 86400 };
	size_t len = strlen(word);
	const char *unit = len ? strchr(units, word[len - 1]) : 0;
	unsigned long n;

	if (!unit || number_parse(&n, word, len - 1, 31536000) || !n ||
	    n * seconds[unit - units] > 31536000)
		return -1;
	*ns = n * seconds[unit - units] * 1000000000ULL;
	return 0;
}
