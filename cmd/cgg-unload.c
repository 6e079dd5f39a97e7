// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-unload.c - remove the guard: everything that is pinned.
 *
 * The pin directory is renamed first, so that no command finds half a guard. Then the links are
 * removed before all else: a cgroup is guarded as long as its links exist.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const char usage[] =
	"usage: cgg-unload [-f]\n"
	"Removes the guard: programs, maps, links, rules, counters and events.\n"
	"\n"
	"  -f, --force    even if cgroups are attached, or the guard has another layout\n"
	"  -h, --help     print this and exit\n"
	"  -V, --version  print the version and exit\n";

static void refuse_attached(struct cgg_guard *guard)
{
	struct cgg_attachment *all;
	char name[512], shown[4 * 512];
	unsigned count;
	int status = attachments_read(guard, &all, &count);

	if (status)
		die(status);
	if (!count)
		return;
	cgroup_name(all[0].id, name, sizeof(name));
	text_print(shown, name);
	errx(CGG_NO, "%u cgroup%s attached (%s%s); cgg-detach -a, or cgg-unload -f", count,
	     count == 1 ? " is" : "s are", shown, count == 1 ? "" : ", ...");
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "force", 0, 0, 'f' }, COMMON_OPTIONS };
	char aside[64], links[80];
	struct cgg_guard guard;
	int option, status;
	bool force = false;

	start(argv);
	while ((option = option_next(argc, argv, "f" COMMON_LETTERS, options)) != -1) {
		if (option == 'f')
			force = true;
		else
			common_option(option, usage);
	}
	if (optind < argc)
		errx(CGG_USAGE, "%s: cgg-unload takes no arguments", argv[optind]);
	siblings_sweep();
	status = guard_open(&guard, CGG_CHANGE);
	if (status && (!force || guard.dir < 0 || pin_check(guard.dir, CGG_DIR)))
		die(status);
	if (!force) {
		guard_repair(&guard);
		refuse_attached(&guard);
	}
	snprintf(aside, sizeof(aside), CGG_SIBLING "%d", getpid());
	if (rename(CGG_DIR, aside))
		err(CGG_FAILED, "%s", CGG_DIR);
	snprintf(links, sizeof(links), "%s/links", aside);
	pin_remove(links);
	status = pin_remove(aside);
	if (status)
		die(status);
	guard_close(&guard);
	return CGG_DONE;
}
