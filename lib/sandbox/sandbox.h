/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sandbox.h - the restrictions and the environment that cgg-run gives to a command. */
#ifndef CGG_SANDBOX_H
#define CGG_SANDBOX_H

#include "../util/util.h"

/* shut.c: closes the ways around a guard that no hook sees */
struct cgg_shut {
	unsigned keep;
	__u64 keep_caps;
	struct passwd *user; /* of option -u; 0: the caller */
	gid_t *groups;
	size_t group_count;
};
int shut_keep(struct cgg_shut *shut, const char *words);
int shut_user(struct cgg_shut *shut, const char *name);
int shut_all(const struct cgg_shut *shut);

/* Bits of cgg_shut.keep. */
enum keep {
	KEEP_FDS = 1 << 0,
	KEEP_PRIVS = 1 << 1,
	KEEP_CAPS = 1 << 2,
	KEEP_SCOPES = 1 << 3,
	KEEP_MOUNTS = 1 << 4,
	KEEP_MOUNTING = 1 << 5,
	KEEP_CHROOT = 1 << 6,
	KEEP_TTY = 1 << 7,
	KEEP_IO_URING = 1 << 8,
	KEEP_FAMILIES = 1 << 9,
	KEEP_VSOCK = 1 << 10,
	KEEP_PACKET = 1 << 11,
	KEEP_XDP = 1 << 12,
	KEEP_ALG = 1 << 13,
	KEEP_NETLINK = 1 << 14,
	KEEP_KEYS = 1 << 15,
	/* Not a word of --keep: set when Landlock already denies mounting. */
	KEEP_MOUNT_CALLS = 1 << 30,
};

/* filter.c: return 0, or -1 with errno */
struct sock_fprog;
int shut_filter(unsigned keep, struct sock_fprog *program); /* the caller frees ->filter */
int filter_load(unsigned keep);

/* environ.c: the environment of the command */
struct cgg_environ {
	bool clear; /* drop the caller's variables, except TERM */
	struct passwd *caller; /* the calling user, if clear */
	char **words; /* NAME=VALUE; before environ_apply() also NAME */
	size_t count;
};
int environ_add(struct cgg_environ *env, char *word);
void environ_begin(struct cgg_environ *env);
int environ_apply(struct cgg_environ *env, const struct passwd *user);

#endif
