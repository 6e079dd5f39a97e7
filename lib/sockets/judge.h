/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* judge.h - questions about sockets, their answers, and the rules that these name. */
#ifndef CGG_JUDGE_H
#define CGG_JUDGE_H

#include "sockets.h"

/* What is asked. Questions with equal bytes have equal answers. */
struct question {
	__u8 addr[16], self[16];
	__u32 attached; /* index in cgg_sockets */
	__u32 scope, network;
	__u32 uid; /* of the socket, whose group nobody knows */
	__u16 proto, port, sport; /* and self: of packets; nobody knows their interface */
	__u8 hook;
	bool with_port;
};

struct query {
	struct question key;
	__u32 socket; /* index */
	__u32 order; /* the first one that was added counts among equal verdicts */
	__u32 answer, answers; /* of the address, then of each name that it has */
};

struct answer {
	__u32 place, rule; /* rule 0: the default */
	__u8 verdict;
};

/* A rule of an answer. */
struct wanted {
	__u32 place, rule;
	__u32 position; /* in the policy */
	char *text; /* 0: it has just expired */
};

struct queries {
	struct cgg_sockets *all;
	const struct cgg_image *image; /* of the attachment that is being added */
	__u32 attached;
	struct query *query;
	size_t count, room;
	struct answer *answer;
	size_t answers, answer_room;
	struct wanted *wanted; /* sorted by place and rule */
	size_t wanted_count;
	__u32 *decided; /* by socket: order of the query that decided, 0: none yet */
};

/* ask.c */
int queries_ask(struct queries *queries); /* sorts them, and fills in answers and wanted */
const struct wanted *wanted_find(const struct queries *queries, const struct answer *answer);

#endif
