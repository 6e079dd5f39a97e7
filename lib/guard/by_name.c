// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * by_name.c - lets the links of a policy that uses names run the programs that judge by name.
 *
 * Such a policy has the hook dns. Its links of connect and sendmsg run programs that judge by name,
 * too (struct cgg_program_info). A link is given such a program before the first image with names
 * is in force, and the usual one after the last: both decide alike while there are no names.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "links.h"

bool uses_names(unsigned programs)
{
	return programs >> CGG_DNS_ANSWER & 1;
}

/* Let a link of the guard run the program that judges by name, too, or the usual one. */
static int link_vary(__u64 id, int program, bool by_name)
{
	const struct cgg_program_info *is = &cgg_programs[program];
	const struct cgg_pinned *pin = pinned_read(program);
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	char path[PATH], name[64];
	int link, prog, error = 0;

	if (!is->by_name || (!pin->by_name && !by_name))
		return 0;
	link_path(path, id, program);
	link = pin_get(path + sizeof(CGG_DIR));
	if (link < 0)
		return errno == ENOENT ? 0 : set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	if (bpf_obj_get_info_by_fd(link, &info, &len))
		error = errno;
	if (!error && info.prog_id == (by_name ? pin->by_name : pin->now)) {
		close(link);
		return 0;
	}
	snprintf(name, sizeof(name), "progs/%s", by_name ? is->by_name : is->name);
	prog = pin_get(name);
	if (prog < 0) {
		close(link);
		return pin_refusal(name);
	}
	if (!error && bpf_link_update(link, prog, 0))
		error = errno;
	close(prog);
	close(link);
	return !error || error == ENOLINK ? 0
					  : set_error(CGG_FAILED, "%s: %s", path, strerror(error));
}

static int links_vary(__u64 id, bool by_name)
{
	int status = 0;

	for (int i = 0; i < CGG_PROGRAMS && !status; i++)
		status = link_vary(id, i, by_name);
	return status;
}

/*
 * Make the maps of a cgroup for names and let its links use them, if its policy's programs include
 * those of the hook dns; else undo both.
 */
int links_settle_names(__u64 id, const struct cgg_image *image, unsigned programs)
{
	int status;

	if (!uses_names(programs)) {
		links_forget_names(id);
		return 0;
	}
	status = image ? names_make(id, image->naming.room)
		       : CGG_FAILED; /* set_error() was called */
	return status ? status : links_vary(id, true);
}

/* Let the links of a cgroup run the usual programs, and forget its names. */
void links_forget_names(__u64 id)
{
	if (!names_loaded())
		return;
	links_vary(id, false);
	names_drop(id);
}
