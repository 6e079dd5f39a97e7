// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * names.c - makes and removes the maps in which a cgroup's names are: bindings/ID and known/ID.
 *
 * A map is pinned before programs can reach it, and its pin is removed last, so that what a killed
 * command leaves can be found by its pin.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
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

static int outer_get(enum cgg_names_map map)
{
	char name[32];

	snprintf(name, sizeof(name), "maps/%s", inner[map].name);
	return pin_get(name);
}

/* Return the map of a cgroup, or -1 with errno; ENOENT: it has none, or programs use another. */
int names_get(enum cgg_names_map map, __u64 id)
{
	int outer = outer_get(map), fd = -1, error = outer < 0 ? errno : 0;
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), used;
	char path[128];

	names_path(path, map, id);
	if (!error) {
		fd = bpf_obj_get(path);
		error = fd < 0 || bpf_map_lookup_elem(outer, &id, &used) ||
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

static void names_drop_one(enum cgg_names_map map, __u64 id)
{
	char path[128];
	int outer;

	names_path(path, map, id);
	if (access(path, F_OK))
		return;
	outer = outer_get(map);
	if (outer < 0 || !bpf_map_delete_elem(outer, &id) || errno == ENOENT)
		unlink(path);
	if (outer >= 0)
		close(outer);
}

void names_drop(__u64 id)
{
	names_drop_one(CGG_BINDINGS, id);
	names_drop_one(CGG_KNOWN, id);
}

static int names_make_one(enum cgg_names_map map, __u64 id, __u32 room)
{
	struct bpf_map_info info = { 0 };
	int there = names_get(map, id), outer, fd, status = 0;
	__u32 len = sizeof(info);
	char path[128];
	bool fits = there >= 0 && !bpf_obj_get_info_by_fd(there, &info, &len) &&
		    info.max_entries == room;

	if (there >= 0)
		close(there);
	if (fits)
		return 0;
	names_drop_one(map, id);
	names_path(path, map, id);
	outer = outer_get(map);
	fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, inner[map].name, inner[map].key,
			    inner[map].value, room, 0);
	if (outer < 0 || fd < 0 || bpf_obj_pin(fd, path) ||
	    bpf_map_update_elem(outer, &id, &fd, BPF_ANY))
		status = set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (outer >= 0)
		close(outer);
	if (status)
		names_drop_one(map, id);
	return status;
}

/* Make the maps of a cgroup, with room for so many addresses and names, unless they are there. */
int names_make(__u64 id, __u32 room)
{
	int status = names_make_one(CGG_BINDINGS, id, room);

	if (!status)
		status = names_make_one(CGG_KNOWN, id, room);
	if (status)
		names_drop(id);
	return status;
}

/* Call sweep for the id of each cgroup that has such a map. */
void names_each(void sweep(void *context, __u64 id), void *context)
{
	DIR *list = opendir(CGG_DIR "/bindings");
	struct dirent *entry;

	while (list && (entry = readdir(list))) {
		unsigned long long id;
		char rest;

		if (sscanf(entry->d_name, "%llu%c", &id, &rest) == 1)
			sweep(context, id);
	}
	if (list)
		closedir(list);
}

bool names_loaded(void)
{
	return !access(CGG_DIR "/progs/dns_answer", F_OK);
}

/* Return the cookie of this process's network namespace; 0: this kernel tells it to nobody. */
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
