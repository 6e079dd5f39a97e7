// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * suppressed.c - report the events that programs did not write, to leave room for other cgroups.
 *
 * The programs count suppressed events by cgroup, rule, program and verdict. Each reader reports
 * what was added while it read. Counts that no reader has reported yet go to the next reader: the
 * map told has the counts that were reported. Both maps drop the keys that were not used for the
 * longest time. If a count is smaller than before, the map had dropped it, and it began at 0.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"

#define MOST 32768 /* more than the maps hold */

/* Read all counts of a map into *all, in no order; return their number; the caller frees *all. */
size_t suppressed_read(int map, struct cgg_news **all)
{
	struct cgg_suppressed *keys = calloc(MOST, sizeof(*keys));
	__u64 *values = calloc(MOST, sizeof(*values));
	__u32 count = MOST, batch;
	size_t found = 0;

	*all = 0;
	if (keys && values &&
	    (!bpf_map_lookup_batch(map, 0, &batch, keys, values, &count, 0) || errno == ENOENT))
		*all = calloc(count + 1, sizeof(**all));
	for (; *all && found < count; found++) {
		(*all)[found].key = keys[found];
		(*all)[found].count = values[found];
	}
	free(keys);
	free(values);
	return found;
}

/* Return the count that was reported for a key, which is made if missing; 0: out of memory. */
static struct cgg_news *known(struct cgg_reader *reader, const struct cgg_suppressed *key)
{
	size_t low = 0, high = reader->known_count;
	struct cgg_news *more;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int differ = memcmp(&reader->known[middle].key, key, sizeof(*key));

		if (!differ)
			return &reader->known[middle];
		if (differ < 0)
			low = middle + 1;
		else
			high = middle;
	}
	more = grow(reader->known, reader->known_count, &reader->known_room, sizeof(*more));
	if (!more)
		return 0;
	reader->known = more;
	more += low;
	memmove(more + 1, more, (reader->known_count++ - low) * sizeof(*more));
	*more = (struct cgg_news){ .key = *key };
	return more;
}

/* Take the counts of a map for one ring as reported. */
static void remember(struct cgg_reader *reader, int map, __u32 ring)
{
	struct cgg_news *all, *place;
	size_t count = suppressed_read(map, &all);

	for (size_t i = 0; i < count; i++) {
		place = all[i].key.ring == ring ? known(reader, &all[i].key) : 0;
		if (place)
			place->count = all[i].count;
	}
	free(all);
}

/* Open the maps, and read which counts were reported already. */
int suppressed_open(struct cgg_reader *reader)
{
	int status = map_open("suppressed", &reader->suppressed);

	if (!status)
		status = map_open("told", &reader->told);
	if (status)
		return status;
	reader->suppressed_first = true;
	remember(reader, reader->told, 0);
	if (reader->reader_slot)
		remember(reader, reader->suppressed, reader->reader_slot);
	return 0;
}

/* Return the tag of the policy that events were suppressed of, or "" if another took its place. */
static const char *tag_of(const struct cgg_policy *policies, const struct cgg_suppressed *key)
{
	static const char none[CGG_NAME] __attribute__((aligned(8)));

	return policies && *policy_by_place(policies, key->policy, key->born)
		       ? policies[key->policy].tag
		       : none;
}

/*
 * Return whether this reader must report a key.
 *
 * A reader with a filter reports the counts of its own ring. On its first call it also reports
 * those of ring 0 that match its filter: nobody reported them before it came.
 */
static bool is_mine(const struct cgg_reader *reader, const struct cgg_suppressed *key)
{
	const struct cgg_filter *f = &reader->filter;

	if (!reader->own.ring)
		return !key->ring;
	if (key->ring == reader->reader_slot)
		return true;
	return !key->ring && reader->suppressed_first &&
	       cgg_filter_wants(f, key->program, key->verdict, tag_of(reader->policies, key)) &&
	       (!f->cgroup || cgroup_is_below(key->cgroup, f->cgroup));
}

/* Return the number of counts to report since the last call, in *news, which the caller frees. */
size_t suppressed_news(struct cgg_reader *reader, struct cgg_news **news)
{
	const struct cgg_ring *ring = reader->own.ring ? reader->own.ring : reader->all.ring;
	__u64 now = __atomic_load_n(&ring->suppressed, __ATOMIC_SEQ_CST);
	size_t count, found = 0;

	*news = 0;
	if (now == reader->suppressed_seen && !reader->suppressed_first)
		return 0;
	reader->suppressed_seen = now;
	count = suppressed_read(reader->suppressed, news);
	for (size_t i = 0; i < count; i++) {
		struct cgg_news one = (*news)[i], *told;

		told = is_mine(reader, &one.key) ? known(reader, &one.key) : 0;
		if (!told || told->count == one.count)
			continue;
		(*news)[found] = one;
		(*news)[found++].count -= told->count < one.count ? told->count : 0;
		told->count = one.count;
		if (!one.key.ring)
			bpf_map_update_elem(reader->told, &one.key, &one.count, BPF_ANY);
	}
	reader->suppressed_first = false;
	return found;
}
