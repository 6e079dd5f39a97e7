/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* descend.h - walks from the root of a space along the key, to the longest prefix with rules. */
#ifndef CGG_DESCEND_H
#define CGG_DESCEND_H

#include "items.h"

/* Missing index: fail closed. It is reported as the default. */
#define CGG_NO_INDEX                                                                               \
	CGG_REF(CGG_REF_PLAIN, CGG_PLAIN(ALL_OF(CGG_HOOKS), ALL_OF(CGG_QUERY_BITS), CGG_DENY), 0)
#define ALL_OF(bits) ((1u << (bits)) - 1)

/* space_of - Return the space of the index in which the key of a query is. */
static __always_inline __u32 space_of(__u64 query)
{
	__u32 hook;

	barrier_var(query); /* else clang 22 splits it before a loop, into too much stack */
	hook = QUERY_HOOK(query);
#if defined(CGG_PACKETS) || defined(CGG_ASKED)
	if (hook < CGG_UNIX && CGG_KNOWN_NONE >> QUERY_ACCESS(query) == 1)
		return CGG_SPACE_VAGUE;
#endif
#if defined(CGG_ASKED)
	if (CGG_BY_NAME >> QUERY_ACCESS(query) == 1)
		return CGG_SPACE_HOST;
#endif
	if (hook < CGG_UNIX)
		return QUERY_SELECT(query) & CGG_IS_IPV4 ? CGG_SPACE_IPV4 : CGG_SPACE_IPV6;
	if ((hook == CGG_UNIX || hook == CGG_DNS) && QUERY_SELECT(query) == CGG_VAGUE)
		return CGG_SPACE_VAGUE;
	return CGG_SPACE_UNIX + hook - CGG_UNIX;
}

/* A digit of the key, as a number. */
#if HAS_NAME
#define DIGIT(d) bpf_ntohs(*(const __u16 *)((const char *)name + 2 * ((d) % CGG_DIGITS)))
#define STEPS (CGG_DIGITS + 2) /* each goes on by a digit at least, the last may not */
#else
#define STEPS 10
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DIGIT(d) bpf_ntohs(((d)&4 ? low : high) >> 16 * ((d)&3))
#else
#define DIGIT(d) (((d)&4 ? low : high) >> 16 * (3 - ((d)&3)))
#endif
#endif

/* A key that is read already. */
#if HAS_NAME
#define KEY_WALKED const struct cgg_operand *name
#define KEY_WALKED_ARGS name
#else
#define KEY_WALKED __u64 high, __u64 low
#define KEY_WALKED_ARGS high, low
#endif

/* Return where a path leads on: to yes where the key has the value's bits, else to no. */
static __always_inline __u64 path_find(void *index, __u64 ref, KEY_WALKED)
{
	__u32 place;
	const char *page = page_with(index, CGG_REF_LOW(ref), &place);
	const struct cgg_path *path;
	__u64 differ;

	if (!page || place > CGG_PAGE - sizeof(*path))
		return CGG_NO_INDEX;
	path = (const struct cgg_path *)(page + place);
#if HAS_NAME
	const __u64 *part = &name->word[CGG_REF_HIGH(ref) << 1 & 14];
	__u64 high = part[0], low = part[1];
#endif
	differ = ((high ^ path->value[0]) & path->mask[0]) |
		 ((low ^ path->value[1]) & path->mask[1]);
	return differ ? path->no : path->yes;
}

/* descend - Follow the key to the longest prefix that has rules; is_interior(): it goes on. */
__noinline __weak __u64 PER_KIND(descend)(__u32 number, KEY_PARAMS, __u64 ref)
{
	void *index = bpf_map_lookup_elem(&indexes, &number);

#if HAS_NAME
	const struct cgg_operand *name = name_from(key);

	if (!name)
		return CGG_NO_INDEX;
#endif
	if (!index)
		return CGG_NO_INDEX;
	for (__u32 i = 0; i < DESCEND_STEPS; i++) {
		__u32 kind = CGG_REF_KIND(ref);

		if (kind == CGG_REF_INTERVALS && CGG_INTERVALS_COUNT(ref) > CGG_INTERVALS_MOST) {
			ref = ref_at(index, CGG_REF_LOW(ref) + DIGIT(CGG_INTERVALS_DIGIT(ref)));
			continue;
		}
		if (kind == CGG_REF_INTERVALS || (HAS_NAME && kind == CGG_REF_POINTS)) {
			ref = intervals_find(number, ref, DIGIT(CGG_INTERVALS_DIGIT(ref)));
			continue;
		}
		if (kind == CGG_REF_POINTS) {
			ref = points_find(index, ref, DIGIT(CGG_INTERVALS_DIGIT(ref)));
			continue;
		}
		if (kind != CGG_REF_PATH)
			break;
		ref = path_find(index, ref, KEY_WALKED_ARGS);
	}
	return ref;
}

/* descend_rest - Call descend() until the walk ends, for at most STEPS digits. */
__noinline __weak __u64 PER_KIND(descend_rest)(__u32 number, KEY_PARAMS, __u64 ref)
{
	for (__u32 i = DESCEND_STEPS; i < STEPS && is_interior(ref); i += DESCEND_STEPS)
		ref = PER_KIND(descend)(number, KEY_ARGS, ref);
	return ref;
}

#endif
