// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-detach.c - lets go of cgroups. */
#include "cmd.h"

static const char usage[] =
	"usage: cgg-detach [-a] TARGET...\n"
	"Lets go of cgroups. TARGET is a cgroup's path, pid:PID, unit:NAME or container:ID.\n"
	"\n"
	"  -a, --all      every cgroup, also those that were removed\n"
	"  -h, --help     print this and exit\n"
	"  -V, --version  print the version and exit\n";

static int detach_all(struct cgg_guard *guard)
{
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count);

	if (status)
		die(status);
	for (unsigned i = 0; i < count; i++)
		detach(guard, all[i].id);
	free(all);
	return guard_repair(guard);
}

static int detach_one(struct cgg_guard *guard, const char *target)
{
	struct cgg_cgroup cgroup;
	int status = cgroup_open(&cgroup, target, CGG_FORCE);

	if (!status) {
		status = detach(guard, cgroup.id);
		if (status == CGG_NO)
			refuse(status, "%s: not attached", target);
	}
	cgroup_close(&cgroup, false);
	if (status)
		warnx("%s", cgg_why);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "all", 0, 0, 'a' }, COMMON_OPTIONS };
	struct cgg_guard guard;
	int option, status, worst = 0;
	bool all = false;

	start(argv);
	while ((option = getopt_long(argc, argv, "a" COMMON_LETTERS, options, 0)) != -1) {
		if (option == 'a')
			all = true;
		else
			common_option(option, usage);
	}
	if (all && optind < argc)
		errx(CGG_USAGE, "%s: -a takes no TARGET", argv[optind]);
	if (!all && optind == argc)
		errx(CGG_USAGE, "which cgroup? see cgg-detach -h");
	status = guard_open(&guard, CGG_CHANGE);
	if (status)
		die(status);
	if (all)
		worst = detach_all(&guard);
	else
		guard_repair(&guard);
	for (int i = optind; i < argc; i++) {
		status = detach_one(&guard, argv[i]);
		if (status > worst)
			worst = status;
	}
	guard_close(&guard);
	return worst;
}
