// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * html.c - writes the guard as it is now as one page of HTML, for cgg-status --html.
 *
 * The page loads nothing: its style is in it, and it has no script. A new page replaces the old one
 * in one step.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "status.h"

#define MOST_RULES 1000 /* of a policy that are shown */
#define MOST_EVENTS 50
#define MOST_NAMES 1000

static FILE *page;

static const char style[] =
	":root{color-scheme:light dark;--line:#8884;--bar:#3b82f688;--deny:#c62828;--dim:#777}"
	"@media(prefers-color-scheme:dark){:root{--deny:#ff8a80;--dim:#aaa}}"
	"body{font:16px/1.45 system-ui,sans-serif;max-width:75rem;margin:0 auto;padding:1rem}"
	"h1{font-size:1.5rem}h2{font-size:1.2rem;margin:2rem 0 .5rem}"
	"table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .5rem;"
	"border-bottom:1px solid var(--line);overflow-wrap:anywhere;vertical-align:top}"
	"th{font-weight:600}.p{min-width:6rem}.n{text-align:right;white-space:nowrap;width:1%}"
	".dim{color:var(--dim)}.deny{color:var(--deny)}code{font-size:.9em}"
	".bar{display:block;height:.4rem;background:var(--bar);border-radius:.2rem}"
	".wide{width:50%}"
	"@media(max-width:40rem){body{padding:.5rem}.wide{display:none}td,th{padding:.2rem .3rem}"
	".cgroups tr,.names tr{display:grid;grid-template-columns:1fr 6rem 5rem}.cgroups .n{width:auto}"
	".names tr{grid-template-columns:1fr 1fr}"
	".cgroups tr>:first-child,.names tr>:first-child{grid-column:1/-1;border:0}}";

static void put(const char *format, ...) PRINTF(1);
static void put(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(page, format, arguments);
	va_end(arguments);
}

/* Write text; the bytes that mean something in HTML, or on a terminal, are escaped. */
static void put_text(const char *text)
{
	size_t size = CGG_VISIBLE * strlen(text) + 1;
	char *shown = malloc(size);

	if (!shown)
		errx(CGG_FAILED, "out of memory");
	text_visible(shown, text, strlen(text));
	for (const char *c = shown; *c; c++) {
		if (strchr("&<>\"'", *c))
			fprintf(page, "&#%d;", *c);
		else
			fputc(*c, page);
	}
	free(shown);
}

static void put_code(const char *before, const char *text, const char *after)
{
	put("%s<code>", before);
	put_text(text);
	put("</code>%s", after);
}

/* Write a cell with a number, and a bar as long as its part of the most. */
static void put_bar(__u64 n, __u64 most)
{
	put("<td class=n>%llu<span class=bar style=\"width:%llu%%\"></span></td>", n,
	    most ? n * 100 / most : 0);
}

static void section(const char *title, const char *kind, const char *columns)
{
	put("<h2>%s</h2>\n<table class=%s>\n<tr>%s</tr>\n", title, kind, columns);
}

/* ---- cgroups ---- */

static int by_path(const void *one, const void *other)
{
	const struct attachment *a = *(const struct attachment *const *)one,
				*b = *(const struct attachment *const *)other;

	return strcmp(a->cgroup, b->cgroup);
}

/* Return how many of the listed cgroups are above this one; they come before it. */
static unsigned depth_of(const struct attachment *const *list, unsigned at)
{
	unsigned depth = 0;

	for (unsigned i = 0; i < at; i++) {
		size_t len = strcmp(list[i]->cgroup, "/") ? strlen(list[i]->cgroup) : 0;

		depth += !strncmp(list[i]->cgroup, list[at]->cgroup, len) &&
			 list[at]->cgroup[len] == '/';
	}
	return depth;
}

static __u64 packets_of(const struct attachment *at)
{
	return at->packets.allowed[CGG_OUT] + at->packets.allowed[CGG_IN];
}

static __u64 refused_of(const struct attachment *at)
{
	__u64 sum = 0;

	for (int hook = 0; hook < CGG_HOOKS; hook++)
		sum += at->denied[hook];
	return sum;
}

static void cgroup_put(const struct attachment *at, unsigned depth, __u64 most)
{
	put("<tr><td style=\"padding-left:%u.5rem\">", depth > 8 ? 8 : depth);
	put_code("", at->cgroup, at->alive ? "" : " <span class=deny>removed</span>");
	put_code("</td><td class=p>", at->policy, "</td><td class=wide>");
	for (unsigned i = 0; i < CGG_PROGRAMS; i++)
		if (at->programs & 1u << i)
			put("%s ", cgg_programs[i].name);
	put("</td>");
	put_bar(packets_of(at), most);
	put("<td class=\"n%s\">%llu</td></tr>\n", refused_of(at) ? " deny" : "", refused_of(at));
}

