// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sample.c - reads the counters of the guard, and turns them into numbers per second.
 *
 * A sample is kept until the next one. To save time, the paths of cgroups and the words of rules
 * are kept too, and counters of many rules are read less often than the rest.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "top.h"

#define SHARE 400 /* rules, and connections, are read for one part in so many of the time */

struct hits {
	struct cgg_count_key key;
	__u64 hits;
};

/* What was read last; the arrays are sorted by id or key. */
static struct sample {
	ino_t guard; /* of the pin directory; 0: nothing was read yet */
	double time; /* seconds */
	struct decided {
		bool read; /* in the last picture, when a cgroup had the policy */
		__u32 born; /* of the policy */
		unsigned attached; /* how many cgroups have it */
		__u64 operations;
		double rate;
	} decided[CGG_POLICIES];
	struct seen {
		__u64 id, packets, bytes, denials;
		char *path;
		bool gone;
		double looked; /* when the path was looked up */
	} * seen;
	unsigned count;
	__u64 head;
	struct hits *hits;
	size_t hit_count, hit_room;
	double hits_time, hits_next; /* when they were read, and are to be read again */
	bool flows_seen; /* a second time: the first one is not shown by -b */
} last;
static double rule_seconds; /* between the last two readings of rules */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double rate(__u64 new, __u64 old, double seconds)
{
	return new > old &&seconds > 0 ? (double)(new - old) / seconds : 0;
}

static int by_id(const void *one, const void *other)
{
	__u64 a = *(const __u64 *)one, b = *(const __u64 *)other;

	return a < b ? -1 : a > b;
}

/* ---- cgroups ---- */

static __u64 operations_of(__u32 place)
{
	struct cgg_tally tally[CGG_HOOKS];
	__u64 sum = 0;

	tallies_read(place, tally);
	for (int hook = 0; hook < CGG_HOOKS; hook++)
		for (int v = 0; v < CGG_VERDICTS; v++)
			sum += tally[hook].by_default[v] + tally[hook].by_rule[v];
	return sum;
}

static void path_look(struct seen *seen, const struct seen *before)
{
	char path[4096], shown[4 * sizeof(path)];

	if (before && before->path && last.time - before->looked < 10) {
		seen->path = strdup(before->path);
		seen->gone = before->gone;
		seen->looked = before->looked;
	} else {
		seen->gone = !cgroup_name(seen->id, path, sizeof(path)) &&
			     (errno == ESTALE || errno == ENOENT);
		text_print(shown, path);
		seen->path = strdup(shown);
		seen->looked = last.time;
	}
	if (!seen->path)
		errx(CGG_FAILED, "out of memory");
}

/* Fill in one cgroup; before is the sample of it before this one, or 0. */
static void cgroup_fill(struct top_cgroup *at, struct seen *seen, const struct seen *before,
			double seconds)
{
	__u64 denied[CGG_HOOKS];
	struct cgg_packets packets;

	at->id = seen->id;
	at->counted = packets_read(seen->id, &packets);
	for (int way = 0; way < CGG_WAYS; way++) {
		seen->packets += packets.allowed[way] + packets.denied[way];
		seen->bytes += packets.allowed_bytes[way] + packets.denied_bytes[way];
	}
	denials_read(seen->id, &packets, denied);
	for (int hook = 0; hook < CGG_HOOKS; hook++)
		seen->denials += denied[hook];
	snprintf(at->path, sizeof(at->path), "%s", seen->path);
	at->gone = seen->gone;
	if (!before)
		return;
	at->denials = rate(seen->denials, before->denials, seconds);
	at->packets = rate(seen->packets, before->packets, seconds);
	at->bytes = rate(seen->bytes, before->bytes, seconds);
}

static const struct seen *seen_find(const struct seen *list, unsigned count, __u64 id)
{
	return count ? bsearch(&id, list, count, sizeof(*list), by_id) : 0;
}

