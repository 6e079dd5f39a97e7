/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* shut.h - what shut.c and filter.c share: the words of cgg-run --keep. */
#ifndef SHUT_H
#define SHUT_H

#include "cgg.h"

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
	/* Not a word: Landlock already keeps processes from mounting. */
	KEEP_MOUNT_CALLS = 1 << 30,
};

/* Set the sentence about `what`, from errno, and the word that leaves it open. */
int shut_failed(const char *what, const char *word);

/* filter.c. shut_filter() fills `program`, which the caller frees; its length is 0 if all is kept */
struct sock_fprog;
int shut_filter(unsigned keep, struct sock_fprog *program);
int filter_load(unsigned keep);

#endif
