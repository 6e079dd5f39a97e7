/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* links.h - what the files about links and attachments share. */
#ifndef CGG_LINKS_H
#define CGG_LINKS_H

#include "guard.h"

#define LINKS CGG_DIR "/links"
#define PATH 256

/* links.c */
void link_path(char path[PATH], __u64 id, int program); /* program < 0: the cgroup's directory */
int links_read(__u64 id, unsigned *programs); /* programs: 1 << enum cgg_program */
int hooks_check(unsigned hooks);
void links_remove(__u64 id, unsigned programs);
void links_clear(__u64 id);
int links_make(__u64 id, int cgroup, unsigned programs, bool by_name, bool forced);

/* by_name.c: links of policies that use names; programs is 1 << enum cgg_program */
bool uses_names(unsigned programs);
int links_settle_names(__u64 id, const struct cgg_image *image, unsigned programs);
void links_forget_names(__u64 id);

/* attach.c */
#define CGG_BATCH 16 /* attachments that are read at once, and that each change repairs */
int attachments_next(struct cgg_guard *guard, __u32 *cursor, struct cgg_attachment *list,
		     unsigned *count);
int attachment_forget(struct cgg_guard *guard, __u64 id);
int attachment_settle(struct cgg_guard *guard, const struct cgg_attachment *attachment, int cgroup);

/* override.c: refuse links that would switch off programs of others */
#define CGG_BESIDE 64 /* programs for each hook and cgroup (BPF_CGROUP_MAX_PROGS) */
struct cgg_effective { /* the programs that the kernel runs for a hook */
	__u32 ids[CGG_BESIDE * CGG_LEVELS], count;
	bool alone; /* none of them is attached to the cgroup itself */
};
int override_check(int cgroup, int program, struct cgg_effective *before);
int override_recheck(int cgroup, int program, const struct cgg_effective *before);
int link_refusal(int cgroup, int program, int error);

/* repair.c */
bool cgroup_is_gone(__u64 id);

/* replace.c */
int programs_renew(struct cgg_guard *guard);

#endif
