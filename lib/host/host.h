/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* host.h - what only this machine knows: its cgroups, its devices, its settings. */
#ifndef CGG_HOST_H
#define CGG_HOST_H

#include "../words/words.h"

/* cgroup.c: a cgroup's directory, its id, and back */
struct cgg_cgroup {
	int fd;
	__u64 id;
	unsigned made; /* so many directories, at the end of path */
	char path[4096]; /* where it was found */
};
enum cgg_target {
	CGG_CREATE = 1, /* with those above it */
	CGG_FORCE = 2, /* the root, too */
	CGG_ANY = 4, /* whatever it is */
	CGG_EXACT = 8, /* \xNN in a path is no byte, but these four */
};
int cgroup_open(struct cgg_cgroup *cgroup, const char *target, int flags);
int cgroup_open_id(__u64 id); /* an fd, or -1: gone */
void cgroup_above(int fd, __u64 above[CGG_LEVELS]); /* its id, its parent's, ..., then zeros */
bool cgroup_is_below(__u64 id, __u64 top); /* or top itself */
void cgroup_close(struct cgg_cgroup *cgroup, bool undo);
void cgroup_let_go(struct cgg_cgroup *cgroup); /* closes it; what was made can still be undone */
int cgroup_again(struct cgg_cgroup *cgroup); /* opens it after that */
bool cgroup_name(__u64 id, char *text, size_t size); /* its path below the mount; or the id */

/* target.c: the forms of TARGET */
int target_find(struct cgg_cgroup *cgroup, const char *target, int flags);
int cgroup_own(char path[4096]); /* that of this process */

/* named.c: the cgroup of a unit or a container */
int name_path(char path[4096], const char *kind, const char *word);

/* mount.c: where cgroup v2 is mounted */
const char *cgroup_mount(void); /* 0: none */
int mount_refusal(void);
int mount_open(void);
int mount_open_path(const char *path);
const char *mount_below(const char *path);
const char *mount_visible(const char *path);
const char *mount_hides(void);

/* resolve.c: what only the machine knows: a node's number, a cgroup's id, the time */
int rule_resolve(struct cgg_rule *rule);

/* never.c: takes a new rule, resolved, unless it can never match; cgg_note may say something then */
int rule_accept(struct cgg_rule *rule, bool typed);

/* sysctl.c: whether the name can be there; typed: by hand, and not in a file of other kernels too */
int sysctl_check(const struct cgg_rule *rule, bool typed);

#endif
