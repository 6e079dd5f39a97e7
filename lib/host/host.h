/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* host.h - facts of this machine: its cgroups, devices and sysctls. */
#ifndef CGG_HOST_H
#define CGG_HOST_H

#include "../words/words.h"

/* cgroup.c: cgroup directories and ids */
struct cgg_cgroup {
	int fd;
	__u64 id;
	unsigned made; /* how many directories at the end of path were created */
	char path[4096]; /* as found */
};
enum cgg_target {
	CGG_CREATE = 1, /* create it and its ancestors if they are missing */
	CGG_FORCE = 2, /* accept the root */
	CGG_ANY = 4, /* accept any type of cgroup */
	CGG_EXACT = 8, /* \xNN in a path is four characters, not one byte */
};
int cgroup_open(struct cgg_cgroup *cgroup, const char *target, int flags);
void cgroup_above(int fd, __u64 above[CGG_LEVELS]); /* its id, its parent's, ..., then zeros */
bool cgroup_is_below(__u64 id, __u64 top); /* true also for top itself */
void cgroup_close(struct cgg_cgroup *cgroup, bool undo); /* undo: remove created directories */
void cgroup_let_go(struct cgg_cgroup *cgroup); /* close fd; cgroup_close() can still undo */
int cgroup_again(struct cgg_cgroup *cgroup); /* open again after cgroup_let_go() */
bool process_is_alive(pid_t pid); /* also one that this process may not signal */

/* target.c: the forms of TARGET */
int target_find(struct cgg_cgroup *cgroup, const char *target, int flags);
int cgroup_own(char path[4096]); /* of this process */

/* named.c: the cgroup of a unit or a container */
int name_path(char path[4096], const char *kind, const char *word);

/* engines.c: containers by the names that docker, podman and nerdctl keep */
#define CGG_ENGINE_ID 80
int engine_find(char id[CGG_ENGINE_ID], const char *name);

/* mount.c: where cgroup v2 is mounted; paths and ids below it */
const char *cgroup_mount(void); /* 0: none */
int mount_refusal(void);
int mount_open(void);
int mount_open_path(const char *path);
const char *mount_below(const char *path);
const char *mount_visible(const char *path);
const char *mount_hides(void);
int cgroup_open_id(__u64 id); /* an fd, or -1 with errno; ESTALE: the cgroup is gone */
__u64 cgroup_id(int dir, const char *path); /* 0: see errno; "": of dir itself */
bool cgroup_name(__u64 id, char *text, size_t size); /* path in the mount, or false and the id */

/* resolve.c: a device node's number, a cgroup's id, the time when a ttl ends */
int rule_resolve(struct cgg_rule *rule);

/* never.c: resolves a new rule; refuses one that can never match; may set cgg_note */
int rule_accept(struct cgg_rule *rule, bool typed);

/* sysctl.c: refuses names that cannot exist; typed: on a command line, not in a file */
int sysctl_check(const struct cgg_rule *rule, bool typed);

#endif
