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

#define CGG_LAYOUT 4

#define CGG_CHUNK 64 /* policies whose images and tallies are made, and freed, together */
#define CGG_CHUNKS 68
#define CGG_POLICIES (CGG_CHUNK * CGG_CHUNKS) /* a guard: 4096 runs of cgg-run -r, and 256 others */
#define CGG_FORCED 0x80000000u /* in a value of attachments, beside the place: cgg-attach -f */
#define CGG_POLICY_NAME 256 /* a policy's name with its NUL: as long as a systemd unit's */
#define CGG_COUNTS 262144 /* rules whose hits are counted, in all policies */
#define CGG_ENTRIES 64 /* entries an image */
#define CGG_HEAP 8192 /* bytes of text an image */
#define CGG_NAME 32 /* a rule's name, or a policy's tag, with its NUL */
#define CGG_OPERAND 128 /* a sysctl's or a socket's name, NULs behind it */
#define CGG_OPERAND_WORDS (CGG_OPERAND / 8)
#define CGG_LEVELS 32 /* levels of cgroups that are known, from one up or from the root down */
#define CGG_RINGS 33 /* ring 0, and one for each of 32 readers that filter */
#define CGG_LIGHT 16
#define CGG_WAKEUP 4096

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

/* The kernel's program points; lib/words/hook.c has their names and attach types. */
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

/* Access bits, as BPF_DEVCG_ACC_* has them. Each that is asked for is judged by itself. */
enum cgg_access {
	CGG_M = 1,
	CGG_R = 2,
	CGG_W = 4,
};
#define CGG_ACCESS_BITS 3

/*
 * For packets (egress, ingress) an access bit says how much of the packet is known, and
 * a query asks for exactly one. A deny rule also has the access bits under which it
 * could match; an allow or alert rule only those under which it surely matches.
 */
enum cgg_known {
	CGG_KNOWN_ALL = CGG_R, /* address, protocol, and port if the protocol has ports */
	CGG_KNOWN_PROTO = CGG_W, /* address and protocol */
	CGG_KNOWN_ADDR = CGG_M, /* the address alone */
	CGG_KNOWN_NONE = 8,
};
#define CGG_KNOWN_BITS 4
#define CGG_PACKET_HOOKS (1u << CGG_EGRESS | 1u << CGG_INGRESS)

/* select of a query about an address, above the protocol's number */
#define CGG_IS_LOCAL 0x10000u /* 127.0.0.0/8 or ::1; of a packet: and it stays on lo */
#define CGG_IS_IPV4 0x20000u

/* type of a query about a device, as in BPF_DEVCG_DEV_* of <linux/bpf.h> */
#define CGG_BLOCK 1
#define CGG_CHAR 2

/*
 * One operation, in the shape that all hooks share: a key of 16 bytes, read as two
 * words as they lie in memory, what else selects, and a port.
 *
 *	hook		key, numbers in network order		select		port
 *	connect, ...	address					proto | IS_*	destination
 *	socket		none					CGG_SOCKET_*	protocol
 *	device		type, major, minor (4 bytes each)	0		0
 *	sockopt		level, name (4 bytes each)		0		0
 *	sysctl, unix	the first 16 bytes of the name		its length	0
 *
 * IPv4 is ::ffff:a.b.c.d. MPTCP is shown as TCP. What needs access bits has those asked
 * for in access, packets one of enum cgg_known, everything else CGG_R. A name is handed beside the query, NULs
 * behind it up to CGG_OPERAND, its first bytes being the key.
 *
 * Example, connect(2) by TCP to 127.0.0.1 port 9090 on a little endian machine:
 * { { 0, 0x0100007fffff0000 }, 0x30006, 9090, CGG_CONNECT, CGG_R }
 *
 * A unix path that is relative, or has an empty component, . or .., may mean any
 * path: its length is CGG_VAGUE, and nothing of it is compared.
 */
#define CGG_VAGUE 0xffff
#define CGG_SOCKET_SELECT(family, type, proto)                                                     \
	(((family)&0xffu) << 24 | ((type)&0xffu) << 16 | ((proto)&0xffffu))
struct cgg_query {
	__u64 word[2];
	__u32 select;
	__u16 port;
	__u8 hook;
	__u8 access;
};

/* A name, NULs behind it. */
struct cgg_operand {
	__u64 word[CGG_OPERAND_WORDS];
};

