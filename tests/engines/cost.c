// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cost.c - measure nanoseconds a decision, beside the kernel's own maps with the same addresses.
 *
 * cost OBJECT POLICY ROUNDS FILE QUESTIONS: OBJECT is cost.bpf.o or cost-named.bpf.o, and is
 * loaded on the maps of the pinned guard. FILE has the rules of POLICY, whose addresses go into
 * a HASH map and an LPM_TRIE. QUESTIONS is the output of `oracle -w', a power of two of them.
 * The programs run in turn, ROUNDS times, by BPF_PROG_TEST_RUN. Prints words with medians, less
 * the cost of drawing a question (except empty and draw):
 *
 *	empty NS draw NS ours NS hot NS [hash NS lpm NS hothash NS hotlpm NS]
 *
 * hot: only 64 of the questions. First each question is asked once, and verdict and rule must
 * be those in QUESTIONS.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../bpf/cgguard.h"
#include "engine.h"

#define DIR "/sys/fs/bpf/cgguard"
#define HOT 64
#define CHECKED 2048
#define PROGRAMS 8

/* As oracle.c writes it. */
struct record {
	struct cgg_ask ask;
	uint32_t verdict, rule;
};
static struct record *records;
static uint32_t records_count;

struct state {
	uint32_t at, mask, place, zero;
};
static int state_map;
static uint32_t place;

/* A program that is timed. */
struct run {
	const char *name;
	int program;
	uint32_t questions;
	double *ns;
};
static struct run runs[PROGRAMS];
static int runs_count;

static uint32_t find_place(const char *name)
{
	int fd = bpf_obj_get(DIR "/maps/policies");
	struct cgg_policy policy;

	if (fd < 0)
		err(3, DIR "/maps/policies");
	for (uint32_t i = 0; !bpf_map_lookup_elem(fd, &i, &policy); i++)
		if (!strncmp(policy.name, name, sizeof(policy.name)))
			return i;
	errx(3, "policy %s: there is none", name);
}

static void read_questions(const char *name)
{
	FILE *file = fopen(name, "re");
	size_t room = 0;

	if (!file)
		err(2, "%s", name);
	for (;;) {
		if (records_count == room) {
			room = room ? 2 * room : 1024;
			records = reallocarray(records, room, sizeof(*records));
			if (!records)
				errx(3, "out of memory");
		}
		if (fread(&records[records_count], sizeof(*records), 1, file) != 1)
			break;
		records_count++;
	}
	fclose(file);
	if (!records_count || records_count & (records_count - 1))
		errx(2, "%s: %u questions, not a power of two", name, records_count);
}

static void fill_questions(struct bpf_object *object, bool named)
{
	int queries = bpf_object__find_map_fd_by_name(object, "questions");
	int names = bpf_object__find_map_fd_by_name(object, "names");
	size_t size = records_count * sizeof(struct cgg_query);
	size_t names_size = records_count * sizeof(struct cgg_operand);
	struct cgg_query *q = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, queries, 0);
	struct cgg_operand *name = 0;

	if (named)
		name = mmap(0, names_size, PROT_READ | PROT_WRITE, MAP_SHARED, names, 0);
	if (q == MAP_FAILED || name == MAP_FAILED)
		err(3, "mmap");
	for (uint32_t i = 0; i < records_count; i++) {
		q[i] = records[i].ask.query;
		if (named)
			name[i] = records[i].ask.name;
	}
	munmap(q, size);
	if (named)
		munmap(name, names_size);
}

/* The addresses of the rules, as the keys of both maps: len and 4 or 16 bytes. */
struct keys {
	unsigned size; /* of the address */
	uint32_t count;
	uint8_t *lpm, *hash;
	uint32_t *values;
};

static void key_add(struct keys *keys, const char *text, uint32_t line)
{
	uint8_t address[16];
	char copy[64];
	uint32_t len = strcspn(text, " \n") < sizeof(copy) ? (uint32_t)strcspn(text, " \n") : 0;
	char *slash;

	memcpy(copy, text, len);
	copy[len] = 0;
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = 0;
	if (inet_pton(keys->size == 4 ? AF_INET : AF_INET6, copy, address) != 1)
		errx(2, "%s: another kind of address", text);
	len = slash ? (uint32_t)atoi(slash) : 8 * keys->size;
	memcpy(keys->lpm + (size_t)keys->count * (4 + keys->size), &len, 4);
	memcpy(keys->lpm + (size_t)keys->count * (4 + keys->size) + 4, address, keys->size);
	memcpy(keys->hash + (size_t)keys->count * keys->size, address, keys->size);
	keys->values[keys->count++] = line;
}

/* read_keys - read the addresses, or return false when a rule has more than an address */
static bool read_keys(struct keys *keys, const char *name)
{
	uint32_t lines = 0, line = 0;
	FILE *file = fopen(name, "re");
	char text[1024];

	if (!file)
		err(2, "%s", name);
	while (fgets(text, sizeof(text), file)) {
		const char *ip = strstr(text, " ip ");

		if (!ip || strchr(ip + 4, ' '))
			break;
		keys->size = strchr(ip, ':') ? 16 : 4;
		lines++;
	}
	if (!feof(file)) {
		fclose(file);
		return false;
	}
	keys->lpm = calloc(lines + 1u, 4 + keys->size);
	keys->hash = calloc(lines + 1u, keys->size);
	keys->values = calloc(lines + 1u, sizeof(uint32_t));
	if (!keys->lpm || !keys->hash || !keys->values)
		errx(3, "out of memory");
	rewind(file);
	while (fgets(text, sizeof(text), file))
		key_add(keys, strstr(text, " ip ") + 4, ++line);
	fclose(file);
	return true;
}

static void fill_map(int map, uint8_t *key, const struct keys *keys)
{
	uint32_t count = keys->count;

	if (bpf_map_update_batch(map, key, keys->values, &count, 0))
		err(3, "bpf_map_update_batch");
}

/* The guard's maps are the pinned ones; maps of the benchmark get the size they need. */
static struct bpf_object *load(const char *name, bool named, const struct keys *keys)
{
	struct bpf_object *object = bpf_object__open(name);
	struct bpf_map *map;

	if (!object)
		err(3, "%s", name);
	bpf_object__for_each_map(map, object)
	{
		const char *word = bpf_map__name(map);
		uint32_t size = 1;
		char path[256];
		int fd;

		snprintf(path, sizeof(path), DIR "/maps/%s", word);
		fd = bpf_obj_get(path);
		if (fd >= 0) {
			if (bpf_map__reuse_fd(map, fd))
				err(3, "%s", path);
			close(fd);
			continue;
		}
		if (!strcmp(word, "questions") || (named && !strcmp(word, "names")))
			size = records_count;
		else if (keys->count && strchr(word, keys->size == 4 ? '4' : '6'))
			size = keys->count;
		bpf_map__set_max_entries(map, size);
	}
	if (bpf_object__load(object))
		err(3, "%s", name);
	return object;
}

static void run_add(struct bpf_object *object, const char *name, const char *program,
		    uint32_t questions, int rounds)
{
	struct bpf_program *p = bpf_object__find_program_by_name(object, program);
	struct run *run = &runs[runs_count++];

	if (!p)
		errx(3, "%s: there is no such program", program);
	run->name = name;
	run->program = bpf_program__fd(p);
	run->questions = questions;
	run->ns = calloc((size_t)rounds, sizeof(double));
	if (!run->ns)
		errx(3, "out of memory");
}

/* test_run - run it that many times, and return the mean in ns and the last result */
static double test_run(int program, uint32_t questions, uint32_t repeat, uint32_t *answer)
{
	struct state state = { .mask = questions - 1, .place = place };
	static char packet[64];
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet,
			    .data_size_in = sizeof(packet), .repeat = (int)repeat);
	uint32_t key = 0;

	if (*answer)
		state.at = *answer;
	if (bpf_map_update_elem(state_map, &key, &state, 0) ||
	    bpf_prog_test_run_opts(program, &options))
		err(3, "bpf_prog_test_run");
	*answer = options.retval;
	return options.duration;
}

/* The kernel's clock gives whole ns a run. */
static double timed(const struct run *run, uint32_t repeat)
{
	uint32_t answer = 0;

	return test_run(run->program, run->questions, repeat, &answer);
}

static void check(int program)
{
	for (uint32_t i = 0; i < records_count && i < CHECKED; i++) {
		uint32_t answer = i;

		test_run(program, records_count, 1, &answer);
		if (answer != (CGG_ANSWER(records[i].verdict, records[i].rule)))
			errx(1, "question %u: verdict %u rule %u, but %u %u is right", i,
			     CGG_ANSWER_VERDICT(answer), CGG_ANSWER_RULE(answer),
			     records[i].verdict, records[i].rule);
	}
}

/* runs_add - the programs to time; with maps also those that look up in the kernel's own maps */
static void runs_add(struct bpf_object *object, const struct keys *keys, bool maps, int rounds)
{
	const char *hash = keys->size == 4 ? "hash4_lookup" : "hash6_lookup";
	const char *lpm = keys->size == 4 ? "lpm4_lookup" : "lpm6_lookup";

	run_add(object, "empty", "empty", 1, rounds);
	run_add(object, "draw", "draw", records_count, rounds);
	run_add(object, "ours", "ours", records_count, rounds);
	run_add(object, "hot", "ours", HOT, rounds);
	if (!maps)
		return;
	run_add(object, "hash", hash, records_count, rounds);
	run_add(object, "lpm", lpm, records_count, rounds);
	run_add(object, "hothash", hash, HOT, rounds);
	run_add(object, "hotlpm", lpm, HOT, rounds);
}

int main(int argc, char **argv)
{
	struct keys keys = { 0 };
	struct bpf_object *object;
	bool named, maps;
	double draw = 0;
	int rounds;

	if (argc != 6)
		errx(2, "usage: cost OBJECT POLICY ROUNDS FILE QUESTIONS");
	named = strstr(argv[1], "named");
	place = find_place(argv[2]);
	rounds = atoi(argv[3]);
	read_questions(argv[5]);
	maps = !named && read_keys(&keys, argv[4]);
	object = load(argv[1], named, &keys);
	state_map = bpf_object__find_map_fd_by_name(object, "state");
	fill_questions(object, named);
	if (maps) {
		fill_map(
			bpf_object__find_map_fd_by_name(object, keys.size == 4 ? "hash4" : "hash6"),
			keys.hash, &keys);
		fill_map(bpf_object__find_map_fd_by_name(object, keys.size == 4 ? "lpm4" : "lpm6"),
			 keys.lpm, &keys);
	}
	runs_add(object, &keys, maps, rounds);
	check(runs[2].program);
	for (int i = 0; i < runs_count; i++)
		timed(&runs[i], records_count);
	for (int r = 0; r < rounds; r++)
		for (int i = 0; i < runs_count; i++)
			runs[i].ns[r] = timed(&runs[i], records_count);
	for (int i = 0; i < runs_count; i++) {
		double ns = median(runs[i].ns, rounds);

		if (!strcmp(runs[i].name, "draw"))
			draw = ns;
		printf("%s%s %.0f", i ? " " : "", runs[i].name, i > 1 ? ns - draw : ns);
	}
	putchar('\n');
	return fflush(stdout) ? 3 : 0;
}
