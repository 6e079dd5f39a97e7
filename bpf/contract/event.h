/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* event.h - the record of one event. */
#ifndef CGG_CONTRACT_EVENT_H
#define CGG_CONTRACT_EVENT_H

#include "flow.h"
#include "hooks.h"

/* A network event with a name of the address, or of a question: reversed, and cut to its end. */
struct cgg_event_host {
	struct cgg_event_net net;
	char name[72];
};

struct cgg_event_socket {
	__u32 family, type, proto;
};

struct cgg_event_sockopt {
	__u32 level, name;
};

struct cgg_event_device {
	__u32 major;
	__u32 minor;
	__u32 access_type; /* as the kernel gave it: access bits << 16 | type */
};

/* A sysctl or a unix socket; @ stands for the first NUL of an abstract name. */
struct cgg_event_named {
	__u8 write; /* of a sysctl */
	__u8 zero[3];
	__u32 len; /* bytes of the whole name; name[] holds its beginning */
	char name[112];
};

/*
 * One record of one denial, alert or would-be denial; a slot of a ring.
 *
 * number is CGG_BUSY while a program writes the slot, and then the record's number in its ring. In
 * the ring of a filter, serial is the number of the same record in ring 0 (0: it is not there). In
 * ring 0, a reader with a filter sets serial to number when it has printed the record. Bytes of the
 * union that a hook does not use are left from an older record.
 */
struct cgg_event {
	__u64 time;
	__u64 cgroup; /* where the guard is attached */
	__u64 own; /* the cgroup of the task, or of the socket of a packet; 0: not known */
	__u32 pid, tid, uid, gid;
	__u32 rule; /* 0: the hook's default */
	__u8 verdict;
	__u8 program;
	__u16 place; /* of the policy */
	char comm[16];
	char policy[CGG_NAME]; /* its tag */
	char label[CGG_NAME];
	union {
		struct cgg_event_net net;
		struct cgg_event_host host;
		struct cgg_event_flow flow;
		struct cgg_event_device device;
		struct cgg_event_named named;
		struct cgg_event_socket socket;
		struct cgg_event_sockopt sockopt;
		__u64 words[15];
	};
	__u64 serial;
	__u64 number; /* 1 and up */
};
#define CGG_BUSY (~0ULL)

CGG_SAME(sizeof(struct cgg_event) == 264);
CGG_SAME(sizeof(struct cgg_event_named) == 120);
CGG_SAME(sizeof(struct cgg_event_flow) == 120);
CGG_SAME(__builtin_offsetof(struct cgg_event_flow, name) ==
	 __builtin_offsetof(struct cgg_event_host, name));

#endif
