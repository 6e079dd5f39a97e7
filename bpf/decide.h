/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decide.h - the one decision: a query and a policy in, an decision out.
 *
 * First match wins, access bit by access bit: an open for reading and writing is
 * allowed when reading is and writing is, whichever rules say so. No failure on
 * the way (a full map, a lost event) may turn a denial into anything else.
 */
#ifndef CGG_DECIDE_H
#define CGG_DECIDE_H

#include "lookup.h"
#include "kernel.h"
#if defined(CGG_SOCKETS)
#include "sock.h"
#endif

/*
 * What a file judges, said before this is included: operations of tasks (nothing),
 * calls about an address (CGG_SOCKETS), those that have a name (CGG_NAMED), packets
 * (CGG_PACKETS), questions by hand (CGG_ASKED). Each kind has walks of its own: CONTEXT is
 * whose cgroup counts (a packet's socket's, else the task's, and where that says nothing
 * the one of the socket at this address), KEY_PARAMS what a walk is told of the key. Where
 * several access bits may be asked for at once, CGG_SEVERAL is said, too.
 */
#if defined(CGG_PACKETS)
#define CONTEXT struct __sk_buff *
#else
#define CONTEXT __u64
#endif
#if defined(CGG_NAMED)
#define tail_differs tail_differs_named
#define front_find front_find_named
#define item_holds item_holds_named
#define own_find own_find_named
#define descend descend_named
#define descend_rest descend_rest_named
#define nodes_find nodes_find_named
#define nodes_rest nodes_rest_named
#elif defined(CGG_PACKETS)
#define front_find front_find_packet
#define item_holds item_holds_packet
#define own_find own_find_packet
#define descend descend_packet
#define descend_rest descend_rest_packet
#define nodes_find nodes_find_packet
#define nodes_rest nodes_rest_packet
#elif defined(CGG_SOCKETS)
#define front_find front_find_socket
#define item_holds item_holds_socket
#define own_find own_find_socket
#define descend descend_socket
#define descend_rest descend_rest_socket
#define nodes_find nodes_find_socket
#define nodes_rest nodes_rest_socket
#elif defined(CGG_ASKED)
#define tail_differs tail_differs_asked
#define front_find front_find_asked
#define item_holds item_holds_asked
#define own_find own_find_asked
#define descend descend_asked
#define descend_rest descend_rest_asked
#define nodes_find nodes_find_asked
#define nodes_rest nodes_rest_asked
#endif
#if defined(CGG_NAMED) || defined(CGG_ASKED)
#define HAS_NAME 1
#define KEY_PARAMS NAME key
#define KEY_ARGS key
#define KEY_OF(o) NAME_OF(o)
#define KEY_WORDS __u64 high = name->word[0], low = name->word[1]
#else
#define HAS_NAME 0
#define KEY_PARAMS __u64 high, __u64 low
#define KEY_ARGS high, low
#define KEY_OF(o) (o)->q.word[0], (o)->q.word[1]
#define KEY_WORDS
#endif

/* An operation. The key of one that has a name is its first bytes. */
struct operation {
	struct cgg_query q;
#if HAS_NAME
	const struct cgg_operand *name;
#endif
	CONTEXT who;
};

struct cgg_decision {
	__u32 rule; /* id; 0: the default */
	__u32 verdict;
	__u32 index; /* place in indexes + 1 of the rule; 0: it is an entry of the image */
	__u32 label; /* of the image's entry; of the index: the rule's number */
	__u16 error;
	__u8 quiet;
	__u8 image; /* generation & 1 of the one that says so */
};

#if defined(CGG_SOCKETS)
/*
 * asker_is_in - Tell whether a rule about a cgroup matches by who asks.
 *
 * A task of the root cgroup is in no other. A worker of the kernel is one, which connects
 * the subflows of MPTCP for others: then the cgroup counts that the socket was made in.
 * Where that is not known, only a denial matches. Without a socket, who is 0.
 */
