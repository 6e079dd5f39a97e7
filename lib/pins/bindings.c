// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bindings.c - reads, adds and deletes the names that addresses have for a cgroup.
 *
 * Programs change the same maps at any time. So whatever is read is checked as host_take() in
 * bpf/names does it: a name counts only if the hash, the time of birth and the address agree.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pins.h"

#define BATCH 1024

/* The maps of a cgroup. */
struct names {
	int bindings, known;
	__u64 seed;
};

static void names_close(struct names *names)
{
	if (names->bindings >= 0)
		close(names->bindings);
	if (names->known >= 0)
		close(names->known);
}

static int seed_read(__u64 *value)
{
	int fd = pin_get("maps/seed"), error = fd < 0 ? errno : 0;
	__u32 key = 0;

	if (!error && bpf_map_lookup_elem(fd, &key, value))
		error = errno;
	if (fd >= 0)
		close(fd);
	return error;
}

/* Open the maps of a cgroup; return CGG_NO if it has none. */
static int names_open(struct names *names, __u64 id)
{
	int error;

	*names = (struct names){ .bindings = -1, .known = -1 };
	if (!names_loaded())
		return CGG_NO;
	error = seed_read(&names->seed);
	if (!error) {
		names->bindings = names_get(CGG_BINDINGS, id);
		error = names->bindings < 0 ? errno : 0;
	}
	if (!error) {
		names->known = names_get(CGG_KNOWN, id);
		error = names->known < 0 ? errno : 0;
	}
	if (!error)
		return 0;
	names_close(names);
	return error == ENOENT
		       ? CGG_NO
		       : set_error(CGG_FAILED, "the names of cgroup %llu: %s", id, strerror(error));
}

/* Read the name that a binding means; return false if it means none any more. */
static bool name_read(const struct names *names, const struct cgg_where *where,
		      const struct cgg_bound_name *bound, struct cgg_binding *binding)
{
	__u64 hash = bound->hash & ~CGG_BOUND_FLAGS;
	struct cgg_known_name known;
	const char *bytes = (const char *)&known.name;
	size_t len;

	if (!hash || bound->expires <= time_now() ||
	    bpf_map_lookup_elem(names->known, &hash, &known) || known.born != known.born_too ||
	    known.born + where_hash(names->seed, where) != bound->check ||
	    names_hash(names->seed, &known.name) != hash)
		return false;
	len = strnlen(bytes, CGG_NAME_MOST);
	memset(binding->name, 0, sizeof(binding->name));
	for (size_t i = 0; i < len; i++)
		binding->name[i] = bytes[len - 1 - i];
	memcpy(binding->addr, where->addr, sizeof(binding->addr));
	binding->netns = where->netns;
	binding->expires = bound->expires;
	binding->alias = bound->hash & CGG_ALIAS;
	binding->by_hand = bound->hash & CGG_HAND;
	return true;
}

/* Call each for the names in a batch of bindings. */
static int batch_read(const struct names *names, const struct cgg_where *where,
		      const struct cgg_bound *bound, __u32 count, binding_each *each, void *context)
{
	int status = 0;

	for (__u32 i = 0; i < count; i++)
		for (int n = 0; n < CGG_NAMES_OF && !status; n++) {
			struct cgg_binding binding;

			if (name_read(names, &where[i], &bound[i].name[n], &binding))
				status = each(context, &binding);
		}
	return status;
}

/* Call each for all names that addresses have for a cgroup; return CGG_NO if it has no maps. */
int bindings_read(__u64 id, binding_each *each, void *context)
{
	struct cgg_where *where = malloc(BATCH * sizeof(*where));
	struct cgg_bound *bound = malloc(BATCH * sizeof(*bound));
	struct names names = { .bindings = -1, .known = -1 };
	__u32 from = 0, to = 0;
	bool first = true;
	int status = where && bound ? names_open(&names, id)
				    : set_error(CGG_FAILED, "names: out of memory"),
	    error = 0;

	while (!status && !error) {
		__u32 count = BATCH;

		error = bpf_map_lookup_batch(names.bindings, first ? 0 : &from, &to, where, bound,
					     &count, 0)
				? errno
				: 0;
		if (error && error != ENOENT)
			status = set_error(CGG_FAILED, "the names of cgroup %llu: %s", id,
					   strerror(error));
		else
			status = batch_read(&names, where, bound, count, each, context);
		first = false;
		from = to;
	}
	names_close(&names);
	free(where);
	free(bound);
	return status;
}

