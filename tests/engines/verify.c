// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verify.c - let the kernel verify the programs of a BPF object, and print the cost:
 * verify OBJECT
 *
 * A line for each program: its name, instructions processed, states in all, states at most at
 * once, bytes of stack. Each access must be aligned, as on riscv64. Nothing is pinned or attached.
 * A program that this kernel lacks has no line.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/cgg.h"

#define LOG_SIZE 65536
#define STATISTICS 4 /* the kernel's BPF_LOG_STATS */

static void program_prepare(struct bpf_object *object, int i)
{
	const struct cgg_program_info *info = &cgg_programs[i];
	struct bpf_program *program = bpf_object__find_program_by_name(object, info->name);

	if (!program) /* the object of one file has only some */
		return;
	bpf_program__set_type(program, (enum bpf_prog_type)info->type);
	bpf_program__set_expected_attach_type(program, (enum bpf_attach_type)info->attach);
	if (info->since)
		bpf_program__set_autoload(program, !access("/sys/kernel/btf/vmlinux", R_OK));
}

static void log_prepare(struct bpf_program *program)
{
	char *log = calloc(1, LOG_SIZE);

	if (!log)
		errx(3, "out of memory");
	bpf_program__set_flags(program, BPF_F_STRICT_ALIGNMENT);
	bpf_program__set_log_level(program, STATISTICS);
	bpf_program__set_log_buf(program, log, LOG_SIZE);
}

static void statistics_print(const char *name, const char *log)
{
	unsigned instructions, states, peak, stack;
	const char *processed = strstr(log, "processed "), *depth = strstr(log, "stack depth ");

	if (!processed || !depth ||
	    sscanf(processed, "processed %u insns %*[^)]) %*s %*u total_states %u peak_states %u",
		   &instructions, &states, &peak) != 3 ||
	    sscanf(depth, "stack depth %u", &stack) != 1)
		errx(3, "%s: not what a verifier says:\n%s", name, log);
	printf("%s\t%u\t%u\t%u\t%u\n", name, instructions, states, peak, stack);
}

int main(int argc, char **argv)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	struct bpf_object *object = argc == 2 ? bpf_object__open(argv[1]) : 0;
	struct bpf_program *program;
	int ring, failed;

	if (!object)
		errx(2, "usage: verify OBJECT");
	for (int i = 0; i < CGG_PROGRAMS; i++)
		program_prepare(object, i);
	bpf_object__for_each_program(program, object) log_prepare(program);
	ring = bpf_map_create(BPF_MAP_TYPE_ARRAY, "filtered", 4, sizeof(struct cgg_event), 16,
			      &options);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "events"), 16);
	if (ring < 0 ||
	    bpf_map__set_inner_map_fd(bpf_object__find_map_by_name(object, "rings"), ring))
		err(3, "a ring of events");
	failed = bpf_object__load(object);
	bpf_object__for_each_program(program, object) if (bpf_program__autoload(program))
	{
		size_t size;

		statistics_print(bpf_program__name(program), bpf_program__log_buf(program, &size));
	}
	if (failed)
		errx(3, "the kernel refuses the programs");
	return 0;
}