/*
 * One rule as the kernel sees it. It matches when it has the query's hook and
 * access bit, the key and select equal the values under their masks, the port is in
 * [port_min, port_max], and the name equals the operand as far as this goes: from
 * word 2 up to operand_words, and under operand_last in the word there. Texts are
 * places in the heap, in units of 8 bytes; 0 is "". A rule may have several
 * entries; those behind its first have no text.
 */
struct cgg_entry {
	__u64 value[2];
	__u64 mask[2];
	__u32 select;
	__u32 select_mask;
	__u32 id; /* 1 and up, never used twice in a policy */
	__u32 before; /* it stands before this rule of the index */
	__u16 port_min;
	__u16 port_max;
	__u16 hooks; /* 1 << enum cgg_hook */
	__u8 access;
	__u8 verdict;
	__u32 operand;
	__u32 label; /* of "name WORD", CGG_NAME bytes */
	__u32 text; /* the rule's words as rule_print() gives them */
	__u16 text_len; /* bytes, no NUL counted */
	__u16 error; /* errno of a denial, 0: EPERM */
	__u16 operand_words; /* 0: nothing to compare */
	__u8 level; /* of cgroup: 0 is the root */
	__u8 quiet;
	__u64 operand_last;
	__u64 expires; /* CGG_NEVER, or when it no longer matches */
	__u64 cgroup; /* 0: any; else the id of one that the task is in or below */
};
#define CGG_NEVER 0x7fffffffffffffffULL

/*
 * The index: many rules, compiled, in an array of pages that nobody writes once it
 * is in force, but for the bits of rules that were deleted. The first pages hold the
 * actions; all else is found from struct cgg_index, and by references.
 *
 * A reference is a word that says where to go on: a kind in its upper 4 bits, then 28
 * bits of what the kind says, and below 28 bits that are the number of a rule or a
 * place in units of 8 bytes. Rules are counted from 0 in the policy's order.
 *
 *	NONE		nothing is here
 *	RULE		a rule, and its action above
 *	PLAIN		a rule that asks for a hook and an access bit alone: CGG_PLAIN_* above
 *	LIST		so many struct cgg_item, in their order, in one page
 *	NODE		a struct cgg_node
 *	INTERVALS	so many intervals of 0..65535 at the place (17 bits), and which digit of the
 *			key is meant (above 20); behind a node: CGG_BY_PORT or CGG_BY_PROTO
 *	POINTS		so many single numbers at the place, and which digit, likewise
 *	PATH		a struct cgg_path; above: which 16 bytes of the key are meant
 *
 * From root[space] the key is followed digit by digit, 16 bits each (IPv4 begins
 * with digit 6): INTERVALS and POINTS lead on by a digit, a PATH where the key equals the
 * value under the mask to yes, else to no. What it ends with holds the rules whose
 * prefix is the longest that the key has; a node goes on to the next shorter one,
 * as long as something there stands before what has been found.
 *
 * An INTERVALS node of n intervals: the last number of each interval but the last, sorted, in nodes
 * of 31, padded with 0xffff; level by level: the topmost if there are more than 32
 * intervals, those between if more than 32 * 32, the lowest; behind them n references. More
 * than CGG_INTERVALS_MOST: 65536 references and nothing else. POINTS, n numbers: the reference of all
 * other numbers, what the references of these have in common; the numbers in one node of
 * 16 or of 32, or a topmost of the last numbers of each of the lowest, which hold 32;
 * and the lower 32 bits of each reference. A number has 2 bytes, a node of an INTERVALS 32 of
 * them, or when there are at most 8 intervals 8. What has at most CGG_INTERVALS_PAGE intervals,
 * or is points, lies in one page.
 *
 * Sources: the intervals that prefixes cut the address space into, and a search
 * among them by digits, are those of Degermark, Brodnik, Carlsson, Pink, "Small
 * forwarding tables for fast routing lookups" (1997) and of DXR (Zec, Rizzo, Mikuc,
 * 2012); nodes of a cache line are those of a static B-tree (Khuong, Morin, 2017).
 */
#define CGG_PAGE 4096
#define CGG_INDEX_RULES (1u << 22) /* rules an index */
#define CGG_INDEX_UNITS (1u << 28) /* of 8 bytes, an index */
#define CGG_LIST_MOST 64 /* items a list */
#define CGG_CHAIN 128 /* nodes that one walk may pass */
#define CGG_INTERVALS_SMALL 8
#define CGG_INTERVALS_NODE 32
#define CGG_INTERVALS_PAGE 384
#define CGG_INTERVALS_MOST 16384
#define CGG_POINTS_MOST 608
#define CGG_POINTS_SMALL 16
#define CGG_DIGITS (CGG_OPERAND / 2)