/*
 * Count the elements of a map, in batches that values has room for; call look for each batch, if
 * it is not 0. Return an errno.
 */
static int map_count(int map, void *keys, void *values, __u64 *elements,
		     void look(const void *values, __u32 count, __u64 *sum), __u64 *sum)
{
	__u32 from = 0, to = 0;
	bool first = true;
	int error = 0;

	while (!error) {
		__u32 count = BATCH;

		if (bpf_map_lookup_batch(map, first ? 0 : &from, &to, keys, values, &count, 0))
			error = errno;
		if (error && error != ENOENT)
			return error;
		*elements += count;
		if (look)
			look(values, count, sum);
		first = false;
		from = to;
	}
	return 0;
}

static void by_hand_count(const void *values, __u32 count, __u64 *sum)
{
	const struct cgg_bound *bound = values;

	for (__u32 i = 0; i < count; i++)
		for (int n = 0; n < CGG_NAMES_OF; n++)
			*sum += bound[i].name[n].expires && bound[i].name[n].hash & CGG_HAND;
}

/* Count what the maps of a cgroup have, expired names too; return CGG_NO if it has no maps. */
int bindings_count(__u64 id, struct cgg_fill *fill)
{
	const size_t most = sizeof(struct cgg_bound) > sizeof(struct cgg_known_name)
				    ? sizeof(struct cgg_bound)
				    : sizeof(struct cgg_known_name);
	struct cgg_where *keys = malloc(BATCH * sizeof(*keys));
	void *values = malloc(BATCH * most);
	struct names names = { .bindings = -1, .known = -1 };
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int status = keys && values ? names_open(&names, id)
				    : set_error(CGG_FAILED, "names: out of memory"),
	    error = 0;

	*fill = (struct cgg_fill){ 0 };
	if (!status && bpf_obj_get_info_by_fd(names.bindings, &info, &len))
		error = errno;
	fill->room = info.max_entries;
	if (!status && !error)
		error = map_count(names.bindings, keys, values, &fill->addresses, by_hand_count,
				  &fill->by_hand);
	if (!status && !error)
		error = map_count(names.known, keys, values, &fill->names, 0, 0);
	if (error)
		status = set_error(CGG_FAILED, "the names of cgroup %llu: %s", id, strerror(error));
	names_close(&names);
	free(keys);
	free(values);
	return status;
}

/* Enter a name in a cgroup's names, as name_keep() in bpf/names does; return its birth, or 0. */
static __u64 name_enter(const struct names *names, __u64 hash, const struct cgg_operand *name)
{
	struct cgg_known_name fresh = { .name = *name }, there;

	fresh.born = fresh.born_too = time_now();
	fresh.len = strnlen((const char *)name, CGG_OPERAND);
	for (int try = 0; try < 4; try++) {
		if (!bpf_map_update_elem(names->known, &hash, &fresh, BPF_NOEXIST))
			return fresh.born;
		if (errno != EEXIST)
			return 0;
		if (bpf_map_lookup_elem(names->known, &hash, &there))
			continue;
		errno = EEXIST;
		return memcmp(&there.name, name, sizeof(*name)) ? 0 : there.born;
	}
	return 0;
}

/* Put a name where it is already, or where it expires first, as name_write() in bpf/names does. */
static void bound_put(struct cgg_bound *bound, const struct cgg_bound_name *name)
{
	struct cgg_bound_name *pick = &bound->name[0];

	for (int i = 0; i < CGG_NAMES_OF; i++) {
		struct cgg_bound_name *at = &bound->name[i];

		if (at->hash == name->hash && at->check == name->check &&
		    at->expires > name->expires)
			return;
		if (at->hash == name->hash) {
			pick = at;
			break;
		}
		if (at->expires < pick->expires)
			pick = at;
	}
	*pick = *name;
}

