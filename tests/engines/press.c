// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * press.c - try without pause what is denied, while a command changes the guard.
 *
 * press CGROUP PORT DEVICE SYSCTL COMMAND...: processes in CGROUP repeatedly connect to PORT of
 * 127.0.0.1 by UDP, open DEVICE and read SYSCTL (below /proc/sys). COMMAND runs outside, once
 * each was tried, and the attempts go on until it ends. Then prints a line for each, `connect
 * tries N passed N errors N'; errors are other than EPERM. The status is that of COMMAND, or 9
 * when something passed.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"

enum { CONNECT, OPEN, SYSCTL, KINDS };
static const char *const words[KINDS] = { "connect", "open", "sysctl" };

/* One for each process, on cache lines of its own. */
static struct tally {
	uint64_t tries, passed, errors;
} __attribute__((aligned(128))) * tallies;

static bool try_connect(const char *port)
{
	struct sockaddr_in there = loopback(port);
	int s = socket(AF_INET, SOCK_DGRAM, 0), error;
	bool passed = !connect(s, (struct sockaddr *)&there, sizeof(there));

	error = errno;
	close(s);
	errno = error;
	return passed;
}

static bool try_open(const char *device)
{
	int fd = open(device, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool try_sysctl(const char *name)
{
	char path[256], value[64];
	bool passed;
	int fd, error;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_RDONLY);
	passed = read(fd, value, sizeof(value)) >= 0;
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return passed;
}

static void press(const char *cgroup, int kind, const char *operand)
{
	bool (*const tried[KINDS])(const char *) = { try_connect, try_open, try_sysctl };
	struct tally *tally = &tallies[kind];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	join(cgroup);
	/* on one processor COMMAND would take four times as long */
	setpriority(PRIO_PROCESS, 0, 19);
	for (;;) {
		if (tried[kind](operand))
			__atomic_add_fetch(&tally->passed, 1, __ATOMIC_SEQ_CST);
		else if (errno != EPERM)
			__atomic_add_fetch(&tally->errors, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&tally->tries, 1, __ATOMIC_SEQ_CST);
	}
}

static int run(char **command)
{
	pid_t child = fork();
	int status;

	if (!child) {
		execvp(*command, command);
		err(127, "%s", *command);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			err(3, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	pid_t worker[KINDS];
	uint64_t passed = 0;
	int status;

	if (argc < 6)
		errx(2, "usage: press CGROUP PORT DEVICE SYSCTL COMMAND...");
	tallies = shared_alloc(KINDS * sizeof(*tallies));
	for (int kind = 0; kind < KINDS; kind++) {
		worker[kind] = fork();
		if (!worker[kind])
			press(argv[1], kind, argv[2 + kind]);
	}
	for (int kind = 0; kind < KINDS; kind++)
		while (!__atomic_load_n(&tallies[kind].tries, __ATOMIC_SEQ_CST))
			if (waitpid(worker[kind], &status, WNOHANG) > 0)
				errx(3, "%s: ended before its first try", words[kind]);
	status = run(argv + 5);
	for (int kind = 0; kind < KINDS; kind++) {
		kill(worker[kind], SIGKILL);
		waitpid(worker[kind], 0, 0);
		printf("%s tries %llu passed %llu errors %llu\n", words[kind],
		       (unsigned long long)tallies[kind].tries,
		       (unsigned long long)tallies[kind].passed,
		       (unsigned long long)tallies[kind].errors);
		passed += tallies[kind].passed;
	}
	return passed ? 9 : status;
}
