// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* named.c - what the programs for names counted for a cgroup, and how full its tables are. */
#include <stdio.h>

#include "cmd.h"
#include "status.h"

const struct name_value name_values[NAME_VALUES] = {
	[CGG_QUESTIONS_SEEN] = { "questions", "dns_questions_total",
				 "Questions that went out to a resolver of the policy." },
	[CGG_ANSWERS_SEEN] = { "answers", "dns_answers_total",
			       "Messages that came from a resolver of the policy." },
	[CGG_ANSWERS_BOUND] = { "bound", "dns_answers_bound_total",
				"Answers that gave an address a name." },
	[CGG_ANSWERS_UNASKED] = { "unasked", "dns_answers_unasked_total",
				  "Answers to no open question of their socket." },
	[CGG_ANSWERS_BROKEN] = { "broken", "dns_answers_broken_total",
				 "Messages from a resolver that are no answer that can be read." },
	[CGG_ANSWERS_LONG] = { "long", "dns_answers_long_total",
			       "Answers whose name is too long to be kept." },
	[CGG_ANSWERS_CUT] = { "cut", "dns_answers_cut_total",
			      "Answers that were not whole, or longer than what is read." },
	[CGG_ANSWERS_UNREAD] = { "unread", "dns_segments_unread_total",
				 "Segments of TCP from a resolver that could not be read." },
	[CGG_ANSWERS_ELSEWHERE] = { "elsewhere", "dns_answers_elsewhere_total",
				    "Packets of a resolver in a place where it does not count." },
	[CGG_FORGED] = { "forged", "dns_packets_forged_total",
			 "Packets dropped because they claimed to come from a resolver." },
	[CGG_ADDRESSES_ADDED] = { "addresses_added", "dns_addresses_added_total",
				  "Addresses that answers added to the table." },
	[CGG_NAMES_ADDED] = { "names_added", "dns_names_added_total",
			      "Names that answers added to the table." },
	[CGG_NAMES_FULL] = { "names_lost", "dns_names_lost_total",
			     "Names that an address with too many lost before they expired." },
	[ADDRESSES_HERE] = { "addresses", "dns_addresses", "Addresses in the table." },
	[NAMES_HERE] = { "names", "dns_names", "Names in the table." },
	[NAMES_ROOM] = { "room", "dns_room",
			 "Addresses, and names, that the tables have room for." },
	[ADDRESSES_EVICTED] = { "addresses_evicted_at_most", "dns_addresses_evicted_at_most",
				"Addresses added that are not in the table any more." },
	[NAMES_EVICTED] = { "names_evicted_at_most", "dns_names_evicted_at_most",
			    "Names added that are not in the table any more." },
};

/*
 * Return how much of what answers added is not there any more, at most. by_hand: what cgg-names
 * add entered is there, but was not counted when it was added.
 */
static __u64 gone(__u64 added, __u64 here, __u64 by_hand)
{
	__u64 kept = here > by_hand ? here - by_hand : 0;

	return added > kept ? added - kept : 0;
}

__u64 name_value(const struct attachment *at, int value)
{
	const struct cgg_fill *fill = &at->fill;

	if (value >= CGG_NAME_COUNTS && !fill->room)
		return 0;
	switch (value) {
	case ADDRESSES_HERE:
		return fill->addresses;
	case NAMES_HERE:
		return fill->names;
	case NAMES_ROOM:
		return fill->room;
	case ADDRESSES_EVICTED:
		return gone(at->counted.count[CGG_ADDRESSES_ADDED], fill->addresses, fill->by_hand);
	case NAMES_EVICTED:
		return gone(at->counted.count[CGG_NAMES_ADDED], fill->names, fill->by_hand);
	default:
		return at->counted.count[value];
	}
}

void names_look(struct attachment *at)
{
	int status = bindings_count(at->id, &at->fill);

	if (status == CGG_FAILED)
		warnx("%s", cgg_error);
	at->has_names = !status;
	if (!name_counts_read(at->id, &at->counted))
		return;
	for (int i = 0; i < CGG_NAME_COUNTS; i++)
		at->has_names |= at->counted.count[i] != 0;
}

void names_text(const struct attachment *at, const char *shown)
{
	if (!at->has_names)
		return;
	printf("names\t%s", shown);
	for (int i = 0; i < CGG_NAME_COUNTS; i++) {
		__u64 count = name_value(at, i);

		if (i == CGG_ADDRESSES_ADDED || i == CGG_NAMES_ADDED)
			continue;
		if (i <= CGG_ANSWERS_BOUND || count)
			printf("\t%s %llu", i == CGG_NAMES_FULL ? "names lost" : name_values[i].key,
			       count);
	}
	if (at->fill.room)
		printf("\taddresses %llu of %llu\tnames %llu of %llu", at->fill.addresses,
		       at->fill.room, at->fill.names, at->fill.room);
	if (name_value(at, ADDRESSES_EVICTED) || name_value(at, NAMES_EVICTED))
		printf("\tevicted at most %llu addresses, %llu names",
		       name_value(at, ADDRESSES_EVICTED), name_value(at, NAMES_EVICTED));
	putchar('\n');
}
