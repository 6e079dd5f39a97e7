// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * host.bpf.c - walks by the names of an address, for the programs of connect and sendmsg.
 *
 * Nothing is attached from here: host.h says how its functions are used.
 */
#define CGG_HOSTS
#define CGG_SOCKETS
#include "../descend.h"
#include "../set_names.h"
#include "inner.h"
#include "place.h"

/*
 * host_begin - Copy the names that the address has now into the buffer; return the turn, or 0.
 *
 * The turn is taken first: what another program writes into the buffer later is noticed.
 */
__noinline __weak __u64 host_begin(__u64 high, __u64 low, __u64 netns)
{
	struct cgg_where where = { { high, low }, netns };
	__u32 place = names_place(), number = place - 1, zero = 0;
	void *own = bpf_map_lookup_elem(&bindings, &number);
	const struct cgg_bound *bound = own ? bpf_map_lookup_elem(own, &where) : 0;
	struct scratch *s = scratch_of(FOR_HOST);
	__u64 turn, now, hash, *key;

	key = bound && s ? bpf_map_lookup_elem(&seed, &zero) : 0;
	if (!bound || !s || !key)
		return 0;
	hash = where_hash(*key, &where);
	turn = turn_take(s);
	now = bpf_ktime_get_boot_ns();
	s->place = place;
	s->seed = *key;
	s->addr[0] = high;
	s->addr[1] = low;
	s->len = 0;
	for (__u32 i = 0; i < CGG_NAMES_OF; i++) {
		s->bound.name[i] = bound->name[i];
		s->bound.name[i].check -= hash;
		if (!s->bound.name[i].expires)
			break;
		if (s->bound.name[i].expires <= now)
			s->bound.name[i].hash = 0;
	}
	return turn;
}

/*
 * host_take - Copy a name of the address into the buffer as the key of the next walk.
 *
 * Return 0 if it is not known any more, else the bits of select that it has, and 1; with LAST_NAME
 * if the places behind it were never used.
 */
__noinline __weak __u32 host_take(__u32 number)
{
	struct scratch *s = scratch_of(FOR_HOST);
	const struct cgg_known_name *name;
	__u64 hash, flags, born;
	__u32 place, last;
	void *own;

	if (!s || number >= CGG_NAMES_OF)
		return LAST_NAME;
	last = number == CGG_NAMES_OF - 1 || !s->bound.name[(number + 1) % CGG_NAMES_OF].expires
		       ? LAST_NAME
		       : 0;
	hash = s->bound.name[number].hash;
	flags = hash & CGG_BOUND_FLAGS;
	born = s->bound.name[number].check;
	s->hash = hash & ~CGG_BOUND_FLAGS;
	if (!s->hash)
		return last;
	place = s->place - 1;
	own = bpf_map_lookup_elem(&known, &place);
	name = own ? bpf_map_lookup_elem(own, &s->hash) : 0;
	if (!name || *(const volatile __u64 *)&name->born_too != born)
		return last;
	s->name = name->name;
	/* The element may have become another name's while it was copied. */
	if (names_hash(s->seed, &s->name) != s->hash ||
	    *(const volatile __u64 *)&name->born != born)
		return last;
	s->len = name->len;
	return last | 1 | (flags & CGG_ALIAS ? CGG_IS_ALIAS : 0) |
	       (is_inner(s->addr) ? CGG_IS_INNER : 0);
}

/* host_any - Take a name of the address, aliases last; return its length, 0: none. */
__noinline __weak __u32 host_any(void)
{
	const struct scratch *s = scratch_of(FOR_HOST);
	__u32 alias = 0;

	for (__u32 i = 0; i < CGG_NAMES_OF && s; i++) {
		__u32 taken = host_take(i);

		if (taken & 1 && !(taken & CGG_IS_ALIAS))
			return s->len;
		alias = taken & 1 ? i + 1 : alias;
		if (taken & LAST_NAME)
			break;
	}
	return alias && host_take(alias - 1) && s ? s->len : 0;
}

/* host_descend - Return where the longest prefix of the name leads in the index of an image. */
__noinline __weak __u64 host_descend(__u32 image_number)
{
	const struct cgg_image *image = image_at(image_number);
	__u64 ref;

	if (!image)
		return CGG_NO_INDEX;
	ref = descend_host(image->index.number - 1, FOR_HOST, image->index.root[CGG_SPACE_HOST]);
	if (is_interior(ref))
		ref = descend_rest_host(image->index.number - 1, FOR_HOST, ref);
	return ref;
}
