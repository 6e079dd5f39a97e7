// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * condition.c - conditions of rules: equal, plain, and one that holds wherever another does.
 *
 * Each function looks at every byte. A match that none of them knows by its name is compared
 * for equality: that costs an index a few nodes, and never opens anything.
 */
#include <string.h>

#include "build.h"

#define PROTO 0xffffu /* of select: the protocol, which an item also has */

/* Compare two conditions, for equality or for sorting: below 0, 0, above 0. */
int condition_compare(const struct cgg_condition *a, const struct cgg_condition *b)
{
	return memcmp(a, b, sizeof(*a));
}

/* Return whether it asks for no more than hook, access bits and, if by_proto, the protocol. */
bool condition_is_plain(const struct cgg_condition *c, bool by_proto)
{
	const struct cgg_condition plain = {
		.expires = CGG_NEVER,
		.hooks = c->hooks,
		.access = c->access,
	};
	struct cgg_condition rest = *c;

	if (by_proto) {
		rest.select &= ~PROTO;
		rest.select_mask &= ~PROTO;
	}
	return !condition_compare(&rest, &plain);
}

static bool ids_contain(const struct cgg_ids *wider, const struct cgg_ids *ids)
{
	return wider->past ? ids->past && ids->from >= wider->from && ids->past <= wider->past
			   : !wider->from;
}

static bool asks_owner(const struct cgg_condition *c)
{
	return c->uid.past || c->gid.past;
}

/* Return whether the owners of `wider' include those of c. */
static bool owners_imply(const struct cgg_condition *c, const struct cgg_condition *wider)
{
	if (!asks_owner(c))
		return !asks_owner(wider);
	if (!ids_contain(&wider->uid, &c->uid) || !ids_contain(&wider->gid, &c->gid))
		return false;
	return true;
}

static bool values_contain(const struct cgg_values *wider, const struct cgg_values *values)
{
	return wider->past
		       ? values->past && values->from >= wider->from && values->past <= wider->past
		       : !wider->from;
}

/* Return whether `wider' holds wherever c does, in what may be not known. */
static bool knowns_imply(const struct cgg_condition *c, const struct cgg_condition *wider)
{
	if (!owners_imply(c, wider) || !values_contain(&wider->value, &c->value))
		return false;
	return !(asks_owner(wider) || wider->value.past) || !(c->unknown & ~wider->unknown);
}

/* Return whether the packets of `wider' include those of c. */
static bool packets_imply(const struct cgg_condition *c, const struct cgg_condition *wider)
{
	for (unsigned i = 0; i < 2; i++)
		if ((wider->self[i] ^ c->self[i]) & wider->self_mask[i] ||
		    wider->self_mask[i] & ~c->self_mask[i])
			return false;
	return (!wider->iface || wider->iface == c->iface) && wider->sport_min <= c->sport_min &&
	       wider->sport_above <= c->sport_above;
}

/* Return whether `wider` holds wherever c does. A false "no" only costs time. */
bool condition_implies(const struct cgg_condition *c, const struct cgg_condition *wider)
{
	struct cgg_condition rest = *c;

	if (wider->cgroup && wider->cgroup != c->cgroup)
		return false;
	if (wider->expires < c->expires || c->hooks & ~wider->hooks || c->access & ~wider->access)
		return false;
	if ((wider->select ^ c->select) & wider->select_mask ||
	    wider->select_mask & ~c->select_mask)
		return false;
	if (!knowns_imply(c, wider) || !packets_imply(c, wider))
		return false;
	if (asks_owner(c)) {
		rest.uid = wider->uid;
		rest.gid = wider->gid;
	}
	if (c->value.past)
		rest.value = wider->value;
	if (asks_owner(c) || c->value.past)
		rest.unknown = wider->unknown;
	rest.sport_min = wider->sport_min;
	rest.sport_above = wider->sport_above;
	rest.iface = wider->iface;
	memcpy(rest.self, wider->self, sizeof(rest.self));
	memcpy(rest.self_mask, wider->self_mask, sizeof(rest.self_mask));
	if (!wider->limit) /* one that is limited is no wider than another */
		rest.limit = rest.burst = 0, rest.interval = 0;
	rest.cgroup = wider->cgroup;
	rest.level = wider->level; /* of the cgroup */
	rest.expires = wider->expires;
	rest.hooks = wider->hooks;
	rest.access = wider->access;
	rest.select = wider->select;
	rest.select_mask = wider->select_mask;
	return !condition_compare(&rest, wider);
}
