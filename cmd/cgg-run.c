// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-run.c - run a command in a new guarded cgroup.
 *
 * There are up to four processes:
 * - this one, which waits and passes signals on;
 * - the command;
 * - the cleaner, in a session of its own, which removes the cgroup when this process ends;
 * - with -v, one that prints events.
 * The last two notice that this process ended by a pipe that it alone holds open.
 *
 * The command stays in the process group of this process, so the terminal treats both alike. A
 * signal from the terminal is not passed on, because the command gets it, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"

#define OWN_FAILURE 125 /* as env(1) has them */
#define CANNOT_RUN 126
#define NOT_FOUND 127

static const char usage[] =
	"usage: cgg-run [-p NAME | -r RULE ...] [-v] [-u USER] [-k WORDS] "
	"[-e NAME[=VALUE] ...] [--clear-env] [--] COMMAND [ARG ...]\n"
	"Runs COMMAND in a new guarded cgroup, and removes the cgroup when COMMAND has ended.\n"
	"\n"
	"  -p, --policy NAME       guard it by this policy (default: default)\n"
	"  -r, --rule RULE         guard it by a new policy with this line; again for more\n"
	"  -v, --verbose           print its events to standard error as they come\n"
	"  -u, --user USER         run it as this user\n"
	"  -k, --keep WORDS        keep these openings, which are closed by default: fds, privs, caps,\n"
	"                          scopes, mounts, mounting, chroot, tty, io_uring, keys, families,\n"
	"                          vsock, packet, xdp, alg, netlink, all, or a capability\n"
	"  -e, --env NAME[=VALUE]  set a variable, or pass the caller's; again for more\n"
	"      --clear-env         pass only TERM of the caller's variables\n"
	"  -h, --help              print this and exit\n"
	"  -V, --version           print the version and exit\n";

struct wanted { /* the options */
	const char *policy, *user; /* 0: not given */
	bool verbose;
	char *lines; /* the lines of all -r */
	size_t size; /* of lines; 0: no -r was given */
	const char *last_rule; /* the text of the last -r, or 0 */
	bool any_line; /* a -r is neither empty nor a comment */
	struct cgg_rules rules; /* the rules of lines */
	struct cgg_shut shut;
	struct cgg_environ environ;
};

static struct cgg_run *run;
static int cleaner, life = -1; /* the cleaner's process id, and our end of the pipe */
static sigset_t all_signals, old_signals;
static void (*old_child)(int);

/* Wait until the other end of the pipe is closed, and then remove the run: the cleaner process. */
static _Noreturn void clean(int end)
{
	char byte;

	setsid();
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	while (read(end, &byte, 1) < 0 && errno == EINTR)
		;
	/* Retry once, because no other process of this run would. */
	if (run_end(run) && run_end(run)) {
		warnx("%s", cgg_error);
		_exit(CGG_FAILED);
	}
	_exit(CGG_DONE);
}

/* Wait until the cleaner has removed the run; remove it here if the cleaner was killed. */
static void cleaner_end(void)
{
	int status;

	close(life);
	while (waitpid(cleaner, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && run_end(run))
		warnx("%s", cgg_error);
}

static _Noreturn void fail(int status)
{
	(void)status;
	if (cleaner > 0) {
		char why[CGG_ERROR];

		strcpy(why, cgg_error);
		cleaner_end();
		strcpy(cgg_error, why);
	}
	die(OWN_FAILURE);
}

/* Start the cleaner before anything is made; return the end of the pipe that it reads. */
static int cleaner_begin(void)
{
	int ends[2];

	run = mmap(0, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run == MAP_FAILED || pipe2(ends, O_CLOEXEC))
		err(OWN_FAILURE, "cannot begin");
	sigfillset(&all_signals);
	for (const int *s =
		     (const int[]){ SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, 0 };
	     *s; s++)
		sigdelset(&all_signals, *s);
	old_child = signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &all_signals, &old_signals);
	life = ends[1];
	cleaner = fork();
	if (cleaner < 0)
		err(OWN_FAILURE, "cannot begin");
	if (!cleaner) {
		close(life);
		clean(ends[0]);
	}
	sigprocmask(SIG_SETMASK, &old_signals, 0);
	return ends[0];
}

/*
 * Print the events of the cgroup until the pipe is closed, in a process of its own.
 *
 * Events are not marked as seen, so that other readers of events still get them.
 */