/*
 * Give an address a name for a cgroup, until it expires; return CGG_NO if the cgroup has no maps.
 * Hold the exclusive lock: two commands must not change one binding at once. before: for
 * binding_undo(), if this succeeds.
 */
int binding_add(__u64 id, const struct cgg_binding *binding, struct cgg_bound_before *before)
{
	struct cgg_bound_name name = { .expires = binding->expires };
	struct cgg_where where = { .netns = binding->netns };
	struct cgg_operand operand;
	struct cgg_bound bound;
	struct names names;
	__u64 hash, born;
	int status = names_open(&names, id);

	if (status)
		return status;
	memcpy(where.addr, binding->addr, sizeof(where.addr));
	host_reverse((char *)&operand, binding->name);
	hash = names_hash(names.seed, &operand);
	born = name_enter(&names, hash, &operand);
	name.hash = hash | CGG_HAND | (binding->alias ? CGG_ALIAS : 0);
	name.check = born + where_hash(names.seed, &where);
	*before = (struct cgg_bound_before){ .id = id, .where = where };
	before->had = born && !bpf_map_lookup_elem(names.bindings, &where, &before->bound);
	if (!before->had && errno != ENOENT)
		born = 0;
	bound = before->bound;
	bound_put(&bound, &name);
	if (!born || bpf_map_update_elem(names.bindings, &where, &bound, BPF_ANY))
		status = set_error(CGG_FAILED, "%s: %s", binding->name, strerror(errno));
	names_close(&names);
	return status;
}

/* Take back what binding_add() changed; what programs bound to the address since is lost. */
int binding_undo(const struct cgg_bound_before *before)
{
	struct names names;
	int status = names_open(&names, before->id);

	if (status)
		return status;
	if (before->had
		    ? bpf_map_update_elem(names.bindings, &before->where, &before->bound, BPF_ANY)
		    : bpf_map_delete_elem(names.bindings, &before->where) && errno != ENOENT)
		status = set_error(CGG_FAILED, "the names of cgroup %llu: %s", before->id,
				   strerror(errno));
	names_close(&names);
	return status;
}

/*
 * Read the keys of all bindings into *keys, to be freed; return 0 or an errno. If a program evicts
 * the key that was read last, the kernel begins again, so there is room for each key twice.
 */
static int keys_read(int fd, struct cgg_where **keys, size_t *count)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	struct cgg_where *key;

	*keys = 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return errno;
	*keys = calloc(info.max_entries, 2 * sizeof(**keys));
	if (!*keys)
		return ENOMEM;
	for (*count = 0; *count < 2ULL * info.max_entries; ++*count) {
		key = &(*keys)[*count];
		if (bpf_map_get_next_key(fd, *count ? key - 1 : 0, key))
			return errno == ENOENT ? 0 : errno;
	}
	return 0;
}

/* Delete the elements of known. A failure is ignored: without bindings they mean nothing. */
static void known_empty(int fd)
{
	__u64 hash;

	for (__u32 i = 0; i < CGG_NAMES_ROOM_MOST; i++)
		if (bpf_map_get_next_key(fd, 0, &hash) || bpf_map_delete_elem(fd, &hash))
			return;
}

/* Delete all names that addresses have for a cgroup; return CGG_NO if it has no maps. */
int bindings_flush(__u64 id)
{
	struct cgg_where *keys;
	struct names names;
	size_t count = 0;
	int status = names_open(&names, id), error;

	if (status)
		return status;
	error = keys_read(names.bindings, &keys, &count);
	for (size_t i = 0; i < count && !error; i++)
		if (bpf_map_delete_elem(names.bindings, &keys[i]) && errno != ENOENT)
			error = errno;
	if (!error)
		known_empty(names.known);
	if (error)
		status = set_error(CGG_FAILED, "the names of cgroup %llu: %s", id, strerror(error));
	names_close(&names);
	free(keys);
	return status;
}
