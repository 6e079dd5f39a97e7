// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-status.c - show the guard: its policies, attachments, events and counters.
 *
 * Everything is read into struct status first, and then printed in one of four forms.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "status.h"

static const char usage[] =
	"usage: cgg-status [-j | -m | --html FILE]\n"
	"       cgg-status [-j] --effective TARGET\n"
	"Shows policies, attached cgroups, events and counters.\n"
	"\n"
	"  -j, --json              print JSON\n"
	"  -m, --metrics           print Prometheus text\n"
	"      --html FILE         write one page of HTML\n"
	"      --effective TARGET  show the programs that run for this cgroup, in their order\n"
	"  -h, --help              print this and exit\n"
	"  -V, --version           print the version and exit\n";

static struct status all;

/* ---- reading ---- */

static void *room_or_die(size_t count, size_t size)
{
	void *room = calloc(count + 1, size);

	if (!room)
		err(CGG_FAILED, "cgg-status");
	return room;
}

static void policies_read(struct cgg_guard *guard)
{
	static int places[CGG_POLICIES];

	all.policies = policies_sorted(guard, places);
	all.policy = room_or_die(all.policies, sizeof(*all.policy));
	for (unsigned i = 0; i < all.policies; i++) {
		struct policy *policy = &all.policy[i];
		const int place = places[i];
		const struct cgg_image *image = policy_image(guard, place);

		if (!image || policy_size(guard, place, &policy->rules))
			die(CGG_FAILED);
		policy->name = guard->policies[place].name;
		policy->hooks = image->hooks;
		policy->audit = image->audit;
		tallies_read((__u32)place, policy->tally);
	}
}

static void suppressed_sum(void)
{
	int map = pin_get("maps/suppressed");
	struct cgg_news *news;
	size_t count = suppressed_read(map, &news);

	for (size_t i = 0; i < count; i++)
		for (unsigned a = 0; a < all.attachments; a++)
			if (!news[i].key.ring && news[i].key.cgroup == all.attachment[a].id)
				all.attachment[a].suppressed += news[i].count;
	free(news);
	if (map >= 0)
		close(map);
}

static int by_cgroup(const void *one, const void *other)
{
	return strcmp(((const struct attachment *)one)->cgroup,
		      ((const struct attachment *)other)->cgroup);
}

static void attachments_fill(struct cgg_guard *guard)
{
	struct cgg_attachment *list;
	char path[4096];
	int status = attachments_read(guard, &list, &all.attachments);

	if (status)
		die(status);
	all.attachment = room_or_die(all.attachments, sizeof(*all.attachment));
	for (unsigned i = 0; i < all.attachments; i++) {
		struct attachment *at = &all.attachment[i];

		at->id = list[i].id;
		at->alive = cgroup_name(at->id, path, sizeof(path)) ||
			    (errno != ESTALE && errno != ENOENT);
		at->cgroup = strdup(path);
		if (!at->cgroup)
			err(CGG_FAILED, "cgg-status");
		at->programs = links_of(at->id);
		at->policy = guard->policies[list[i].policy].name;
		packets_read(at->id, &at->packets);
		denials_read(at->id, &at->packets, at->denied);
		names_look(at);
	}
	free(list);
	qsort(all.attachment, all.attachments, sizeof(*all.attachment), by_cgroup);
	suppressed_sum();
}

/* Warn of pins that somebody removed; running programs do not need them, so this is no error. */
static void pins_look(void)
{
	static const char *const others[] = { "progs/ask", "maps/counts", "maps/limits",
					      "maps/packets" };
	const int count = sizeof(others) / sizeof(others[0]);

	if (programs_loaded(&all.loaded))
		warnx("%s", cgg_error);
	for (int i = 0; i < count + CGG_PROGRAMS; i++) {
		const struct cgg_program_info *program = &cgg_programs[i < count ? 0 : i - count];
		char name[64];
		int fd;

		snprintf(name, sizeof(name), "progs/%s", program->name);
		fd = pin_get(i < count ? others[i] : name);
		if (fd >= 0)
			close(fd);
		else if (errno != ENOENT || (i && i < count) ||
			 all.loaded & 1u << (i ? i - count : CGG_PROGRAMS))
			warnx("%s", pin_refusal(i < count ? others[i] : name) ? cgg_error : "");
	}
	if (names_loaded()) {
		int fd = pin_get("maps/name_counts");

		if (fd >= 0)
			close(fd);
		else
			warnx("%s", pin_refusal("maps/name_counts") ? cgg_error : "");
	}
}

/* Warn of tallies whose pin somebody removed or replaced: their counts read as zero. */
static void tallies_look(struct cgg_guard *guard)
{
	for (__u32 place = 0, next = 0; place < CGG_POLICIES; place++) {
		int fd;

		if (place < next || !*guard->policies[place].name)
			continue;
		next = place - place % CGG_CHUNK + CGG_CHUNK;
		fd = inner_get("tallies", guard->tally_maps, place / CGG_CHUNK);
		if (fd >= 0)
			close(fd);
		else
			warnx("%s", inner_refusal("tallies", place / CGG_CHUNK) ? cgg_error : "");
	}
}

