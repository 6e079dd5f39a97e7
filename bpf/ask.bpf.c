// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ask.bpf.c - answers a query of a command: cgg-rule test, cgg-sockets, warnings about new rules.
 *
 * It is never attached: commands run it with a struct cgg_ask as its packet, and it returns
 * CGG_ANSWER(). The answer is that of the hooks' programs, because all of them call decide().
 */
#define CGG_ASKED
#define CGG_SEVERAL
#include "decision.h"

/*
 * bit_match - Call first_match() for the operation that is asked about. It is a function of its
 * own, so that the verifier checks it once, and not once for each bit.
 */
__noinline __weak __u64 bit_match(__u32 number, __u32 access_bit)
{
	const struct cgg_image *image = image_at(number);
	struct operation o = {};
	const struct cgg_ask *a;
	__u32 key = 0;

	a = bpf_map_lookup_elem(&asked, &key);
	if (!image || !a)
		return CGG_NO_INDEX;
	o.q = a->query;
	return first_match(number, image, &o, access_bit);
}

#define BIT_MATCH(number, image, o, access_bit) bit_match(number, access_bit)
#include "decide.h"

SEC("tc")
int ask(struct __sk_buff *skb)
{
	const struct cgg_policy *policy;
	struct cgg_decision out = {};
	struct operation o = {};
	struct cgg_ask *a;
	__u32 key = 0;

	a = bpf_map_lookup_elem(&asked, &key);
	if (!a || bpf_skb_load_bytes(skb, 0, a, sizeof(*a)))
		return -1;
	policy = bpf_map_lookup_elem(&policies, &a->policy);
	if (!policy)
		return -1;
	o.q = a->query;
	o.name = &a->name;
	decide(policy, a->policy, &o, &out);
	return CGG_ANSWER(out.verdict, out.rule);
}