__noinline __weak int asker_is_in(__u64 who, __u64 id, __u32 level, __u32 verdict)
{
	int is_in;

	if (current_ancestor(level) == id)
		return 1;
	if (!who || current_ancestor(1))
		return 0;
	is_in = sock_is_in(who, id, level);
	return is_in < 0 ? verdict == CGG_DENY : is_in;
}
#endif

/* in_cgroup - Tell whether a rule of this verdict matches by its cgroup. */
static __always_inline int in_cgroup(CONTEXT who, __u64 id, __u32 level, __u32 verdict)
{
	(void)verdict;
#if defined(CGG_ASKED)
	__u32 key = 0;
	const struct cgg_ask *ask = bpf_map_lookup_elem(&asked, &key);

	(void)who;
	return ask && ask->ancestor[level % CGG_LEVELS] == id;
#elif defined(CGG_PACKETS)
	return bpf_skb_ancestor_cgroup_id(who, level) == id;
#elif defined(CGG_SOCKETS)
	return asker_is_in(who, id, level, verdict);
#else
	(void)who;
	return current_ancestor(level) == id;
#endif
}

/* Return the image of that number, or 0: it has no chunk */
static __always_inline const struct cgg_image *image_at(__u32 number)
{
	__u32 chunk = number / (2 * CGG_CHUNK), place = number % (2 * CGG_CHUNK);
	void *own = bpf_map_lookup_elem(&images, &chunk);

	return own ? bpf_map_lookup_elem(own, &place) : 0;
}

#if HAS_NAME
/*
 * tail_differs - not 0 when the name differs from the entry's operand behind its first 16 bytes
 *
 * Word i counts whole below operand_words (below is ~0 there, else 0), and under
 * operand_last at it (at is ~0 there).
 */
__noinline __weak __u64 tail_differs(__u32 number, __u32 entry, KEY_PARAMS)
{
	const struct cgg_image *image = image_at(number);
	const struct cgg_operand *name = name_from(key);
	__u64 words, last, differ = 0;
	const struct cgg_entry *e;
	const char *operand;
	__u32 place;

	if (!image || !name)
		return 1;
	e = &image->entry[entry % CGG_ENTRIES];
	words = e->operand_words;
	last = e->operand_last;
	place = 8 * e->operand;
	if (place > CGG_HEAP - CGG_OPERAND)
		return 1;
	operand = image->heap + place;
	for (__u64 i = 2; i < CGG_OPERAND_WORDS; i++) {
		__u64 before = i - words, at = (i ^ words) - 1;

		barrier_var(before);
		barrier_var(at);
		before = (__s64)before >> 63;
		at = (__s64)at >> 63;
		differ |= (name->word[i] ^ *(const __u64 *)(operand + 8 * i)) &
			  (before | (at & last));
	}
	return differ;
}
#endif

/* The bits of a query that are known: what is not known matches whatever a rule asks for. */
struct known {
	__u64 key, port; /* ~0, or 0 */
	__u64 select;
};

/* Return what a packet's access bit (enum cgg_known) says is known, without a branch. */
static __always_inline struct known known_of(__u64 query)
{
	struct known known = { ~0ULL, ~0ULL, ~0ULL };
#if defined(CGG_PACKETS) || defined(CGG_ASKED)
	__u64 hooks = CGG_PACKET_HOOKS, bit = 1ULL << QUERY_ACCESS(query);
	__u64 packet = -(hooks >> QUERY_HOOK(query) & 1);

	known.key = ~(packet & -(bit / CGG_KNOWN_NONE & 1));
	known.port = ~(packet & ((bit / CGG_KNOWN_ALL & 1) - 1));
	known.select = known.key & (~0xffffULL | ~(packet & -(bit / CGG_KNOWN_ADDR & 1)));
#else
	(void)query;
#endif
	return known;
}

/*
 * entry_differs - not 0 when the entry does not match
 *
 * The verifier follows every branch of every turn of the loop around this, so
 * there is none for the fields that each hook has.
 */
