// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * screen.c - draws cgg-top on a terminal, and reads its keys.
 *
 * ncurses sends only the cells that changed, so nothing flickers.
 */
#include <ctype.h>
#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "top.h"

static struct top shown;
static enum top_order order;
static bool reverse, help, paused, typing;
static char wanted[64];
static int first; /* row of the table that is drawn first */
static int status; /* of the last reading */
static const char *const orders[TOP_ORDERS] = { "denials", "operations", "packets", "bytes",
						"name" };

static double key_of(const struct top_cgroup *at)
{
	return order == BY_OPERATIONS ? at->operations
	       : order == BY_PACKETS  ? at->packets
	       : order == BY_BYTES    ? at->bytes
				      : at->denials;
}

/* Sort by the chosen column, the highest first, and then by name. */
static int by_order(const void *one, const void *other)
{
	const struct top_cgroup *a = one, *b = other;
	int result = 0;

	if (order != BY_NAME && key_of(a) != key_of(b))
		result = key_of(a) > key_of(b) ? -1 : 1;
	if (!result)
		result = strcmp(a->path, b->path);
	return reverse ? -result : result;
}

void top_sort(struct top *top, enum top_order by, bool reversed)
{
	order = by;
	reverse = reversed;
	if (top->cgroups)
		qsort(top->cgroup, top->cgroups, sizeof(*top->cgroup), by_order);
}

void screen_begin(void)
{
	const char *term = getenv("TERM");
	bool begun = newterm(0, stdout, stdin);

	if (!begun || !tigetstr("cup")) {
		if (begun)
			endwin();
		errx(CGG_USAGE, "TERM=%s: no terminal that can be drawn on; -b prints lines",
		     term ? term : "");
	}
	noecho();
	cbreak();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	if (has_colors() && wants_color()) {
		start_color();
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
	}
}

void screen_end(void)
{
	if (!isendwin())
		endwin();
}

/* Print a number of at most 6 columns: 1234, 12.3k, 4.5M. */
static void number_print(char text[16], double n)
{
	static const char units[] = " kMGTP";
	int unit = 0;

	for (; n >= 9999.5 && unit < 5; unit++)
		n /= 1000;
	if (unit)
		snprintf(text, 16, n < 99.95 ? "%.1f%c" : "%.0f%c", n, units[unit]);
	else
		snprintf(text, 16, n > 0 && n < 9.95 ? "%.1f" : "%.0f", n);
}

static void line_put(int row, int attributes, const char *text)
{
	attron(attributes);
	mvaddnstr(row, 0, text, COLS);
	attroff(attributes);
}

/* Put the head of a table. */
static void bar_put(int row, const char *text)
{
	attron(A_REVERSE);
	mvhline(row, 0, ' ', COLS);
	mvaddnstr(row, 0, text, COLS);
	attroff(A_REVERSE);
}

#define TEXT 1024

/* Return a copy of a text that fits: without its middle, as the ends of a path tell more. */
static const char *fitted(char to[TEXT], const char *text, int columns)
{
	snprintf(to, TEXT, "%s", text);
	middle_cut(to, columns > 0 ? (size_t)columns : 0, "..", 2);
	return to;
}

static bool passes(const struct top_cgroup *at)
{
	return !*wanted || strstr(at->path, wanted) || strstr(at->policy, wanted);
}

static void cgroup_put(int row, const struct top_cgroup *at)
{
	char n[4][16], line[3 * TEXT], policy[TEXT], path[TEXT];
	int room = COLS - 54 > 10 ? COLS - 54 : 10;

	number_print(n[0], at->operations);
	number_print(n[1], at->denials);
	number_print(n[2], at->packets);
	number_print(n[3], at->bytes);
	snprintf(line, sizeof(line), "%7s%c %8s %9s %9s  %-12s %s%s", n[0], at->shared ? '*' : ' ',
		 n[1], at->counted ? n[2] : "-", at->counted ? n[3] : "-",
		 fitted(policy, at->policy, 12), fitted(path, at->path, at->gone ? room - 5 : room),
		 at->gone ? " gone" : "");
	line_put(row, at->denials > 0 ? (int)COLOR_PAIR(1) : A_NORMAL, line);
}

