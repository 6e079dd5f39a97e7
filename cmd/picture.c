// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * picture.c - print the output of cgg-status on a terminal: the guard at a glance.
 *
 * It consists of cells, each cut to its columns, so that no line is wider than the terminal (80 to
 * 120 columns). A cell must get printable ASCII, one byte per column: names are escaped before.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd.h"
#include "status.h"

#define POLICIES 12 /* the policies that are shown, at most */
#define DENIALS 5 /* the denials that are shown, at most */

struct canvas canvas;
static unsigned blanks; /* to print before the next cell, so that no line ends with blanks */

/* ---- cells ---- */

void cell(const char *color, int width, const char *format, ...)
{
	static char text[4 * 4096 + 4];
	size_t columns = (size_t)abs(width), used;
	va_list arguments;

	if (!width)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text) - 3, format, arguments);
	va_end(arguments);
	used = strlen(text) < columns ? strlen(text) : columns;
	middle_cut(text, columns, canvas.utf8 ? "\u2026" : "..", canvas.utf8 ? 1 : 2);
	if (width < 0)
		blanks += (unsigned)(columns - used);
	if (used) {
		printf("%*s", (int)blanks, "");
		blanks = 0;
	}
	if (canvas.color && *color && used)
		printf("%s%s\033[m", color, text);
	else
		fputs(text, stdout);
	if (width > 0)
		blanks += (unsigned)(columns - used);
	blanks++;
}

void cells_end(void)
{
	putchar('\n');
	blanks = 0;
}

void canvas_look(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", 0);
	struct winsize size;

	canvas.width = 80;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= 80)
		canvas.width = size.ws_col < 120 ? size.ws_col : 120;
	canvas.color = wants_color();
	canvas.utf8 = locale && !strcmp(nl_langinfo_l(CODESET, locale), "UTF-8");
	if (locale)
		freelocale(locale);
}

/* ---- words ---- */

/* Write a number up to 10^18 in at most 4 characters; return text. */
static const char *short_number(char text[24], __u64 n)
{
	static const char units[] = " kMGTP";
	int unit = 0;
	__u64 rest = 0;

	if (n < 10000) {
		snprintf(text, 24, "%llu", n);
		return text;
	}
	for (; n >= 1000 && units[unit + 1]; unit++) {
		rest = n % 1000 / 100;
		n /= 1000;
	}
	if (n < 10)
		snprintf(text, 24, "%llu.%llu%c", n, rest, units[unit]);
	else
		snprintf(text, 24, "%llu%c", n, units[unit]);
	return text;
}

/* Write an age of up to 999 days in at most 4 characters; return text. */
static const char *short_age(char text[24], __u64 ns)
{
	static const struct {
		__u64 seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	__u64 seconds = ns / 1000000000;
	int i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	snprintf(text, 24, "%llu%c", seconds / units[i].seconds, units[i].unit);
	return text;
}

/* ---- the guard ---- */

/* Print what was counted of names, for all cgroups together; nothing if no cgroup has names. */
static void names_show(const struct status *all)
{
	__u64 sum[CGG_NAME_COUNTS] = { 0 };
	char text[512] = "";
	bool have = false;
	size_t len = 0;

	for (unsigned i = 0; i < all->attachments; i++) {
		have |= all->attachment[i].has_names;
		for (int c = 0; c < CGG_NAME_COUNTS; c++)
			sum[c] += name_value(&all->attachment[i], c);
	}
	if (!have)
		return;
	cell(DIM, 6, "names");
	cell(PLAIN, (int)canvas.width - 7, "%llu questions, %llu answers, %llu bound",
	     sum[CGG_QUESTIONS_SEEN], sum[CGG_ANSWERS_SEEN], sum[CGG_ANSWERS_BOUND]);
	cells_end();
	for (int c = CGG_ANSWERS_UNASKED; c <= CGG_FORGED; c++)
		if (sum[c])
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu %s",
						len ? ", " : "", sum[c], name_values[c].key);
	if (sum[CGG_NAMES_FULL])
		snprintf(text + len, sizeof(text) - len, "%s%llu names lost", len ? ", " : "",
			 sum[CGG_NAMES_FULL]);
	if (!*text)
		return;
	cell(PLAIN, 6, "%s", "");
	cell(YELLOW, (int)canvas.width - 7, "%s", text);
	cells_end();
}

