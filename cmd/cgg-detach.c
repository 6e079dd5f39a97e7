// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-detach.c - detach cgroups from their policies. */
#include "cmd.h"

static const char usage[] = "usage: cgg-detach [-a] TARGET...\n"
			    "Detaches cgroups from their policies, which ends their guard.\n"
			    "TARGET is a cgroup's path, pid:PID, unit:NAME or container:ID.\n"
			    "\n"
			    "  -a, --all      detach every cgroup, also those that were removed\n"
			    "  -h, --help     print this and exit\n"
			    "  -V, --version  print the version and exit\n";

/* Detach every cgroup; report those that stay attached. Return the worst status. */
static int detach_all(struct cgg_guard *guard)
{
	struct cgg_attachment *all;
	unsigned count;
	int status = attachments_read(guard, &all, &count), worst = 0;

	if (status)
		die(status);
	for (unsigned i = 0; i < count; i++) {
		status = detach(guard, all[i].id);
		if (status <= CGG_NO)
			continue;
		warnx("%s", cgg_error);
		worst = status;
	}
	free(all);
	return worst;
}

/* Find the ids of all targets; refuse a wrong one before any cgroup is detached. */
static int targets_find(struct cgg_guard *guard, __u64 *ids, int count, char **target)
{
	int status = 0;

	for (int i = 0; i < count && !status; i++)
		status = attached_find(guard, target[i], &ids[i]);
	return status;
}

/* Detach each cgroup; report those that were not attached. Return the worst status. */
static int detach_each(struct cgg_guard *guard, const __u64 *ids, int count, char **target)
{
	int worst = 0;

	for (int i = 0; i < count; i++) {
		int status = detach(guard, ids[i]);

		if (status == CGG_NO)
			warnx("%s: not attached", target[i]);
		else if (status)
			warnx("%s", cgg_error);
		if (status > worst)
			worst = status;
	}
	return worst;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "all", 0, 0, 'a' }, COMMON_OPTIONS };
	struct cgg_guard guard;
	int option, status, count, worst;
	bool all = false;
	__u64 *ids;

	start(argv);
	while ((option = option_next(argc, argv, "a" COMMON_LETTERS, options)) != -1) {
		if (option == 'a')
			all = true;
		else
			common_option(option, usage);
	}
	if (all && optind < argc)
		errx(CGG_USAGE, "%s: -a takes no TARGET", argv[optind]);
	if (!all && optind == argc)
		errx(CGG_USAGE, "which cgroup? see cgg-detach -h");
	count = argc - optind;
	ids = calloc((size_t)count + 1, sizeof(*ids));
	if (!ids)
		errx(CGG_FAILED, "out of memory");
	status = guard_open(&guard, CGG_CHANGE);
	if (!status)
		status = targets_find(&guard, ids, count, argv + optind);
	if (status)
		die(status);
	worst = all ? detach_all(&guard) : detach_each(&guard, ids, count, argv + optind);
	guard_tidy(&guard); /* the next command repeats what fails here */
	free(ids);
	guard_close(&guard);
	return worst;
}
