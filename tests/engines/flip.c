// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * flip.c - check that a policy, or a set, changes in one step, while a command changes it.
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
 * flip table RESTORES TRIES SECONDS CGROUP PORT FILE FILE
 *	The policy allows only what the first set contains. cgg-set restores two files in turn: the
 *	first has 127.0.0.1 and not 127.0.0.2, the second the other way round. Two tries with one
 *	table must find exactly one address allowed.
 * flip elements CHANGES TRIES SECONDS CGROUP PORT
 *	The same, but cgg-set adds both addresses and deletes both in turn. Two tries within one
 *	generation of a table must find both allowed or none.
 *
 * It ends after that many restores of policy default, or changes of the set called s, and that
 * many tries. These are judged pairs, except in mode denied: of such pairs, half as many as there
 * are restores must have found another generation than the pair before. A busy machine may let
 * the workers sleep through many restores, so it goes on until all this was seen, and fails with
 * status 3 when it takes more than SECONDS. Prints `restores N tries N wrong N', and for pairs
 * the number of generations seen.
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

#define GUARD "/sys/fs/bpf/cgguard/"
#define POLICIES GUARD "maps/policies"
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

static enum { DENIED, EITHER, TABLE, ELEMENTS } mode;
static const char *const modes[] = { "denied", "either", "table", "elements" };
static const int arguments[] = { 9, 10, 9, 7 }; /* with the name of the program */

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

/* table_at - map the head of the table with that id, which is pinned under one of two names */
static const volatile struct cgg_set_head *table_at(uint32_t id)
{
	static const char *const pins[] = { GUARD "sets/0", GUARD "sets-new/0" };
	const volatile struct cgg_set_head *head = MAP_FAILED;

	for (int i = 0; i < 2 && head == MAP_FAILED; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_obj_get(pins[i]);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.id == id)
			head = mmap(0, CGG_PAGE, PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	return head == MAP_FAILED ? 0 : head;
}

/* set_state - return the id of the table of set 0, and its generation; 0: it is being replaced */
static uint64_t set_state(void)
{
	static const volatile struct cgg_set_head *head;
	static uint32_t mapped;
	static int outer = -1;
	uint32_t zero = 0, id;

	if (outer < 0)
		outer = bpf_obj_get(GUARD "maps/sets");
	if (outer < 0 || bpf_map_lookup_elem(outer, &zero, &id))
		err(3, "map sets");
	if (mode == TABLE)
		return id;
	if (id != mapped) {
		if (head)
			munmap((void *)(uintptr_t)head, CGG_PAGE);
		head = table_at(id);
		mapped = head ? id : 0;
	}
	return head ? (uint64_t)id << 32 | head->generation : 0;
}

/* of_set - try two addresses, with one state of the set before and after */
static void of_set(struct tally *tally, char **port, bool message)
{
	struct sockaddr_in to[2] = { loopback(port[0]), loopback(port[0]) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), loose = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t last = 0;

	to[1].sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	for (;;) {
		uint64_t before = set_state();
		bool first = try_connect(fd, &to[0], tally);
		bool second =
			message ? try_send(loose, &to[1], tally) : try_connect(fd, &to[1], tally);

		if (before && set_state() == before) {
			tally->tries++;
			tally->wrong += (first == second) != (mode == ELEMENTS);
			tally->generations += before != last;
			last = before;
		}
		tally->ready = true;
	}
}

/* change - let the command make the change of that number; return whether it did */
static bool change(uint64_t number, char **file)
{
	char *const restore[] = { "cgg-rule", "restore", file[number & 1], 0 };
	char *const table[] = { "cgg-set", "restore", "s", file[number & 1], 0 };
	char *const elements[] = { "cgg-set", number & 1 ? "delete" : "add", "s", "127.0.0.1",
				   "127.0.0.2", 0 };
	char *const *argv = mode == TABLE ? table : mode == ELEMENTS ? elements : restore;
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, *argv, 0, 0, argv, environ))
		err(3, "%s", *argv);
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

static void begin(const char *cgroup, char **port, pid_t pid[WORKERS])
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
		if (mode == DENIED)
			denied(&tallies[i], port);
		else if (mode == EITHER)
			either(&tallies[i], port, i & 1);
		else
			of_set(&tallies[i], port, i & 1);
	}
}

static void end(const pid_t pid[WORKERS])
{
	for (int i = 0; i < WORKERS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], 0, 0);
	}
}

/* is_enough - return true if all was seen that the test asks for */
static bool is_enough(const struct tally *all, uint64_t done, uint64_t restores, uint64_t tries)
{
	return done >= restores && all->tries >= tries &&
	       (mode == DENIED || all->generations >= restores / 2);
}

/* print - the sums; the status of main() */
static int print(const struct tally *all, uint64_t restores)
{
	printf("restores %llu tries %llu wrong %llu", (unsigned long long)restores,
	       (unsigned long long)all->tries, (unsigned long long)all->wrong);
	if (mode != DENIED)
		printf(" generations %llu", (unsigned long long)all->generations);
	putchar('\n');
	if (all->error)
		errx(3, "a try failed otherwise: %s", strerror(all->error));
	return all->wrong != 0;
}

/* mode_of - return the mode that the arguments choose, or -1 */
static int mode_of(int argc, char **argv)
{
	for (int i = 0; i < 4; i++)
		if (argc == arguments[i] && !strcmp(argv[1], modes[i]))
			return i;
	return -1;
}

int main(int argc, char **argv)
{
	int chosen = argc > 1 ? mode_of(argc, argv) : -1;
	bool ready, ok = true;
	uint64_t restores, tries, done = 0;
	double end_ns;
	pid_t pid[WORKERS];
	struct tally all;
	char **file;
	int wrong;

	if (chosen < 0)
		errx(2, "usage: flip denied|either|table|elements RESTORES TRIES SECONDS CGROUP "
			"PORT... [FILE FILE]");
	mode = (unsigned)chosen;
	restores = strtoull(argv[2], 0, 10);
	tries = strtoull(argv[3], 0, 10);
	end_ns = now_ns() + strtod(argv[4], 0) * 1e9;
	file = argv + (mode == ELEMENTS ? argc - 2 : mode == EITHER ? 8 : 7);
	tallies = shared_alloc(WORKERS * sizeof(*tallies));
	policy_map();
	if (!change(0, file))
		errx(3, "%s: not restored", file[0]);
	first_generation = generation();
	begin(argv[5], argv + 6, pid);
	do
		all = sum(&ready);
	while (!ready && now_ns() < end_ns);
	while (ok && !all.error && !is_enough(&all, done, restores, tries) && now_ns() < end_ns) {
		ok = change(++done, file);
		all = sum(&ready);
	}
	all = sum(&ready);
	end(pid);
	wrong = print(&all, done);
	if (!ok)
		errx(3, "a restore failed");
	if (wrong)
		return 1;
	if (!is_enough(&all, done, restores, tries))
		errx(3, "not done in %s seconds", argv[4]);
	return fflush(stdout) ? 3 : 0;
}
