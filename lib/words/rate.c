// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* rate.c - parses and prints how often a rule may match. */
#include <string.h>

#include "words.h"

#define MOST 1000000UL /* so that a whole number of ns for each hit is exact within 0.1 % */

#define YEAR (31536000 * 1000000000ULL) /* ns */

static const char units[] = "smhd";
static const __u64 seconds[] = { 1, 60, 3600, 86400 };

/* Return whether a word is a longer form of a unit: sec, minute, hours... */
static bool is_spelled_out(const char *word)
{
	static const char *const long_units[] = { "seconds", "minutes", "hours", "days" };
	size_t len = strlen(word);

	for (size_t i = 0; i < sizeof(long_units) / sizeof(long_units[0]); i++)
		if (len > 2 && !strncmp(word, long_units[i], len))
			return true;
	return !strcmp(word, "hr");
}

int rate_parse(struct cgg_rate *rate, const char *word)
{
	const char *slash = strchr(word, '/');
	const char *unit = slash && slash[1] && !slash[2] ? strchr(units, slash[1]) : 0;
	unsigned long n;

	if (!unit && slash && is_spelled_out(slash + 1) &&
	    !number_parse(&n, word, (size_t)(slash - word), MOST) && n)
		return set_error(CGG_USAGE, "limit %.80s: not a rate; write limit %lu/%c", word, n,
				 slash[1]);
	if (!unit || number_parse(&n, word, (size_t)(slash - word), MOST) || !n)
		return set_error(CGG_USAGE,
				 "limit %.80s: not a rate (N/s, N/m, N/h or N/d, 1 to %lu)", word,
				 MOST);
	rate->count = (__u32)n;
	rate->unit = (__u8)(unit - units);
	return 0;
}

int burst_parse(struct cgg_rate *rate, const char *word)
{
	unsigned long n;

	if (number_parse(&n, word, strlen(word), MOST) || !n)
		return set_error(CGG_USAGE, "burst %.80s: not a number (1 to %lu)", word, MOST);
	rate->burst = (__u32)n;
	return 0;
}

/* Return the ns for each hit; 0: there is no limit. */
__u64 rate_interval(const struct cgg_rate *rate)
{
	return rate->count ? seconds[rate->unit] * 1000000000ULL / rate->count : 0;
}

/* Complete what was parsed: without a burst, it is the hits of one unit. */
int rate_check(struct cgg_rate *rate)
{
	if (rate->burst && !rate->count)
		return set_error(CGG_USAGE, "burst: needs a limit, like limit 5/s burst 10");
	if (!rate->burst)
		rate->burst = rate->count;
	if (rate->count && rate->burst > YEAR / rate_interval(rate))
		return set_error(CGG_USAGE, "burst %u: would take more than a year to come back",
				 rate->burst);
	return 0;
}

/* Print " limit ...", or nothing. */
void rate_print(const struct cgg_rate *rate, char text[CGG_NET_TEXT])
{
	int len = 0;

	*text = 0;
	if (rate->count)
		len = snprintf(text, CGG_NET_TEXT, " limit %u/%c", rate->count, units[rate->unit]);
	if (rate->burst != rate->count)
		snprintf(text + len, CGG_NET_TEXT - (size_t)len, " burst %u", rate->burst);
}
