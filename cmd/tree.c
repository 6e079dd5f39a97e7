// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tree.c - print the attached cgroups as a tree, for the terminal output of cgg-status.
 *
 * Directories without a branch between two cgroups are joined into one step. Of many siblings
 * with the same policy only a few are shown, those with denials first. A line tells the number of
 * the others. So 500 containers take a few lines.
 */
#include <string.h>

#include "cmd.h"
#include "status.h"

#define MANY 6 /* up to so many siblings of one policy are all shown */
#define FEW 3 /* of more siblings, so many with denials are shown, and so many without */
#define DEEP 8 /* levels that are indented */

struct item {
	const struct attachment *at;
	char *path; /* escaped; "" for the root */
	unsigned lately;
	unsigned policy; /* number in the status; all->policies: a row has several policies */
};

/* The items from first to below end: the next len bytes of their paths are the same. */
struct row {
	unsigned first, end, policy, lately;
	size_t len;
};

static const struct status *status;
static struct item *items;

static int by_path(const void *one, const void *other)
{
	const char *a = ((const struct item *)one)->path, *b = ((const struct item *)other)->path;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == '/' || *b == '/') /* children come before siblings */
		return *a == *b ? 0 : !*a ? -1 : !*b ? 1 : *a == '/' ? -1 : 1;
	return (unsigned char)*a - (unsigned char)*b;
}

static unsigned policy_number(const char *name)
{
	unsigned i = 0;

	while (i < status->policies && strcmp(status->policy[i].name, name))
		i++;
	return i;
}

static void items_make(const unsigned *lately)
{
	static char shown[4 * 4096];

	items = calloc(status->attachments + 1, sizeof(*items));
	for (unsigned i = 0; items && i < status->attachments; i++) {
		const struct attachment *at = &status->attachment[i];

		text_print(shown, strcmp(at->cgroup, "/") ? at->cgroup : "");
		items[i] = (struct item){ at, strdup(shown), lately[i], policy_number(at->policy) };
		if (!items[i].path)
			err(CGG_FAILED, "cgg-status");
	}
	if (!items)
		err(CGG_FAILED, "cgg-status");
	qsort(items, status->attachments, sizeof(*items), by_path);
}

/* Return the length of the next name of a path, with its slash. */
static size_t step(const char *path)
{
	return *path ? 1 + strcspn(path + 1, "/") : 0;
}

/* Return whether all paths of a row continue at from with the same name, which is len bytes. */
static bool are_all(const struct row *row, size_t from, size_t len)
{
	const char *name = items[row->first].path + from;

	for (unsigned i = row->first; i < row->end; i++) {
		const char *path = items[i].path + from;

		if (strncmp(path, name, len) || (path[len] && path[len] != '/'))
			return false;
	}
	return true;
}

/* Return the row that begins with an item, all paths up to end being the same up to skip. */
static struct row row_make(unsigned first, unsigned end, size_t skip)
{
	struct row row = { .first = first, .policy = items[first].policy };
	const char *path = items[first].path + skip;

	row.len = step(path);
	for (row.end = first; row.end < end; row.end++) {
		const char *other = items[row.end].path + skip;

		if (step(other) != row.len || strncmp(other, path, row.len))
			break;
		row.lately += items[row.end].lately;
		if (items[row.end].policy != row.policy)
			row.policy = status->policies;
	}
	while (path[row.len] && are_all(&row, skip + row.len, step(path + row.len)))
		row.len += step(path + row.len);
	return row;
}

/* ---- drawing ---- */

/* Print the branch lines before a row, and return the columns that they take. */
static int branch_print(const char *before, unsigned depth, bool last)
{
	const char *branch =
		canvas.utf8 ? (last ? "\u2514\u2500 " : "\u251c\u2500 ") : (last ? "`- " : "|- ");

	if (depth)
		printf("%s%s%s%s", canvas.color ? DIM : "", before, branch,
		       canvas.color ? "\033[m" : "");
	return 3 * (int)(depth < DEEP ? depth : DEEP);
}

static void remark(const struct item *item, int columns)
{
	bool audit = item->policy < status->policies && status->policy[item->policy].audit;

	if (!item->at->alive)
		cell(YELLOW, columns, "gone");
	else if (!item->at->programs)
		cell(DIM, columns, "no programs");
	else if (audit)
		cell(CYAN, columns, "audit");
}

static const char *policy_name(unsigned number)
{
	return number < status->policies ? status->policy[number].name : "several";
}

