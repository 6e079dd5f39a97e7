// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * flip.c - check that a policy changes in one step, while cgg-rule restores two files in turn.
 *
 * flip denied RESTORES TRIES SECONDS CGROUP PORT FILE FILE
 *	Both files deny PORT. Processes in CGROUP try all the time to connect to it by UDP;
 *	none may ever succeed.
 * flip either RESTORES TRIES SECONDS CGROUP PORT PORT FILE FILE
 *	The first file allows only the first port, the second only the second. Two tries
 *	within one generation, which is read before and after them, must find exactly one port
 *	allowed, the one of that generation. Some second tries are messages, so that two
 *	hooks are compared.
 *
 * It ends after that many restores of policy default and that many tries (judged pairs), and
 * fails with status 3 when these take more than SECONDS. Prints
 * `restores N tries N wrong N', and for pairs the number of generations seen.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../bpf/cgguard.h"
#include "engine.h"

#define POLICIES "/sys/fs/bpf/cgguard/maps/policies"
#define WORKERS 4

extern char **environ;

/* One for each worker, on cache lines of its own. */
struct tally {
	uint64_t tries; /* or judged pairs */
	uint64_t wrong;
	uint64_t generations; /* changes between two pairs */
	int error;
	bool ready;
} __attribute__((aligned(128)));
static struct tally *tallies;

static const volatile struct cgg_policy *policy; /* place 0 is default */
static uint32_t first_generation; /* that of the first file */

static uint32_t generation(void)
{
	return __atomic_load_n(&policy->generation, __ATOMIC_SEQ_CST);
}

static void policy_map(void)
{
	int fd = bpf_obj_get(POLICIES);
	void *at = fd < 0 ? MAP_FAILED : mmap(0, sizeof(*policy), PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		err(3, POLICIES);
	policy = at;
}

/* is_allowed - return true if the kernel allowed it; anything but EPERM is neither yes nor no */
static bool is_allowed(long result, struct tally *tally)
{
	if (result < 0 && errno != EPERM)
		tally->error = errno;
	return result >= 0;
}

static bool try_connect(int fd, const struct sockaddr_in *to, struct tally *tally)
{
	return is_allowed(connect(fd, (const struct sockaddr *)to, sizeof(*to)), tally);
}

static bool try_send(int fd, const struct sockaddr_in *to, struct tally *tally)
{
	return is_allowed(sendto(fd, "x", 1, 0, (const struct sockaddr *)to, sizeof(*to)), tally);
}

static void denied(struct tally *tally, char **port)
{
	struct sockaddr_in to = loopback(port[0]);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (;;) {
		bool passed = try_connect(fd, &to, tally);

		tally->tries++;
		tally->wrong += passed;
		tally->ready = true;
	}
}

static void either(struct tally *tally, char **port, bool message)
{
	struct sockaddr_in to[2] = { loopback(port[0]), loopback(port[1]) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), loose = socket(AF_INET, SOCK_DGRAM, 0);
	uint32_t last = generation();

	for (;;) {
		uint32_t before = generation(), which = (before - first_generation) & 1;
		bool first = try_connect(fd, &to[0], tally);
		bool second =
			message ? try_send(loose, &to[1], tally) : try_connect(fd, &to[1], tally);

		if (generation() == before) {
			tally->tries++;
			tally->wrong += first != !which || second != which;
			tally->generations += before != last;
			last = before;
		}
		tally->ready = true;
	}
}

static bool restore(char *file)
{
	char *const argv[] = { "cgg-rule", "restore", file, 0 };
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, *argv, 0, 0, argv, environ))
		err(3, "cgg-rule");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return !status;
}

static struct tally sum(bool *ready)
{
	struct tally all = { 0 };

	*ready = true;
	for (int i = 0; i < WORKERS; i++) {
		volatile struct tally *t = &tallies[i];

		all.tries += t->tries;
		all.wrong += t->wrong;
		all.generations += t->generations;
		all.error = t->error ? t->error : all.error;
		*ready &= t->ready;
	}
	return all;
}

static void begin(bool pairs, const char *cgroup, char **port, pid_t pid[WORKERS])
{
	for (int i = 0; i < WORKERS; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			err(3, "fork");
		if (pid[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (nice(10) < 0) /* the restores must be fast */
			err(3, "nice");
		join(cgroup);
		if (pairs)
			either(&tallies[i], port, i & 1);
		else
			denied(&tallies[i], port);
	}
}

static void end(const pid_t pid[WORKERS])
{
	for (int i = 0; i < WORKERS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], 0, 0);
	}
}

/* print - the sums; the status of main() */
static int print(const struct tally *all, uint64_t restores, bool pairs)
{
	printf("restores %llu tries %llu wrong %llu", (unsigned long long)restores,
	       (unsigned long long)all->tries, (unsigned long long)all->wrong);
	if (pairs)
		printf(" generations %llu", (unsigned long long)all->generations);
	putchar('\n');
	if (all->error)
		errx(3, "a try failed otherwise: %s", strerror(all->error));
	return all->wrong != 0;
}

int main(int argc, char **argv)
{
	bool pairs = argc == 10 && !strcmp(argv[1], "either"), ready, ok = true;
	uint64_t restores, tries, limit, done = 0;
	double end_ns;
	pid_t pid[WORKERS];
	struct tally all;
	char **file;
	int wrong;

	if (!pairs && (argc != 9 || strcmp(argv[1], "denied")))
		errx(2,
		     "usage: flip denied|either RESTORES TRIES SECONDS CGROUP PORT... FILE FILE");
	restores = strtoull(argv[2], 0, 10);
	tries = strtoull(argv[3], 0, 10);
	limit = strtoull(argv[4], 0, 10);
	end_ns = now_ns() + (double)limit * 1e9;
	file = argv + 7 + pairs;
	tallies = shared_alloc(WORKERS * sizeof(*tallies));
	policy_map();
	if (!restore(file[0]))
		errx(3, "%s: not restored", file[0]);
	first_generation = generation();
	begin(pairs, argv[5], argv + 6, pid);
	do
		all = sum(&ready);
	while (!ready && now_ns() < end_ns);
	while (ok && !all.error && (done < restores || all.tries < tries) && now_ns() < end_ns) {
		ok = restore(file[++done & 1]);
		all = sum(&ready);
	}
	all = sum(&ready);
	end(pid);
	wrong = print(&all, done, pairs);
	if (!ok)
		errx(3, "a restore failed");
	if (wrong)
		return 1;
	if (done < restores || all.tries < tries)
		errx(3, "not done in %llu seconds", (unsigned long long)limit);
	return fflush(stdout) ? 3 : 0;
}
