/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* names.h - rules by DNS name: which addresses have which names, and until when. */
#ifndef CGG_CONTRACT_NAMES_H
#define CGG_CONTRACT_NAMES_H

#include "query.h"

#define CGG_RESOLVERS 16 /* of a policy */
#define CGG_NAMES_OF 8 /* names that an address may have at once */
#define CGG_NAME_MOST (CGG_OPERAND - 1) /* bytes of a name; one NUL at least follows */
#define CGG_NAMES_ROOM 4096 /* addresses, and names, of an attachment, unless a policy says more */
#define CGG_NAMES_ROOM_MOST 1048576
#define CGG_NAMES_CGROUPS 65536 /* that have names: as many as may be attached */
#define CGG_KEEP (300 * 1000000000ULL) /* how long a binding lasts at least */
#define CGG_KEEP_MOST (86400 * 1000000000ULL)

/*
 * A DNS name is a struct cgg_operand: lower case, no dot at its end, and its bytes reversed, so
 * that all names below example.com begin with "moc.elpmaxe.".
 */

/* What the lines `resolver' and `names' of a policy say. */
struct cgg_naming {
	__u64 resolver[CGG_RESOLVERS][2]; /* addresses, as in a query */
	__u64 keep;
	__u32 resolvers;
	__u32 room;
};

/* Key of an inner map of bindings: an address, in a network namespace (its cookie). */
struct cgg_where {
	__u64 addr[2];
	__u64 netns;
};

/*
 * A name of an address: the element of known with this hash. check is the time when that element
 * was born, plus where_hash() of the address. If another name has taken the element since, or if
 * the kernel gave this value to another address while a program wrote it, check differs: it is no
 * name.
 */
struct cgg_bound_name {
	__u64 hash; /* and CGG_BOUND_FLAGS */
	__u64 check;
	__u64 expires; /* 0: free */
};
#define CGG_ALIAS 1ULL /* a name further on in a chain of CNAMEs, not the one that was asked for */
#define CGG_HAND 2ULL /* bound by cgg-names add */
#define CGG_BOUND_FLAGS (CGG_ALIAS | CGG_HAND)

struct cgg_bound {
	struct cgg_bound_name name[CGG_NAMES_OF];
};

/* Value of an inner map of known. born is first and last, to notice a change while it is read. */
struct cgg_known_name {
	__u64 born;
	struct cgg_operand name;
	__u64 len;
	__u64 born_too;
};

/* What the programs for names counted for a cgroup. */
enum cgg_name_count {
	CGG_QUESTIONS_SEEN, /* that went out to a resolver */
	CGG_ANSWERS_SEEN, /* that came from a resolver */
	CGG_ANSWERS_BOUND, /* with an address that was bound */
	CGG_ANSWERS_UNASKED, /* that no open question of the socket has */
	CGG_ANSWERS_BROKEN, /* or of a kind that is not read */
	CGG_ANSWERS_LONG, /* their name has more than CGG_NAME_MOST bytes */
	CGG_ANSWERS_CUT, /* more records or bytes than are read */
	CGG_ANSWERS_UNREAD, /* segments of TCP whose place in the stream is not known */
	CGG_ANSWERS_ELSEWHERE, /* of a loopback resolver elsewhere, or of another one by lo */
	CGG_FORGED, /* packets that claimed to come from a resolver */
	CGG_ADDRESSES_ADDED, /* those that are not present now were evicted */
	CGG_NAMES_ADDED, /* as above */
	CGG_NAMES_FULL, /* names that an address lost to others before they expired */
	CGG_NAME_COUNTS
};

struct cgg_names_count {
	__u64 count[CGG_NAME_COUNTS];
};

CGG_SAME(sizeof(struct cgg_naming) == 16 * CGG_RESOLVERS + 16);
CGG_SAME(sizeof(struct cgg_where) == 24);
CGG_SAME(sizeof(struct cgg_bound) == 24 * CGG_NAMES_OF);
CGG_SAME(sizeof(struct cgg_known_name) == CGG_OPERAND + 24);

#endif
