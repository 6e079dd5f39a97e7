// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-attach.c - guards cgroups by a policy. */
#include "cmd.h"

static const char usage[] =
	"usage: cgg-attach [-p NAME] [-c] [-f] TARGET...\n"
	"Guards cgroups. TARGET is a cgroup's path, pid:PID, unit:NAME or container:ID.\n"
	"\n"
	"  -p, --policy NAME  by this policy (default: default)\n"
	"  -c, --create       make the cgroup's directory\n"
	"  -f, --force        also the root cgroup\n"
	"  -h, --help         print this and exit\n"
	"  -V, --version      print the version and exit\n";

static int attach_one(struct cgg_guard *guard, const char *target, int flags, int place)
{
	struct cgg_cgroup cgroup;
	int status = cgroup_open(&cgroup, target, flags);

	if (!status)
		status = attach(guard, &cgroup, (__u32)place);
	cgroup_close(&cgroup, status);
	if (status)
		warnx("%s", cgg_why);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "policy", 1, 0, 'p' },
						 { "create", 0, 0, 'c' },
						 { "force", 0, 0, 'f' },
						 COMMON_OPTIONS };
	const char *name = "default";
	struct cgg_guard guard;
	int option, flags = 0, place, status, worst = 0;

	start(argv);
	while ((option = getopt_long(argc, argv, "p:cf" COMMON_LETTERS, options, 0)) != -1) {
		if (option == 'p')
			name = optarg;
		else if (option == 'c')
			flags |= CGG_CREATE;
		else if (option == 'f')
			flags |= CGG_FORCE;
		else
			common_option(option, usage);
	}
	if (optind == argc)
		errx(CGG_USAGE, "which cgroup? see cgg-attach -h");
	status = name_check("policy", name);
	if (!status)
		status = guard_open(&guard, CGG_CHANGE);
	if (status)
		die(status);
	place = policy_find(&guard, name);
	if (place < 0)
		errx(CGG_NO, "policy %s: there is none; cgg-rule -p %s add RULE makes it", name,
		     name);
	status = guard_repair(&guard);
	if (status)
		die(status);
	for (int i = optind; i < argc; i++) {
		status = attach_one(&guard, argv[i], flags, place);
		if (status > worst)
			worst = status;
	}
	guard_close(&guard);
	return worst;
}
