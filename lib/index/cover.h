/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cover.h - which operations are taken already, while the rules of a policy are read in order.
 *
 * A cover is about one kind of query. It is a binary trie of the prefixes of rules. Each node has
 * the ports and selections (protocol, length of a name) for which every key below the node is
 * taken, and until when.
 */
#ifndef CGG_INDEX_COVER_H
#define CGG_INDEX_COVER_H

#include "index.h"

#define ANY_SELECT (~0ULL)

/* What a rule asks for, within one kind of query. */
struct box {
	const __u8 *key; /* stays where it is */
	__u32 bits; /* of the key that are compared */
	__u16 port_min, port_max;
	__u64 select; /* ANY_SELECT: any */
	__u64 until; /* when the rule expires */
};

struct span {
	__u64 select, until;
	__u32 rule; /* id; 0: several rules together */
	__u16 min, max; /* ports */
};

/* Spans in the order of select, then of ports, without an overlap. */
struct spans {
	struct span *span;
	__u32 count, room;
};

/* What is read on the way through the trie: kept small, because it is read for every box. */
struct cover_step {
	__u32 bits;
	__u32 child[2]; /* 0: none */
};

struct cover_node {
	struct spans spans;
	const __u8 *key;
};

struct cover {
	struct cover_step *step; /* the first is the root */
	struct cover_node *node; /* of each */
	__u32 nodes, room;
};

/* Spans that are looked at together: those of one node, or what two nodes have in common. */
struct look {
	const struct spans *one, *other;
};
struct looks {
	struct look *look;
	size_t count, room;
};

__u32 common_bits(const __u8 *a, const __u8 *b, __u32 at, __u32 most);

/* These return 0 or CGG_FAILED. */
int cover_begin(struct cover *cover);
int cover_put(struct cover *cover, const struct box *box, __u32 rule);
int looks_add(struct looks *looks, const struct spans *one, const struct spans *other);
int cover_look(const struct cover *cover, const struct box *box, struct looks *looks);

bool looks_cover(const struct looks *looks, const struct box *box, __u32 *rule);
void cover_free(struct cover *cover);

/* spans.c */
#define NO_RULE (~0u) /* no rule was met yet */
void rule_meet(__u32 *rule, __u32 other);
__u32 spans_find(const struct spans *spans, __u64 select, __u32 port);
const struct span *spans_reach(const struct spans *spans, const struct box *box, __u32 port);
int spans_put(struct spans *spans, const struct span *span, bool *changed);

#endif
