// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-learn.c - read events, and print the smallest allow list that lets them pass. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

static const char usage[] =
	"usage: cgg-learn [--policy NAME] [--cgroup TARGET] [--denied] "
	"[--prefix BITS] [--prefix6 BITS] [--gap PORTS] [--labels N] [--sets] [--answers] "
	"[--uid] [FILE]\n"
	"Reads the output of cgg-events -j, and prints a policy that allows exactly the\n"
	"operations that were let pass. Denials are skipped.\n"
	"\n"
	"      --policy NAME    take only events of this policy\n"
	"      --cgroup TARGET  take only events of cgroups attached there or below\n"
	"      --denied         print only the rules that would allow the denied operations\n"
	"      --prefix BITS    join IPv4 addresses with the same first BITS bits into one rule\n"
	"      --prefix6 BITS   join IPv6 addresses with the same first BITS bits into one rule\n"
	"      --gap PORTS      join ports with at most PORTS others between them into one range\n"
	"      --labels N       join DNS names with the same last N labels into one rule with *.\n"
	"      --sets           write addresses and names that a set of the guard contains as @SET\n"
	"      --answers        allow a packet of a server to a client's port by its source port\n"
	"      --uid            allow a call only to the users who made it\n"
	"  -h, --help           print this and exit\n"
	"  -V, --version        print the version and exit\n";

static unsigned number_or_die(const char *what, const char *word, unsigned long max)
{
	unsigned long n;

	if (number_parse(&n, word, strlen(word), max))
		errx(CGG_USAGE, "%s %s: not a number (0 to %lu)", what, word, max);
	return (unsigned)n;
}

/* Read all events of a file; return the worst status, CGG_NO if no rule can allow an event. */
static int read_all(struct cgg_learn *learn, FILE *file, const char *name)
{
	unsigned long number = 0;
	size_t room = 0;
	char *line = 0;
	int worst = 0;
	ssize_t len;

	while (worst < CGG_USAGE && (len = getline(&line, &room, file)) >= 0) {
		int status;

		number++;
		len -= len && line[len - 1] == '\n';
		status = len ? learn_line(learn, line, (size_t)len) : 0;
		if (status)
			warnx("%s:%lu: %s", name, number, cgg_error);
		if (status > worst)
			worst = status;
	}
	if (ferror(file))
		err(CGG_FAILED, "%s", name);
	free(line);
	return worst;
}

/* Return target without the directory mount in front of it. */
static const char *below(const char *target, const char *mount)
{
	size_t len = strlen(mount);

	return !strncmp(target, mount, len) && (!target[len] || target[len] == '/') ? target + len
										    : target;
}

/*
 * Return the path of a TARGET below the mount, as events have it.
 *
 * A path is not looked up, because the cgroup may be gone, or on another host.
 */
static const char *cgroup_path(const char *target)
{
	static char path[4096];
	struct cgg_cgroup cgroup;
	int status;

	if (!strncmp(target, "pid:", 4) || !strncmp(target, "unit:", 5) ||
	    !strncmp(target, "container:", 10)) {
		status = cgroup_open(&cgroup, target, CGG_ANY);
		if (status)
			die(status);
		cgroup_name(cgroup.id, path, sizeof(path));
		cgroup_close(&cgroup, false);
		return path;
	}
	if (!*target)
		errx(CGG_USAGE, "--cgroup: a cgroup's path is empty");
	target = below(target, cgroup_mount() ? cgroup_mount() : "/sys/fs/cgroup");
	target = below(target, "/sys/fs/cgroup"); /* the mount on most other hosts */
	target += strspn(target, "/");
	if (snprintf(path, sizeof(path), "/%s", target) >= (int)sizeof(path))
		errx(CGG_USAGE, "--cgroup %.80s...: the path is too long", target);
	for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = 0;
	return path;
}

/* All sets, with --sets. */
static struct open_set {
	char name[CGG_NAME];
	struct cgg_table table;
} * open_sets;
static unsigned open_count;

/*
 * Return the set with the smallest net that contains an address: it says most about it. Of a name,
 * return the first set that contains it.
 */
static const char *set_of(const __u8 addr[16], const char *name)
{
	const char *best = 0;
	unsigned longest = 0;

	for (unsigned i = 0; i < open_count; i++) {
		const struct cgg_table *table = &open_sets[i].table;
		bool addresses = table_head(table)->kind == CGG_SET_ADDRESSES;
		unsigned len = 0;

		if (addr && addresses)
			len = table_has_addr(table, addr);
		else if (!addr && !addresses)
			len = table_has_name(table, name);
		if (len > longest)
			best = open_sets[i].name;
		longest = len > longest ? len : longest;
	}
	return best;
}

