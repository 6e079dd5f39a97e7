// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* count.c - reads and deletes the counters of rules, defaults and packets. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pins.h"

int count_open(void)
{
	return pin_get("maps/counts");
}

/*
 * Return the values of a key for all possible processors, to be freed, or 0. size is a multiple
 * of 8, because the kernel pads each value to that.
 */
static void *values_read(int map, const void *key, size_t size, int *processors)
{
	void *each;

	*processors = libbpf_num_possible_cpus();
	each = *processors > 0 ? calloc((size_t)*processors, size) : 0;
	if (each && !bpf_map_lookup_elem(map, key, each))
		return each;
	free(each);
	*processors = 0;
	return 0;
}

/* Return the sum over all processors; all zero if nothing was counted, or it cannot be read. */
struct cgg_count count_read(int counts, __u32 policy, __u32 rule)
{
	struct cgg_count_key key = { .policy = policy, .rule = rule };
	struct cgg_count sum = { 0 }, *each;
	int processors;

	each = values_read(counts, &key, sizeof(*each), &processors);
	for (int i = 0; i < processors; i++) {
		sum.hits += each[i].hits;
		sum.bytes += each[i].bytes;
		if (each[i].last > sum.last)
			sum.last = each[i].last;
	}
	free(each);
	return sum;
}

/* Open a map once and keep it open for the next call. Return the fd, or -1. */
static int opened(int *map, const char *name)
{
	if (*map < 0)
		*map = pin_get(name);
	return *map;
}

static int tally_map = -1; /* of one chunk; kept while one guard is open */

void tallies_close(void)
{
	if (tally_map >= 0)
		close(tally_map);
	tally_map = -1;
}

/* Return the map with the tallies of a policy and the key of its first tally, or -1. */
static int tallies(__u32 policy, __u32 *key)
{
	static int maps = -1;
	static __u32 chunk;

	*key = policy % CGG_CHUNK * CGG_HOOKS;
	if (tally_map >= 0 && chunk == policy / CGG_CHUNK)
		return tally_map;
	tallies_close();
	chunk = policy / CGG_CHUNK;
	tally_map = inner_get("tallies", opened(&maps, "maps/tallies"), chunk);
	return tally_map;
}

/* Read the tallies of all hooks and processors. Only since Linux 5.13 one call reads them all. */
static bool tallies_copy(int map, __u32 first, struct cgg_tally *each, int processors)
{
	__u32 key[CGG_HOOKS], before = first - 1, next, count = CGG_HOOKS;

	if (!bpf_map_lookup_batch(map, first ? &before : 0, &next, key, each, &count, 0))
		return count == CGG_HOOKS;
	for (__u32 hook = 0; hook < CGG_HOOKS; hook++) {
		const __u32 at = first + hook;

		if (bpf_map_lookup_elem(map, &at, each + hook * (__u32)processors))
			return false;
	}
	return true;
}

static void tally_add(struct cgg_tally *sum, const struct cgg_tally *more)
{
	for (int v = 0; v < CGG_VERDICTS; v++) {
		sum->by_default[v] += more->by_default[v];
		sum->by_rule[v] += more->by_rule[v];
	}
	sum->bytes += more->bytes;
	sum->unread += more->unread;
	if (more->last > sum->last)
		sum->last = more->last;
}

void tallies_read(__u32 policy, struct cgg_tally sum[CGG_HOOKS])
{
	int processors = libbpf_num_possible_cpus(), map;
	struct cgg_tally *each = 0;
	__u32 first;

	memset(sum, 0, CGG_HOOKS * sizeof(*sum));
	map = tallies(policy, &first);
	if (processors > 0)
		each = malloc((size_t)processors * CGG_HOOKS * sizeof(*each));
	if (each && tallies_copy(map, first, each, processors))
		for (int i = 0; i < CGG_HOOKS * processors; i++)
			tally_add(&sum[i / processors], &each[i]);
	free(each);
}

struct cgg_count tally_default(const struct cgg_tally *tally)
{
	struct cgg_count sum = { .bytes = tally->bytes, .last = tally->last };

	for (int v = 0; v < CGG_VERDICTS; v++)
		sum.hits += tally->by_default[v];
	return sum;
}

bool packets_read(__u64 cgroup, struct cgg_packets *sum)
{
	static int map = -1;
	struct cgg_packets *each;
	int processors;

	memset(sum, 0, sizeof(*sum));
	each = values_read(opened(&map, "maps/packets"), &cgroup, sizeof(*each), &processors);
	for (int i = 0; i < processors; i++) {
		for (int way = 0; way < CGG_WAYS; way++) {
			sum->allowed[way] += each[i].allowed[way];
			sum->allowed_bytes[way] += each[i].allowed_bytes[way];
			sum->denied[way] += each[i].denied[way];
			sum->denied_bytes[way] += each[i].denied_bytes[way];
		}
	}
	free(each);
	return processors > 0;
}

void denials_read(__u64 cgroup, const struct cgg_packets *packets, __u64 sum[CGG_HOOKS])
{
	static int map = -1;
	struct cgg_attached at = { 0 };

	bpf_map_lookup_elem(opened(&map, "maps/attached"), &cgroup, &at);
	for (int hook = 0; hook < CGG_HOOKS; hook++)
		sum[hook] = at.denied[hook];
	sum[CGG_EGRESS] = packets->denied[CGG_OUT];
	sum[CGG_INGRESS] = packets->denied[CGG_IN];
}

