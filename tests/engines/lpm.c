// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * lpm.c - attach tests/bench/lpm.bpf.c to a cgroup, until it is killed.
 *
 * lpm OBJECT CGROUP < ADDRESSES: deny these IPv4 addresses, one a line. Prints "ready MS",
 * the milliseconds for filling the map.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct key {
	uint32_t len, ip;
};
static struct key *keys;
static uint32_t *values, count;

static void read_addresses(void)
{
	char line[64];
	size_t room = 0;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (count == room) {
			room = room ? 2 * room : 1024;
			keys = reallocarray(keys, room, sizeof(*keys));
			if (!keys)
				errx(3, "out of memory");
		}
		keys[count].len = 32;
		if (inet_pton(AF_INET, line, &keys[count++].ip) != 1)
			errx(2, "%s: not an address", line);
	}
	values = calloc(count + 1u, sizeof(*values));
	if (!count || !values)
		errx(2, "no addresses");
}

static double milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void attach(struct bpf_object *object, const char *name, int cgroup)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (!program || !bpf_program__attach_cgroup(program, cgroup))
		err(3, "%s", name);
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_map *denied;
	double start;
	int cgroup;

	if (argc != 3)
		errx(2, "usage: lpm OBJECT CGROUP < ADDRESSES");
	read_addresses();
	object = bpf_object__open(argv[1]);
	denied = object ? bpf_object__find_map_by_name(object, "denied") : 0;
	cgroup = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!denied || cgroup < 0)
		err(3, "%s, %s", argv[1], argv[2]);
	bpf_map__set_max_entries(denied, count);
	if (bpf_object__load(object))
		err(3, "%s", argv[1]);
	start = milliseconds();
	if (bpf_map_update_batch(bpf_map__fd(denied), keys, values, &count, 0))
		err(3, "bpf_map_update_batch");
	start = milliseconds() - start;
	attach(object, "egress", cgroup);
	attach(object, "ingress", cgroup);
	printf("ready %.0f\n", start);
	fflush(stdout);
	pause();
	return 0;
}
