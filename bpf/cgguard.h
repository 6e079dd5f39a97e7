/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgguard.h - every byte that crosses between kernel and user space.
 *
 * Whoever changes a structure here raises CGG_LAYOUT: commands refuse a guard
 * of another layout. Numbers are in host byte order and times are nanoseconds
 * of CLOCK_BOOTTIME unless a comment says otherwise.
 */
#ifndef CGGUARD_H
#define CGGUARD_H

#include <linux/types.h>

#define CGG_LAYOUT 1

#define CGG_POLICIES 64 /* policies a guard */
#define CGG_RULES 256 /* rules a policy */
#define CGG_HEAP 32768 /* bytes of text a policy */
#define CGG_NAME 32 /* a policy's or a rule's name with its NUL */
#define CGG_OPERAND 128 /* a sysctl's or a socket's name, NULs behind it */
#define CGG_OPERAND_WORDS (CGG_OPERAND / 8)

/* What a rule can be about: the hook words of cgguard-rule(5). */
enum cgg_hook {
	CGG_CONNECT,
	CGG_BIND,
	CGG_SENDMSG,
	CGG_RECVMSG,
	CGG_EGRESS,
	CGG_INGRESS,
	CGG_UNIX,
	CGG_SOCKET,
	CGG_DEVICE,
	CGG_SYSCTL,
	CGG_SETSOCKOPT,
	CGG_GETSOCKOPT,
	CGG_HOOKS
};

/* The kernel's program points; lib/hook.c has their names and attach types. */
enum cgg_program {
	CGG_CONNECT4,
	CGG_CONNECT6,
	CGG_BIND4,
	CGG_BIND6,
	CGG_POST_BIND4,
	CGG_POST_BIND6,
	CGG_SENDMSG4,
	CGG_SENDMSG6,
	CGG_RECVMSG4,
	CGG_RECVMSG6,
	CGG_EGRESS_SKB,
	CGG_INGRESS_SKB,
	CGG_CONNECT_UNIX,
	CGG_SENDMSG_UNIX,
	CGG_SOCK_CREATE,
	CGG_DEV,
	CGG_SYSCTL_RW,
	CGG_SETSOCKOPT_RUN,
	CGG_GETSOCKOPT_RUN,
	CGG_PROGRAMS
};

/* The worse, the larger. */
enum cgg_verdict {
	CGG_ALLOW,
	CGG_ALERT,
	CGG_DENY,
	CGG_AUDIT, /* in events only: a denial that audit mode let through */
};

/* Access letters, as BPF_DEVCG_ACC_* has them. Each that is asked for is judged by itself. */
enum cgg_access {
	CGG_M = 1,
	CGG_R = 2,
	CGG_W = 4,
};
#define CGG_LETTERS 3
#define CGG_UNKNOWN 0x80 /* in a query's access: the kernel will choose the address later, refuse */

/* word[2] of a query about an address, above the protocol's number */
#define CGG_IS_LOCAL (1ULL << 32) /* 127.0.0.0/8 or ::1 */
#define CGG_IS_IPV4 (1ULL << 33)

/* word[0] of a query about a device, as in BPF_DEVCG_DEV_* of <linux/bpf.h> */
#define CGG_BLOCK 1
#define CGG_CHAR 2

/*
 * One operation, in the shape that all hooks share:
 *
 *	hook		word[0]		word[1]		word[2]			port
 *	connect, ...	address		address		protocol, CGG_IS_*	destination
 *	socket		family		type		protocol
 *	device		type		major		minor
 *	sysctl, unix	name's length	its first 8, and the next 8 bytes
 *	sockopt		level		name
 *
 * An address is 16 bytes in network order (IPv4 as ::ffff:a.b.c.d), read as two
 * words as they lie in memory. MPTCP is shown as TCP. What needs letters has
 * those asked for in access, everything else has CGG_R. A name is handed beside
 * the query, NULs behind it up to CGG_OPERAND.
 *
 * Example, connect(2) by TCP to 127.0.0.1 port 9090 on a little endian machine:
 * { { 0, 0x0100007fffff0000, 0x300000006 }, 9090, CGG_CONNECT, CGG_R }
 *
 * A unix path that is relative, or has an empty component, . or .., may mean any
 * path: its length is CGG_VAGUE, and nothing of it is compared.
 */
#define CGG_VAGUE 0xffff
struct cgg_query {
	__u64 word[3];
	__u16 port;
	__u8 hook;
	__u8 access;
	__u32 letter; /* the number of the bit of access that is being judged */
};

/* A name, NULs behind it. */
struct cgg_operand {
	__u64 word[CGG_OPERAND_WORDS];
};

/*
 * One rule as the kernel sees it. It matches when it has the query's hook and
 * letter, each word equals value under mask, the port is in [port_min, port_max],
 * and the name equals the operand as far as this goes: in words 2 up to
 * operand_words, and under operand_last in the word there (the first two are in
 * value and mask). Texts are places in the heap, in units of 8 bytes; 0 is "".
 * A rule may have several entries; those behind its first have no text.
 */
struct cgg_entry {
	__u64 value[3];
	__u64 mask[3];
	__u32 id; /* 1 and up, never used twice in a policy */
	__u16 port_min;
	__u16 port_max;
	__u16 hooks; /* 1 << enum cgg_hook */
	__u8 access;
	__u8 verdict;
	__u16 operand;
	__u16 operand_words; /* 0: nothing to compare */
	__u16 label; /* of "name WORD", CGG_NAME bytes */
	__u16 text; /* the rule's words as rule_print() gives them */
	__u16 text_len; /* bytes, no NUL counted */
	__u16 error; /* errno of a denial, 0: EPERM */
	__u64 operand_last;
	__u64 expires; /* CGG_NEVER, or when it no longer matches */
	__u64 cgroup; /* 0: any; else the id of one that the task is in or below */
	__u8 level; /* of cgroup: 0 is the root */
	__u8 quiet;
	__u8 zero[6];
};
#define CGG_NEVER 0x7fffffffffffffffULL
#define CGG_LEVELS 32