static void read_all(struct cgg_guard *guard)
{
	int status = guard_repair(guard);

	all.guard = guard;
	if (!status)
		status = reader_look(&all.reader);
	if (status)
		die(status);
	readers_sweep(&all.reader);
	all.events = all.reader.ring[0].head;
	all.unread = all.events - all.reader.ring[0].seen;
	all.lost = all.reader.ring[0].lost;
	all.suppressed = all.reader.ring[0].suppressed;
	pins_look();
	tallies_look(guard);
	policies_read(guard);
	sets_read(&all);
	attachments_fill(guard);
}

/* Return the number of events that wait for the reader of a reader slot. */
static __u64 reader_slot_unread(__u32 reader_slot)
{
	const struct cgg_reader_slot *at = &all.reader.reader_slots[reader_slot];

	return all.reader.ring[at->filters ? reader_slot : 0].head - at->next;
}

/* ---- text ---- */

static void programs_text(unsigned programs, char *text, size_t size)
{
	size_t length = 0;

	snprintf(text, size, "-");
	for (unsigned i = 0; i < CGG_PROGRAMS; i++)
		if (programs & 1u << i && length < size)
			length += (size_t)snprintf(text + length, size - length, "%s%s",
						   length ? "," : "", cgg_programs[i].name);
}

static void show_text(void)
{
	char hooks[256], shown[4 * 4096], programs[512];

	printf("guard\t" CGG_DIR "\tlayout %d\n", CGG_LAYOUT);
	printf("events\t%llu\tunread %llu\troom %llu\tlost %llu\twithheld %llu\n", all.events,
	       all.unread, all.reader.slots, all.lost, all.suppressed);
	for (__u32 reader_slot = 1; reader_slot < CGG_RINGS; reader_slot++) {
		const struct cgg_reader_slot *at = &all.reader.reader_slots[reader_slot];

		if (at->pid)
			printf("reader\t%u\tprinted %llu\tunread %llu\tlost %llu%s\n", at->pid,
			       at->printed, reader_slot_unread(reader_slot), at->lost,
			       at->filters ? "\tfilters" : "");
	}
	for (unsigned i = 0; i < all.policies; i++) {
		const struct policy *policy = &all.policy[i];

		hooks_print(policy->hooks, hooks, sizeof(hooks));
		printf("policy\t%s\trules %u\thooks %s\n", policy->name, policy->rules,
		       *hooks ? hooks : "-");
		if (unread_packets(policy))
			printf("policy\t%s\tunread packets %llu\n", policy->name,
			       unread_packets(policy));
	}
	sets_text(&all);
	for (unsigned i = 0; i < all.attachments; i++) {
		const struct attachment *at = &all.attachment[i];

		programs_text(at->programs, programs, sizeof(programs));
		text_print(shown, at->cgroup);
		printf("cgroup\t%s\tpolicy %s\tprograms %s%s\n", shown, at->policy, programs,
		       at->alive ? "" : "\tgone; cgg-detach -a clears it");
		names_text(at, shown);
	}
}

/* ---- JSON ---- */

static json_t *number(__u64 n)
{
	return json_integer((json_int_t)n);
}

static json_t *programs_json(unsigned programs)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CGG_PROGRAMS; i++)
		if (programs & 1u << i)
			json_array_append_new(list, json_string(cgg_programs[i].name));
	return list;
}

static json_t *readers_json(void)
{
	json_t *list = json_array();

	for (__u32 reader_slot = 1; reader_slot < CGG_RINGS; reader_slot++) {
		const struct cgg_reader_slot *at = &all.reader.reader_slots[reader_slot];

		if (at->pid)
			json_array_append_new(
				list, json_pack("{s:o, s:b, s:o, s:o, s:o}", "pid", number(at->pid),
						"filters", (int)at->filters, "printed",
						number(at->printed), "unread",
						number(reader_slot_unread(reader_slot)), "lost",
						number(at->lost)));
	}
	return list;
}

static json_t *decisions_json(const struct policy *policy)
{
	json_t *list = json_array();

	for (int hook = 0; hook < CGG_HOOKS; hook++) {
		const struct cgg_tally *tally = &policy->tally[hook];
		struct cgg_count count = tally_default(tally);
		json_t *o = json_object();
		char last[40];

		json_object_set_new(o, "hook", json_string(cgg_hooks[hook].word));
		for (int v = CGG_ALLOW; v <= CGG_AUDIT; v++)
			json_object_set_new(o, cgg_verdicts[v], number(decided(tally, v)));
		json_object_set_new(o, "default_hits", number(count.hits));
		json_object_set_new(o, "default_bytes", number(count.bytes));
		json_object_set_new(o, "default_last",
				    count_time(count.last, last) ? json_string(last) : json_null());
		if (is_counted(policy, hook))
			json_array_append(list, o);
		json_decref(o);
	}
	return list;
}