static __always_inline __u64 entry_differs(const struct cgg_entry *e, __u64 high, __u64 low,
					   __u64 query, struct known known, __u64 now)
{
	__u64 differ =
		~(__u64)(e->hooks >> QUERY_HOOK(query) & e->access >> QUERY_ACCESS(query)) & 1;
	__u64 over, under, late = e->expires - 1 - now;

	differ |= (high ^ e->value[0]) & e->mask[0] & known.key;
	differ |= (low ^ e->value[1]) & e->mask[1] & known.key;
	differ |= (QUERY_SELECT(query) ^ e->select) & e->select_mask & known.select;
	over = (__u64)QUERY_PORT(query) - e->port_min;
	under = (__u64)e->port_max - QUERY_PORT(query);
	barrier_var(over);
	barrier_var(under);
	barrier_var(late);
	differ |= (((over | under) & known.port) | late) >> 63;
	return differ;
}

/* front_find - the number of the first entry that matches + 1; 0: none does */
__noinline __weak __u32 front_find(__u32 number, KEY_PARAMS, __u64 query, CONTEXT who)
{
	const struct cgg_image *image = image_at(number);
	struct known known = known_of(query);
	__u32 count;
	__u64 now;

#if HAS_NAME
	const struct cgg_operand *name = name_from(key);

	if (!name)
		return 0;
#endif
	if (!image)
		return 0;
	KEY_WORDS;
	now = image->timed ? bpf_ktime_get_boot_ns() : 0;
	count = image->count;
	for (__u32 i = 0; i < CGG_ENTRIES; i++) {
		const struct cgg_entry *e = &image->entry[i];

		if (i >= count)
			break;
		if (entry_differs(e, high, low, query, known, now))
			continue;
#if HAS_NAME
		if (e->operand_words && tail_differs(number, i, key))
			continue;
#endif
		if (e->cgroup && !in_cgroup(who, e->cgroup, e->level, e->verdict))
			continue;
		return i + 1;
	}
	return 0;
}

/* is_deleted - of a rule of the image's index */
static __always_inline int is_deleted(void *index, const struct cgg_image *image, __u32 rule)
{
	__u32 page = image->index.bits + (rule >> 15);
	const char *bits;

	if (!image->index.dead)
		return 0;
	bits = index ? bpf_map_lookup_elem(index, &page) : 0;
	return !bits || bits[rule >> 3 & (CGG_PAGE - 1)] >> (rule & 7) & 1;
}

static __always_inline void *index_of(const struct cgg_image *image)
{
	__u32 number = image->index.number - 1;

	return bpf_map_lookup_elem(&indexes, &number);
}

/* item_holds - of a rule of an index whose prefix and port match: all the rest */
__noinline __weak __u32 item_holds(__u32 number, __u64 found, __u64 query, CONTEXT who)
{
	const struct cgg_image *image = image_at(number);
	void *index = image ? index_of(image) : 0;
	const struct cgg_action *a = index ? action_at(index, CGG_REF_HIGH(found)) : 0;

	if (!a || !(a->hooks >> QUERY_HOOK(query) & a->access >> QUERY_ACCESS(query) & 1) ||
	    (QUERY_SELECT(query) ^ a->select) & a->select_mask)
		return 0;
	if (a->expires != CGG_NEVER && a->expires <= bpf_ktime_get_boot_ns())
		return 0;
	if (a->cgroup && !in_cgroup(who, a->cgroup, a->level, a->verdict))
		return 0;
	return !is_deleted(index, image, CGG_REF_LOW(found));
}

/* space_of - where the index has such a key */
static __always_inline __u32 space_of(__u64 query)
{
	__u32 hook = QUERY_HOOK(query);

#if defined(CGG_PACKETS) || defined(CGG_ASKED)
	if (hook < CGG_UNIX && CGG_KNOWN_NONE >> QUERY_ACCESS(query) == 1)
		return CGG_SPACE_VAGUE;
#endif
	if (hook < CGG_UNIX)
		return QUERY_SELECT(query) & CGG_IS_IPV4 ? CGG_SPACE_IPV4 : CGG_SPACE_IPV6;
	if (hook == CGG_UNIX && QUERY_SELECT(query) == CGG_VAGUE)
		return CGG_SPACE_VAGUE;
	return CGG_SPACE_UNIX + hook - CGG_UNIX;
}