static int by_attachment(const void *one, const void *other)
{
	return by_id(&((const struct cgg_attachment *)one)->id,
		     &((const struct cgg_attachment *)other)->id);
}

/* Count the attachments of each policy, and the operations that it decided. */
static void policies_read(struct top *top, const struct cgg_guard *guard,
			  const struct cgg_attachment *list)
{
	for (__u32 place = 0; place < CGG_POLICIES; place++)
		last.decided[place].attached = 0;
	for (unsigned i = 0; i < top->cgroups; i++)
		last.decided[list[i].policy].attached++;
	for (__u32 place = 0; place < CGG_POLICIES; place++) {
		const struct cgg_policy *policy = &guard->policies[place];
		struct decided *at = &last.decided[place];
		bool again = at->read && at->born == policy->born;
		__u64 before = at->operations;

		top->policies += *policy->name != 0;
		at->read = at->attached;
		if (!at->read)
			continue;
		at->born = policy->born;
		at->operations = operations_of(place);
		at->rate = again ? rate(at->operations, before, top->seconds) : 0;
	}
}

static void cgroups_read(struct top *top, const struct cgg_guard *guard,
			 const struct cgg_attachment *list)
{
	struct seen *seen = calloc(top->cgroups + 1u, sizeof(*seen));

	top->cgroup = calloc(top->cgroups + 1u, sizeof(*top->cgroup));
	if (!top->cgroup || !seen)
		errx(CGG_FAILED, "out of memory");
	for (unsigned i = 0; i < top->cgroups; i++) {
		const struct seen *before = seen_find(last.seen, last.count, list[i].id);
		const struct decided *decided = &last.decided[list[i].policy];

		seen[i].id = list[i].id;
		path_look(&seen[i], before);
		cgroup_fill(&top->cgroup[i], &seen[i], before, top->seconds);
		top->cgroup[i].policy = strdup(guard->policies[list[i].policy].name);
		top->cgroup[i].operations = decided->rate;
		top->cgroup[i].shared = decided->attached > 1;
	}
	for (unsigned i = 0; i < last.count; i++)
		free(last.seen[i].path);
	free(last.seen);
	last.seen = seen;
	last.count = top->cgroups;
}

/* Read the attached cgroups and their policies. */
static int attached_read(struct top *top, struct cgg_guard *guard)
{
	struct cgg_attachment *list;
	unsigned count;
	int status = attachments_read(guard, &list, &count);

	if (status)
		return status;
	if (count)
		qsort(list, count, sizeof(*list), by_attachment);
	top->cgroups = count;
	policies_read(top, guard, list);
	cgroups_read(top, guard, list);
	free(list);
	return 0;
}

/* ---- events ---- */

static void event_keep(struct top *top, const struct cgg_event *event,
		       const struct cgg_event_view *view)
{
	const struct seen *seen = seen_find(last.seen, last.count, event->cgroup);
	static char text[CGG_EVENT_TEXT];
	size_t len;

	len = event_print(text, event, seen ? seen->path : "?", event_own_name(event), view);
	top->event[top->events] = strndup(text, len - 1);
	if (!top->event[top->events++])
		errx(CGG_FAILED, "out of memory");
}

/* Copy the latest denials. */
static int events_read(struct top *top, struct cgg_guard *guard)
{
	struct cgg_event_view view = { .time = true, .policies = guard->policies };
	static struct cgg_reader reader; /* of this guard: of the next one, a new process reads */
	struct cgg_event *list = 0;
	struct timespec real;
	unsigned count = 0;
	int status = reader.slots ? 0 : reader_look(&reader);
	__u64 before = last.head;

	if (status)
		return status;
	clock_gettime(CLOCK_REALTIME, &real);
	view.clock = real.tv_sec * 1000000000LL + real.tv_nsec - (__s64)time_now();
	last.head = reader.ring[0].head;
	top->lost = reader.ring[0].lost;
	top->all_events = rate(last.head, before, top->seconds);
	status = events_last(&reader, 1u << CGG_DENY | 1u << CGG_AUDIT, TOP_EVENTS, &list, &count);
	for (unsigned i = 0; i < count && !status; i++)
		event_keep(top, &list[i], &view);
	free(list);
	return status;
}