/* Map all sets, or exit. The guard is not locked while events are read. */
static void sets_map(void)
{
	struct cgg_guard guard;
	struct cgg_sets sets;
	int status = guard_open(&guard, CGG_READ);

	open_sets = calloc(CGG_SETS, sizeof(*open_sets));
	if (!status)
		status = open_sets ? sets_open(&sets, CGG_READ)
				   : set_error(CGG_FAILED, "out of memory");
	for (int i = 0; i < CGG_SETS && !status; i++) {
		struct open_set *set = &open_sets[open_count];

		if (!*sets.name[i].name)
			continue;
		status = set_open(&sets, i, &set->table);
		if (!status)
			status = table_whole(&set->table);
		if (status)
			break;
		memcpy(set->name, sets.name[i].name, sizeof(set->name));
		open_count++;
	}
	if (status)
		die(status);
	sets_close(&sets);
	guard_close(&guard);
}

static void words_read(struct cgg_learn *learn, struct cgg_widen *widen, int argc, char **argv)
{
	static const struct option options[] = { { "prefix", 1, 0, 'p' },
						 { "prefix6", 1, 0, '6' },
						 { "gap", 1, 0, 'g' },
						 { "policy", 1, 0, 'P' },
						 { "cgroup", 1, 0, 'c' },
						 { "denied", 0, 0, 'd' },
						 { "labels", 1, 0, 'l' },
						 { "sets", 0, 0, 's' },
						 { "answers", 0, 0, 'a' },
						 { "uid", 0, 0, 'u' },
						 COMMON_OPTIONS };
	int option;

	while ((option = option_next(argc, argv, COMMON_LETTERS, options)) != -1) {
		if (option == 'p')
			widen->prefix4 = number_or_die("--prefix", optarg, 32);
		else if (option == '6')
			widen->prefix6 = number_or_die("--prefix6", optarg, 128);
		else if (option == 'g')
			widen->gap = number_or_die("--gap", optarg, 65535);
		else if (option == 'l')
			widen->labels = number_or_die("--labels", optarg, 127);
		else if (option == 'P')
			learn->policy = optarg;
		else if (option == 'c')
			learn->cgroup = cgroup_path(optarg);
		else if (option == 'd')
			learn->denied = true;
		else if (option == 'a')
			learn->answers = true;
		else if (option == 'u')
			learn->users = true;
		else if (option == 's')
			learn->set_of = set_of;
		else
			common_option(option, usage);
	}
	if (argc - optind > 1)
		errx(CGG_USAGE, "%s: cgg-learn takes one FILE", argv[optind + 1]);
}

/* Report on standard error which events the list does not cover. */
static void tell_missing(const struct cgg_learn *learn, const char *name)
{
	if (learn->skipped)
		warnx("%s: %llu denial%s skipped; --denied prints what would allow %s", name,
		      learn->skipped, learn->skipped == 1 ? " was" : "s were",
		      learn->skipped == 1 ? "it" : "them");
	if (learn->unchosen && !learn->events)
		warnx("%s: %llu event%s of other policies or cgroups", name, learn->unchosen,
		      learn->unchosen == 1 ? " is" : "s are");
	if (learn->lost)
		warnx("%s: %llu events were lost, so the list may lack rules", name, learn->lost);
}

int main(int argc, char **argv)
{
	struct cgg_widen widen = { .prefix4 = 32, .prefix6 = 128 };
	struct cgg_learn learn = { 0 };
	const char *name = "-";
	FILE *file = stdin;
	int status;

	start(argv);
	words_read(&learn, &widen, argc, argv);
	if (learn.policy && policy_name_check(learn.policy))
		die(CGG_USAGE);
	if (learn.set_of)
		sets_map();
	if (optind < argc && strcmp(argv[optind], "-")) {
		name = argv[optind];
		file = fopen(name, "re");
	}
	if (!file)
		err(errno == ENOENT ? CGG_USAGE : CGG_FAILED, "%s", name);
	status = read_all(&learn, file, name);
	if (status < CGG_USAGE && learn_check(&learn)) {
		warnx("%s: %s", name, cgg_error);
		status = CGG_USAGE;
	}
	if (status >= CGG_USAGE) {
		learn_free(&learn);
		return status;
	}
	tell_missing(&learn, name);
	if (!learn.events && learn.denied)
		errx(CGG_NO, "%s: no denials; cgg-events prints an event only once, so "
			     "let them happen again", name);
	if (!learn.events)
		errx(CGG_NO, "%s: no events; to learn a hook, set its default to alert", name);
	if (learn_write(&learn, &widen, stdout))
		die(CGG_FAILED);
	learn_free(&learn);
	return status;
}