static void lately_print(unsigned lately)
{
	if (lately)
		cell(RED, -7, "%u", lately);
	else
		cell(DIM, -7, "-");
}

static int label_columns(void)
{
	return (int)canvas.width - 45;
}

static void item_print(const struct item *item, const char *label, int columns)
{
	cell(PLAIN, columns, "%s", label);
	cell(PLAIN, 18, "%s", policy_name(item->policy));
	lately_print(item->lately);
	remark(item, 16);
	cells_end();
}

/* Siblings of one policy, or those that have several. */
struct kind {
	unsigned rows; /* their number */
	unsigned quiet, denied; /* rows counted so far without denials, and with them */
	unsigned hidden, lately; /* cgroups that are not shown, and their recent denials */
};

static void more_print(const struct kind *kind, unsigned policy, int columns)
{
	cell(DIM, columns, "%u more", kind->hidden);
	cell(DIM, 18, "%s", policy_name(policy));
	lately_print(kind->lately);
	cells_end();
}

static bool is_shown(struct kind *kind, const struct row *row)
{
	if (kind->rows <= MANY)
		return true;
	if (row->lately ? kind->denied++ < FEW : kind->quiet++ < FEW)
		return true;
	kind->hidden += row->end - row->first;
	kind->lately += row->lately;
	return false;
}

/* Make the rows to show below a path of skip bytes; *lines also counts the lines `N more'. */
static unsigned rows_make(struct row *rows, struct kind *kinds, unsigned first, unsigned end,
			  size_t skip, unsigned *lines)
{
	unsigned count = 0, shown = 0;

	for (unsigned i = first; i < end; i = rows[count++].end) {
		rows[count] = row_make(i, end, skip);
		kinds[rows[count].policy].rows++;
	}
	for (unsigned i = 0; i < count; i++)
		if (is_shown(&kinds[rows[i].policy], &rows[i]))
			rows[shown++] = rows[i];
	*lines = shown;
	for (unsigned i = 0; i <= status->policies; i++)
		*lines += kinds[i].hidden != 0;
	return shown;
}

static void draw(unsigned first, unsigned end, size_t skip, const char *before, unsigned depth);

/* Print a row, and everything below it. */
static void row_draw(const struct row *row, size_t skip, const char *before, unsigned depth,
		     bool last)
{
	const struct item *item = &items[row->first];
	char label[4 * 4096 + 1] = "/", below[8 * DEEP + 1];
	int columns = label_columns() - branch_print(before, depth, last);
	bool is_item = !item->path[skip + row->len];

	if (row->len)
		snprintf(label, sizeof(label), "%.*s", (int)row->len, item->path + skip);
	if (is_item)
		item_print(item, label + (depth > 0), columns);
	else
		cell(DIM, columns, "%s", label + (depth > 0));
	if (!is_item)
		cells_end();
	snprintf(below, sizeof(below), "%s%s", before,
		 !depth || depth >= DEEP ? ""
		 : last			 ? "   "
		 : canvas.utf8		 ? "\u2502  "
					 : "|  ");
	draw(row->first + is_item, row->end, skip + row->len, below, depth + 1);
}

static void draw(unsigned first, unsigned end, size_t skip, const char *before, unsigned depth)
{
	struct kind kinds[CGG_POLICIES + 1] = { 0 };
	unsigned lines, shown;
	struct row *rows;

	if (first == end)
		return;
	rows = calloc(end - first, sizeof(*rows));
	if (!rows)
		err(CGG_FAILED, "cgg-status");
	shown = rows_make(rows, kinds, first, end, skip, &lines);
	for (unsigned i = 0; i < shown; i++)
		row_draw(&rows[i], skip, before, depth, !--lines);
	for (unsigned i = 0; i <= status->policies; i++)
		if (kinds[i].hidden)
			more_print(&kinds[i], i,
				   label_columns() - branch_print(before, depth, !--lines));
	free(rows);
}

void tree_show(const struct status *all, const unsigned *lately)
{
	status = all;
	cells_end();
	if (!all->attachments) {
		cell(DIM, (int)canvas.width, "no cgroup is attached");
		cells_end();
		return;
	}
	items_make(lately);
	cell(DIM, label_columns(), "cgroup");
	cell(DIM, 18, "policy");
	cell(DIM, -7, "denied");
	cells_end();
	draw(0, all->attachments, 0, "", 0);
}