static void guard_show(const struct status *all)
{
	unsigned readers = 0;

	for (__u32 reader_slot = 1; reader_slot < CGG_RINGS; reader_slot++)
		readers += all->reader.reader_slots[reader_slot].pid != 0;
	cell(DIM, 6, "guard");
	cell(PLAIN, (int)canvas.width - 7, CGG_DIR ", layout %d; %u cgroup%s, %u polic%s",
	     CGG_LAYOUT, all->attachments, all->attachments == 1 ? "" : "s", all->policies,
	     all->policies == 1 ? "y" : "ies");
	cells_end();
	cell(DIM, 6, "events");
	cell(PLAIN, (int)canvas.width - 7, "%llu since it was loaded, %llu unread; %u reader%s",
	     all->events, all->unread, readers, readers == 1 ? "" : "s");
	cells_end();
	if (!all->lost && !all->suppressed)
		return;
	cell(PLAIN, 6, "%s", "");
	cell(YELLOW, (int)canvas.width - 7, "%llu lost, %llu withheld", all->lost, all->suppressed);
	cells_end();
}

/* ---- policies ---- */

static __u64 sum(const struct policy *policy, int verdict)
{
	__u64 all = 0;

	for (int hook = 0; hook < CGG_HOOKS; hook++)
		all += decided(&policy->tally[hook], verdict);
	return all;
}

/* The columns of a policy: its name, five numbers, and its hooks in the rest of the line. */
#define NAME 18
#define NUMBER 5
#define REST ((int)canvas.width - NAME - 5 * (NUMBER + 1) - 1)

static void policy_show(const struct policy *policy)
{
	static const char *const colors[CGG_VERDICTS] = { PLAIN, YELLOW, RED, CYAN };
	char text[256];

	cell(PLAIN, NAME, "%s", policy->name);
	cell(PLAIN, -NUMBER, "%s", short_number(text, policy->rules));
	for (int v = CGG_ALLOW; v <= CGG_AUDIT; v++) {
		__u64 count = sum(policy, v);

		cell(count ? colors[v] : DIM, -NUMBER, "%s", short_number(text, count));
	}
	hooks_print(policy->hooks, text, sizeof(text));
	cell(CYAN, policy->audit ? 10 : 0, "mode audit");
	cell(*text ? PLAIN : DIM, REST - (policy->audit ? 11 : 0), "%s", *text ? text : "-");
	cells_end();
}

/* Compare policies for qsort(3): the one that denied more comes first. */
static int by_denied(const void *one, const void *other)
{
	const struct policy *a = one, *b = other;
	__u64 n = sum(a, CGG_DENY) + sum(a, CGG_AUDIT), m = sum(b, CGG_DENY) + sum(b, CGG_AUDIT);

	return n > m ? -1 : n < m ? 1 : strcmp(a->name, b->name);
}

static void policies_show(const struct status *all)
{
	cells_end();
	cell(DIM, NAME, "policy");
	cell(DIM, -NUMBER, "rules");
	for (int v = CGG_ALLOW; v <= CGG_AUDIT; v++)
		cell(DIM, -NUMBER, "%s", cgg_verdicts[v]);
	cell(DIM, REST, "hooks");
	cells_end();
	if (all->policies > POLICIES)
		qsort(all->policy, all->policies, sizeof(*all->policy), by_denied);
	for (unsigned i = 0; i < all->policies && i < POLICIES; i++)
		policy_show(&all->policy[i]);
	if (all->policies > POLICIES) {
		cell(DIM, 60, "%u more, which denied less", all->policies - POLICIES);
		cells_end();
	}
}

/* ---- the last denials ---- */

static struct denial {
	char what[CGG_RULE_SHORT];
	struct cgg_event event; /* the newest of count events */
	unsigned count;
} denials[DENIALS];
static unsigned denied;

/* Escape as text_print() does, but keep blanks. */
static void escape(char *text, const char *s)
{
	char part[2] = { 0 };

	for (; *s; s++) {
		part[0] = *s;
		if (*s == ' ')
			strcpy(text, part);
		else
			text_print(text, part);
		text += strlen(text);
	}
	*text = 0;
}

