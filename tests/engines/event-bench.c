// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * event-bench.c - make events for tests/bench/events, and measure what they cost.
 *
 *	event-bench fill COUNT              copy the newest record of ring 0 COUNT times
 *	event-bench printf                  read events with a printf and fflush for each
 *	event-bench flood CGROUP RATE SECONDS
 *	                                    denied setsockopt(2) calls from there, RATE a second
 *	                                    (0: as fast as possible); prints their number
 *	event-bench cost ROUNDS BARE RING FULL QUIET LOUD
 *	                                    nanoseconds of a denied setsockopt(2) on a socket made
 *	                                    in each of these cgroups, and in the last one again
 *	                                    while nobody reads. The first three get programs of
 *	                                    this tool: one that denies, one that also reserves and
 *	                                    submits a record in a BPF ring buffer, one that also
 *	                                    puts time, ids and comm into it
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/cgg.h"
#include "engine.h"

#define BATCH 1000
#define RING_BYTES (16u << 20)
#define KINDS 6 /* the cgroups, and the last one again */

static __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (__u64)t.tv_sec * 1000000000 + (__u64)t.tv_nsec;
}

static struct cgg_reader *open_or_die(void)
{
	static struct cgg_reader reader;
	static const struct cgg_filter all;

	if (reader_open(&reader, &all, 0))
		errx(1, "%s", cgg_error);
	return &reader;
}

static void fill(unsigned long count)
{
	struct cgg_reader *r = open_or_die();
	struct cgg_event like;

	if (!r->ring->head)
		errx(1, "fill: ring 0 has no record to copy");
	like = r->all.events[(r->ring->head - 1) % r->slots];
	for (; count--; r->ring->head++) {
		struct cgg_event *slot = &r->all.events[r->ring->head % r->slots];

		*slot = like;
		slot->pid = slot->tid = (__u32)(1000 + r->ring->head % 30000);
		slot->time += r->ring->head * 1000;
		slot->number = r->ring->head + 1;
	}
	reader_close(r);
}

static void print_flushed(void)
{
	struct cgg_reader *r = open_or_die();
	struct cgg_event e;
	char name[4096], addr[64];
	__u64 lost = 0, id = 0;

	while (reader_next(r, &e, &lost)) {
		if (id != e.cgroup)
			cgroup_name(e.cgroup, name, sizeof(name));
		id = e.cgroup;
		inet_ntop(AF_INET, e.net.addr + 12, addr, sizeof(addr));
		printf("[DENY %s] pid=%u comm=%s daddr=%s dport=%u proto=%u tid=%u uid=%u gid=%u "
		       "cgroup=%s policy=%s rule=%u\n",
		       cgg_programs[e.program].name, e.pid, e.comm, addr, e.net.port, e.net.proto,
		       e.tid, e.uid, e.gid, name, e.policy, e.rule);
		fflush(stdout);
	}
	reader_seen(r, lost);
	reader_close(r);
}

/* socket_in - return a socket of that cgroup; the cgroup where it is made counts */
static int socket_in(const char *cgroup)
{
	int fd;

	join(cgroup);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		err(1, "socket");
	return fd;
}

static void refused(int fd)
{
	int zero = 0;

	if (!setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &zero, sizeof(zero)))
		errx(1, "setsockopt was not refused");
}

static void flood(const char *cgroup, double rate, double seconds)
{
	__u64 start, end, done = 0;
	int fd = socket_in(cgroup);

	start = now();
	end = start + (__u64)(seconds * 1e9);
	for (__u64 t = start; t < end; t = now()) {
		__u64 due = rate > 0 ? (__u64)((double)(t - start) * rate / 1e9) : done + BATCH;

		for (int i = 0; i < BATCH && done < due; i++, done++)
			refused(fd);
	}
	printf("%llu\n", done);
}

#define CALL(function)                                                                             \
	{                                                                                          \
		.code = BPF_JMP | BPF_CALL, .imm = (function)                                      \
	}
#define SET(reg, number)                                                                           \
	{                                                                                          \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (reg), .imm = (number)             \
	}
#define COPY(reg, other)                                                                           \
	{                                                                                          \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (reg), .src_reg = (other)          \
	}
#define STORE(at)                                                                                  \
	{                                                                                          \
		.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_6, .src_reg = 0,            \
		.off = (at)                                                                        \
	}

static int program_load(const struct bpf_insn *code, size_t count)
{
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options,
			    .expected_attach_type = BPF_CGROUP_SETSOCKOPT);
	int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCKOPT, "bench", "GPL", code, count, &options);

	if (fd < 0)
		err(1, "the program");
	return fd;
}