static json_t *policies_json(void)
{
	json_t *list = json_array();
	char hooks[256];

	for (unsigned i = 0; i < all.policies; i++) {
		const struct policy *policy = &all.policy[i];

		hooks_print(policy->hooks, hooks, sizeof(hooks));
		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:s, s:o, s:o}", "name", policy->name,
						"rules", number(policy->rules), "hooks", hooks,
						"unread_packets", number(unread_packets(policy)),
						"decisions", decisions_json(policy)));
	}
	return list;
}

static json_t *packets_json(const struct cgg_packets *p, enum cgg_way way)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "allowed", number(p->allowed[way]),
			 "allowed_bytes", number(p->allowed_bytes[way]), "denied",
			 number(p->denied[way]), "denied_bytes", number(p->denied_bytes[way]));
}

static json_t *denials_json(const struct attachment *at)
{
	json_t *list = json_array();

	for (int hook = 0; hook < CGG_HOOKS; hook++)
		if (is_denied(at, hook))
			json_array_append_new(list, json_pack("{s:s, s:o}", "hook",
							      cgg_hooks[hook].word, "count",
							      number(at->denied[hook])));
	return list;
}

static json_t *names_json(const struct attachment *at)
{
	json_t *o = at->has_names ? json_object() : json_null();

	for (int i = 0; i < NAME_VALUES && at->has_names; i++)
		json_object_set_new(o, name_values[i].key, number(name_value(at, i)));
	return o;
}

static json_t *attachments_json(void)
{
	json_t *list = json_array();
	char shown[4 * 4096];

	for (unsigned i = 0; i < all.attachments; i++) {
		const struct attachment *at = &all.attachment[i];

		text_utf8(shown, at->cgroup);
		json_array_append_new(
			list, json_pack("{s:s, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "cgroup",
					shown, "cgroup_id", number(at->id), "policy", at->policy,
					"alive", at->alive, "programs", programs_json(at->programs),
					"egress", packets_json(&at->packets, CGG_OUT), "ingress",
					packets_json(&at->packets, CGG_IN), "withheld",
					number(at->suppressed), "denied", denials_json(at),
					"names", names_json(at)));
	}
	return list;
}

static json_t *sets_json(void)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < all.sets; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name",
						      all.set[i].name.name, "kind", all.set[i].kind,
						      "elements", number(all.set[i].elements)));
	return list;
}

static void show_json(void)
{
	json_t *o = json_pack(
		"{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "layout", CGG_LAYOUT,
		"loaded", programs_json(all.loaded), "events", number(all.events), "unread",
		number(all.unread), "room", number(all.reader.slots), "lost", number(all.lost),
		"withheld", number(all.suppressed), "readers", readers_json(), "policies",
		policies_json(), "sets", sets_json(), "attachments", attachments_json());

	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

static void show_metrics(void)
{
	metrics_show(&all);
}

/* Print columns and a tree to a terminal, else lines that programs can parse. */
static void show_fitting(void)
{
	if (isatty(STDOUT_FILENO))
		picture_show(&all);
	else
		show_text();
}

static void (*show)(void) = show_fitting;
static const char *target, *html; /* of --effective and --html */

static void options_read(int argc, char **argv)
{
	enum { EFFECTIVE = 256, HTML };
	static const struct option options[] = { { "json", 0, 0, 'j' },
						 { "metrics", 0, 0, 'm' },
						 { "effective", 1, 0, EFFECTIVE },
						 { "html", 1, 0, HTML },
						 COMMON_OPTIONS };
	int option;

	while ((option = option_next(argc, argv, "jm" COMMON_LETTERS, options)) != -1) {
		if ((option == 'j' || option == 'm') && show != show_fitting &&
		    show != (option == 'j' ? show_json : show_metrics))
			errx(CGG_USAGE, "-j or -m, one of them");
		if (option == 'j')
			show = show_json;
		else if (option == 'm')
			show = show_metrics;
		else if (option == EFFECTIVE)
			target = optarg;
		else if (option == HTML)
			html = optarg;
		else
			common_option(option, usage);
	}
	if (optind < argc)
		errx(CGG_USAGE, "%s: cgg-status takes no arguments", argv[optind]);
	if (target && show == show_metrics)
		errx(CGG_USAGE, "-m or --effective, one of them");
	if (html && (target || show != show_fitting))
		errx(CGG_USAGE, "--html: not with -j, -m or --effective");
}

int main(int argc, char **argv)
{
	struct cgg_guard guard;
	char *page = 0;
	size_t size;
	int status;

	start(argv);
	options_read(argc, argv);
	if (target) {
		effective_show(target, show == show_json);
		return CGG_DONE;
	}
	status = guard_open(&guard, CGG_CHANGE);
	if (status)
		die(status);
	read_all(&guard);
	if (html)
		page = html_make(&all, &guard, &size);
	else
		show();
	guard_close(&guard);
	if (html)
		html_write(page, size, html);
	free(page);
	return CGG_DONE;
}