/* Add an event to the denials; count equal ones together. */
static void denial_add(const struct cgg_event *event)
{
	const char *what;
	struct cgg_rule rule;

	event_rule(&rule, event);
	/* ASCII: names are quoted, and there is no comment. The verdict has its own column. */
	what = strchr(rule_print(&rule), ' ') + 1;
	for (unsigned i = 0; i < denied; i++) {
		const struct cgg_event *e = &denials[i].event;

		if (e->cgroup == event->cgroup && e->verdict == event->verdict &&
		    !memcmp(e->comm, event->comm, sizeof(e->comm)) &&
		    !strcmp(denials[i].what, what)) {
			denials[i].count++;
			return;
		}
	}
	if (denied == DENIALS)
		return;
	snprintf(denials[denied].what, sizeof(denials[denied].what), "%s", what);
	denials[denied].count = 1;
	denials[denied++].event = *event;
}

/* Write the name that the address of a denied call had: " to NAME", or nothing. */
static void name_write(char text[4 * CGG_OPERAND + 4], const struct cgg_event *e)
{
	char name[CGG_OPERAND];

	*text = 0;
	if (!(1u << event_hook(e->program) & CGG_NAME_HOOKS) || !event_host(e, name))
		return;
	strcpy(text, " to ");
	text_print(text + 4, name);
}

static void denial_show(const struct denial *denial, int wide, int times)
{
	char host[4 * CGG_OPERAND + 4];
	char path[4096], shown[4 * 4096], comm[17] = "", name[4 * 17], age[24];
	char count[16];
	const struct cgg_event *e = &denial->event;

	cgroup_name(e->cgroup, path, sizeof(path));
	text_print(shown, path);
	memcpy(comm, e->comm, sizeof(e->comm));
	escape(name, comm);
	name_write(host, e);
	cell(DIM, -4, "%s", short_age(age, time_now() - e->time));
	cell(e->verdict == CGG_DENY ? RED : CYAN, 5, "%s", cgg_verdicts[e->verdict % CGG_VERDICTS]);
	cell(PLAIN, wide, "%s", denial->what);
	snprintf(count, sizeof(count), "%ux", denial->count);
	cell(PLAIN, -times, "%s", denial->count > 1 ? count : "");
	cell(DIM, (int)canvas.width - 12 - wide - (times ? times + 1 : 0), "%s%s in %s", name, host,
	     shown);
	cells_end();
}

static void denials_show(const struct status *all)
{
	int wide = 0, times = 0, most = (int)canvas.width - 38;
	const struct cgg_event *event[DENIALS];

	if (!denied)
		return;
	cells_end();
	cell(DIM, (int)canvas.width, "denied last");
	cells_end();
	for (unsigned i = 0; i < denied; i++) {
		if ((int)strlen(denials[i].what) > wide)
			wide = (int)strlen(denials[i].what);
		if (denials[i].count > 1)
			times = 5;
	}
	for (unsigned i = 0; i < denied; i++)
		denial_show(&denials[i], wide < most ? wide : most, times);
	for (unsigned i = 0; i < denied; i++)
		event[i] = &denials[i].event;
	remedies_show(all, event, denied);
}

static int by_id(const void *one, const void *other)
{
	__u64 a = ((const struct attachment *)one)->id, b = ((const struct attachment *)other)->id;

	return a < b ? -1 : a > b;
}

/* Collect the last denials; return their number for each attachment, which the caller frees. */
static unsigned *events_look(struct status *all)
{
	unsigned *lately = calloc(all->attachments + 1, sizeof(*lately)), count;
	struct cgg_event *list;

	if (!lately ||
	    events_last(&all->reader, 1u << CGG_DENY | 1u << CGG_AUDIT, CGG_LOOK, &list, &count))
		die(CGG_FAILED);
	qsort(all->attachment, all->attachments, sizeof(*all->attachment), by_id);
	for (unsigned i = 0; i < count; i++) {
		const struct attachment key = { .id = list[i].cgroup };
		const struct attachment *at =
			bsearch(&key, all->attachment, all->attachments, sizeof(key), by_id);

		denial_add(&list[i]);
		if (at)
			lately[at - all->attachment]++;
	}
	free(list);
	return lately;
}

void picture_show(struct status *all)
{
	unsigned *lately = events_look(all);

	canvas_look();
	guard_show(all);
	names_show(all);
	policies_show(all);
	tree_show(all, lately);
	denials_show(all);
	free(lately);
}