/* ---- rules ---- */

static int by_key(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(struct cgg_count_key));
}

/* What is read of the counters of rules. */
static struct hottest {
	struct hits *hits;
	size_t count, room;
	struct top_rule rule[TOP_RULES];
	unsigned rules;
} hottest;

/* Put a rule among the hottest, if it is one. */
static void rule_keep(const struct cgg_count_key *key, double hits)
{
	struct top_rule *rule = hottest.rule;
	unsigned at = hottest.rules;

	while (at && rule[at - 1].hits < hits)
		at--;
	if (hits <= 0 || at == TOP_RULES)
		return;
	if (hottest.rules < TOP_RULES)
		hottest.rules++;
	memmove(&rule[at + 1], &rule[at], (hottest.rules - at - 1) * sizeof(*rule));
	rule[at] = (struct top_rule){ .place = key->policy, .id = key->rule, .hits = hits };
}

static void hits_take(const struct cgg_count_key *key, __u64 hits)
{
	const struct hits *before =
		last.hit_count ? bsearch(key, last.hits, last.hit_count, sizeof(*last.hits), by_key)
			       : 0;
	struct hits *more = grow(hottest.hits, hottest.count, &hottest.room, sizeof(*more));

	if (!more)
		die(CGG_FAILED);
	hottest.hits = more;
	hottest.hits[hottest.count++] = (struct hits){ *key, hits };
	rule_keep(key, rate(hits, before ? before->hits : 0, rule_seconds));
}

#define BATCH 1024

/* Call hits_take() for the counts of all rules that were hit, summed over the processors. */
static int counts_each(void)
{
	int map = count_open(), processors = libbpf_num_possible_cpus(), error = 0, status = 0;
	struct cgg_count_key *keys = calloc(BATCH, sizeof(*keys));
	struct cgg_count *values =
		calloc((size_t)BATCH * (size_t)(processors > 0 ? processors : 1), sizeof(*values));
	__u32 from = 0, to = 0;

	if (!keys || !values)
		errx(CGG_FAILED, "out of memory");
	if (map < 0 || processors <= 0)
		status = set_error(CGG_FAILED, "the counts of rules: %s", strerror(errno));
	for (bool first = true; !status && !error; first = false, from = to) {
		__u32 count = BATCH;

		if (bpf_map_lookup_batch(map, first ? 0 : &from, &to, keys, values, &count, 0))
			error = errno;
		if (error && error != ENOENT)
			status = set_error(CGG_FAILED, "the counts of rules: %s", strerror(error));
		for (__u32 i = 0; i < count && !status; i++) {
			__u64 hits = 0;

			for (int cpu = 0; cpu < processors; cpu++)
				hits += values[i * (__u32)processors + (__u32)cpu].hits;
			hits_take(&keys[i], hits);
		}
	}
	free(keys);
	free(values);
	if (map >= 0)
		close(map);
	return status;
}

/* The words of rules, by policy and id. A policy never uses an id twice. */
static struct kept {
	__u32 place, born, id;
	char text[256];
} kept[4 * TOP_RULES];

static int line_keep(void *context, const struct cgg_line *line)
{
	struct kept *one = context;

	if (line->id != one->id)
		return 0;
	snprintf(one->text, sizeof(one->text), "%.*s", (int)line->len, line->text);
	return CGG_NO;
}