enum cgg_kind {
	CGG_REF_NONE,
	CGG_REF_RULE,
	CGG_REF_LIST,
	CGG_REF_NODE,
	CGG_REF_INTERVALS,
	CGG_REF_PATH,
	CGG_REF_POINTS,
	CGG_REF_PLAIN,
};
#define CGG_LOW 0xfffffffu
#define CGG_REF(kind, high, low) ((__u64)(kind) << 60 | (__u64)(high) << 28 | (low))
#define CGG_BY_PORT 0
#define CGG_BY_PROTO 1
#define CGG_INTERVALS(count, digit) ((__u32)(count) | (__u32)(digit) << 20)
#define CGG_INTERVALS_COUNT(ref) (CGG_REF_HIGH(ref) & 0x1ffff)
#define CGG_INTERVALS_DIGIT(ref) (CGG_REF_HIGH(ref) >> 20 & 63)
#define CGG_REF_KIND(ref) ((__u32)((ref) >> 60))
#define CGG_REF_HIGH(ref) ((__u32)((ref) >> 28 & CGG_LOW))
#define CGG_REF_LOW(ref) ((__u32)((ref)&CGG_LOW))

/* Above a plain rule's number: 1 << enum cgg_hook, the access bits, the verdict. */
#define CGG_PLAIN(hooks, access, verdict) ((hooks) | (access) << 12 | (verdict) << 16)
#define CGG_PLAIN_HOOKS(high) ((high)&0xfff)
#define CGG_PLAIN_ACCESS(high) ((high) >> 12 & 15)
#define CGG_PLAIN_VERDICT(high) ((high) >> 16 & 3)

enum cgg_space {
	CGG_SPACE_IPV4,
	CGG_SPACE_IPV6,
	CGG_SPACE_UNIX, /* and by the hook's number up to CGG_GETSOCKOPT */
	/* of unix paths that may mean any path, and packets of which no address is known */
	CGG_SPACE_VAGUE = CGG_SPACE_UNIX + CGG_GETSOCKOPT - CGG_UNIX + 1,
	CGG_SPACES
};

struct cgg_index {
	__u32 number; /* place in indexes + 1; 0: there is none */
	__u32 hooks; /* 1 << enum cgg_hook, of its rules */
	__u32 rules;
	__u32 dead; /* deleted since, those whose bit is set */
	__u32 first_id; /* rule i has id first_id + i; 0: see its record */
	__u32 actions;
	__u32 records; /* first page of struct cgg_record by rule */
	__u32 bits; /* first page of a bit for each rule: 1, deleted */
	__u32 hashes; /* first page of words_hash() of each rule's words */
	__u32 heap; /* first page of the texts */
	__u32 pages;
	__u32 zero;
	__u64 root[16]; /* by enum cgg_space */
};

/* What many rules have in common. */
struct cgg_action {
	__u64 expires;
	__u64 cgroup;
	__u32 select;
	__u32 select_mask;
	__u16 hooks;
	__u8 access;
	__u8 verdict;
	__u16 error;
	__u8 level;
	__u8 quiet;
};

struct cgg_item {
	__u32 rule;
	__u32 action; /* and the access bits: CGG_ITEM_ACCESS */
	__u16 port_min;
	__u16 port_max;
	__u16 hooks; /* and CGG_ITEM_* */
	__u16 proto;
};
#define CGG_ITEM_PROTO 0x1000 /* it has one: the lower half of select */
#define CGG_ITEM_PLAIN 0x2000 /* it asks for no more than what is said here */
#define CGG_ITEM_ACCESS(action) ((action) >> 28)
#define CGG_ITEM_ACTION(action) ((action)&CGG_LOW)

struct cgg_node {
	__u64 own; /* PLAIN, RULE, LIST; or a INTERVALS or POINTS, two at most, that end there */
	__u64 next; /* the next shorter prefix with rules; NONE: there is none */
	__u32 best; /* the first rule of all shorter prefixes */
	__u32 zero[3];
};

struct cgg_path {
	__u64 value[2];
	__u64 mask[2];
	__u64 yes;
	__u64 no;
};

/* Text is in units of 8 bytes from the heap's first page; a label lies before it. */
struct cgg_record {
	__u32 id;
	__u32 text;
	__u32 action;
	__u16 len; /* bytes of text */
	__u8 labelled;
	__u8 shadows; /* rules that it hides where they stand beside it were left out */
};