#define APPEND(part)                                                                               \
	(memcpy(code + count, part, sizeof(part)), count += sizeof(part) / sizeof(*code))

/* program - deny; with a ring, first reserve and submit a record, filled in if asked */
static int program(int ring, bool filled)
{
	const struct bpf_insn reserve[] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = ring },
		{ 0 },
		SET(BPF_REG_2, sizeof(struct cgg_event)),
		SET(BPF_REG_3, 0),
		CALL(BPF_FUNC_ringbuf_reserve),
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .off = filled ? 14 : 4 },
		COPY(BPF_REG_6, BPF_REG_0),
	};
	const struct bpf_insn fill_in[] = {
		CALL(BPF_FUNC_ktime_get_boot_ns),
		STORE(offsetof(struct cgg_event, time)),
		CALL(BPF_FUNC_get_current_pid_tgid),
		STORE(offsetof(struct cgg_event, pid)),
		CALL(BPF_FUNC_get_current_uid_gid),
		STORE(offsetof(struct cgg_event, uid)),
		COPY(BPF_REG_1, BPF_REG_6),
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K,
		  .dst_reg = BPF_REG_1,
		  .imm = offsetof(struct cgg_event, comm) },
		SET(BPF_REG_2, 16),
		CALL(BPF_FUNC_get_current_comm),
	};
	const struct bpf_insn submit[] = { COPY(BPF_REG_1, BPF_REG_6), SET(BPF_REG_2, 0),
					   CALL(BPF_FUNC_ringbuf_submit) };
	const struct bpf_insn refuse_it[] = { SET(BPF_REG_0, 0), { .code = BPF_JMP | BPF_EXIT } };
	struct bpf_insn code[32];
	size_t count = 0;

	if (ring >= 0)
		APPEND(reserve);
	if (ring >= 0 && filled)
		APPEND(fill_in);
	if (ring >= 0)
		APPEND(submit);
	APPEND(refuse_it);
	return program_load(code, count);
}

static void put_program(const char *cgroup, int ring, bool filled)
{
	int dir = open(cgroup, O_RDONLY | O_DIRECTORY);

	if (dir < 0 || bpf_prog_attach(program(ring, filled), dir, BPF_CGROUP_SETSOCKOPT, 0))
		err(1, "%s", cgroup);
	close(dir);
}

static int by_size(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return a < b ? -1 : a > b;
}

/* cost - print medians over rounds of a batch in each cgroup; readers read all between batches */
static void cost(int rounds, char **cgroup)
{
	struct cgg_reader *r = open_or_die();
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "bench", 0, 0, RING_BYTES, 0);
	unsigned long *consumer = mmap(0, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);
	unsigned long *producer = mmap(0, page, PROT_READ, MAP_SHARED, ring, (off_t)page);
	double *took = calloc((size_t)(KINDS * rounds), sizeof(*took));
	int fd[KINDS];

	if (consumer == MAP_FAILED || producer == MAP_FAILED || !took)
		err(1, "a ring buffer");
	put_program(cgroup[0], -1, false);
	put_program(cgroup[1], ring, false);
	put_program(cgroup[2], ring, true);
	for (int kind = 0; kind < KINDS; kind++)
		fd[kind] = socket_in(cgroup[kind < KINDS - 1 ? kind : KINDS - 2]);
	for (int n = 0; n < rounds * KINDS; n++) {
		int kind = n % KINDS;
		__u64 start;

		*(volatile unsigned long *)consumer = *(volatile unsigned long *)producer;
		if (kind < KINDS - 1)
			r->ring->seen = r->ring->head;
		else
			r->ring->seen = r->ring->head > r->slots ? r->ring->head - r->slots : 0;
		start = now();
		for (int i = 0; i < BATCH; i++)
			refused(fd[kind]);
		took[kind * rounds + n / KINDS] = (double)(now() - start) / BATCH;
	}
	for (int kind = 0; kind < KINDS; kind++) {
		qsort(took + kind * rounds, (size_t)rounds, sizeof(*took), by_size);
		printf("%.1f%c", took[kind * rounds + rounds / 2], kind < KINDS - 1 ? ' ' : '\n');
	}
	reader_close(r);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "fill") && argc == 3)
		fill(strtoul(argv[2], 0, 10));
	else if (!strcmp(what, "printf") && argc == 2)
		print_flushed();
	else if (!strcmp(what, "flood") && argc == 5)
		flood(argv[2], atof(argv[3]), atof(argv[4]));
	else if (!strcmp(what, "cost") && argc == 8)
		cost(atoi(argv[2]), argv + 3);
	else
		errx(2, "fill | printf | flood | cost: see the top of tests/engines/event-bench.c");
	return 0;
}
