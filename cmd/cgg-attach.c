// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-attach.c - attach cgroups to a policy. */
#include <string.h>

#include "cmd.h"
#include "sockets.h"

static const char usage[] =
	"usage: cgg-attach [-p NAME] [-c] [-f] [--cut [-v]] TARGET...\n"
	"Attaches cgroups to a policy, which guards them from then on.\n"
	"TARGET is a cgroup's path, pid:PID, unit:NAME or container:ID.\n"
	"\n"
	"  -p, --policy NAME  attach to this policy (default: default)\n"
	"  -c, --create       make the cgroup's directory, and those above it\n"
	"  -f, --force        allow the root cgroup, and links that switch off other programs\n"
	"      --cut          then end the open connections that the policy refuses\n"
	"  -v, --verbose      print what was ended, as cgg-sockets prints it\n"
	"  -h, --help         print this and exit\n"
	"  -V, --version      print the version and exit\n";

static bool cut, verbose;

/* Attach one cgroup; open it only meanwhile, as there may be more cgroups than descriptors. */
static int attach_one(struct cgg_guard *guard, struct cgg_cgroup *cgroup, __u32 policy, bool forced)
{
	int status = cgroup_again(cgroup);

	if (!status)
		status = attach(guard, cgroup, policy, forced);
	cgroup_let_go(cgroup);
	return status;
}

/* Attach all cgroups or none of them; a cgroup that was attached with -f before stays forced. */
static int attach_all(struct cgg_guard *guard, struct cgg_cgroup *cgroup, int count, int place,
		      bool forced)
{
	struct cgg_attachment *before = calloc((size_t)count, sizeof(*before)); /* id 0: none */
	int status = 0, done = 0;
	char why[CGG_ERROR];

	if (!before)
		return set_error(CGG_FAILED, "out of memory");
	for (; done < count && !status; done++) {
		if (attachment_read(guard, cgroup[done].id, &before[done]) == CGG_FAILED) {
			status = CGG_FAILED; /* this one is untouched, so it is not undone */
			break;
		}
		status = attach_one(guard, &cgroup[done], (__u32)place,
				    forced || before[done].forced);
	}
	memcpy(why, cgg_error, sizeof(why));
	while (status && done-- > 0)
		if (before[done].id)
			attach_one(guard, &cgroup[done], before[done].policy, before[done].forced);
		else
			detach(guard, cgroup[done].id);
	memcpy(cgg_error, why, sizeof(why));
	free(before);
	return status;
}

/* End what the policy refuses in these cgroups; return the status of the command. */
static int cut_all(struct cgg_guard *guard, const struct cgg_cgroup *cgroup, int count, int place)
{
	__u64 *ids = calloc((size_t)count, sizeof(*ids));
	int status;

	if (!ids)
		errx(CGG_FAILED, "out of memory");
	for (int i = 0; i < count; i++)
		ids[i] = cgroup[i].id;
	status = sockets_cut_print(guard, place, ids, (size_t)count, verbose);
	free(ids);
	return status;
}

/* Open all cgroups, and attach them. Remove what was made if one fails. */
static int open_and_attach(struct cgg_guard *guard, char **target, int count, int place, int flags,
			   int *cut_status)
{
	struct cgg_cgroup *cgroup = calloc((size_t)count, sizeof(*cgroup));
	int status, opened = 0;

	if (!cgroup)
		errx(CGG_FAILED, "out of memory");
	status = guard_tidy(guard);
	if (flags & CGG_FORCE)
		status = 0; /* attaching with -f may succeed where the repair failed */
	for (; opened < count && !status; opened++) {
		status = cgroup_open(&cgroup[opened], target[opened], flags);
		cgroup_let_go(&cgroup[opened]);
	}
	if (!status)
		status = attach_all(guard, cgroup, count, place, flags & CGG_FORCE);
	if (!status && cut)
		*cut_status = cut_all(guard, cgroup, count, place);
	while (opened-- > 0)
		cgroup_close(&cgroup[opened], status);
	free(cgroup);
	return status;
}

/* Exit with cgg_error. If it is about the first TARGET, that may be the name of a policy. */
static _Noreturn void target_die(struct cgg_guard *guard, int status, const char *target)
{
	size_t len = strlen(target);

	if (status == CGG_USAGE && !strncmp(cgg_error, target, len) && cgg_error[len] == ':' &&
	    policy_find(guard, target) >= 0)
		errx(status, "%s; for policy %s write cgg-attach -p %s TARGET", cgg_error, target,
		     target);
	die(status);
}

/* Read the options and return the flags of cgroup_open(). */
static int options_read(int argc, char **argv, const char **name)
{
	static const struct option options[] = { { "policy", 1, 0, 'p' },  { "create", 0, 0, 'c' },
						 { "force", 0, 0, 'f' },   { "cut", 0, 0, 'C' },
						 { "verbose", 0, 0, 'v' }, COMMON_OPTIONS };
	int option, flags = 0;

	while ((option = option_next(argc, argv, "p:cfv" COMMON_LETTERS, options)) != -1) {
		if (option == 'p')
			*name = optarg;
		else if (option == 'c')
			flags |= CGG_CREATE;
		else if (option == 'f')
			flags |= CGG_FORCE;
		else if (option == 'C')
			cut = true;
		else if (option == 'v')
			verbose = true;
		else
			common_option(option, usage);
	}
	if (optind == argc)
		errx(CGG_USAGE, "which cgroup? see cgg-attach -h");
	if (verbose && !cut)
		errx(CGG_USAGE, "-v: is for --cut");
	return flags;
}

int main(int argc, char **argv)
{
	const char *name = "default";
	struct cgg_guard guard;
	int flags, place, status, cut_status = CGG_DONE;

	start(argv);
	flags = options_read(argc, argv, &name);
	status = policy_name_check(name);
	if (!status)
		status = guard_open(&guard, CGG_CHANGE);
	if (status)
		die(status);
	place = policy_find(&guard, name);
	if (place < 0)
		errx(CGG_NO, "policy %s: there is none; cgg-rule -p %s add RULE makes it", name,
		     name);
	status = open_and_attach(&guard, argv + optind, argc - optind, place, flags, &cut_status);
	if (status)
		target_die(&guard, status, argv[optind]);
	if (policy_is_open(&guard, place))
		warnx("warning: policy %s: has no rule and no default yet, so it allows everything",
		      name);
	resolver_warn(&guard, place);
	guard_close(&guard);
	return cut_status;
}
