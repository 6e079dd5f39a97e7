/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * host.h - the rules about the names of an address, beside those about the address itself.
 *
 * The functions of host.bpf.c are declared here, for connect and sendmsg. They are walks of another
 * kind, whose key is a name; so they are in a file of their own, and the linker joins them.
 */
#ifndef CGG_NAMES_HOST_H
#define CGG_NAMES_HOST_H

#include "../nodes.h"
#include "../order.h"
#include "scratch.h"

extern __u64 host_begin(__u64 high, __u64 low, __u64 netns);
extern __u32 host_take(__u32 number);
extern __u32 host_any(void);
extern __u64 host_descend(__u32 image_number);
extern __u64 sets_of_name_host(__u32 number, __u64 key, __u64 query);
extern __u32 front_find_host(__u32 number, __u64 key, __u64 of_sets, __u64 query, __u64 who);

#define BY_NAME_BIT 4 /* of a query, as a number: CGG_BY_NAME */
CGG_SAME(1 << BY_NAME_BIT == CGG_BY_NAME);

/* names_of_index - the first rule of the index about the name in the buffer that holds; 0: none */
static __always_inline __u64 names_of_index(__u32 number, const struct cgg_image *image,
					    __u64 query, __u64 who)
{
	__u64 ref = host_descend(number);

	if (!ref)
		return 0;
	if (CGG_REF_KIND(ref) == CGG_REF_PLAIN)
		return plain_holds(index_of(image), image, ref, query) ? ref : 0;
	ref = nodes_find_socket(number, ref, query, who);
	for (__u32 i = NODE_STEPS; i < CGG_CHAIN && CGG_REF_KIND(ref) == NODE_MORE; i += NODE_STEPS)
		ref = nodes_find_socket(number, ref, query, who);
	return ref;
}

/* first_of_name - the earlier one of a rule found before, and those for the name in the buffer */
static __always_inline __u64 first_of_name(__u32 number, const struct cgg_image *image, __u64 found,
					   __u64 asked, __u64 who)
{
	__u32 at;

	if (image->index.number)
		found = earlier(image, found, names_of_index(number, image, asked, who));
	at = image->count ? front_find_host(number, FOR_HOST, 0, asked, who) : 0;
	if (at)
		found = earlier(image, found, CGG_REF(FOUND_ENTRY, 0, at));
	if (image->sets)
		found = with_sets_of(number, sets_of_name_host(number, FOR_HOST, asked), asked, who,
				     found);
	return found;
}

/* first_by_name - the earlier one of a rule found by the address, and those for its names */
static __always_inline __u64 first_by_name(__u32 number, const struct cgg_image *image, __u64 found,
					   __u64 query, __u64 who)
{
	query = (query & ~255ULL) | (QUERY_HOOK(query) << 8) | BY_NAME_BIT;
	for (__u32 i = 0; i < CGG_NAMES_OF; i++) {
		__u32 select = host_take(i);
		__u64 asked = query | (__u64)(select & (CGG_IS_INNER | CGG_IS_ALIAS)) << 32;

		if (select & ~LAST_NAME)
			found = first_of_name(number, image, found, asked, who);
		found = as_unknown(found, query);
		if (select & LAST_NAME)
			break;
	}
	return found;
}

#endif
