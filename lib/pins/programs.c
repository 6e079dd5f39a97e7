// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* programs.c - caches the ids of the pinned programs. */
#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

#include "pins.h"

/* Return the id of the guard's program that is pinned as directory/name, or 0. */
static __u32 program_read(const char *directory, const char *name)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	char path[64];
	int prog;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	prog = pin_get(path);
	if (prog < 0 || bpf_obj_get_info_by_fd(prog, &info, &len))
		info.id = 0;
	if (prog >= 0)
		close(prog);
	return info.id;
}

/* The cache: read once for each opened guard, not for each link, since a guard has many links. */
static struct cgg_pinned pinned[CGG_PROGRAMS];

void pinned_forget(void)
{
	memset(pinned, 0, sizeof(pinned));
}

const struct cgg_pinned *pinned_read(int program)
{
	const char *name = cgg_programs[program].name;
	struct cgg_pinned *p = &pinned[program];

	if (!p->is_read)
		*p = (struct cgg_pinned){ true, program_read("progs", name),
					  program_read("replaced", name) };
	return p;
}
