// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * renew.c - add programs to a loaded guard, or replace those that it has.
 *
 * The kernel takes long to verify programs, so the lock is not held meanwhile. The programs use the
 * pinned maps. Under the lock it is checked that these are still the guard's.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

void make_directory(const char *directory, const char *below)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", directory, below);
	if (mkdir(path, 0700))
		err(CGG_FAILED, "%s", path);
}

void pin_or_die(int fd, const char *directory, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (bpf_obj_pin(fd, path))
		err(CGG_FAILED, "%s", path);
}

/* Pin what a killed command may have pinned before. */
static void pin_anew(int fd, const char *directory, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	unlink(path);
	pin_or_die(fd, directory, name);
}

/* Bind all maps of an object to a program. */
static void maps_bind(struct bpf_object *object, int program)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		if (bpf_prog_bind_map(program, bpf_map__fd(map), 0))
			err(CGG_FAILED, "%s", bpf_map__name(map));
	}
}

/* Return 1 << enum cgg_program for the name of a program, or 0. */
static unsigned program_bit(const char *name)
{
	for (int i = 0; i < CGG_PROGRAMS; i++)
		if (!strcmp(cgg_programs[i].name, name))
			return 1u << i;
	return 0;
}

/*
 * Pin the programs of an object that are loaded, except some.
 *
 * All maps are bound to each. So a map that only commands use, or programs that are not loaded yet,
 * is known to belong to this guard.
 */
void programs_pin(struct bpf_object *object, const char *directory, unsigned except)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);

		if (!bpf_program__autoload(program) || program_bit(name) & except)
			continue;
		maps_bind(object, bpf_program__fd(program));
		pin_anew(bpf_program__fd(program), directory, name);
	}
}

void value_write(struct bpf_object *object, const char *map, const void *value)
{
	__u32 key = 0;

	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, map), &key, value, 0))
		err(CGG_FAILED, "%s", map);
}

/* Print a message for each hook that does not load here, of those that were tried. */
void absent_tell(const struct object *o, unsigned tried)
{
	const unsigned all = (1u << CGG_PROGRAMS) - 1, absent = tried & ~o->programs;
	char why[512];

	if ((o->no_point & all) == all)
		errx(CGG_FAILED, "this kernel has no programs for cgroups (CONFIG_CGROUP_BPF)");
	for (int i = 0; i < CGG_HOOKS; i++) {
		if (hook_is_names(i) || !(cgg_hooks[i].programs & absent))
			continue;
		hook_why(o, i, why, sizeof(why));
		warnx("%s: not loaded: %s", cgg_hooks[i].word, why);
	}
	if (absent & CGG_ASK)
		warnx("cgg-rule test: not loaded: %s", strerror(o->error[CGG_PROGRAMS]));
}

/* Read the info of the pinned map of that name, and return its descriptor. */
static int pinned_info(const char *map, struct bpf_map_info *info)
{
	__u32 len = sizeof(*info);
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "maps/%s", map);
	fd = pin_get(name);
	memset(info, 0, sizeof(*info));
	if (fd < 0)
		die(pin_refusal(name));
	if (bpf_obj_get_info_by_fd(fd, info, &len))
		err(CGG_FAILED, CGG_DIR "/%s", name);
	return fd;
}

/* Return whether a map is pinned already by a whole guard, so that a new program must use it. */
static bool is_pinned(const char *map)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "maps/%s", map);
	fd = pin_get(name);
	if (fd < 0 && errno != ENOENT && errno != ESTALE)
		die(pin_refusal(name));
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Let the object use the pinned map instead of its own; exit if the two differ in shape. */
static void map_take(struct bpf_map *map)
{
	struct bpf_map_info info;
	int fd = pinned_info(bpf_map__name(map), &info);

	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.map_flags != bpf_map__map_flags(map))
		errx(CGG_FAILED,
		     CGG_DIR "/maps/%s: not the map of this guard; run cgg-unload -f and cgg-load",
		     bpf_map__name(map));
	if (bpf_map__reuse_fd(map, fd))
		err(CGG_FAILED, CGG_DIR "/maps/%s", bpf_map__name(map));
	close(fd);
}

