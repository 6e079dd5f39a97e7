// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cgg-learn.c - a filter: events in, the smallest allow list that lets them pass out. */
#include <errno.h>
#include <string.h>

#include "cmd.h"

static const char usage[] =
	"usage: cgg-learn [--prefix BITS] [--prefix6 BITS] [--gap PORTS] [FILE]\n"
	"Reads events as cgg-events -j prints them, and prints a policy that allows them alone.\n"
	"\n"
	"      --prefix BITS   one rule for IPv4 addresses that share so many first bits\n"
	"      --prefix6 BITS  the same for IPv6\n"
	"      --gap PORTS     one range for ports with at most so many between them\n"
	"  -h, --help          print this and exit\n"
	"  -V, --version       print the version and exit\n";

static unsigned number_or_die(const char *what, const char *word, unsigned long max)
{
	unsigned long n;

	if (number_parse(&n, word, strlen(word), max))
		errx(CGG_USAGE, "%s %s: not a number (0 to %lu)", what, word, max);
	return (unsigned)n;
}

/* read_all - CGG_NO when something was seen that no rule can allow */
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
			warnx("%s:%lu: %s", name, number, cgg_why);
		if (status > worst)
			worst = status;
	}
	if (ferror(file))
		err(CGG_FAILED, "%s", name);
	free(line);
	return worst;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "prefix", 1, 0, 'p' },
						 { "prefix6", 1, 0, '6' },
						 { "gap", 1, 0, 'g' },
						 COMMON_OPTIONS };
	struct cgg_widen widen = { .prefix4 = 32, .prefix6 = 128 };
	struct cgg_learn learn = { 0 };
	const char *name = "-";
	FILE *file = stdin;
	int option, status;

	start(argv);
	while ((option = getopt_long(argc, argv, COMMON_LETTERS, options, 0)) != -1) {
		if (option == 'p')
			widen.prefix4 = number_or_die("--prefix", optarg, 32);
		else if (option == '6')
			widen.prefix6 = number_or_die("--prefix6", optarg, 128);
		else if (option == 'g')
			widen.gap = number_or_die("--gap", optarg, 65535);
		else
			common_option(option, usage);
	}
	if (argc - optind > 1)
		errx(CGG_USAGE, "%s: cgg-learn takes one FILE", argv[optind + 1]);
	if (optind < argc && strcmp(argv[optind], "-")) {
		name = argv[optind];
		file = fopen(name, "re");
	}
	if (!file)
		err(errno == ENOENT ? CGG_USAGE : CGG_FAILED, "%s", name);
	status = read_all(&learn, file, name);
	if (status >= CGG_USAGE) {
		learn_free(&learn);
		return status;
	}
	if (!learn.events)
		errx(CGG_NO, "%s: no events; what is to be learned has a default that says alert",
		     name);
	if (learn.lost)
		warnx("%s: %llu events were lost, and what they were is not in the list", name,
		      learn.lost);
	if (learn_write(&learn, &widen, stdout))
		die(CGG_FAILED);
	learn_free(&learn);
	return status;
}