/* Return the words of a rule, without the time that it has left, or 0: it was deleted. */
static const char *words_of(struct cgg_guard *guard, const struct top_rule *rule)
{
	static unsigned next;
	struct kept *one;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (kept[i].id == rule->id && kept[i].place == rule->place &&
		    kept[i].born == rule->born)
			return kept[i].text;
	one = &kept[next % (sizeof(kept) / sizeof(kept[0]))];
	*one = (struct kept){ .place = rule->place, .born = rule->born, .id = rule->id };
	if (policy_each(guard, (int)rule->place, line_keep, one) == CGG_NO) {
		next++;
		return one->text;
	}
	one->id = 0;
	return 0;
}

/* Read the counters of all rules. */
static int hits_read(const struct top *top, const struct cgg_guard *guard)
{
	double begin = now();
	int status;

	rule_seconds = last.hits_time > 0 ? begin - last.hits_time : 0;
	hottest = (struct hottest){ 0 };
	status = counts_each();
	if (hottest.count)
		qsort(hottest.hits, hottest.count, sizeof(*hottest.hits), by_key);
	for (unsigned i = 0; i < hottest.rules; i++)
		hottest.rule[i].born = guard->policies[hottest.rule[i].place].born;
	free(last.hits);
	last.hits = hottest.hits;
	last.hit_count = hottest.count;
	/* The second one must not wait: it takes two to give the rates. */
	last.hits_next = 0;
	if (last.hits_time > 0)
		last.hits_next = begin + SHARE * (now() - begin) - top->seconds / 2;
	last.hits_time = begin;
	return status;
}

/*
 * Show the hottest rules, without those of dropped policies. Read the counters, unless this took so
 * long that it has to wait.
 */
static int rules_read(struct top *top, struct cgg_guard *guard)
{
	int status = now() >= last.hits_next ? hits_read(top, guard) : 0;

	for (unsigned i = 0; i < hottest.rules && !status; i++) {
		struct top_rule *rule = &top->rule[top->rules];
		const struct cgg_policy *policy = &guard->policies[hottest.rule[i].place];
		const char *words = 0;

		if (*policy->name && policy->born == hottest.rule[i].born)
			words = words_of(guard, &hottest.rule[i]);
		if (!words)
			continue;
		*rule = hottest.rule[i];
		rule->policy = strdup(policy->name);
		snprintf(rule->text, sizeof(rule->text), "%s", words);
		top->rules++;
	}
	return status;
}

/* Read the open connections, unless this took so long that it has to wait. */
static void connections_read(struct top *top, struct cgg_guard *guard)
{
	static double next;
	double begin = now();

	if (begin >= next || top->seconds <= 0 || !last.flows_seen) {
		flows_read(guard);
		last.flows_seen = top->seconds > 0;
		next = begin + SHARE * (now() - begin);
	}
	flows_show(top);
}

/* Read all of an open guard; return CGG_NO if it is another one than before. */
static int guard_read(struct top *top, struct cgg_guard *guard)
{
	struct stat st;
	int status;

	if (fstat(guard->dir, &st))
		return set_error(CGG_FAILED, CGG_DIR ": %s", strerror(errno));
	if (last.guard && last.guard != st.st_ino)
		return CGG_NO;
	last.guard = st.st_ino;
	status = attached_read(top, guard);
	if (!status)
		status = events_read(top, guard);
	if (!status)
		status = rules_read(top, guard);
	if (!status)
		connections_read(top, guard);
	return status;
}

int top_read(struct top *top)
{
	struct cgg_guard guard;
	int status = guard_open(&guard, CGG_READ);
	double time = now();

	*top = (struct top){ .seconds = last.guard ? time - last.time : 0 };
	if (!status) {
		last.time = time;
		status = guard_read(top, &guard);
	}
	guard_close(&guard);
	guard_unmap(&guard);
	return status;
}

void top_free(struct top *top)
{
	for (unsigned i = 0; i < top->cgroups; i++)
		free((char *)top->cgroup[i].policy);
	for (unsigned i = 0; i < top->rules; i++)
		free((char *)top->rule[i].policy);
	for (unsigned i = 0; i < top->events; i++)
		free(top->event[i]);
	free(top->cgroup);
	*top = (struct top){ 0 };
}