/*
 * One state of a policy: an index, if it has many rules, and a few entries beside
 * it, in their order. The first match wins: of the entries, and of the index by
 * what the entry says in before.
 */
struct cgg_image {
	__u32 count;
	__u32 next_id;
	__u32 heap_used; /* units of 8 bytes */
	__u32 hooks; /* 1 << enum cgg_hook, those that need a program */
	__u8 defaults[16]; /* enum cgg_verdict by enum cgg_hook */
	__u8 audit; /* refuse nothing, report what would be */
	__u8 timed; /* an entry expires */
	__u8 zero[6];
	struct cgg_index index;
	struct cgg_entry entry[CGG_ENTRIES];
	char heap[CGG_HEAP];
};

/*
 * A policy has two images: number generation & 1 is in force, the other one is
 * the one before. Image i of the policy at place p has the number n = 2 * p + i. It is
 * element n % (2 * CGG_CHUNK) of the map that element n / (2 * CGG_CHUNK) of images
 * holds; its index is element 2 * p or 2 * p + 1 of indexes. A writer says in writing which
 * generation it is about to write, writes, and then raises generation. So the
 * image that a reader is in stays as it is until writing is two ahead of the
 * generation that it began with, and then it begins again; an index is let go
 * only when writing says so of its last image. Two writers follow each other no
 * faster than processes can, and a walk takes a microsecond: a reader that is
 * disturbed four times says no. A name of "" is a free place. Place 0 is the
 * policy "default". Events, filters and programs know a policy by its tag: its name,
 * or the short form of a long name that name_tag() makes.
 */
#define CGG_TAG_FRONT 19 /* letters of a long name; behind them comes a ~ */
struct cgg_policy {
	char name[CGG_POLICY_NAME];
	char tag[CGG_NAME];
	__u32 generation;
	__u32 writing;
	__u32 unconfirmed; /* the generation that revert_at is about */
	__u32 born; /* how many policies had this place */
	__u32 unclean; /* a free place: the last one left something here */
	__u32 zero;
	__u64 revert_at; /* 0, or when the image before is in force again */
};

/*
 * How many records a cgroup has in a ring that nobody has read: at most before +
 * written, for the window before this one and for this one, which began at the
 * record mark. When mark has been read, so has the window before.
 */
struct cgg_share {
	__u64 mark;
	__u32 written, before;
};

/*
 * What a program finds in the storage of the cgroup it is attached to. All
 * zero, as the kernel makes it, means: bound to nothing yet, allow. above is the
 * cgroup's id, its parent's, and so on up, then zeros: the subtrees it is in.
 */
struct cgg_attached {
	__u64 cgroup;
	__u32 policy; /* place in policies + 1 */
	__u32 zero;
	__u64 above[CGG_LEVELS];
	struct cgg_share share[CGG_RINGS];
};

/* What a cgroup's packets came to: value of packets, in the order of enum cgg_way. */
enum cgg_way { CGG_OUT, CGG_IN, CGG_WAYS };
struct cgg_packets {
	__u64 allowed[CGG_WAYS], allowed_bytes[CGG_WAYS];
	__u64 denied[CGG_WAYS], denied_bytes[CGG_WAYS];
};

/* Key and value of counts: what a rule decided. */
struct cgg_count_key {
	__u32 policy;
	__u32 rule;
};

struct cgg_count {
	__u64 hits;
	__u64 bytes; /* of packets */
	__u64 last; /* when it was hit last, to the kernel's tick; 0: never */
	__u64 tick; /* jiffies then */
};

/*
 * What was decided for one hook of a policy, by enum cgg_verdict. Element
 * CGG_HOOKS * (place % CGG_CHUNK) + hook of the map that element place / CGG_CHUNK
 * of tallies holds.
 */
struct cgg_tally {
	__u64 by_default[4];
	__u64 by_rule[4];
	__u64 bytes, last, tick; /* as in struct cgg_count, of what the default decided */
	__u64 unread; /* packets of which not all is known: enum cgg_known */
};

/* The subjects of events: what an operation was about. */
struct cgg_event_net {
	__u8 addr[16]; /* the other end (bind: the local one), as in a query */
	__u8 local[16]; /* this end, all zero: not known */
	__u16 port; /* destination */
	__u16 sport; /* source, 0: not known */
	__u16 proto;
	__u8 unread; /* of a packet, not known: 1 the port, 2 the protocol too, 3 nor the address */
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
	__u32 access_type; /* as the kernel gave it: access bits << 16 | type */
};

