// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * other - attach a foreign program, as another tool would
 *
 *	other multi|override|none CGROUP NAME
 *
 * It allows everything, at the attach point of the guard's program NAME. Prints its id; status
 * 77: this kernel has no such attach point. It stays as long as the cgroup.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../../lib/cgg.h"

static int load(const struct cgg_program_info *info)
{
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options,
			    .expected_attach_type = (enum bpf_attach_type)info->attach);

	return bpf_prog_load((enum bpf_prog_type)info->type, "other", "GPL", allow, 2, &options);
}

int main(int argc, char **argv)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	unsigned flags;
	int at = 0, cgroup, fd;

	if (argc != 4)
		errx(2, "usage: other multi|override|none CGROUP NAME");
	flags = !strcmp(argv[1], "multi")      ? BPF_F_ALLOW_MULTI
		: !strcmp(argv[1], "override") ? BPF_F_ALLOW_OVERRIDE
					       : 0;
	while (at < CGG_PROGRAMS && strcmp(cgg_programs[at].name, argv[3]))
		at++;
	if (at == CGG_PROGRAMS)
		errx(2, "%s: no such program", argv[3]);
	fd = load(&cgg_programs[at]);
	if (fd < 0 && cgg_programs[at].since)
		return 77;
	cgroup = open(argv[2], O_RDONLY | O_DIRECTORY);
	if (fd < 0 || cgroup < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ||
	    bpf_prog_attach(fd, cgroup, (enum bpf_attach_type)cgg_programs[at].attach, flags))
		err(1, "%s", argv[3]);
	printf("%u\n", info.id);
	return 0;
}