/* Draw the table of cgroups in these rows. */
static void cgroups_put(int row, int rows)
{
	int passed = 0, count = 0;

	bar_put(row++, "  OPS/s   DENIALS PACKETS/s   BYTES/s  POLICY       CGROUP");
	for (unsigned i = 0; i < shown.cgroups; i++)
		passed += passes(&shown.cgroup[i]);
	if (first > passed - rows + 1)
		first = passed - rows + 1;
	if (first < 0)
		first = 0;
	passed = 0;
	for (unsigned i = 0; i < shown.cgroups && count < rows - 1; i++)
		if (passes(&shown.cgroup[i]) && passed++ >= first)
			cgroup_put(row + count++, &shown.cgroup[i]);
}

static void flows_put(int row, int rows)
{
	char line[2 * TEXT], path[TEXT], sent[16], received[16];
	int put = 0;

	bar_put(row++,
		"    SENT RECEIVED  OPEN CONNECTION                                  PROCESS CGROUP");
	for (unsigned i = 0; i < shown.flows && put < rows - 1; i++) {
		const struct top_flow *flow = &shown.flow[i];
		int len;

		if (*wanted && !strstr(flow->path, wanted))
			continue;
		number_print(sent, flow->sent);
		number_print(received, flow->received);
		len = snprintf(line, sizeof(line), "%8s %8s  %s %-44s %s ", sent, received,
			       flow->proto, flow->ends, flow->process);
		strcat(line, fitted(path, flow->path, COLS - len));
		line_put(row + put++, A_NORMAL, line);
	}
}

static void rules_put(int row, int rows)
{
	char line[2 * TEXT], policy[TEXT], hits[16];

	bar_put(row++, " HITS/s  POLICY       RULE");
	for (unsigned i = 0; i < shown.rules && (int)i < rows - 1; i++) {
		number_print(hits, shown.rule[i].hits);
		snprintf(line, sizeof(line), "%7s  %-12s %u %s", hits,
			 fitted(policy, shown.rule[i].policy, 12), shown.rule[i].id,
			 shown.rule[i].text);
		line_put(row + (int)i, A_NORMAL, line);
	}
}

static void events_put(int row, int rows)
{
	bar_put(row++, "LATEST DENIALS");
	for (unsigned i = 0; i < shown.events && (int)i < rows - 1; i++)
		line_put(row + (int)i, A_NORMAL, shown.event[i]);
}