/* A digit of the key, as a number. */
#if HAS_NAME
#define DIGIT(d) bpf_ntohs(*(const __u16 *)((const char *)name + 2 * ((d) % CGG_DIGITS)))
#define STEPS (CGG_DIGITS + 2) /* each goes on by a digit at least, the last may not */
#else
#define STEPS 10
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DIGIT(d) bpf_ntohs(((d)&4 ? low : high) >> 16 * ((d)&3))
#else
#define DIGIT(d) (((d)&4 ? low : high) >> 16 * (3 - ((d)&3)))
#endif
#endif

/* plain_holds - of a rule that asks for no more than a hook and an access bit */
static __always_inline int plain_holds(void *index, const struct cgg_image *image, __u64 ref,
				       __u64 query)
{
	return CGG_PLAIN_HOOKS(CGG_REF_HIGH(ref)) >> QUERY_HOOK(query) &
		       CGG_PLAIN_ACCESS(CGG_REF_HIGH(ref)) >> QUERY_ACCESS(query) & 1 &&
	       !is_deleted(index, image, CGG_REF_LOW(ref));
}

/* item_differs - not 0 when hook, access bit, port or protocol are not the query's */
static __always_inline __u64 item_differs(const struct cgg_item *item, __u64 query)
{
	__u64 over = (__u64)QUERY_PORT(query) - item->port_min, hooks = item->hooks,
	      access = CGG_ITEM_ACCESS(item->action),
	      under = (__u64)item->port_max - QUERY_PORT(query),
	      proto = (__u64)(QUERY_SELECT(query) & 0xffff) ^ item->proto;

	barrier_var(over);
	barrier_var(under);
	return (~(hooks >> QUERY_HOOK(query) & access >> QUERY_ACCESS(query)) & 1) |
	       (over | under) >> 63 | (proto & -(hooks / CGG_ITEM_PROTO & 1));
}

/*
 * The verifier follows each turn of a loop. So what may take many steps goes some of them in
 * one function, which gives where it goes on, and is called again with that.
 */
#define DESCEND_STEPS 6 /* digits */
#define OWN_STEPS 16 /* items of a list */
#define NODE_STEPS 16
#define NODE_MORE 8 /* a kind of reference: the rule found so far (CGG_LOW: none), the next node */

/* From a list to what is behind its first item: one less, that many units on. */
#define LIST_NEXT (sizeof(struct cgg_item) / 8 - (1ULL << 28))

/*
 * own_find - the first rule that holds of those that stand at one prefix; a LIST: none of
 * the first OWN_STEPS does, and those are left
 */
__noinline __weak __u64 own_find(__u32 number, __u64 own, __u64 query, CONTEXT who)
{
	const struct cgg_image *image = image_at(number);
	void *index = image ? index_of(image) : 0;
	const char *page;
	__u32 place;

	if (!index)
		return 0;
	for (int i = 0; i < 2; i++) {
		__u32 by = CGG_INTERVALS_DIGIT(own) == CGG_BY_PROTO ? QUERY_SELECT(query) & 0xffff
								    : QUERY_PORT(query);

		if (CGG_REF_KIND(own) != CGG_REF_INTERVALS && CGG_REF_KIND(own) != CGG_REF_POINTS)
			break;
		own = intervals_find(image->index.number - 1, own, by);
	}
	if (CGG_REF_KIND(own) == CGG_REF_PLAIN)
		return plain_holds(index, image, own, query) ? own : 0;
	if (CGG_REF_KIND(own) == CGG_REF_RULE)
		return item_holds(number, own, query, who) ? own : 0;
	if (CGG_REF_KIND(own) != CGG_REF_LIST)
		return 0;
	page = page_with(index, CGG_REF_LOW(own), &place);
	if (!page)
		return 0;
	for (int i = 0; i < OWN_STEPS && CGG_REF_HIGH(own); i++) {
		const struct cgg_item *item =
			(const struct cgg_item *)(page + ((own << 3) & 0xff0));

		own += LIST_NEXT;
		if (!item_differs(item, query)) {
			__u64 found = FOUND(item->rule, CGG_ITEM_ACTION(item->action));

			if (item->hooks & CGG_ITEM_PLAIN && !image->index.dead)
				return found;
			if (item_holds(number, found, query, who))
				return found;
		}
	}
	return CGG_REF_HIGH(own) ? own : 0;
}

