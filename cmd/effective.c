// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* effective.c - cgg-status --effective: print the programs that run for one cgroup. */
#include <errno.h>
#include <jansson.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "status.h"

static struct cgg_guard guard = { .attachments = -1 };

/* Return which other programs may be attached for the hook: multi, override, none; 0: unknown. */
static const char *beside(const struct cgg_say *say)
{
	if (say->level < 0)
		return 0;
	if (say->flags & BPF_F_ALLOW_MULTI)
		return "multi";
	return say->flags & BPF_F_ALLOW_OVERRIDE ? "override" : "none";
}

/* Return the name of the policy of a program, or 0 if the program is not the guard's. */
static const char *policy_of(const struct cgg_say *say)
{
	__u32 policy;

	if (!say->ours || attachment_find(&guard, say->cgroup, &policy))
		return 0;
	return guard.policies[policy].name;
}

static const char *or_hyphen(const char *text)
{
	return text && *text ? text : "-";
}

static void heads(void)
{
	cell(DIM, 13, "hook");
	cell(DIM, -8, "program");
	cell(DIM, 15, "name");
	cell(DIM, (int)canvas.width - 57, "cgroup");
	cell(DIM, 17, "policy");
	cells_end();
}

/* Print a program for a terminal: only the fields that matter most. */
static void say_cells(const struct cgg_say *say)
{
	const char *policy = policy_of(say), *color = say->asked ? PLAIN : DIM;
	char path[4096] = "?", shown[4 * 4096];

	if (say->level >= 0)
		cgroup_name(say->cgroup, path, sizeof(path));
	text_print(shown, path);
	cell(color, 13, "%s", say->hook);
	cell(color, -8, "%u", say->program);
	cell(color, 15, "%s", say->known ? or_hyphen(say->name) : "?");
	cell(color, (int)canvas.width - 57, "%s", shown);
	if (!say->asked)
		cell(YELLOW, 17, "- not asked");
	else if (say->level >= 0 && !(say->flags & BPF_F_ALLOW_MULTI))
		cell(YELLOW, 17, "- allows %s", beside(say));
	else if (!policy && say->owned)
		cell(color, 17, "- uid %u", say->uid);
	else
		cell(color, 17, "%s", or_hyphen(policy));
	cells_end();
}

static void say_text(const struct cgg_say *say)
{
	char path[4096] = "?", shown[4 * 4096], link[16] = "-", uid[16] = "?";

	if (say->level >= 0)
		cgroup_name(say->cgroup, path, sizeof(path));
	text_print(shown, path);
	if (say->link)
		snprintf(link, sizeof(link), "%u", say->link);
	if (say->owned)
		snprintf(uid, sizeof(uid), "%u", say->uid);
	printf("%s\tprogram %u\tname %s\tcgroup %s\tallows %s\tlink %s\tpolicy %s%s\tuid %s\n",
	       say->hook, say->program, say->known ? or_hyphen(say->name) : "?", shown,
	       beside(say) ? beside(say) : "?", say->known ? link : "?", or_hyphen(policy_of(say)),
	       say->asked ? "" : "\tnot asked", uid);
}

static json_t *say_json(const struct cgg_say *say)
{
	const char *policy = policy_of(say);
	char path[4096], shown[4 * 4096];
	json_t *o = json_object();

	json_object_set_new(o, "hook", json_string(say->hook));
	json_object_set_new(o, "program", json_integer(say->program));
	if (say->known)
		json_object_set_new(o, "name", json_string(say->name));
	if (say->level >= 0) {
		cgroup_name(say->cgroup, path, sizeof(path));
		text_utf8(shown, path);
		json_object_set_new(o, "cgroup", json_string(shown));
		json_object_set_new(o, "cgroup_id", json_integer((json_int_t)say->cgroup));
	}
	if (beside(say))
		json_object_set_new(o, "allows", json_string(beside(say)));
	if (say->link)
		json_object_set_new(o, "link", json_integer(say->link));
	if (policy)
		json_object_set_new(o, "policy", json_string(policy));
	json_object_set_new(o, "asked", json_boolean(say->asked));
	if (say->owned)
		json_object_set_new(o, "uid", json_integer(say->uid));
	return o;
}

static void show_json(const struct cgg_say *all, unsigned count)
{
	json_t *list = json_array(), *o = json_pack("{s:o}", "effective", list);

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, say_json(&all[i]));
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

static void show_each(const struct cgg_say *all, unsigned count, bool picture)
{
	canvas_look();
	if (picture && count)
		heads();
	for (unsigned i = 0; i < count; i++)
		(picture ? say_cells : say_text)(&all[i]);
}

/* Print the programs that run for a target; nothing is changed, and no guard is needed. */
void effective_show(const char *target, bool json)
{
	bool guarded = !access(CGG_DIR, F_OK) || errno != ENOENT;
	struct cgg_cgroup cgroup;
	struct cgg_say *all;
	unsigned count;
	int status = cgroup_open(&cgroup, target, CGG_FORCE);

	if (!status && guarded)
		status = guard_open(&guard, CGG_READ);
	if (!status)
		status = effective_read(cgroup.fd, guarded, &all, &count);
	if (status)
		die(status);
	if (json)
		show_json(all, count);
	else
		show_each(all, count, isatty(STDOUT_FILENO));
	free(all);
	cgroup_close(&cgroup, false);
	if (guarded)
		guard_close(&guard);
}
