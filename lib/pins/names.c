// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * names.c - makes and removes the maps in which a cgroup's names are: bindings/ID and known/ID.
 *
 * A cgroup owns a place before its maps exist, and gives it up last. So what a killed command
 * leaves is found by its owner. Programs read the place in the storage of the cgroup. It is written
 * there after both maps exist, and cleared before they are removed.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pins.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static const struct {
	const char *name;
	__u32 key, value;
} inner[] = {
	[CGG_BINDINGS] = { "bindings", sizeof(struct cgg_where), sizeof(struct cgg_bound) },
	[CGG_KNOWN] = { "known", sizeof(__u64), sizeof(struct cgg_known_name) },
};

static void names_path(char path[128], enum cgg_names_map map, __u64 id)
{
	snprintf(path, 128, CGG_DIR "/%s/%llu", inner[map].name, id);
}

/* The owners of places, mapped. */
struct owners {
	__u64 *id;
	int fd;
};

static const size_t owners_size = CGG_NAMES_CGROUPS * sizeof(__u64);

static int owners_open(struct owners *owners)
{
	int error;

	owners->fd = pin_get("maps/name_owners");
	if (owners->fd < 0)
		return errno;
	owners->id = mmap(0, owners_size, PROT_READ | PROT_WRITE, MAP_SHARED, owners->fd, 0);
	if (owners->id != MAP_FAILED)
		return 0;
	error = errno;
	close(owners->fd);
	return error;
}

static void owners_close(struct owners *owners)
{
	munmap(owners->id, owners_size);
	close(owners->fd);
}

/* Return the place that a cgroup owns (id 0: the first free one), or CGG_NAMES_CGROUPS. */
static __u32 owners_find(const struct owners *owners, __u64 id)
{
	__u32 place = 0;

	while (place < CGG_NAMES_CGROUPS && owners->id[place] != id)
		place++;
	return place;
}

/* Return the place that a cgroup owns, or CGG_NAMES_CGROUPS with errno. */
static __u32 place_of(__u64 id)
{
	struct owners owners;
	__u32 place = CGG_NAMES_CGROUPS;
	int error = owners_open(&owners);

	if (!error) {
		place = owners_find(&owners, id);
		owners_close(&owners);
	}
	errno = error ? error : ENOENT;
	return place;
}

/* Tell the programs of a cgroup, if it has any, its place + 1, or 0; return an errno. */
static int place_tell(__u64 id, __u32 names)
{
	int fd = pin_get("maps/attached"), error = fd < 0 ? errno : 0;
	struct cgg_attached value;

	if (!error && bpf_map_lookup_elem(fd, &id, &value))
		error = errno;
	if (!error && value.names != names) {
		value.names = names;
		if (bpf_map_update_elem(fd, &id, &value, BPF_EXIST))
			error = errno;
	}
	if (fd >= 0)
		close(fd);
	return error == ENOENT ? 0 : error;
}

static int outer_get(enum cgg_names_map map)
{
	char name[32];

	snprintf(name, sizeof(name), "maps/%s", inner[map].name);
	return pin_get(name);
}

/* Return the map of a cgroup, or -1 with errno; ENOENT: it has none, or programs use another. */
static int map_get(enum cgg_names_map map, __u64 id, __u32 place)
{
	int outer = outer_get(map), fd = -1, error = outer < 0 ? errno : 0;
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), used;
	char path[128];

	names_path(path, map, id);
	if (!error) {
		fd = bpf_obj_get(path);
		error = fd < 0 || bpf_map_lookup_elem(outer, &place, &used) ||
					bpf_obj_get_info_by_fd(fd, &info, &len)
				? errno
			: info.id == used ? 0
					  : ENOENT;
	}
	if (outer >= 0)
		close(outer);
	if (error && fd >= 0) {
		close(fd);
		fd = -1;
	}
	errno = error;
	return fd;
}

/* Return a map of a cgroup, or -1 with errno, for a command that does not know the place. */
int names_get(enum cgg_names_map map, __u64 id)
{
	__u32 place = place_of(id);

	return place == CGG_NAMES_CGROUPS ? -1 : map_get(map, id, place);
}