/* An index that is not there denies, in the name of rule 0. */
#define CGG_NO_INDEX CGG_REF(CGG_REF_PLAIN, CGG_PLAIN(~0u & 0xfff, 15u, (__u32)CGG_DENY), 0)

/* is_interior - the reference is on the way along the key, not at its end */
static __always_inline int is_interior(__u64 ref)
{
	return CGG_REF_KIND(ref) - CGG_REF_INTERVALS <= CGG_REF_POINTS - CGG_REF_INTERVALS;
}

/*
 * descend - from reference on along the key to the longest prefix that has rules: what is there,
 * in index number; a reference that is_interior(): it goes on
 */
__noinline __weak __u64 descend(__u32 number, KEY_PARAMS, __u64 ref)
{
	void *index = bpf_map_lookup_elem(&indexes, &number);

#if HAS_NAME
	const struct cgg_operand *name = name_from(key);

	if (!name)
		return CGG_NO_INDEX;
#endif
	if (!index)
		return CGG_NO_INDEX;
	for (__u32 i = 0; i < DESCEND_STEPS; i++) {
		__u32 kind = CGG_REF_KIND(ref), place;
		const struct cgg_path *skip;
		const char *page;
		__u64 differ;

		if (kind == CGG_REF_INTERVALS && CGG_INTERVALS_COUNT(ref) > CGG_INTERVALS_MOST) {
			ref = ref_at(index, CGG_REF_LOW(ref) + DIGIT(CGG_INTERVALS_DIGIT(ref)));
			continue;
		}
		if (kind == CGG_REF_INTERVALS || (HAS_NAME && kind == CGG_REF_POINTS)) {
			ref = intervals_find(number, ref, DIGIT(CGG_INTERVALS_DIGIT(ref)));
			continue;
		}
		if (kind == CGG_REF_POINTS) {
			ref = points_find(index, ref, DIGIT(CGG_INTERVALS_DIGIT(ref)));
			continue;
		}
		if (kind != CGG_REF_PATH)
			break;
		page = page_with(index, CGG_REF_LOW(ref), &place);
		if (!page || place > CGG_PAGE - sizeof(*skip))
			return CGG_NO_INDEX;
		skip = (const struct cgg_path *)(page + place);
#if HAS_NAME
		const __u64 *part = &name->word[CGG_REF_HIGH(ref) << 1 & 14];
		__u64 high = part[0], low = part[1];
#endif
		differ = ((high ^ skip->value[0]) & skip->mask[0]) |
			 ((low ^ skip->value[1]) & skip->mask[1]);
		ref = differ ? skip->no : skip->yes;
	}
	return ref;
}

/* record_found - rule number of an index, as a walk finds it */
static __always_inline __u64 record_found(void *index, const struct cgg_image *image, __u32 rule)
{
	const struct cgg_record *record = record_at(index, &image->index, rule);

	return record ? FOUND(rule, record->action) : CGG_NO_INDEX;
}

/*
 * nodes_find - from there to ever shorter prefixes, as long as a rule there may come first;
 * NODE_MORE: they go on
 */
