/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* shadow.h - what the files that find shadowed rules share. */
#ifndef CGG_INDEX_SHADOW_H
#define CGG_INDEX_SHADOW_H

#include "cover.h"

/*
 * Kinds of queries: each hook and access bit has one cover, or several. Those of addresses are by
 * family. A rule by name is judged beside the address, which is inner or not, so that these
 * covers exist three times: for all addresses, and for each half.
 */
enum part {
	PART_IPV4,
	PART_IPV6,
	PART_OUTER, /* IPv4, then IPv6: all inner addresses count as taken */
	PART_INNER = PART_OUTER + 2,
	PART_NAME = PART_INNER + 2, /* then: of an inner address, of an alias, of both */
	PART_VAGUE = PART_NAME + 4, /* names that may be any */
	PARTS
};
#define PART_FIRST PART_IPV4 /* of all other keys; of sockets and devices there are two */

struct part_box {
	struct box box;
	__u32 kind;
};
#define LOW_HALF 0xffffu /* of select: the protocol */
#define PROTOS 256 /* select of addresses is one of so many protocols */
#define BOXES 8 /* of one form of an entry, a hook and an access bit */
#define KIND(hook, bit, part)                                                                      \
	(((__u32)(hook)*CGG_QUERY_BITS + (__u32)(bit)) * PARTS + (__u32)(part))
#define KINDS KIND(CGG_HOOKS, 0, 0)
_Static_assert(CGG_KNOWN_NONE < 1 << CGG_QUERY_BITS, "each access bit has its kinds");

/* boxes.c */
unsigned hook_bits(int hook);
bool entry_is_plain(const struct cgg_entry *e);
struct cgg_condition class_of(const struct cgg_entry *e, int hook);
unsigned boxes_of(struct part_box *boxes, const struct cgg_rules *rules, const struct cgg_entry *e,
		  const struct cgg_entry *form, int hook, int bit);
bool entries_equal(const struct cgg_rules *rules, const struct cgg_entry *a,
		   const struct cgg_entry *b);

/* preset.c */
typedef int visit_prefix(void *context, const __u8 *key, __u32 bits, bool six);
int half_visit(visit_prefix *visit, void *context, bool six, bool of_inner);
int cover_preset(struct cover *cover, unsigned part, bool addresses);

#endif