/* Remove the map of a cgroup, and then its pin; return whether it is gone. */
static bool map_drop(enum cgg_names_map map, __u64 id, __u32 place)
{
	int outer = outer_get(map);
	bool gone = outer < 0 || !bpf_map_delete_elem(outer, &place) || errno == ENOENT;
	char path[128];

	names_path(path, map, id);
	if (outer >= 0)
		close(outer);
	return gone && (!unlink(path) || errno == ENOENT);
}

static void place_drop(struct owners *owners, __u64 id, __u32 place)
{
	if (!place_tell(id, 0) && map_drop(CGG_BINDINGS, id, place) &&
	    map_drop(CGG_KNOWN, id, place))
		owners->id[place] = 0;
}

/* Return whether a cgroup has a map of its own; after a kill it may own a place without one. */
bool names_there(__u64 id)
{
	char bindings[128], known[128];

	names_path(bindings, CGG_BINDINGS, id);
	names_path(known, CGG_KNOWN, id);
	return !access(bindings, F_OK) || !access(known, F_OK);
}

void names_drop(__u64 id)
{
	struct owners owners;
	__u32 place;

	if (owners_open(&owners))
		return;
	place = owners_find(&owners, id);
	if (place < CGG_NAMES_CGROUPS)
		place_drop(&owners, id, place);
	owners_close(&owners);
}

static int map_make(enum cgg_names_map map, __u64 id, __u32 place, __u32 room)
{
	struct bpf_map_info info = { 0 };
	int there = map_get(map, id, place), outer, fd, status = 0;
	__u32 len = sizeof(info);
	char path[128];
	bool fits = there >= 0 && !bpf_obj_get_info_by_fd(there, &info, &len) &&
		    info.max_entries == room;

	if (there >= 0)
		close(there);
	if (fits)
		return 0;
	map_drop(map, id, place);
	names_path(path, map, id);
	outer = outer_get(map);
	fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, inner[map].name, inner[map].key,
			    inner[map].value, room, 0);
	if (outer < 0 || fd < 0 || bpf_obj_pin(fd, path) ||
	    bpf_map_update_elem(outer, &place, &fd, BPF_ANY))
		status = set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (outer >= 0)
		close(outer);
	return status;
}

/* Make the maps of a cgroup at its place, and tell its programs. */
static int place_make(struct owners *owners, __u64 id, __u32 place, __u32 room)
{
	int status, error;

	owners->id[place] = id;
	status = map_make(CGG_BINDINGS, id, place, room);
	if (!status)
		status = map_make(CGG_KNOWN, id, place, room);
	error = status ? 0 : place_tell(id, place + 1);
	if (error)
		status = set_error(CGG_FAILED, CGG_DIR "/maps/attached: %s", strerror(error));
	if (status)
		place_drop(owners, id, place);
	return status;
}

/* Make the maps of a cgroup, with room for so many addresses and names, unless they are there. */
int names_make(__u64 id, __u32 room)
{
	struct owners owners;
	int error = owners_open(&owners), status;
	__u32 place;

	if (error)
		return set_error(CGG_FAILED, CGG_DIR "/maps/name_owners: %s", strerror(error));
	place = owners_find(&owners, id);
	if (place == CGG_NAMES_CGROUPS)
		place = owners_find(&owners, 0);
	status = place < CGG_NAMES_CGROUPS
			 ? place_make(&owners, id, place, room)
			 : set_error(CGG_FAILED, "%u cgroups have names, no more fit",
				     CGG_NAMES_CGROUPS);
	owners_close(&owners);
	return status;
}

/* Call sweep for the id of each cgroup that owns a place. */
void names_each(void sweep(void *context, __u64 id), void *context)
{
	struct owners owners;

	if (owners_open(&owners))
		return;
	for (__u32 place = 0; place < CGG_NAMES_CGROUPS; place++)
		if (owners.id[place])
			sweep(context, owners.id[place]);
	owners_close(&owners);
}

bool names_loaded(void)
{
	return !access(CGG_DIR "/progs/dns_answer", F_OK);
}

/* Return the cookie of this process's network namespace; 0: before Linux 5.14 it is unknown. */
__u64 netns_cookie(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	__u64 cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		cookie = 0;
	if (fd >= 0)
		close(fd);
	return cookie;
}
