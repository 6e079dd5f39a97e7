/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ranges.h - what rules match as blocks: a range of numbers in each of a few dimensions.
 *
 * A cover (cover.h) knows prefixes and ports. Where rules also name users, groups, source ports,
 * own addresses or values, the blocks of earlier rules are cut out of those of a rule, until
 * nothing is left, or a part that no earlier rule meets.
 */
#ifndef CGG_INDEX_RANGES_H
#define CGG_INDEX_RANGES_H

#include "shadow.h"

enum dimension {
	OF_ADDRESS, /* IPv4 in mapped form */
	OF_NAME, /* the key of the hooks without addresses, or a name of an address */
	OF_PORT,
	OF_UID, /* UNKNOWN: not known */
	OF_OWN, /* the group; of packets the source port */
	OF_VALUE, /* of packets this host's address */
	OF_SELECT, /* as in struct box: one, or all that there are */
	DIMENSIONS
};
#define UNKNOWN (~0u)

typedef cgg_wide kind_set; /* bits: hook * CGG_QUERY_BITS + access bit */
_Static_assert(CGG_HOOKS *CGG_QUERY_BITS <= 128, "each kind has its bit");
#define KIND_BIT(kind) ((kind_set)1 << (kind) / PARTS)

/* From min to max in each dimension: the number, or the place of its range among all (rank.c). */
struct block {
	__u32 min[DIMENSIONS], max[DIMENSIONS];
};

struct taken {
	struct block block;
	kind_set kinds;
	__u64 until; /* as in struct box */
	__u32 class;
	__u32 rule; /* 0: what no operation is */
	__u32 limited; /* takes nothing for sure */
	__u32 zero[3];
};

/* The numbers of a block that need more than 32 bits. */
typedef cgg_wide wide_number;
struct wide {
	wide_number address[2], value[2]; /* the first and the last */
	const __u8 *name;
	__u32 bits;
	__u32 region; /* the part + 1; 0: any name */
};

struct range_node {
	struct block block; /* of all below it */
	kind_set kinds;
	__u32 rule; /* the least below it */
	__u32 count; /* of blocks, from leaf[first] on */
	__u32 first; /* if count is 0: the second child; the first one is the next node */
	__u32 zero;
};

struct ranges {
	struct taken *taken; /* in the order of rules */
	struct wide *wide; /* of each, until ranges_rank() */
	__u32 count, room;
	__u32 entry_first; /* the first block of the entry that is added */
	struct taken *leaf; /* those that may take something, as they stand in the tree */
	struct range_node *node;
	__u32 nodes;
	__u64 steps; /* nodes that were looked at */
	__u64 steps_most;
};

/* A class of rules: what they ask for beside boxes and ranges. */
struct class
{
	struct cgg_condition condition;
	__u64 boxes;
	__u32 *wider, wider_count; /* this class, and those that hold wherever it does */
	__u32 *into, into_count; /* the classes to whose covers its rules are added */
	bool wanted, exact, own; /* own: it is one of these itself */
};

struct classes {
	cgg_above *above;
	struct class *class;
	__u32 count;
	__u32 *hash, slots; /* the number of a class + 1 */
	__u32 last; /* the class that was asked for last: mostly the next one, too */
};

/* What blocks_cover() found. */
enum { OPEN, COVERED, TOO_LONG };

/* classes.c */
struct class *class_make(struct classes *classes, const struct cgg_condition *c);
int classes_join(struct classes *classes, kind_set *kinds);
bool class_is_wider(const struct classes *classes, __u32 wider, __u32 number);
void classes_free(struct classes *classes);

/* ranges.c */
bool has_ranges(const struct cgg_condition *c);
kind_set kinds_by_name(unsigned hooks);
int ranges_add(struct ranges *ranges, const struct cgg_entry *form, const struct part_box *box,
	       const struct taken *taken);
int ranges_preset(struct ranges *ranges, unsigned by_name);
void ranges_free(struct ranges *ranges);

/* rank.c */
int ranges_rank(struct ranges *ranges);

/* tree.c */
int tree_build(struct ranges *ranges);

/* search.c */
int blocks_cover(struct ranges *ranges, __u32 rule, kind_set kinds, const struct classes *classes,
		 int *found, __u32 *by);

#endif