/* Open the guard again, or exit, also if another command has removed it since. */
static void open_again(struct cgg_guard *guard, enum cgg_open how)
{
	int status = guard_open(guard, how);

	if (status && guard_is_gone())
		errx(CGG_FAILED, ANOTHER_REMOVED);
	if (status)
		die(status);
}

/*
 * Let the object use the maps of the guard, all or those that are pinned already. The lock keeps
 * another command from replacing the guard in between: programs need the maps of a single guard.
 */
static void maps_take_some(struct bpf_object *object, bool all)
{
	struct bpf_map *map;
	struct cgg_guard guard;

	open_again(&guard, CGG_READ);
	bpf_object__for_each_map(map, object) if (all || is_pinned(bpf_map__name(map)))
		map_take(map);
	guard_close(&guard);
	guard_unmap(&guard);
}

static void maps_take(struct bpf_object *object)
{
	maps_take_some(object, true);
}

/* Let the object for names use the maps of the guard; it makes those that only it uses. */
static void names_maps_take(struct bpf_object *object)
{
	maps_take_some(object, false);
}

/* Exit if the guard is not the one whose maps the object uses. */
static void same_guard_check(const struct bpf_object *object, const struct bpf_map_info *now)
{
	struct bpf_map_info taken = { 0 };
	__u32 len = sizeof(taken);

	if (bpf_obj_get_info_by_fd(bpf_object__find_map_fd_by_name(object, "policies"), &taken,
				   &len) ||
	    now->id != taken.id)
		errx(CGG_FAILED, CGG_DIR ": another command replaced the guard; try again");
}

/* Open the guard for a change, or exit if it is not the one whose maps the objects use. */
static void same_guard_open(struct cgg_guard *guard, const struct object *o,
			    const struct object *names)
{
	struct bpf_map_info now;

	open_again(guard, CGG_CHANGE);
	close(pinned_info("policies", &now));
	if (o->bpf)
		same_guard_check(o->bpf, &now);
	if (names->bpf)
		same_guard_check(names->bpf, &now);
}

/* Return the programs that are loaded, or exit; the guard is open. */
static unsigned programs_there(void)
{
	unsigned loaded;

	if (programs_loaded(&loaded))
		die(CGG_FAILED);
	return loaded;
}

/* Return the programs that are loaded now, or exit. */
static unsigned programs_before(void)
{
	struct cgg_guard guard;
	unsigned loaded;

	open_again(&guard, CGG_READ);
	loaded = programs_there();
	guard_close(&guard);
	guard_unmap(&guard);
	return loaded;
}

/* ---- adding ---- */

/* Pin the maps of the object for names that only it uses, before its programs. */
static void names_maps_pin(struct bpf_object *object)
{
	struct bpf_map *map;
	__u64 seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		err(CGG_FAILED, "getrandom");
	value_write(object, "seed", &seed);
	if ((mkdir(CGG_DIR "/bindings", 0700) && errno != EEXIST) ||
	    (mkdir(CGG_DIR "/known", 0700) && errno != EEXIST))
		err(CGG_FAILED, CGG_DIR);
	bpf_object__for_each_map(map, object) if (!is_pinned(bpf_map__name(map)))
		pin_anew(bpf_map__fd(map), CGG_DIR "/maps", bpf_map__name(map));
}

/*
 * Pin new programs. The last store says that they are there; until then, the next command does all
 * of this again. A program that another command has added meanwhile may run in links: keep it.
 */
static void added_pin(const struct object *o, const struct object *names)
{
	unsigned there = programs_there(), added = o->bpf ? o->programs & ~there : 0;

	if (o->bpf)
		programs_pin(o->bpf, CGG_DIR "/progs", there);
	if (names->bpf && names_programs() & ~there) {
		names_maps_pin(names->bpf);
		programs_pin(names->bpf, CGG_DIR "/progs", 0);
		added |= names_programs();
	}
	if (added && programs_record(there | added))
		die(CGG_FAILED);
}