static void cgroups_put(const struct status *all)
{
	const struct attachment **list = calloc(all->attachments + 1u, sizeof(*list));
	__u64 most = 0;

	if (!list)
		errx(CGG_FAILED, "out of memory");
	for (unsigned i = 0; i < all->attachments; i++) {
		list[i] = &all->attachment[i];
		if (packets_of(list[i]) > most)
			most = packets_of(list[i]);
	}
	qsort(list, all->attachments, sizeof(*list), by_path);
	section("Attached cgroups", "cgroups",
		"<th>cgroup<th class=p>policy<th class=wide>programs<th class=n>packets<th class=n>denied");
	for (unsigned i = 0; i < all->attachments; i++)
		cgroup_put(list[i], depth_of(list, i), most);
	put("</table>\n");
	free(list);
}

/* ---- policies ---- */

struct rules { /* of a policy that is written */
	__u32 place;
	int counts;
	__u64 most;
	unsigned count;
	bool put; /* else find the most hits */
};

static int rule_take(void *context, const struct cgg_line *line)
{
	struct rules *rules = context;
	struct cgg_count count = count_read(rules->counts, rules->place, line->id);
	static char text[CGG_LINE_TEXT];

	if (rules->count++ >= MOST_RULES)
		return 0;
	if (count.hits > rules->most)
		rules->most = count.hits;
	if (!rules->put)
		return 0;
	line_print(line, text);
	put("<tr>");
	put_bar(count.hits, rules->most);
	put("<td class=n>%u</td>", line->id);
	put_code(strncmp(text, "deny", 4) ? "<td>" : "<td class=deny>", text, "</td></tr>\n");
	return 0;
}

static void defaults_put(const struct policy *policy, const struct cgg_image *image)
{
	put("<p class=dim>");
	if (policy->audit)
		put("mode audit: nothing is refused. ");
	put("%u rules. ", policy->rules);
	for (int hook = 0; hook < CGG_HOOKS; hook++)
		if (image->defaults.verdict[hook] != CGG_ALLOW)
			put("default %s %s. ", cgg_hooks[hook].word,
			    cgg_verdicts[image->defaults.verdict[hook]]);
	put("</p>\n");
}

static void policy_put(struct cgg_guard *guard, const struct policy *policy)
{
	struct rules rules = { .place = (__u32)policy_find(guard, policy->name),
			       .counts = count_open() };
	const struct cgg_image *image = policy_image(guard, (int)rules.place);

	if (!image)
		die(CGG_FAILED);
	put_code("<h2>Policy ", policy->name, "</h2>\n");
	defaults_put(policy, image);
	put("<table>\n<tr><th class=n>hits<th class=n>id<th>rule</tr>\n");
	for (int i = 0; i < 2; i++) {
		rules.put = i;
		rules.count = 0;
		if (policy_each(guard, (int)rules.place, rule_take, &rules) == CGG_FAILED)
			die(CGG_FAILED);
	}
	put("</table>\n");
	if (rules.count > MOST_RULES)
		put("<p class=dim>and %u more rules</p>\n", rules.count - MOST_RULES);
	if (rules.counts >= 0)
		close(rules.counts);
}

/* ---- denials, names ---- */

static const char *path_of(const struct status *all, __u64 id)
{
	for (unsigned i = 0; i < all->attachments; i++)
		if (all->attachment[i].id == id)
			return all->attachment[i].cgroup;
	return "?";
}

static void denials_put(struct status *all, struct cgg_guard *guard)
{
	struct cgg_event_view view = { .time = true, .policies = guard->policies };
	static char text[CGG_EVENT_TEXT];
	struct cgg_event *list;
	struct timespec real;
	unsigned count;

	clock_gettime(CLOCK_REALTIME, &real);
	view.clock = real.tv_sec * 1000000000LL + real.tv_nsec - (__s64)time_now();
	if (events_last(&all->reader, 1u << CGG_DENY | 1u << CGG_AUDIT, MOST_EVENTS, &list, &count))
		die(CGG_FAILED);
	section("Latest denials", "events", "<th>event");
	for (unsigned i = 0; i < count; i++) {
		size_t len = event_print(text, &list[i], path_of(all, list[i].cgroup),
					 event_own_name(&list[i]), &view);

		text[len - 1] = 0;
		put_code("<tr><td>", text, "</td></tr>\n");
	}
	put("</table>\n%s", count ? "" : "<p class=dim>none</p>\n");
	free(list);
}