/* A sysctl or a unix socket; @ stands for the first NUL of an abstract name. */
struct cgg_event_named {
	__u8 write; /* of a sysctl */
	__u8 zero[3];
	__u32 len; /* bytes of the whole name; what is beyond name[] is cut */
	char name[112];
};

/*
 * One record of one denial, alert or would-be denial; a slot of a ring.
 *
 * number is CGG_BUSY while a program writes the slot, and then the record's
 * number in its ring. serial is, in a filter's ring, the number of the same
 * record in ring 0 (0: it is not there); and in ring 0 it becomes number when a
 * filtering reader has printed the record. What a hook's subject does not fill
 * is left from another record.
 */
struct cgg_event {
	__u64 time;
	__u64 cgroup; /* where the guard is attached, not where the task is */
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

/* Which events a reader wants: each test must hold. */
struct cgg_filter {
	__u32 programs; /* 1 << enum cgg_program; 0: any */
	__u32 verdicts; /* 1 << enum cgg_verdict; 0: any */
	__u64 cgroup; /* attached at this id or below it; 0: anywhere */
	char policy[CGG_NAME]; /* its tag; "": any */
};

/*
 * A ring of events: record n lies in slot (n - 1) % slots, the newest overwrite
 * the oldest. Readers keep their own place and take nothing away.
 *
 * Ring 0 is of all readers that want everything, and keeps what nobody read. The
 * others are of one filtering reader each, and only hold what it wants: see
 * report.h. What lies in one line is written by one side.
 */
struct cgg_ring {
	/* by programs */
	__u64 head; /* records ever begun */
	__u64 suppressed; /* events that were not written, so that others keep their room */
	__u64 slots; /* set once */
	__u64 filters; /* of ring 0: 1 << ring, those that are to be asked */
	__u64 line0[4];
	__u64 light[CGG_LIGHT]; /* the last records of cgroups within their share, by id */
	/* by readers */
	__u64 seen; /* records that some reader has printed, or passed over */
	__u64 lost; /* records that readers did not get, each counted by each */
	__u32 waiting; /* a reader sleeps: wake it by the wake-up ring */
	__u32 zero;
	__u64 lease; /* of a filter: until when it is asked */
	__u64 line1[4];
	struct cgg_filter filter;
	__u64 line2[2];
};

/* Key of suppressed: whose events were not written into which ring. Its value counts them. */
struct cgg_suppressed {
	__u64 cgroup;
	__u32 rule; /* 0: the hook's default */
	__u32 policy; /* place */
	__u8 ring, program, verdict, zero;
	__u32 born; /* of the policy: its place may be another's by now */
};

/* A reader at work, for those who look on: element ring - 1 of readers. */
struct cgg_reader_slot {
	__u32 pid;
	__u32 filters; /* it has a ring of its own */
	__u64 printed, lost;
	__u64 next; /* its place in the ring that it reads */
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
CGG_SAME(sizeof(struct cgg_query) == 24);
CGG_SAME(sizeof(struct cgg_entry) == 104);
CGG_SAME(sizeof(struct cgg_action) == 32);
CGG_SAME(sizeof(struct cgg_item) == 16);
CGG_SAME(sizeof(struct cgg_node) == 32);
CGG_SAME(sizeof(struct cgg_path) == 48);
CGG_SAME(sizeof(struct cgg_record) == 16);
CGG_SAME(CGG_LIST_MOST * sizeof(struct cgg_item) <= CGG_PAGE);
CGG_SAME(sizeof(struct cgg_index) == 176);
CGG_SAME(sizeof(struct cgg_policy) == 320);
CGG_SAME(sizeof(struct cgg_attached) == 16 + 8 * CGG_LEVELS + 16 * CGG_RINGS);
CGG_SAME(sizeof(struct cgg_tally) == 96);
CGG_SAME(sizeof(struct cgg_event) == 256);
CGG_SAME(sizeof(struct cgg_event_named) == 120);
CGG_SAME(sizeof(struct cgg_ring) == 320 && __builtin_offsetof(struct cgg_ring, seen) == 192);
CGG_SAME(sizeof(struct cgg_suppressed) == 24);
CGG_SAME(sizeof(struct cgg_image) == 40 + 176 + 104 * CGG_ENTRIES + CGG_HEAP);

#endif
