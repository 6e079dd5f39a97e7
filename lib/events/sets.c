// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sets.c - the set of the rule that an event is about, from the words of the rule.
 *
 * A record has no room for the name. A policy never uses an id twice, so the words of a rule that
 * is still there are those that decided. Rules that are gone, and records of an earlier policy of
 * the same name, have no set here, so a printed name is always right.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events.h"

#define HOOKS ((1u << CGG_UNIX) - 1) /* that rules about sets of addresses have */

struct named {
	__u32 rule;
	char set[CGG_NAME];
};

/* The rules of a policy that are about one set, sorted by id. */
static struct policy_sets {
	bool read;
	__u32 born, generation;
	struct named *rule;
	size_t count, room;
} all[CGG_POLICIES];

static int by_rule(const void *first, const void *second)
{
	const struct named *a = first, *b = second;

	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/*
 * Return the name of a set that is a whole word, after a match or the hook dns, or 0. Quoted words
 * and comments come after these.
 */
static const char *set_word(const struct cgg_line *line, size_t *len)
{
	static const char *const before[] = { " ip @", " host @", " dns @" };
	const char *quote = memchr(line->text, '"', line->len),
		   *end = quote ? quote : line->text + line->len;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		const char *at = memmem(line->text, (size_t)(end - line->text), before[i],
					strlen(before[i])),
			   *stop;

		if (!at)
			continue;
		at += strlen(before[i]);
		stop = memchr(at, ' ', (size_t)(end - at));
		*len = (size_t)((stop ? stop : end) - at);
		return *len < CGG_NAME && !memchr(at, ',', *len) ? at : 0;
	}
	return 0;
}

/* Keep the set of a rule. */
static int line_take(void *context, const struct cgg_line *line)
{
	struct policy_sets *of = context;
	size_t len;
	const char *name = set_word(line, &len);
	struct named *more;

	if (!name)
		return 0;
	more = grow(of->rule, of->count, &of->room, sizeof(*more));
	if (!more)
		return CGG_FAILED;
	of->rule = more;
	of->rule[of->count] = (struct named){ .rule = line->id };
	memcpy(of->rule[of->count++].set, name, len);
	return 0;
}

/* Return whether a command changes the guard now: an event does not wait for it. */
static bool is_busy(void)
{
	int dir = pin_directory(CGG_DIR);
	bool busy = dir < 0 || flock(dir, LOCK_SH | LOCK_NB);

	if (dir >= 0)
		close(dir);
	return busy;
}

/* Read the rules of a policy, if the guard is still the one with that directory. */
static bool policy_take(struct policy_sets *of, __u16 place, __u64 guard_inode)
{
	static struct cgg_guard guard;
	struct stat st;
	bool done;

	if (is_busy())
		return false;
	done = !guard_open(&guard, CGG_READ) && !fstat(guard.dir, &st) && st.st_ino == guard_inode;
	of->read = false;
	of->count = 0;
	if (done) {
		of->born = guard.policies[place].born;
		of->generation = generation_now(&guard.policies[place]);
		done = !policy_each(&guard, place, line_take, of);
	}
	guard_close(&guard);
	guard_unmap(&guard);
	if (done && of->count)
		qsort(of->rule, of->count, sizeof(*of->rule), by_rule);
	of->read = done;
	return done;
}

/* Return whether the operation of an event may have met a set: its address or name is known. */
static bool is_about_set(const struct cgg_event *e, int hook)
{
	if (!e->rule || e->place >= CGG_POLICIES)
		return false;
	return hook == CGG_DNS ? e->net.host != 0 : 1u << hook & HOOKS && e->net.unread < 3;
}

/* Return the name of the set that the rule of an event is about, or 0. */
const char *event_set(const struct cgg_event *e, int hook, const struct cgg_event_view *view)
{
	const struct cgg_policy *policy = &view->policies[e->place % CGG_POLICIES];
	struct policy_sets *of = &all[e->place % CGG_POLICIES];
	const struct named key = { .rule = e->rule }, *found;

	if (!is_about_set(e, hook) || !*policy->name ||
	    memcmp(policy->tag, e->policy, CGG_NAME) != 0 || !policy_is_since(policy, e->time))
		return 0;
	if ((!of->read || of->born != policy->born || of->generation != generation_now(policy)) &&
	    !policy_take(of, e->place, view->guard_inode))
		return 0;
	found = of->count ? bsearch(&key, of->rule, of->count, sizeof(key), by_rule) : 0;
	return found && of->born == policy->born ? found->set : 0;
}
