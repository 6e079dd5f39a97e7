// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cost.bpf.c - time one decision, and what the kernel's own maps take for it.
 *
 * Not part of the guard: build/tests/cost loads it beside the guard, on the guard's own maps.
 * Each program takes the next question, in random order; `draw' does only that, and is the
 * baseline. The walks are those of the packet hooks, with SEVERAL for several access bits at once,
 * as of devices, or with NAMED those of `cgg-rule test', which has a name as sysctl and unix do.
 */
#ifdef NAMED
#define SEVERAL
#endif
#ifdef SEVERAL
#define CGG_SEVERAL
#endif
#ifdef NAMED
#define CGG_ASKED
#else
#define CGG_PACKETS
#endif
#include "../../bpf/decide.h"

struct cost_state {
	__u32 at;
	__u32 mask; /* number of questions - 1 */
	__u32 place; /* of the policy */
	__u32 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cost_state);
} state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_query);
} questions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgg_operand);
} names SEC(".maps");

#ifdef NAMED
/* Put the name of a question where walks for `cgg-rule test' look for it. Return 0, or -1. */
static __always_inline int name_ask(__u32 number)
{
	__u32 key = 0;
	const struct cgg_operand *name = bpf_map_lookup_elem(&names, &number);
	struct cgg_ask *ask = bpf_map_lookup_elem(&asked, &key);

	if (!name || !ask)
		return -1;
	ask->name = *name;
	return 0;
}
#endif

static __always_inline const struct cgg_query *next(struct cost_state **s, __u32 *number)
{
	__u32 key = 0;

	*s = bpf_map_lookup_elem(&state, &key);
	if (!*s)
		return 0;
	*number = (*s)->at++ & (*s)->mask;
#ifdef NAMED
	if (name_ask(*number))
		return 0;
#endif
	return bpf_map_lookup_elem(&questions, number);
}

SEC("tc")
int draw(struct __sk_buff *skb)
{
	const struct cgg_query *q;
	struct cost_state *s;
	__u32 number;

	(void)skb;
	q = next(&s, &number);
	return q ? (q->word[0] ^ q->word[1] ^ q->port) & 1 : -1;
}

SEC("tc")
int empty(struct __sk_buff *skb)
{
	(void)skb;
	return 0;
}

SEC("tc")
int ours(struct __sk_buff *skb)
{
	const struct cgg_policy *policy;
	struct cgg_decision out = {};
	struct operation o = {};
	const struct cgg_query *q;
	struct cost_state *s;
	__u32 number;

	q = next(&s, &number);
	if (!q)
		return -1;
	policy = bpf_map_lookup_elem(&policies, &s->place);
	if (!policy)
		return -1;
	o.q = *q;
#ifdef NAMED
	(void)skb;
#else
	o.who = skb;
#endif
	decide(policy, s->place, &o, &out);
	return CGG_ANSWER(out.verdict, out.rule);
}

#ifndef NAMED

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} hash4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, 16);
	__uint(value_size, 4);
} hash6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 8);
	__uint(value_size, 4);
} lpm4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 20);
	__uint(value_size, 4);
} lpm6 SEC(".maps");

#define LOOKUP(map, type, fill)                                                                    \
	SEC("tc")                                                                                  \
	int map##_lookup(struct __sk_buff *skb)                                                    \
	{                                                                                          \
		const struct cgg_query *q;                                                         \
		struct cost_state *s;                                                              \
		__u32 number, *value;                                                              \
		type key = {};                                                                     \
                                                                                                   \
		(void)skb;                                                                         \
		q = next(&s, &number);                                                             \
		if (!q)                                                                            \
			return -1;                                                                 \
		fill;                                                                              \
		value = bpf_map_lookup_elem(&map, &key);                                           \
		return value ? *value & 0xffff : 0;                                                \
	}

struct key4 {
	__u32 len;
	__u32 ip;
};

struct key6 {
	__u32 len;
	__u32 ip[4];
};

struct ip4 {
	__u32 ip;
};

struct ip6 {
	__u64 high, low;
};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define IP4(q) ((__u32)((q)->word[1] >> 32))
#else
#define IP4(q) ((__u32)(q)->word[1])
#endif

LOOKUP(hash4, struct ip4, key.ip = IP4(q))
LOOKUP(hash6, struct ip6, (key.high = q->word[0], key.low = q->word[1]))
LOOKUP(lpm4, struct key4, (key.len = 32, key.ip = IP4(q)))
LOOKUP(lpm6, struct key6, (key.len = 128, __builtin_memcpy(key.ip, q, 16)))

#endif