static void help_put(void)
{
	static const char *const lines[] = {
		"Keys of cgg-top:",
		"  d o p b n   sort by denials, operations, packets, bytes, name",
		"  r           reverse the order",
		"  /           show only cgroups whose path or policy has a text; empty: all",
		"  up down, page up, page down, home   move in the table",
		"  space       pause, go on",
		"  + -         double or halve the time between pictures",
		"  ? h         this help; any key leaves it",
		"  q           quit",
		"",
		"OPS/s are the decisions of the policy; * says that several cgroups have it.",
		"DENIALS are those that were reported, per second. - is not counted.",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		line_put((int)i, i ? A_NORMAL : A_BOLD, lines[i]);
}

static void head_put(unsigned delay)
{
	char line[512], when[16], events[16];
	time_t t = time(0);
	struct tm tm;

	strftime(when, sizeof(when), "%H:%M:%S", localtime_r(&t, &tm));
	number_print(events, shown.all_events);
	snprintf(line, sizeof(line),
		 "cgg-top %s  every %g s  cgroups %u  policies %u  events/s %s  lost %llu%s", when,
		 delay / 1000.0, shown.cgroups, shown.policies, events, shown.lost,
		 shown.seconds > 0 ? "" : "  ...");
	line_put(0, A_BOLD, line);
	snprintf(line, sizeof(line), "%s%s%s  by %s%s%s", typing || *wanted ? "/" : "? help",
		 wanted, typing ? "_" : "", orders[order], reverse ? " reversed" : "",
		 paused ? "  PAUSED" : "");
	line_put(1, A_NORMAL, line);
}

static void draw(unsigned delay)
{
	int rows = LINES - 3, below = rows / 5;

	erase();
	if (help) {
		help_put();
	} else if (status) {
		attron(A_BOLD);
		mvaddstr(0, 0, cgg_error); /* on more lines, if it is long: its end has the cure */
		attroff(A_BOLD);
		addstr("\nwaiting; q quits");
	} else {
		head_put(delay);
		cgroups_put(3, rows - (below > 1 ? 3 * below : 0));
		if (below > 1) {
			flows_put(LINES - 3 * below, below);
			rules_put(LINES - 2 * below, below);
			events_put(LINES - below, below);
		}
	}
	refresh();
}

/* Take a key of the text of the filter. */
static void filter_key(int key)
{
	size_t len = strlen(wanted);

	if (key == '\n' || key == KEY_ENTER || key == 27) {
		typing = false;
		if (key == 27)
			*wanted = 0;
	} else if (key == KEY_BACKSPACE || key == 127 || key == 8) {
		wanted[len ? len - 1 : 0] = 0;
	} else if (key < 256 && isprint(key) && len + 1 < sizeof(wanted)) {
		wanted[len] = (char)key;
		wanted[len + 1] = 0;
	}
	first = 0;
}

static void move_key(int key)
{
	int page = LINES / 3;

	first += key == KEY_DOWN ? 1 : key == KEY_UP ? -1 : key == KEY_NPAGE ? page : -page;
	if (key == KEY_HOME)
		first = 0;
}

/* Take a key; return false to end. */
static bool key_take(int key, unsigned *delay)
{
	static const char sorts[TOP_ORDERS + 1] = "dopbn";
	const char *sort = key > 0 && key < 256 ? strchr(sorts, key) : 0;

	if (typing) {
		filter_key(key);
		return true;
	}
	if (help && key != KEY_RESIZE) {
		help = false;
		return true;
	}
	if (sort)
		top_sort(&shown, (enum top_order)(sort - sorts), reverse);
	else if (key == 'r')
		top_sort(&shown, order, !reverse);
	else if (key == '?' || key == 'h')
		help = true;
	else if (key == '/')
		typing = true;
	else if (key == ' ')
		paused = !paused;
	else if (key == '+' && *delay < 60000)
		*delay *= 2;
	else if (key == '-' && *delay > 200)
		*delay /= 2;
	else if (key == KEY_UP || key == KEY_DOWN || key == KEY_NPAGE || key == KEY_PPAGE ||
		 key == KEY_HOME)
		move_key(key);
	return key != 'q' && key != 3;
}

static long milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* Read the guard. Begin anew after it was loaded again: the maps at hand are of the old one. */
static void look(void)
{
	top_free(&shown);
	status = top_read(&shown);
	if (status == CGG_NO) {
		screen_end();
		restart();
	}
	top_sort(&shown, order, reverse);
}

void screen_run(unsigned delay, unsigned long times)
{
	long looked = 0;

	for (unsigned long pictures = 0;;) {
		/* The first picture has no rates yet, so the second comes soon. */
		long wait = shown.seconds > 0 || delay < 300 ? (long)delay : 300;
		long left = looked + (pictures ? wait : 0) - milliseconds();
		int key;

		if (left <= 0) {
			if (times && pictures == times)
				break;
			pictures++;
			if (!paused)
				look();
			looked = milliseconds();
			continue;
		}
		draw(delay);
		timeout((int)left);
		key = getch();
		if (top_signal || (key != ERR && !key_take(key, &delay)))
			break;
	}
	top_free(&shown);
}