__noinline __weak __u64 nodes_find(__u32 number, __u64 ref, __u64 query, CONTEXT who)
{
	const struct cgg_image *image = image_at(number);
	void *index = image ? index_of(image) : 0;
	__u32 first = CGG_LOW;
	__u64 found = 0;

	if (!index)
		return CGG_NO_INDEX;
	if (CGG_REF_KIND(ref) == NODE_MORE) {
		first = CGG_REF_HIGH(ref);
		ref = CGG_REF(CGG_REF_NODE, 0, CGG_REF_LOW(ref));
		if (first != CGG_LOW)
			found = record_found(index, image, first);
	}
	/* What is behind the last node is no node. */
	for (__u32 i = 0; i <= NODE_STEPS; i++) {
		__u64 own = ref, next = 0, one;
		__u32 best = 0;

		if (CGG_REF_KIND(ref) == CGG_REF_NODE) {
			__u32 place;
			const char *page = page_with(index, CGG_REF_LOW(ref), &place);
			const struct cgg_node *node;

			if (i == NODE_STEPS)
				break;
			if (!page)
				return found;
			node = (const struct cgg_node *)(page + (place & 0xfe0));
			own = node->own;
			next = node->next;
			best = node->best;
		}
		one = own_find(number, own, query, who);
		for (int more = OWN_STEPS; more < CGG_LIST_MOST; more += OWN_STEPS) {
			if (CGG_REF_KIND(one) != CGG_REF_LIST)
				break;
			one = own_find(number, one, query, who);
		}
		if (one && CGG_REF_LOW(one) < first) {
			found = one;
			first = CGG_REF_LOW(one);
		}
		if (!next || first < best)
			return found;
		ref = next;
	}
	return CGG_REF(NODE_MORE, first, CGG_REF_LOW(ref));
}

/* descend_rest - the same, as far as it goes */
__noinline __weak __u64 descend_rest(__u32 number, KEY_PARAMS, __u64 ref)
{
	for (__u32 i = DESCEND_STEPS; i < STEPS && is_interior(ref); i += DESCEND_STEPS)
		ref = descend(number, KEY_ARGS, ref);
	return ref;
}

/* nodes_rest - likewise */
__noinline __weak __u64 nodes_rest(__u32 number, __u64 ref, __u64 query, CONTEXT who)
{
	for (__u32 i = NODE_STEPS; i < CGG_CHAIN && CGG_REF_KIND(ref) == NODE_MORE; i += NODE_STEPS)
		ref = nodes_find(number, ref, query, who);
	return ref;
}

/* index_find - the first rule of an image's index that holds; 0: none does */
static __always_inline __u64 index_find(__u32 number, const struct cgg_image *image, KEY_PARAMS,
					__u64 query, CONTEXT who)
{
	__u32 place = image->index.number - 1, space = space_of(query);
	__u64 ref;

	barrier_var(space); /* clang 16 drops a mask that the verifier needs */
	ref = descend(place, KEY_ARGS, image->index.root[space & 15]);
	if (is_interior(ref))
		ref = descend_rest(place, KEY_ARGS, ref);
	if (!ref)
		return 0;
	if (CGG_REF_KIND(ref) == CGG_REF_PLAIN)
		return plain_holds(index_of(image), image, ref, query) ? ref : 0;
	ref = nodes_find(number, ref, query, who);
	return CGG_REF_KIND(ref) == NODE_MORE ? nodes_rest(number, ref, query, who) : ref;
}

/* decision_of_index - that of a rule that index_find() found */
static __always_inline void decision_of_index(struct cgg_decision *out,
					      const struct cgg_image *image, __u64 found)
{
	const struct cgg_record *record;
	const struct cgg_action *a;
	void *index;

	out->index = image->index.number;
	out->label = CGG_REF_LOW(found);
	out->rule = image->index.first_id + CGG_REF_LOW(found);
	out->verdict = CGG_PLAIN_VERDICT(CGG_REF_HIGH(found));
	if (CGG_REF_KIND(found) == CGG_REF_PLAIN && image->index.first_id)
		return;
	index = index_of(image);
	if (index && CGG_REF_KIND(found) != CGG_REF_PLAIN) {
		a = action_at(index, CGG_REF_HIGH(found));
		out->verdict = a ? a->verdict : CGG_DENY;
		out->error = a ? a->error : 0;
		out->quiet = a ? a->quiet : 0;
	}
	if (image->index.first_id)
		return;
	record = index ? record_at(index, &image->index, CGG_REF_LOW(found)) : 0;
	if (record)
		out->rule = record->id;
}