struct names {
	const char *cgroup;
	unsigned count;
};

static int name_take(void *context, const struct cgg_binding *binding)
{
	struct names *names = context;
	char addr[CGG_NET_TEXT];

	if (names->count++ >= MOST_NAMES)
		return 0;
	addr_print(binding->addr, addr);
	put_code("<tr><td>", names->cgroup, "</td>");
	put_code("<td>", binding->name, "</td>");
	put_code("<td>", addr, "</td></tr>\n");
	return 0;
}

static void names_put(const struct status *all)
{
	struct names names = { 0 };

	section("Names that cgroups have asked for", "names", "<th>cgroup<th>name<th>address");
	for (unsigned i = 0; i < all->attachments; i++) {
		names.cgroup = all->attachment[i].cgroup;
		if (bindings_read(all->attachment[i].id, name_take, &names) == CGG_FAILED)
			die(CGG_FAILED);
	}
	put("</table>\n");
	if (names.count > MOST_NAMES)
		put("<p class=dim>and %u more</p>\n", names.count - MOST_NAMES);
	else if (!names.count)
		put("<p class=dim>none</p>\n");
}

/* ---- the page ---- */

static void page_put(struct status *all, struct cgg_guard *guard)
{
	char host[256] = "", when[64];
	time_t now = time(0);
	struct tm tm;

	gethostname(host, sizeof(host) - 1);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %Z", localtime_r(&now, &tm));
	put("<!doctype html>\n<html lang=en><meta charset=utf-8>\n"
	    "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
	    "<title>cgguard: ");
	put_text(host);
	put("</title>\n<style>%s</style>\n<h1>cgguard on ", style);
	put_text(host);
	put("</h1>\n<p>%s: %u cgroups, %u policies, %llu events", when, all->attachments,
	    all->policies, all->events);
	put(all->lost ? ", <span class=deny>%llu lost</span></p>\n" : "</p>\n", all->lost);
	cgroups_put(all);
	denials_put(all, guard);
	for (unsigned i = 0; i < all->policies; i++)
		policy_put(guard, &all->policy[i]);
	names_put(all);
	put("</html>\n");
}

/* Return the page, which the caller frees, and its size; or exit. */
char *html_make(struct status *all, struct cgg_guard *guard, size_t *size)
{
	char *text = 0;
	bool failed;

	page = open_memstream(&text, size);
	if (!page)
		err(CGG_FAILED, "--html");
	page_put(all, guard);
	failed = ferror(page);
	if (fclose(page) || failed)
		errx(CGG_FAILED, "out of memory");
	return text;
}

/* ---- where it goes ---- */

static char beside[4096]; /* the new page until it has its name; "": none */

static void beside_remove(void)
{
	if (*beside)
		unlink(beside);
}

/* Open `-`, a pipe or a device, which must not be replaced by a file; return 0 for others. */
static FILE *stream_of(const char *file)
{
	struct stat st;
	FILE *stream;

	if (!strcmp(file, "-"))
		return stdout;
	if (stat(file, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return 0;
	stream = fopen(file, "we");
	if (!stream)
		err(CGG_FAILED, "%s", file);
	return stream;
}

/* Write the page beside FILE, or beside what it links to, and give it that name. */
static void file_replace(const char *text, size_t size, const char *file)
{
	char *real = realpath(file, 0);
	FILE *stream;
	bool failed;
	int fd;

	if (real)
		file = real;
	if (snprintf(beside, sizeof(beside), "%s.%d", file, getpid()) >= (int)sizeof(beside)) {
		*beside = 0;
		errx(CGG_USAGE, "--html %.80s...: too long", file);
	}
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	stream = fd < 0 ? 0 : fdopen(fd, "w");
	if (!stream)
		err(CGG_FAILED, "%s", beside);
	atexit(beside_remove);
	failed = fwrite(text, 1, size, stream) != size;
	if (fclose(stream) || failed || rename(beside, file))
		err(CGG_FAILED, "%s", file);
	*beside = 0;
	free(real);
}

/* Write the page. No lock may be held: a pipe takes as long as who reads it. */
void html_write(const char *text, size_t size, const char *file)
{
	FILE *stream = stream_of(file);
	bool failed;

	if (!stream) {
		file_replace(text, size, file);
		return;
	}
	failed = fwrite(text, 1, size, stream) != size;
	if (stream != stdout && (fclose(stream) || failed))
		err(CGG_FAILED, "%s", file);
}
