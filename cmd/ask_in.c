// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ask_in.c - cgg-rule test --in: asks all policies that judge a process of a cgroup.
 *
 * The kernel runs the programs of a hook in the order that lib/guard/effective.c reads. A policy
 * whose cgroup has no program of the hook has no rule for it: it is listed too, where its cgroup
 * stands.
 */
#include <linux/bpf.h>
#include <string.h>

#include "rule.h"

const char *test_target;

static struct {
	struct cgg_guard guard;
	const struct cgg_rule *rule;
	int hook;
	char below[4096]; /* the target, below the mount */
	__u64 above[CGG_LEVELS]; /* its id, and those above it */
	bool told[CGG_LEVELS]; /* the policy at this level was asked */
	FILE *denials, *others; /* the parts of the last line */
	char *part[2];
	bool denied;
} in;

/* Return whether a program of the hook runs for this operation. */
static bool is_asked(const struct cgg_rule *rule, int program)
{
	const char *name = cgg_programs[program].name;
	char family = name[strlen(name) - 1];

	/* The answer to a question comes later. */
	if (program == CGG_DNS_ANSWER || !(cgg_hooks[in.hook].programs & 1u << program))
		return false;
	if ((family != '4' && family != '6') || !(rule->matches & CGG_MATCH_IP))
		return true;
	return family == (addr_is_ip4(rule->net.addr) ? '4' : '6');
}

/* Return whether a program that runs in the cgroup judges the operation. */
static bool judges(const struct cgg_say *say)
{
	for (int i = 0; i < CGG_PROGRAMS; i++) {
		int same = 0;

		if (!is_asked(in.rule, i))
			continue;
		while (cgg_programs[same].attach != cgg_programs[i].attach)
			same++;
		if (!strcmp(say->hook, cgg_programs[same].name) &&
		    (!say->ours || !strcmp(say->name, cgg_programs[i].name)))
			return true;
	}
	return false;
}

static void part_put(FILE *part, const char *text)
{
	if (ftell(part) > 0)
		fputs("; ", part);
	fputs(text, part);
}

/* Ask the policy at a level, and print its line. */
static void policy_ask(int level, __u32 place)
{
	const struct cgg_image *image = policy_image(&in.guard, (int)place);
	const char *name = in.guard.policies[place].name;
	char path[4096], shown[4 * 4096], by[32] = "the default", id[16] = "-";
	static struct decision d;
	char *words;
	bool denies;

	test_decide(&in.guard, (int)place, in.rule, in.below, in.above[level], &d);
	cgroup_name(in.above[level], path, sizeof(path));
	text_print(shown, path);
	if (d.id) {
		snprintf(by, sizeof(by), "rule %u", d.id);
		snprintf(id, sizeof(id), "%u", d.id);
	}
	printf("%s\t%s\t%s\t%s\t%s\n", shown, name, cgg_verdicts[d.verdict], id, d.text);
	denies = d.verdict == CGG_DENY && image && !image->audit;
	in.denied |= denies;
	if (asprintf(&words, "%s by %s of policy %s at %s",
		     denies		      ? "denied"
		     : d.verdict == CGG_DENY  ? "reported (mode audit)"
		     : d.verdict == CGG_ALERT ? "allowed with an alert"
					      : "allowed",
		     by, name, shown) < 0)
		errx(CGG_FAILED, "out of memory");
	part_put(denies ? in.denials : in.others, words);
	free(words);
	in.told[level] = true;
}

/* Ask the policies of cgroups below `level` whose cgroup has no program of the hook. */
static void idle_ask(const struct cgg_say *all, unsigned count, int level)
{
	for (int i = 0; i < level && in.above[i]; i++) {
		const struct cgg_image *image;
		bool any = false;
		__u32 place;

		if (in.told[i] || attachment_find(&in.guard, in.above[i], &place))
			continue;
		for (unsigned k = 0; k < count; k++)
			any |= all[k].ours && all[k].level == i && judges(&all[k]);
		image = policy_image(&in.guard, (int)place);
		if (!any && image && image->hooks & 1u << in.hook)
			errx(CGG_FAILED,
			     "policy %s: a cgroup lacks its program for %s; run cgg-status, "
			     "which repairs that",
			     in.guard.policies[place].name, cgg_hooks[in.hook].word);
		if (!any)
			policy_ask(i, place);
	}
}

/* Print the line of a program that is not the guard's. */
static void foreign_print(const struct cgg_say *say)
{
	const char *name = say->known && *say->name ? say->name : "-";
	char path[4096] = "?", shown[4 * 4096], safe[4 * sizeof(say->name)], *words;

	if (say->level >= 0)
		cgroup_name(say->cgroup, path, sizeof(path));
	text_print(shown, path);
	text_print(safe, name);
	printf("%s\t?\tprogram %u %s\n", shown, say->program, safe);
	if (asprintf(&words, "program %u %s at %s may deny it too", say->program, safe, shown) < 0)
		errx(CGG_FAILED, "out of memory");
	part_put(in.others, words);
	free(words);
}

static void each_ask(const struct cgg_say *all, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct cgg_say *say = &all[i];
		__u32 place;

		if (!say->asked || !judges(say))
			continue;
		if (say->level > 0)
			idle_ask(all, count, say->level);
		if (!say->ours)
			foreign_print(say);
		else if (!in.told[say->level] && !attachment_find(&in.guard, say->cgroup, &place))
			policy_ask(say->level, place);
	}
	idle_ask(all, count, CGG_LEVELS);
}

/* Open the target, its cgroups above, the guard and the two parts of the last line, or exit. */
static void begin(struct cgg_cgroup *cgroup)
{
	static size_t size[2];
	int status = cgroup_open(cgroup, test_target, CGG_FORCE | CGG_ANY);

	if (!status)
		status = guard_open(&in.guard, CGG_CHANGE);
	if (status)
		die(status);
	cgroup_above(cgroup->fd, in.above);
	cgroup_name(cgroup->id, in.below, sizeof(in.below));
	in.denials = open_memstream(&in.part[0], &size[0]);
	in.others = open_memstream(&in.part[1], &size[1]);
	if (!in.denials || !in.others)
		errx(CGG_FAILED, "out of memory");
}

/* Print how every policy that judges a process of the target decides, and what comes of it. */
int test_in(const struct cgg_rule *rule)
{
	struct cgg_cgroup cgroup;
	struct cgg_say *all;
	unsigned count;

	if (policy_given)
		errx(CGG_USAGE, "--in: asks every policy there, so -p cannot choose one");
	if (rule->matches & CGG_MATCH_CGROUP)
		errx(CGG_USAGE, "cgroup: --in tells already where the process is");
	in.rule = rule;
	while (!(rule->hooks & 1u << in.hook))
		in.hook++;
	begin(&cgroup);
	if (effective_read(cgroup.fd, true, &all, &count))
		die(CGG_FAILED);
	each_ask(all, count);
	fclose(in.denials);
	fclose(in.others);
	printf("%s%s%s\n", in.part[0], *in.part[0] && *in.part[1] ? "; " : "",
	       *in.part[0] || *in.part[1] ? in.part[1] : "allowed: no policy judges this");
	free(in.part[0]);
	free(in.part[1]);
	free(all);
	cgroup_close(&cgroup, false);
	guard_close(&in.guard);
	return in.denied ? CGG_NO : CGG_DONE;
}
