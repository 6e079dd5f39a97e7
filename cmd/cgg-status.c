// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-status.c - what is loaded, what is attached, and what it has seen. */
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd.h"

static const char usage[] = "usage: cgg-status [-j]\n"
			    "Says what is loaded, attached and counted.\n"
			    "\n"
			    "  -j, --json     as JSON\n"
			    "  -h, --help     print this and exit\n"
			    "  -V, --version  print the version and exit\n";

static void programs_text(unsigned programs, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "-");
	for (unsigned i = 0; i < CGG_PROGRAMS; i++)
		if (programs & 1u << i && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "," : "",
						 cgg_programs[i].name);
}

static json_t *programs_json(unsigned programs)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CGG_PROGRAMS; i++)
		if (programs & 1u << i)
			json_array_append_new(list, json_string(cgg_programs[i].name));
	return list;
}

/* What a row of the report is made of, in text and in JSON alike. */
struct report {
	json_t *policies, *attachments;
	int counts;
};

/* unread - packets of a policy whose headers could not be read */
static __u64 unread(int counts, int place)
{
	return count_read(counts, (__u32)place, CGG_UNREAD_RULE | CGG_EGRESS).hits +
	       count_read(counts, (__u32)place, CGG_UNREAD_RULE | CGG_INGRESS).hits;
}

static void policy_row(struct report *report, struct cgg_guard *guard, int place)
{
	const struct cgg_image *image = policy_image(guard, place);
	const char *name = guard->policies[place].name;
	unsigned rules = 0;
	char hooks[256];

	if (!image || policy_size(guard, place, &rules))
		die(CGG_FAILED);
	hooks_print(image->hooks, hooks, sizeof(hooks));
	if (report->policies)
		json_array_append_new(report->policies,
				      json_pack("{s:s, s:i, s:s, s:I}", "name", name, "rules",
						(int)rules, "hooks", hooks, "unread_packets",
						(json_int_t)unread(report->counts, place)));
	else
		printf("policy\t%s\trules %u\thooks %s\n", name, rules, *hooks ? hooks : "-");
	if (!report->policies && unread(report->counts, place))
		printf("policy\t%s\tunread packets %llu\n", name, unread(report->counts, place));
}

static void attachment_row(struct report *report, const struct cgg_guard *guard,
			   const struct cgg_attachment *at)
{
	const char *policy = guard->policies[at->policy].name;
	char cgroup[4096], shown[4 * 4096], programs[256];
	bool alive = cgroup_name(at->id, cgroup, sizeof(cgroup));

	if (report->attachments) {
		text_utf8(shown, cgroup);
		json_array_append_new(report->attachments,
				      json_pack("{s:s, s:I, s:s, s:b, s:o}", "cgroup", shown,
						"cgroup_id", (json_int_t)at->id, "policy", policy,
						"alive", alive, "programs",
						programs_json(links_of(at->id))));
		return;
	}
	programs_text(links_of(at->id), programs, sizeof(programs));
	text_print(shown, cgroup);
	printf("cgroup\t%s\tpolicy %s\tprograms %s%s\n", shown, policy, programs,
	       alive ? "" : "\tgone; cgg-detach -a clears it");
}

static void rows(struct report *report, struct cgg_guard *guard)
{
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count);

	if (status)
		die(status);
	for (int i = 0; i < CGG_POLICIES; i++)
		if (*guard->policies[i].name)
			policy_row(report, guard, i);
	for (unsigned i = 0; i < count; i++)
		attachment_row(report, guard, &all[i]);
	free(all);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "json", 0, 0, 'j' }, COMMON_OPTIONS };
	struct report report = { 0 };
	struct cgg_reader reader;
	struct cgg_guard guard;
	bool as_json = false;
	int option, status;

	start(argv);
	while ((option = getopt_long(argc, argv, "j" COMMON_LETTERS, options, 0)) != -1) {
		if (option == 'j')
			as_json = true;
		else
			common_option(option, usage);
	}
	if (optind < argc)
		errx(CGG_USAGE, "%s: takes no arguments", argv[optind]);
	status = guard_open(&guard, CGG_CHANGE);
	if (!status)
		status = guard_repair(&guard);
	if (!status)
		status = reader_open(&reader);
	if (status)
		die(status);
	report.counts = count_open();
	if (as_json) {
		report.policies = json_array();
		report.attachments = json_array();
	} else {
		printf("guard\t" CGG_DIR "\tlayout %d\n", CGG_LAYOUT);
		printf("events\t%llu\tunread %llu\troom %llu\n", reader.ring->head,
		       reader.ring->head - reader.ring->seen, reader.slots);
	}
	rows(&report, &guard);
	if (as_json) {
		json_t *all = json_pack("{s:i, s:I, s:I, s:I, s:o, s:o}", "layout", CGG_LAYOUT,
					"events", (json_int_t)reader.ring->head, "unread",
					(json_int_t)(reader.ring->head - reader.ring->seen), "room",
					(json_int_t)reader.slots, "policies", report.policies,
					"attachments", report.attachments);

		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	}
	guard_close(&guard);
	return CGG_DONE;
}
