// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * preset.c - the keys that a kind of query never has: a cover counts them as taken from the start.
 *
 * IPv4 addresses in mapped form are no IPv6 addresses. What allow rules by name match is outer, and
 * the other half is inner: bpf/names/inner.h has the same addresses. Those that NAT64 and 6to4
 * embed are inner there but not here, so that a rule is rather not called shadowed.
 */
#include <string.h>

#include "shadow.h"

static const __u8 mapped[16] = { [10] = 0xff, [11] = 0xff };

struct prefix {
	__u8 key[16];
	__u32 bits;
};
static const struct prefix inner4[] = {
	{ { 0 }, 8 },	      { { 10 }, 8 },	    { { 127 }, 8 },	 { { 172, 16 }, 12 },
	{ { 192, 168 }, 16 }, { { 169, 254 }, 16 }, { { 100, 64 }, 10 }, { { 224 }, 3 },
};
static const struct prefix inner6[] = {
	{ { 0 }, 64 },		{ { 0xfc }, 7 }, { { 0xfe, 0x80 }, 10 },
	{ { 0xfe, 0xc0 }, 10 }, { { 0xff }, 8 },
};
#define MOST 256

/* The prefixes that are inner, or those that are not, of a family. */
struct half {
	struct prefix prefix[MOST];
	unsigned count;
};

static bool key_bit(const struct prefix *prefix, __u32 bit)
{
	return prefix->key[bit / 8] >> (7 - bit % 8) & 1;
}

/* Return whether two prefixes have an address in common. */
static bool meets(const struct prefix *a, const struct prefix *b)
{
	__u32 least = a->bits < b->bits ? a->bits : b->bits;

	for (__u32 bit = 0; bit < least; bit++)
		if (key_bit(a, bit) != key_bit(b, bit))
			return false;
	return true;
}

/* Add the largest prefixes within `in` that are not inner. */
static void outer_add(struct half *half, const struct prefix *in, const struct prefix *inner,
		      unsigned count)
{
	struct prefix lower = *in;
	bool any = false;

	for (unsigned i = 0; i < count; i++) {
		if (meets(in, &inner[i]) && inner[i].bits <= in->bits)
			return;
		any |= meets(in, &inner[i]);
	}
	if (!any) {
		half->prefix[half->count++ % MOST] = *in;
		return;
	}
	lower.bits++;
	outer_add(half, &lower, inner, count);
	lower.key[in->bits / 8] |= (__u8)(0x80 >> in->bits % 8);
	outer_add(half, &lower, inner, count);
}

/* Visit the addresses of a family that are inner, or those that are not. */
int half_visit(visit_prefix *visit, void *context, bool six, bool of_inner)
{
	static struct half outer[2];
	const struct prefix *inner = six ? inner6 : inner4;
	unsigned count = six ? sizeof(inner6) / sizeof(*inner6) : sizeof(inner4) / sizeof(*inner4);
	int status = 0;

	if (!outer[six].count)
		outer_add(&outer[six], &(struct prefix){ 0 }, inner, count);
	if (!of_inner) {
		inner = outer[six].prefix;
		count = outer[six].count;
	}
	for (unsigned i = 0; i < count && !status; i++)
		status = visit(context, inner[i].key, inner[i].bits, six);
	return status;
}

static int take(void *cover, const __u8 *key, __u32 bits, bool six)
{
	const struct box box = { key, bits, 0, 65535, ANY_SELECT, CGG_NEVER };

	(void)six;
	return cover_put(cover, &box, 0);
}

/* Let a new cover of a part take the keys that no query has; addresses: its keys are addresses. */
int cover_preset(struct cover *cover, unsigned part, bool addresses)
{
	bool six = part == PART_IPV6 || part == PART_OUTER + 1 || part == PART_INNER + 1;
	int status = 0;

	if (!addresses || part >= PART_NAME)
		return 0;
	if (six)
		status = take(cover, mapped, 96, true);
	if (!status && part >= PART_OUTER)
		status = half_visit(take, cover, six, part < PART_INNER);
	return status;
}
