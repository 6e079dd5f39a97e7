// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bind.bpf.c - bind(2), by the local address.
 *
 * 0.0.0.0 and :: are judged as written, not as the address of an interface. An IPv6 socket that is
 * bound to :: takes IPv4 as well, so both wildcards are judged, unless it has IPV6_V6ONLY.
 *
 * Port 0 lets the kernel choose a port. Then bind stores a mark in the socket, and post_bind judges
 * the chosen port. If the mark cannot be stored, bind is denied. With IP_BIND_ADDRESS_NO_PORT the
 * kernel chooses later and does not run post_bind: then bind is denied if the policy denies every
 * port.
 *
 * The kernel runs none of these hooks when listen(2), connect(2) or sendto(2) bind a socket.
 */
#include "address.h"
#include "via.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} port_open MAP;

/* leave_to_post_bind - Mark the socket for post_bind; return 0 if that fails. */
static __always_inline int leave_to_post_bind(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	__u32 *mark;

	if (!sk)
		return 0;
	mark = bpf_sk_storage_get(&port_open, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mark)
		return 0;
	*mark = 1;
	return 1;
}

/* ipv4_too - Turn a query about :: into one about 0.0.0.0; return 0 if the socket takes no IPv4. */
static __always_inline int ipv4_too(struct operation *o)
{
	if (o->q.word[0] | o->q.word[1] || is_v6only(o->who))
		return 0;
	return query_again(&o->q, 0, join(MAPPED, 0));
}

/* is_every_port - Return whether a rule matches every port. Port 0 stands for one of the others. */
static __always_inline int is_every_port(const struct cgg_entry *e)
{
	return e->port_min <= 1 && e->port_max == 65535;
}

/*
 * image_opens - Return whether an image allows some port. The port of the query is ignored. If the
 * index has rules about bind, return 1: it is not searched.
 */
__noinline __weak int image_opens(__u32 number, __u64 high, __u64 low, __u64 query, __u64 who)
{
	const struct cgg_image *image = image_at(number);
	const struct known any_port = { .key = ~0ULL, .select = ~0ULL };
	const struct known in_set = { .select = ~0ULL };
	__u64 now;

	if (!image)
		return 0;
	if (image->index.number && image->index.hooks >> CGG_BIND & 1)
		return 1;
	now = image->timed ? bpf_ktime_get_boot_ns() : 0;
	for (__u32 i = 0; i < CGG_ENTRIES; i++) {
		const struct cgg_entry *e = &image->entry[i];

		if (i >= image->count)
			break;
		__u64 set = e->condition.select & CGG_IS_SET;

		if (entry_differs(e, high, low, query | set << 32, set ? in_set : any_port, now) ||
		    (set && e->verdict != CGG_DENY))
			continue;
		if (!condition_holds(&e->condition, who, e->verdict))
			continue;
		if (e->condition.limit && e->verdict == CGG_DENY)
			continue;
		if (e->verdict != CGG_DENY)
			return 1;
		if (is_every_port(e))
			return 0;
	}
	return image->defaults.verdict[CGG_BIND] != CGG_DENY;
}

/* policy_opens - Return this for the image in force; after four torn reads return 0. */
__noinline __weak int policy_opens(__u32 place, __u64 high, __u64 low, __u64 query, __u64 who)
{
	const struct cgg_policy *policy = bpf_map_lookup_elem(&policies, &place);
	int opens;

	for (__u64 try = 0; policy && try < 4; try++) {
		__u32 now = NOW(policy->generation);

		opens = image_opens(image_now(policy, place, now), high, low, query, who);
		if (in_force(policy, now))
			return opens;
	}
	return 0;
}

/*
 * judge_any_port - Judge port 0. If post_bind will not run and every port is denied, deny by the
 * rule for port 1. Else leave it to post_bind.
 */
static __always_inline int judge_any_port(struct bpf_sock_addr *ctx, struct cgg_attached *at,
					  struct operation *o, __u32 program,
					  union cgg_subject *subject)
{
	if (!at->policy)
		return 1;
	if (!puts_port_off(o->who) ||
	    policy_opens(at->policy - 1, o->q.word[0], o->q.word[1], QUERY(&o->q, 1), o->who))
		return leave_to_post_bind(ctx);
	net_subject(subject, &o->q);
	o->q.port = 1;
	return judge_bytes(at, o, program, 0, subject) && leave_to_post_bind(ctx);
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct bpf_sock *sk = ctx->sk;
	struct operation o = {};

	o.who = sock_address(sk);
	query_ip4(&o.q, ctx->user_ip4);
	query_socket(&o.q, CGG_BIND, ctx->protocol, ctx->user_port);
	if (!ctx->user_port)
		return judge_any_port(ctx, at, &o, CGG_BIND4, &subject);
	return judge_net(at, &o, CGG_BIND4, &subject);
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct bpf_sock *sk = ctx->sk;
	struct operation o = {};

	o.who = sock_address(sk);
	query_plain6(&o.q, join(ctx->user_ip6[0], ctx->user_ip6[1]),
		     join(ctx->user_ip6[2], ctx->user_ip6[3]));
	query_socket(&o.q, CGG_BIND, ctx->protocol, ctx->user_port);
	if (ctx->user_port)
		return judge_both(at, &o, CGG_BIND6, &subject, ipv4_too);
	if (!judge_any_port(ctx, at, &o, CGG_BIND6, &subject))
		return 0;
	IN_MEMORY(&o);
	if (!ipv4_too(&o))
		return 1;
	o.q.port = 0;
	return judge_any_port(ctx, at, &o, CGG_BIND6, &subject);
}

/* take_mark - Remove the mark of bind; return whether there was one. */
static __always_inline int take_mark(struct bpf_sock *sk)
{
	__u32 *mark = bpf_sk_storage_get(&port_open, sk, 0, 0);

	if (!mark || !*mark)
		return 0;
	*mark = 0;
	return 1;
}

SEC("cgroup/post_bind4")
int post_bind4(struct bpf_sock *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	if (!take_mark(ctx))
		return 1;
	o.who = sock_address(ctx);
	query_ip4(&o.q, ctx->src_ip4);
	query_socket(&o.q, CGG_BIND, ctx->protocol, bpf_htons(ctx->src_port));
	return judge_net(at, &o, CGG_POST_BIND4, &subject);
}

SEC("cgroup/post_bind6")
int post_bind6(struct bpf_sock *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	union cgg_subject subject = {};
	struct operation o = {};

	if (!take_mark(ctx))
		return 1;
	o.who = sock_address(ctx);
	query_plain6(&o.q, join(ctx->src_ip6[0], ctx->src_ip6[1]),
		     join(ctx->src_ip6[2], ctx->src_ip6[3]));
	query_socket(&o.q, CGG_BIND, ctx->protocol, bpf_htons(ctx->src_port));
	return judge_both(at, &o, CGG_POST_BIND6, &subject, ipv4_too);
}
