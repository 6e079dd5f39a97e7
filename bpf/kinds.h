/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* kinds.h - the kinds of operations that are judged, each with walks of its own. */
#ifndef CGG_KINDS_H
#define CGG_KINDS_H

#include "kernel.h"
#include "lookup.h"

/*
 * What a file judges, said before this is included: operations of tasks (nothing), calls about
 * an address (CGG_SOCKETS), those that have a name (CGG_NAMED), packets (CGG_PACKETS), connections
 * that end (CGG_FLOWS; of UDP CGG_DATAGRAMS, too), questions by hand (CGG_ASKED), names of an
 * address (CGG_HOSTS and CGG_SOCKETS), questions of DNS (CGG_QUESTIONS and CGG_PACKETS). Where
 * several access bits may be asked for at once, CGG_SEVERAL is said, too.
 *
 * The programs are linked into one object. A function that is not the same for every kind bears
 * the kind's suffix, by PER_KIND(name) where it is defined and wherever it is called.
 */
#if defined(CGG_HOSTS)
#define KIND host
#elif defined(CGG_QUESTIONS)
#define KIND dns
#elif defined(CGG_NAMED)
#define KIND named
#elif defined(CGG_PACKETS)
#define KIND packet
#elif defined(CGG_DATAGRAMS)
#define KIND datagram
#elif defined(CGG_FLOWS)
#define KIND flow
#elif defined(CGG_SOCKETS)
#define KIND socket
#elif defined(CGG_ASKED)
#define KIND asked
#elif defined(CGG_HOSTS) || defined(CGG_QUESTIONS) || defined(CGG_NAMED) ||                        \
	defined(CGG_PACKETS) || defined(CGG_FLOWS) || defined(CGG_SOCKETS) || defined(CGG_ASKED)
#error "this kind has no suffix"
#else
#define KIND task
#endif
#if !defined(KIND)
#error "this kind has no suffix"
#endif
#define KIND_JOINED(name, kind) name##_##kind
#define KIND_JOIN(name, kind) KIND_JOINED(name, kind)
#define PER_KIND(name) KIND_JOIN(name, KIND)

/*
 * Whose cgroup counts: a packet's socket's, else the task's, and where that says nothing the
 * one of the socket at this address.
 */
#if defined(CGG_PACKETS)
#define CONTEXT struct __sk_buff *
#elif defined(CGG_DATAGRAMS)
#define CONTEXT struct bpf_sock *
#elif defined(CGG_FLOWS)
#define CONTEXT struct bpf_sock_ops *
#else
#define CONTEXT __u64
#endif

/* The parameters by which a walk receives the key; FRONT_*: a walk through the entries. */
#if defined(CGG_NAMED) || defined(CGG_ASKED) || defined(CGG_HOSTS) || defined(CGG_QUESTIONS)
#define HAS_NAME 1
#define KEY_PARAMS NAME key
#define KEY_ARGS key
#define KEY_OF(o) NAME_OF(o)
#if defined(CGG_NAMED)
#define FRONT_PARAMS KEY_PARAMS
#define FRONT_OF(o) KEY_OF(o)
#define KEY_WORDS __u64 high = name->word[0], low = name->word[1]
#else /* of_sets: 0, or the sets that contain the name or the address (set_rules.h) */
#define FRONT_PARAMS KEY_PARAMS, __u64 of_sets
#define FRONT_OF(o) KEY_OF(o), 0
#define KEY_WORDS __u64 high = of_sets ? of_sets : name->word[0], low = of_sets ? 0 : name->word[1]
#endif
#else
#define HAS_NAME 0
#define KEY_PARAMS __u64 high, __u64 low
#define KEY_ARGS high, low
#define KEY_OF(o) (o)->q.word[0], (o)->q.word[1]
#define FRONT_PARAMS KEY_PARAMS
#define FRONT_OF(o) KEY_OF(o)
#define KEY_WORDS
#endif

/* Rules of these kinds may be about sets. */
#if (defined(CGG_SOCKETS) && !defined(CGG_HOSTS) && !defined(CGG_NO_ADDRESS)) ||                   \
	defined(CGG_PACKETS) || defined(CGG_FLOWS) || defined(CGG_ASKED)
#define HAS_SETS 1
#else
#define HAS_SETS 0
#endif

#endif