static _Noreturn void tell(struct cgg_reader *reader, int end)
{
	static char text[CGG_EVENT_TEXT];
	const struct cgg_event_view view = { .policies = reader->policies };
	const char *name = run->path + strlen(cgroup_mount());
	struct cgg_event event;
	__u64 lost = 0;
	bool more = true;

	close(life);
	reader_watch(reader, end);
	while (more) {
		more = reader_wait(reader, -1) >= 0;
		while (reader_next(reader, &event, &lost) == 1) {
			size_t len = event_print(text, &event, name, event_own_name(&event), &view);

			if (write(STDERR_FILENO, text, len) < 0)
				_exit(CGG_FAILED);
		}
		if (lost)
			dprintf(STDERR_FILENO, "[LOST %llu]\n", lost);
		lost = 0;
	}
	_exit(CGG_DONE);
}

/* Tell how to write a rule if what follows -r RULE seems to be more of its words. */
static void quotes_tell(const char *rule, const char *next)
{
	if (rule && next && is_rule_word(next))
		warnx("-r %s %s ...: the words of a rule are one argument: -r 'deny connect port 22'",
		      rule, next);
}

static _Noreturn void become_command(struct wanted *wanted, bool inside, char **argv)
{
	if (!inside)
		err(OWN_FAILURE, "%s", run->path);
	close(life);
	if (shut_all(&wanted->shut))
		die(OWN_FAILURE);
	signal(SIGCHLD, old_child);
	sigprocmask(SIG_SETMASK, &old_signals, 0);
	hand_on();
	if (environ_apply(&wanted->environ, wanted->shut.user))
		die(OWN_FAILURE);
	execvp(*argv, argv);
	warn("%s", *argv);
	quotes_tell(wanted->last_rule, *argv);
	_exit(errno == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

/*
 * Read the lines of all -r like a policy file, and print errors and warnings: "-r:2: ..." is about
 * the second -r. Exit after an error.
 */
static int rules_read(struct wanted *wanted, const char *next)
{
	FILE *file = fmemopen(wanted->lines, wanted->size, "r");
	char *errors = 0;
	int status = file ? file_read(&wanted->rules, file, "-r", &errors)
			  : set_error(CGG_FAILED, "-r: %s", strerror(errno));

	if (!errors) /* there was no memory for them */
		warnx("%s", cgg_error);
	for (char *line = errors ? strtok(errors, "\n") : 0; line; line = strtok(0, "\n"))
		warnx("%s", line);
	if (status) {
		quotes_tell(wanted->last_rule, next);
		exit(OWN_FAILURE);
	}
	if (!wanted->any_line)
		errx(OWN_FAILURE, "-r: is empty, so everything would be allowed; "
				  "write a rule, like -r 'deny connect port 22'");
	fclose(file);
	free(errors);
	return status;
}

/* Pass signals on to the command, stop when it stops, and return its wait status. */
static int follow(pid_t command)
{
	siginfo_t got;
	int status = 0, sig;

	for (;;) {
		sig = sigwaitinfo(&all_signals, &got);
		if (sig < 0 || (sig != SIGCHLD && got.si_code == SI_KERNEL))
			continue;
		if (sig != SIGCHLD) {
			kill(command, sig);
			continue;
		}
		if (waitpid(command, &status, WNOHANG | WUNTRACED) != command)
			continue;
		if (!WIFSTOPPED(status))
			return status;
		raise(SIGSTOP); /* the SIGCONT that ends this is passed on to the command */
	}
}

/* Exit with the status of the command, or die by the signal that ended it. */
static _Noreturn void end_like(int status)
{
	const struct rlimit no_core = { 0, 0 };
	int sig;

	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	sig = WTERMSIG(status);
	setrlimit(RLIMIT_CORE, &no_core);
	signal(sig, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old_signals, 0);
	raise(sig);
	exit(128 + sig);
}

static void add_line(struct wanted *wanted, FILE *lines, const char *rule)
{
	char first = rule[strspn(rule, " \t")];

	wanted->last_rule = rule;
	wanted->any_line |= first && first != '#';
	if (strchr(rule, '\n'))
		errx(OWN_FAILURE, "-r: a rule is one line");
	if (fprintf(lines, "%s\n", rule) < 0)
		err(OWN_FAILURE, "-r");
}

/* Store one option. */
static void option_take(struct wanted *wanted, int option, FILE *lines)
{
	int status = 0;

	if (option == 'p')
		wanted->policy = optarg;
	else if (option == 'r')
		add_line(wanted, lines, optarg);
	else if (option == 'v')
		wanted->verbose = true;
	else if (option == 'u')
		wanted->user = optarg;
	else if (option == 'k')
		status = shut_keep(&wanted->shut, optarg);
	else if (option == 'e')
		status = environ_add(&wanted->environ, optarg);
	else if (option == 'c')
		wanted->environ.clear = true;
	else if (option == '?')
		errx(OWN_FAILURE, "see cgg-run -h");
	else
		common_option(option, usage);
	if (status)
		die(OWN_FAILURE);
}

/* Read the options; the command follows them. */
static void words_read(struct wanted *wanted, int argc, char **argv)
{
	static const struct option options[] = { { "policy", 1, 0, 'p' },    { "rule", 1, 0, 'r' },
						 { "verbose", 0, 0, 'v' },   { "user", 1, 0, 'u' },
						 { "keep", 1, 0, 'k' },	     { "env", 1, 0, 'e' },
						 { "clear-env", 0, 0, 'c' }, COMMON_OPTIONS };
	FILE *lines = open_memstream(&wanted->lines, &wanted->size);
	int option;

	if (!lines)
		err(OWN_FAILURE, "cannot begin");
	while ((option = option_next(argc, argv, "+p:r:vu:k:e:" COMMON_LETTERS, options)) != -1)
		option_take(wanted, option, lines);
	if (fclose(lines) || !wanted->lines)
		err(OWN_FAILURE, "cannot begin");
}

/* Check the options before COMMAND, `next': exit if they conflict or name something missing. */
static void words_check(struct wanted *wanted, const char *next)
{
	int status;

	if (wanted->policy && wanted->size)
		errx(OWN_FAILURE, "-p %s: or -r, not both", wanted->policy);
	rules_begin(&wanted->rules);
	if (wanted->size)
		status = rules_read(wanted, next);
	else
		status = policy_name_check(wanted->policy ? wanted->policy : "default");
	environ_begin(&wanted->environ);
	if (!status && wanted->size)
		status = programs_need(&wanted->rules);
	if (!status && wanted->user)
		status = shut_user(&wanted->shut, wanted->user);
	if (status)
		die(OWN_FAILURE);
}

/* Make the cgroup with its policy and, with -v, the reader of its events. */
static void begin(struct wanted *wanted, struct cgg_guard *guard, struct cgg_cgroup *cgroup,
		  struct cgg_reader *reader)
{
	const char *policy = wanted->policy ? wanted->policy : "default";
	struct cgg_filter filter = { 0 };
	int status = guard_open(guard, CGG_CHANGE);

	if (!status)
		status = run_begin(run, guard, cgroup, policy, wanted->size ? &wanted->rules : 0);
	if (!status)
		resolver_warn(guard, policy_find(guard, *run->policy ? run->policy : policy));
	filter.cgroup = run->id;
	if (!status && wanted->verbose)
		status = reader_open(reader, &filter, guard->policies);
	if (status) {
		guard_close(guard);
		fail(status);
	}
}

int main(int argc, char **argv)
{
	struct wanted wanted = { 0 };
	struct cgg_cgroup cgroup = { .fd = -1 };
	static struct cgg_reader reader;
	struct cgg_guard guard;
	bool inside;
	int status, end, command, teller = 0;

	start(argv);
	words_read(&wanted, argc, argv);
	if (optind == argc)
		errx(OWN_FAILURE, "which command? see cgg-run -h");
	words_check(&wanted, argv[optind]);

	end = cleaner_begin();
	begin(&wanted, &guard, &cgroup, &reader);
	sigprocmask(SIG_BLOCK, &all_signals, 0);
	command = run_clone(&cgroup, &inside);
	guard_close(&guard);
	if (!command)
		become_command(&wanted, inside, argv + optind);
	if (command < 0)
		fail(set_error(CGG_FAILED, "%s: %s", run->path, strerror(errno)));
	if (wanted.verbose)
		teller = fork();
	if (wanted.verbose && !teller)
		tell(&reader, end);
	close(end);
	status = follow(command);
	cleaner_end();
	if (teller > 0)
		waitpid(teller, 0, 0);
	end_like(status);
}
