// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* programs.c - opens pinned maps and programs, if they are the guard's own; caches their ids. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pins.h"

static int object_get(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), CGG_DIR "/%s", name);
	return bpf_obj_get(path);
}

/* ---- checks that pins belong to one guard: another tool may have replaced some ---- */

#define HELD 64

struct holder { /* a program and the maps that it uses */
	char name[BPF_OBJ_NAME_LEN];
	__u32 count, map[HELD];
};

/* Read the maps of a program. Return 0 or an errno. An fd that is not a program has no maps. */
static int holder_read(struct holder *holder, int program)
{
	struct bpf_prog_info info = { .nr_map_ids = HELD, .map_ids = (__u64)(size_t)holder->map };
	__u32 len = sizeof(info);

	memset(holder, 0, sizeof(*holder));
	if (bpf_obj_get_info_by_fd(program, &info, &len))
		return errno;
	memcpy(holder->name, info.name, sizeof(holder->name));
	holder->count = info.nr_map_ids < HELD ? info.nr_map_ids : HELD;
	return 0;
}

static bool uses_map(const struct holder *holder, __u32 map)
{
	for (__u32 i = 0; map && i < holder->count; i++)
		if (holder->map[i] == map)
			return true;
	return false;
}

/* Compare with a name as the kernel stores it: cut to 15 bytes. */
static bool has_name(const char given[BPF_OBJ_NAME_LEN], const char *name)
{
	return !strncmp(given, name, BPF_OBJ_NAME_LEN - 1);
}

/* Read the id of a map. Return 0 or an errno; ESTALE: not a map with this name. */
static int map_id(int fd, const char *name, __u32 *id)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	*id = 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return errno;
	if (!has_name(info.name, name))
		return ESTALE;
	*id = info.id;
	return 0;
}

/*
 * Return 0 if a pinned program uses the map, or if no program is pinned at all; else ESTALE or
 * another errno.
 *
 * Ids are never reused, so the last program can be cached.
 */
static int map_check(int fd, const char *name)
{
	static struct holder holder;
	__u32 id;
	int error = map_id(fd, name, &id), unknown = 0;
	bool any = false;

	if (error || uses_map(&holder, id))
		return error;
	for (int i = CGG_PROGRAMS; i >= 0; i--) { /* all guards have the program ask */
		char path[64];
		int program;

		snprintf(path, sizeof(path), "progs/%s",
			 i < CGG_PROGRAMS ? cgg_programs[i].name : "ask");
		program = object_get(path);
		if (program < 0) {
			if (errno != ENOENT && errno != EACCES) /* EACCES: a directory */
				unknown = errno;
			continue;
		}
		any = true;
		error = holder_read(&holder, program);
		close(program);
		if (uses_map(&holder, id))
			return 0;
		if (error)
			unknown = error;
	}
	return unknown ? unknown : any ? ESTALE : 0;
}

/* Return 0 if the program has this name and uses the pinned map policies, else an errno. */
static int program_check(int fd, const char *name)
{
	int policies = object_get("maps/policies"), error;
	struct holder holder;
	__u32 id;

	if (policies < 0)
		return errno == ENOENT ? ESTALE : errno;
	error = map_id(policies, "policies", &id);
	close(policies);
	if (!error)
		error = holder_read(&holder, fd);
	if (error)
		return error;
	return has_name(holder.name, name) && uses_map(&holder, id) ? 0 : ESTALE;
}

/* Return 0 if fd is the guard's own object, ESTALE if not, or the errno of a check that failed. */
static int own_check(int fd, const char *name)
{
	if (!strncmp(name, "maps/", 5))
		return map_check(fd, name + 5);
	if (!strncmp(name, "progs/", 6))
		return program_check(fd, name + 6);
	return 0;
}

/*
 * Open a pin of the guard. Return an fd, or -1 with errno; ESTALE: another object is pinned there.
 *
 * Only ESTALE and ENOENT mean that a pin is lost. A check that fails proves nothing, so callers
 * get its own errno and must not treat the pin as missing.
 *
 * cgg-load binds all maps to every program, so that those which only commands use can be checked,
 * too. The caller checks links, because it knows their cgroups.
 */