/* Load the programs for names; on failure print why and leave names->bpf 0. */
static void names_try(struct object *names, const struct object *o)
{
	int error = names_load(names, o, names_maps_take);

	if (error)
		warnx("dns, host: not loaded: %s; cgg-load -cv prints the kernel's message",
		      strerror(error));
}

/* Load the programs of hooks that the guard lacks; return CGG_NO if some do not load here. */
int hooks_add(unsigned hooks)
{
	unsigned wanted = hooks ? hook_programs(hooks) & ~programs_before() : 0;
	unsigned plain = wanted & ~names_programs();
	struct object o, names = { 0 };
	struct cgg_guard guard;

	if (!wanted)
		return CGG_DONE;
	if (plain)
		object_load(&o, plain, maps_take);
	else
		object_probe(&o);
	if (plain)
		absent_tell(&o, plain);
	if (wanted & ~plain)
		names_try(&names, &o);
	if (!o.bpf && !names.bpf)
		return CGG_NO;
	same_guard_open(&guard, &o, &names);
	added_pin(&o, &names);
	wanted &= ~programs_there();
	guard_close(&guard);
	bpf_object__close(o.bpf);
	bpf_object__close(names.bpf);
	return wanted ? CGG_NO : CGG_DONE;
}

/* ---- replacing ---- */

static bool replacing; /* this process makes replaced/, and holds the lock */

/*
 * Remove an unfinished replaced/ at exit.
 *
 * This must not run once the lock is free: replaced/ then belongs to the next command.
 */
static void replaced_remove(void)
{
	if (replacing)
		pin_remove(CGG_REPLACED);
}

/* Exit if a hook that the guard has would be lost with the new programs. */
static void absent_refuse(const struct object *o, unsigned had)
{
	for (int i = 0; i < CGG_HOOKS; i++)
		if (!hook_is_names(i) && !hook_loads(o, i) && !(cgg_hooks[i].programs & ~had))
			errx(CGG_FAILED, "%s: is loaded, but the new programs for it do not load",
			     cgg_hooks[i].word);
}

/* Load new programs for those that the guard has. */
static void new_load(struct object *o, struct object *names, unsigned had)
{
	const unsigned plain = (had & ~names_programs()) | CGG_ASK;
	int error;

	object_load(o, plain, maps_take);
	absent_tell(o, plain | o->no_point);
	absent_refuse(o, had);
	*names = (struct object){ 0 };
	error = had & names_programs() ? names_load(names, o, maps_take) : 0;
	if (error)
		errx(CGG_FAILED, "dns: is loaded, but the new programs for it do not load: %s",
		     strerror(error));
}

/* Replace the programs of a loaded guard, and keep everything else. */
void replace(struct cgg_guard *guard)
{
	unsigned had, there = programs_there();
	struct object o, names;
	int status;

	guard_close(guard);
	for (;;) {
		had = there;
		new_load(&o, &names, had);
		same_guard_open(guard, &o, &names);
		there = programs_there();
		if (!(there & ~had))
			break;
		guard_close(guard); /* another command added programs meanwhile */
		bpf_object__close(o.bpf);
		bpf_object__close(names.bpf);
	}
	status = guard_repair(guard);
	if (status)
		die(status);
	atexit(replaced_remove);
	replacing = true;
	make_directory(CGG_REPLACED, "");
	programs_pin(o.bpf, CGG_REPLACED, 0);
	if (names.bpf)
		programs_pin(names.bpf, CGG_REPLACED, 0);
	replacing = false; /* if programs_replace() cannot go back, the next command needs it */
	status = programs_replace(guard);
	if (!status)
		status = programs_record(o.programs | (names.bpf ? names_programs() : 0));
	if (status)
		die(status);
	guard_close(guard);
	bpf_object__close(o.bpf);
	bpf_object__close(names.bpf);
}
