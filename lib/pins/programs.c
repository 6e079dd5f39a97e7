// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* programs.c - which programs are pinned. */
#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

#include "pins.h"

/* program_read - Return the id of what is pinned by that name in a directory; 0: nothing of ours. */
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

/* Which programs are pinned: read once for each guard that is opened, not once for each link. */
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
