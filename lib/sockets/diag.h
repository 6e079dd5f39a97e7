/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* diag.h - functions that the files of this folder share. */
#ifndef CGG_DIAG_H
#define CGG_DIAG_H

#include <linux/bpf.h>

#include "sockets.h"

/* The state BPF_TCP_BOUND_INACTIVE of Linux 6.8: bound, neither connected nor listening. */
#define STATE_BOUND 13

/* diag.c: sock_diag(7) */
struct diag_filter { /* program of INET_DIAG_REQ_BYTECODE; len 0: none */
	unsigned char *code;
	size_t len;
};
typedef int diag_each(void *context, const struct cgg_socket *s);
int diag_open(void); /* for the namespace of this process; -1 with errno */
int diag_dump(int fd, int kind, int family, const struct diag_filter *filter, diag_each *each,
	      void *context); /* CGG_NO: this kernel lists no such sockets */
int diag_end(int fd, const struct cgg_socket *s); /* 0 or an errno */
int filter_make(struct diag_filter *filter, const struct cgg_sockets *all);
__u16 kind_proto(int kind);

/* procnet.c: the same from /proc/net, without the cgroup */
int procnet_read(int kind, int family, diag_each *each, void *context);

/* scope.c: the cgroups whose sockets are listed */
int scopes_read(struct cgg_sockets *all, const __u64 *targets, size_t count);
long scope_find(const struct cgg_sockets *all, __u64 id); /* -1: not listed */

/* holders.c: the processes of these cgroups and their sockets */
int holders_read(struct cgg_sockets *all);
size_t holder_find(const struct cgg_sockets *all, __u64 inode); /* the first; holders: none */

/* networks.c: network namespaces */
typedef int network_each(struct cgg_sockets *all, __u32 network);
int networks_each(struct cgg_sockets *all, network_each *each);
int network_try(struct cgg_sockets *all, int fd, network_each *each); /* closes fd if known */
int network_enter(const struct cgg_network *network);

/* origin.c: which sockets came in */
void origins_find(struct cgg_sockets *all);

/* judge.c: what the policies say */
int sockets_judge(struct cgg_sockets *all);

/* reset.c */
void peer_provoke(const struct cgg_socket *s);

#endif