/* One state of a policy. Entries are in their order: the first match wins. */
struct cgg_image {
	__u32 count;
	__u32 next_id;
	__u32 heap_used; /* units of 8 bytes */
	__u32 hooks; /* 1 << enum cgg_hook, those that need a program */
	__u8 defaults[16]; /* enum cgg_verdict by enum cgg_hook */
	__u8 audit; /* refuse nothing, report what would be */
	__u8 timed; /* an entry expires */
	__u8 zero[6];
	struct cgg_entry entry[CGG_RULES];
	char heap[CGG_HEAP];
};

/*
 * A policy has two images: number generation & 1 is in force, the other one is
 * the one before. Image i of the policy at place p is element 2 * p + i of images.
 * A writer says in writing which generation it is about to write, writes, and
 * then raises generation. So the image that a reader is in stays as it is until
 * writing is two ahead of the generation that it began with, and then it begins
 * again. Two writers follow each other no faster than processes can, and a walk
 * takes a microsecond: a reader that is disturbed four times says no.
 * A name of "" is a free place. Place 0 is the policy "default".
 */
struct cgg_policy {
	char name[CGG_NAME];
	__u32 generation;
	__u32 writing;
	__u32 unconfirmed; /* the generation that revert_at is about */
	__u32 zero;
	__u64 revert_at; /* 0, or when the image before is in force again */
};

/*
 * What a program finds in the storage of the cgroup it is attached to. All
 * zero, as the kernel makes it, means: bound to nothing yet, allow.
 */
struct cgg_attached {
	__u64 cgroup;
	__u32 policy; /* place in policies + 1 */
	__u32 zero;
};

/* Key and value of counts. Rule 0x80000000 | hook is that hook's default. */
struct cgg_count_key {
	__u32 policy;
	__u32 rule;
};
#define CGG_DEFAULT_RULE 0x80000000u
#define CGG_UNREAD_RULE 0x40000000u /* | hook: packets whose headers could not be read */

struct cgg_count {
	__u64 hits;
	__u64 bytes;
};

/* The subjects of events: what an operation was about. */
struct cgg_event_net {
	__u8 addr[16]; /* the other end (bind: the local one), as in a query */
	__u8 local[16]; /* this end, all zero: not known */
	__u16 port; /* destination */
	__u16 sport; /* source, 0: not known */
	__u16 proto;
	__u8 unread; /* a packet whose headers could not be read */
	__u8 zero;
	__u32 len; /* of a packet, bytes */
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
	__u32 access_type; /* as the kernel gave it: letters << 16 | type */
};

/* A sysctl or a unix socket; @ stands for the first NUL of an abstract name. */
struct cgg_event_named {
	__u8 write; /* of a sysctl */
	__u8 zero[3];
	__u32 len; /* bytes of the whole name; what is beyond name[] is cut */
	char name[112];
};

/*
 * One record of one denial, alert or would-be denial; a slot of the ring.
 * number is written last: a slot whose number is not the one that its reader
 * waits for is being written, or was overtaken. sum is event_sum() over what
 * lies before it, so that a record of two halves is known for what it is.
 */
struct cgg_event {
	__u64 time;
	__u64 cgroup; /* where the guard is attached, not where the task is */
	__u32 pid, tid, uid, gid;
	__u32 rule; /* 0: the hook's default */
	__u8 verdict;
	__u8 program;
	__u16 zero;
	char comm[16];
	char policy[CGG_NAME];
	char label[CGG_NAME];
	union {
		struct cgg_event_net net;
		struct cgg_event_device device;
		struct cgg_event_named named;
		struct cgg_event_socket socket;
		struct cgg_event_sockopt sockopt;
		__u64 words[15];
	};
	__u64 sum;
	__u64 number; /* 1 and up */
};

/*
 * The ring of events: record n lies in slot (n - 1) % slots, the newest
 * overwrite the oldest. Readers keep their own place and take nothing away.
 * head and seen have lines of their own: one is the programs', one the readers'.
 */
struct cgg_ring {
	__u64 head; /* records ever begun */
	__u64 slots;
	__u64 line0[6];
	__u64 seen; /* records that some reader has printed, or passed over */
	__u32 waiting; /* a reader sleeps: ring the bell */
	__u32 zero;
	__u64 line1[6];
};

/*
 * What `cgg-rule test' asks the program ask: a query, the ids of the cgroups that
 * the task is in by their level, and a name. The answer is verdict << 30 | rule.
 */
struct cgg_ask {
	struct cgg_query query;
	__u32 policy; /* place */
	__u32 zero;
	__u64 ancestor[CGG_LEVELS];
	struct cgg_operand name;
};

#define CGG_SAME(condition) _Static_assert(condition, "layout")
CGG_SAME(sizeof(struct cgg_query) == 32);
CGG_SAME(sizeof(struct cgg_entry) == 104);
CGG_SAME(sizeof(struct cgg_policy) == 56);
CGG_SAME(sizeof(struct cgg_attached) == 16);
CGG_SAME(sizeof(struct cgg_event) == 256);
CGG_SAME(sizeof(struct cgg_event_named) == 120);
CGG_SAME(sizeof(struct cgg_ring) == 128);
CGG_SAME(sizeof(struct cgg_image) == 40 + 104 * CGG_RULES + CGG_HEAP);

#endif