bool name_counts_read(__u64 cgroup, struct cgg_names_count *sum)
{
	static int map = -1;
	struct cgg_names_count *each;
	int processors;

	memset(sum, 0, sizeof(*sum));
	each = values_read(opened(&map, "maps/name_counts"), &cgroup, sizeof(*each), &processors);
	for (int i = 0; i < processors; i++)
		for (int what = 0; what < CGG_NAME_COUNTS; what++)
			sum->count[what] += each[i].count[what];
	free(each);
	return processors > 0;
}

/* What is kept for each rule: its counts, and how often it may still match. */
static const char *const by_rule[] = { "maps/counts", "maps/limits" }; /* any_hit(): the first */
#define BY_RULE (sizeof(by_rule) / sizeof(by_rule[0]))

static bool any_key(int map, __u32 policy)
{
	struct cgg_count_key key, next;
	bool more = !bpf_map_get_next_key(map, 0, &next), any = false;

	while (more && !any) {
		key = next;
		any = key.policy == policy;
		more = !bpf_map_get_next_key(map, &key, &next);
	}
	return any;
}

/* Return whether the tallies of a policy tell of a rule that was hit, or cannot be read. */
static bool any_hit(__u32 policy)
{
	struct cgg_tally tally[CGG_HOOKS];
	bool any = false;
	__u32 key;

	if (tallies(policy, &key) < 0)
		return true;
	tallies_read(policy, tally);
	for (int hook = 0; hook < CGG_HOOKS; hook++)
		for (int v = 0; v < CGG_VERDICTS; v++)
			any |= tally[hook].by_rule[v] != 0;
	return any;
}

/*
 * Return whether anything may be kept for rules of a policy. A hit is added to the tallies before
 * it is counted for its rule. So the map of the counts, whose search takes long, is often let be.
 */
bool count_any(__u32 policy)
{
	bool any = false;

	for (size_t i = any_hit(policy) ? 0 : 1; i < BY_RULE && !any; i++) {
		int map = pin_get(by_rule[i]);

		any = map >= 0 && any_key(map, policy);
		if (map >= 0)
			close(map);
	}
	return any;
}

void count_forget_rule(__u32 policy, __u32 rule)
{
	const struct cgg_count_key key = { .policy = policy, .rule = rule };

	for (size_t i = 0; i < BY_RULE; i++) {
		int map = pin_get(by_rule[i]);

		if (map < 0)
			continue;
		bpf_map_delete_elem(map, &key);
		close(map);
	}
}

/* Delete a policy's keys of rules that are not in ids, which are sorted. */
static int keys_keep(int map, __u32 policy, const __u32 *ids, size_t count)
{
	struct cgg_count_key key, next;
	bool more = !bpf_map_get_next_key(map, 0, &next);
	int error = more || errno == ENOENT ? 0 : errno;

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (!more && errno != ENOENT)
			error = errno;
		if (key.policy == policy &&
		    (!count || !bsearch(&key.rule, ids, count, sizeof(*ids), by_number)) &&
		    bpf_map_delete_elem(map, &key) && errno != ENOENT)
			error = errno;
	}
	return error;
}

/* Delete what is kept for rules that are not in ids. Return 0, or an errno: some may remain. */
int count_keep(__u32 policy, __u32 *ids, size_t count)
{
	int error = 0;

	if (count)
		qsort(ids, count, sizeof(*ids), by_number);
	for (size_t i = 0; i < BY_RULE && !error; i++) {
		int map = pin_get(by_rule[i]);

		error = map < 0 ? errno : keys_keep(map, policy, ids, count);
		if (map >= 0)
			close(map);
	}
	return error;
}

static int tallies_forget(__u32 policy)
{
	int processors = libbpf_num_possible_cpus(), error = 0;
	struct cgg_tally *none = processors > 0 ? calloc((size_t)processors, sizeof(*none)) : 0;

	if (!none)
		return ENOMEM;
	for (__u32 hook = 0; hook < CGG_HOOKS && !error; hook++) {
		__u32 key;
		int map = tallies(policy, &key);

		key += hook;
		error = map < 0 || bpf_map_update_elem(map, &key, none, BPF_ANY) ? errno : 0;
	}
	free(none);
	return error;
}

/* Delete all counts of a policy, so that the next policy with its number begins at zero. */
int count_forget(__u32 policy)
{
	int error = count_keep(policy, 0, 0);

	if (!error)
		error = tallies_forget(policy);
	return error ? set_error(CGG_FAILED, "cannot delete the counts of the dropped policy: %s",
				 strerror(error))
		     : 0;
}

bool count_time(__u64 last, char text[40])
{
	struct timespec real;
	__s64 wall;
	time_t second;
	struct tm tm;
	size_t len;

	*text = 0;
	if (!last)
		return false;
	clock_gettime(CLOCK_REALTIME, &real);
	wall = real.tv_sec * 1000000000LL + real.tv_nsec - (__s64)(time_now() - last);
	second = (time_t)(wall / 1000000000);
	gmtime_r(&second, &tm);
	len = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, 40 - len, ".%03dZ", (int)(wall % 1000000000 / 1000000));
	return true;
}