/* decide_one - what the first match says of one access bit, else the default */
static __always_inline void decide_one(__u32 number, const struct cgg_image *image,
				       const struct operation *o, __u32 access_bit,
				       struct cgg_decision *out)
{
	__u64 query = QUERY(&o->q, access_bit);
	__u64 found = image->index.number ? index_find(number, image, KEY_OF(o), query, o->who) : 0;
	__u32 at = image->count ? front_find(number, KEY_OF(o), query, o->who) : 0;
	const struct cgg_entry *e = &image->entry[(at - 1) % CGG_ENTRIES];

	*out = (struct cgg_decision){};
	if (found && (!at || CGG_REF_LOW(found) < e->before)) {
		decision_of_index(out, image, found);
	} else if (at) {
		out->rule = e->id;
		out->verdict = e->verdict;
		out->label = e->label;
		out->error = e->error;
		out->quiet = e->quiet;
	} else {
		out->verdict = image->defaults[o->q.hook & 15];
	}
}

/* Return the number of the only access bit asked for: of 1, 2, 4, 8. */
static __always_inline __u32 only_access_bit(__u32 access)
{
	return (access >> 1) - (access >> 3);
}

#if defined(CGG_SEVERAL)
/* decide_all - each access bit that is asked for by itself; the worst answer counts */
static __always_inline void decide_all(__u32 number, const struct cgg_image *image,
				       const struct operation *o, struct cgg_decision *out)
{
	struct cgg_decision one;

	if (o->q.access && !(o->q.access & (o->q.access - 1))) { /* as most hooks do */
		decide_one(number, image, o, only_access_bit(o->q.access), out);
		return;
	}
	out->verdict = CGG_ALLOW;
	for (__u32 access_bit = 0; access_bit < CGG_ACCESS_BITS; access_bit++) {
		if (!(o->q.access >> access_bit & 1))
			continue;
		decide_one(number, image, o, access_bit, &one);
		if (one.verdict >= out->verdict)
			*out = one;
	}
}
#else
/* decide_all - there is one */
static __always_inline void decide_all(__u32 number, const struct cgg_image *image,
				       const struct operation *o, struct cgg_decision *out)
{
	decide_one(number, image, o, only_access_bit(o->q.access), out);
}
#endif

/* image_now - the number of the image that generation means: a restore may have lapsed */
static __always_inline __u32 image_now(const struct cgg_policy *policy, __u32 place,
				       __u32 generation)
{
	__u64 revert_at = *(const volatile __u64 *)&policy->revert_at;

	if (revert_at && policy->unconfirmed == generation && bpf_ktime_get_boot_ns() >= revert_at)
		generation++;
	return 2 * place + (generation & 1);
}

/*
 * decide - what the policy at place says of an operation
 *
 * Gives the image that said it, for the texts that an event takes from it; 0
 * when none could, and then the answer is no (struct cgg_policy).
 */
static __always_inline const struct cgg_image *decide(const struct cgg_policy *policy, __u32 place,
						      struct operation *o, struct cgg_decision *out)
{
	const volatile __u32 *generation = &policy->generation, *writing = &policy->writing;

	for (int try = 0; try < 4; try++) {
		barrier_var(try); /* clang 13 counts with what the verifier cannot follow */
		__u32 now = *generation, number = image_now(policy, place, now);
		const struct cgg_image *image = image_at(number);

		if (!image)
			break;
		decide_all(number, image, o, out);
		out->image = number & 1;
		if (*writing - now <= 1 && NAME_KEPT(o))
			return image;
	}
	*out = (struct cgg_decision){};
	out->verdict = CGG_DENY;
	return 0;
}

#endif