int pin_get(const char *name)
{
	int fd = object_get(name), error;

	if (fd < 0)
		return fd;
	error = own_check(fd, name);
	errno = error;
	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

int pin_refusal(const char *name)
{
	bool map = !strncmp(name, "maps/", 5);

	if (errno == EPERM || errno == EACCES)
		return set_error(CGG_FAILED,
				 CGG_DIR "/%s: needs root, or CAP_BPF and CAP_NET_ADMIN", name);
	if (errno == ESTALE)
		return set_error(CGG_FAILED, CGG_DIR "/%s: not the %s of this guard; run %s", name,
				 map ? "map" : "program",
				 map ? "cgg-unload -f and cgg-load" : "cgg-load -r");
	if (errno != ENOENT && errno != EINVAL)
		return set_error(CGG_FAILED, CGG_DIR "/%s: %s", name, strerror(errno));
	return set_error(CGG_FAILED, CGG_DIR "/%s: %s; run %s", name, strerror(errno),
			 map ? "cgg-unload -f and cgg-load" : "cgg-load -r");
}

int map_open(const char *name, int *fd)
{
	char path[64];

	snprintf(path, sizeof(path), "maps/%s", name);
	*fd = pin_get(path);
	return *fd < 0 ? pin_refusal(path) : 0;
}

/* Return the layout of the guard, or -1 with errno; ESTALE: not the map version. */
int version_read(void)
{
	int fd = pin_get("version"), error = 0;
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), key = 0, version = 0;

	if (fd < 0)
		return -1;
	/* Check the sizes first: another tool's map may have values longer than `version`. */
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		error = errno;
	else if (!has_name(info.name, "version") || info.key_size != sizeof(key) ||
		 info.value_size != sizeof(version))
		error = ESTALE;
	else if (bpf_map_lookup_elem(fd, &key, &version))
		error = errno;
	close(fd);
	errno = error;
	return error ? -1 : (int)version;
}

static int version_get(int fd, __u32 key, __u32 *value)
{
	if (!bpf_map_lookup_elem(fd, &key, value))
		return 0;
	return set_error(CGG_FAILED, CGG_DIR "/version: %s", strerror(errno));
}

static int version_put(int fd, __u32 key, __u32 value)
{
	if (!bpf_map_update_elem(fd, &key, &value, BPF_EXIST))
		return 0;
	return set_error(CGG_FAILED, CGG_DIR "/version: %s", strerror(errno));
}

int programs_loaded(unsigned *programs)
{
	int fd = pin_get("version"), status;

	if (fd < 0)
		return pin_refusal("version");
	status = version_get(fd, CGG_VERSION_PROGRAMS, programs);
	close(fd);
	return status;
}

/* Store the set of loaded programs for programs_loaded(). */
int programs_record(unsigned programs)
{
	int fd = pin_get("version"), status;

	if (fd < 0)
		return pin_refusal("version");
	status = version_put(fd, CGG_VERSION_PROGRAMS, programs);
	close(fd);
	return status;
}

/*
 * Set the mark that a change is in progress. guard->torn says whether it was set already, because
 * the last change never ended. Return 0 or CGG_FAILED.
 */
int change_begin(struct cgg_guard *guard)
{
	__u32 changing;
	int status;

	guard->version = pin_get("version");
	if (guard->version < 0)
		return pin_refusal("version");
	status = version_get(guard->version, CGG_VERSION_CHANGING, &changing);
	guard->torn = status || changing;
	return guard->torn ? status : version_put(guard->version, CGG_VERSION_CHANGING, 1);
}

/* Clear the mark, unless a repair of everything is due: what failed may have left something. */
void change_end(struct cgg_guard *guard)
{
	if (!guard->torn && !*cgg_error)
		version_put(guard->version, CGG_VERSION_CHANGING, 0);
}

int cursor_read(const struct cgg_guard *guard, __u32 *cursor)
{
	return version_get(guard->version, CGG_VERSION_CURSOR, cursor);
}

int cursor_write(const struct cgg_guard *guard, __u32 cursor)
{
	return version_put(guard->version, CGG_VERSION_CURSOR, cursor);
}

/* ---- the ids of the pinned programs ---- */

/* Return the id of the guard's program that is pinned as directory/name, or 0. */
static __u32 program_read(const char *directory, const char *name)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	char path[64];
	int prog;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	prog = pin_get(path);
	if (prog < 0 || bpf_obj_get_info_by_fd(prog, &info, &len))
		info.id = 0;
	if (prog >= 0)
		close(prog);
	return info.id;
}

/* The cache: read once for each opened guard, not for each link, since a guard has many links. */
static struct cgg_pinned pinned[CGG_PROGRAMS];

void pinned_forget(void)
{
	memset(pinned, 0, sizeof(pinned));
}

const struct cgg_pinned *pinned_read(int program)
{
	const char *name = cgg_programs[program].name, *by_name = cgg_programs[program].by_name;
	struct cgg_pinned *p = &pinned[program];

	if (!p->is_read)
		*p = (struct cgg_pinned){ true, program_read("progs", name),
					  program_read("replaced", name),
					  by_name ? program_read("progs", by_name) : 0,
					  by_name ? program_read("replaced", by_name) : 0 };
	return p;
}
