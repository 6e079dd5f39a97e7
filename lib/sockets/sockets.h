/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sockets.h - the open sockets of attached cgroups: list them, judge them, end them.
 *
 * sockets_list() lists what is open now, and sockets_read() judges it too. Sockets of cgroups below
 * an attached one belong to it.
 */
#ifndef CGG_SOCKETS_H
#define CGG_SOCKETS_H

#include "../guard/guard.h"

enum cgg_socket_kind { /* a dump of sock_diag(7), or a file of /proc/net */
		       CGG_SOCK_TCP,
		       CGG_SOCK_MPTCP,
		       CGG_SOCK_UDP,
		       CGG_SOCK_UDPLITE,
		       CGG_SOCK_RAW,
		       CGG_SOCK_KINDS
};

struct cgg_end {
	__u8 addr[16];
	__u16 port;
};

/* How a socket came to be, which says what the policy is asked about it. */
enum cgg_origin {
	CGG_OPENED, /* from here, by connect(2) */
	CGG_CAME_IN, /* accepted from a listening socket */
	CGG_WAITS, /* it listens, or has no other end */
};

struct cgg_socket {
	__u64 cgroup; /* id of the one that made it, or of the listener that it came in by */
	__u64 inode; /* 0: no process has it */
	__u32 cookie[2];
	struct cgg_end local, peer;
	__u32 uid, iface;
	__u16 proto;
	__u8 kind, family; /* enum cgg_socket_kind; AF_INET or AF_INET6 */
	__u8 state; /* BPF_TCP_ESTABLISHED, ... */
	__u8 direction; /* enum cgg_direction */
	__u8 origin;
	bool v6only;
	bool counted; /* sent and received are known */
	bool is_mute; /* its packets are refused, so also the reset when it is ended */
	__u8 verdict; /* enum cgg_verdict; CGG_VERDICTS: nothing to ask */
	__u32 scope, network; /* index in cgg_sockets */
	__u32 holder; /* index of the first process, those of one socket are neighbours */
	__u32 holders;
	__u32 rule; /* id of the one that decides, 0: the default */
	__u64 sent, received; /* bytes of data of a TCP connection */
	int place; /* of the policy that decides */
	const char *text; /* the words of the rule; 0: the default */
};
enum cgg_direction { CGG_UNKNOWN, CGG_OUTWARD, CGG_INWARD };

struct cgg_holder { /* a process that has a socket open */
	__u64 inode;
	int pid, fd;
	__u32 scope; /* index of the cgroup that the process is in */
	char comm[16]; /* may lack a NUL */
};

/* A cgroup whose sockets are listed. */
struct cgg_scope {
	__u64 id;
	char *path; /* below the mount; of a removed cgroup its id */
	__u64 ancestor[CGG_LEVELS]; /* ids by level, the root first, itself last, then zeros */
};

struct cgg_network { /* a network namespace */
	__u64 dev, inode, cookie;
	int fd;
};

struct cgg_sockets {
	struct cgg_guard *guard;
	int place; /* judge by this policy alone; -1: by each that applies */
	struct cgg_attachment *attached; /* sorted by id */
	unsigned attachments;
	struct cgg_scope *scope; /* sorted by id */
	size_t scopes, scope_room;
	struct cgg_network *network;
	size_t networks, network_room;
	struct cgg_socket *socket;
	size_t count, room;
	struct cgg_holder *holder; /* sorted by inode */
	size_t holders, holder_room;
	char **text;
	size_t texts;
	unsigned missing; /* 1 << enum cgg_socket_kind: sock_diag(7) does not list them here */
};

/* sockets.c; targets: ids of cgroups, count 0: all that are attached */
int sockets_list(struct cgg_sockets *all, struct cgg_guard *guard, int place, const __u64 *targets,
		 size_t count);
int sockets_read(struct cgg_sockets *all, struct cgg_guard *guard, int place, const __u64 *targets,
		 size_t count);
void sockets_free(struct cgg_sockets *all);

int holder_fd(const struct cgg_sockets *all, size_t holder); /* holders.c: its socket; -1: gone */

/* show.c */
const char *socket_kind_name(const struct cgg_socket *s);
const char *socket_state_name(const struct cgg_socket *s);
bool socket_is_stream(const struct cgg_socket *s); /* TCP or MPTCP */
bool socket_is_refused(const struct cgg_socket *s);

/* end.c: CGG_NO: it could not be ended, the reason is in cgg_error */
int socket_end(struct cgg_sockets *all, const struct cgg_socket *s);
typedef void socket_ended(const struct cgg_sockets *all, const struct cgg_socket *s, int status);
int sockets_cut(struct cgg_guard *guard, int place, const __u64 *targets, size_t count,
		socket_ended *ended);

#endif
