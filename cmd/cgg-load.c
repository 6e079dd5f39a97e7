// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-load.c - load programs and maps into the kernel and pin them: all of them, or none.
 *
 * Everything is pinned in a sibling of the pin directory, which is then renamed. The next load
 * removes the sibling of a killed load; a sibling in use is locked. A replacement loads the new
 * programs with the pinned maps. Then lib/guard/replace.c updates each link in one step.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cmd.h"

#define DEFAULT_EVENTS (65536 * sizeof(struct cgg_event)) /* bytes */

static const char usage[] =
	"usage: cgg-load [-c | -r] [-v] [--names] [--events-size BYTES]\n"
	"Loads the guard's programs and maps into the kernel and pins them.\n"
	"\n"
	"  -c, --check              only print which hooks this kernel loads\n"
	"  -r, --replace            replace the programs of a loaded guard, without a gap\n"
	"      --names              also load the programs for rules by name; cgg-rule does this\n"
	"                           for the first such rule\n"
	"  -v, --verbose            print the kernel's messages about programs that do not load\n"
	"      --events-size BYTES  keep unread events in a ring of BYTES (default 17301504)\n"
	"  -h, --help               print this and exit\n"
	"  -V, --version            print the version and exit\n";

static char sibling[64];
static __u32 slots; /* of each ring of events */

static void undo(void)
{
	if (*sibling)
		pin_remove(sibling);
}

static void bpffs_mount(void)
{
	struct statfs fs;

	if (statfs(CGG_BPFFS, &fs))
		err(CGG_FAILED, "%s", CGG_BPFFS);
	if (fs.f_type != BPF_FS_MAGIC && mount("bpf", CGG_BPFFS, "bpf", 0, "mode=0700"))
		err(CGG_FAILED, "%s: no bpffs is mounted here, and mounting one", CGG_BPFFS);
}

static void make_directory(const char *directory, const char *below)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", directory, below);
	if (mkdir(path, 0700))
		err(CGG_FAILED, "%s", path);
}

static void pin_or_die(int fd, const char *directory, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (bpf_obj_pin(fd, path))
		err(CGG_FAILED, "%s", path);
}

/* Bind maps to a program that does not use them: a pin is then known to belong to this guard. */
static void program_bind(struct bpf_object *object, int program)
{
	static const char *const maps[] = { "asked",	 "attachments", "readers",
					    "set_names", "sets",	"told" };

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (bpf_prog_bind_map(program, bpf_object__find_map_fd_by_name(object, maps[i]), 0))
			err(CGG_FAILED, "%s", maps[i]);
}

/* Pin the programs that this kernel loaded. */
static void programs_pin(struct bpf_object *object, const char *directory)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		if (!bpf_program__autoload(program))
			continue;
		program_bind(object, bpf_program__fd(program));
		pin_or_die(bpf_program__fd(program), directory, bpf_program__name(program));
	}
}

static void value_write(struct bpf_object *object, const char *map, const void *value)
{
	__u32 key = 0;

	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, map), &key, value, 0))
		err(CGG_FAILED, "%s", map);
}

/* Store the size of ring 0, and the policy "default", which always exists. */
static void values_write(struct bpf_object *object)
{
	static const struct cgg_policy policy = { .name = "default", .tag = "default" };
	const struct cgg_ring ring = { .slots = slots };

	value_write(object, "ring", &ring);
	value_write(object, "policies", &policy);
}

/* Make the images of the first chunk of policies, with an empty image for "default". */
static void images_make(struct bpf_object *object)
{
	const struct cgg_rules none = { .next_id = 1 };
	static struct cgg_image image;
	char path[128];
	__u32 key = 0;
	int status, fd;

	status = chunk_make(sibling, bpf_object__find_map_fd_by_name(object, "images"),
			    bpf_object__find_map_fd_by_name(object, "tallies"), 0);
	if (status)
		die(status);
	snprintf(path, sizeof(path), "%s/images/0", sibling);
	fd = bpf_obj_get(path);
	compile(&image, &none);
	if (fd < 0 || bpf_map_update_elem(fd, &key, &image, 0))
		err(CGG_FAILED, "%s", path);
	close(fd);
}

static void version_pin(unsigned programs)
{
	const __u32 value[] = {
		[CGG_VERSION_LAYOUT] = CGG_LAYOUT, [CGG_VERSION_PROGRAMS] = programs
	};
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "version", 4, 4, 2, 0);

	for (__u32 key = 0; key < 2; key++)
		if (fd < 0 || bpf_map_update_elem(fd, &key, &value[key], 0))
			err(CGG_FAILED, "the version");
	pin_or_die(fd, sibling, "version");
	close(fd);
}

/* Report the hooks that are not loaded, and why; exit if no hook loads. */
static void absent_tell(const struct object *o)
{
	const unsigned all = (1u << CGG_PROGRAMS) - 1;
	char why[512];

	if ((o->no_point & all) == all)
		errx(CGG_FAILED, "this kernel has no programs for cgroups (CONFIG_CGROUP_BPF)");
	for (int i = 0; i < CGG_HOOKS; i++) {
		if (hook_is_names(i) || hook_loads(o, i))
			continue;
		hook_why(o, i, why, sizeof(why));
		warnx("%s: not loaded: %s", cgg_hooks[i].word, why);
	}
	if (!(o->programs & all))
		errx(CGG_FAILED, "no hook loads here");
	if (!(o->programs & 1u << CGG_PROGRAMS))
		warnx("cgg-rule test: not loaded: %s", strerror(o->error[CGG_PROGRAMS]));
}

static void rings_sized(struct bpf_object *object)
{
	rings_prepare(object, slots);
}

static void load(void)
{
	struct bpf_object *object;
	char directory[128];
	struct bpf_map *map;
	struct object o;
	int dir;

	object_load(&o, rings_sized);
	absent_tell(&o);
	object = o.bpf;
	values_write(object);
	snprintf(sibling, sizeof(sibling), CGG_SIBLING "%d", getpid());
	if (mkdir(sibling, 0700)) {
		warn("%s", sibling);
		*sibling = 0;
		exit(CGG_FAILED);
	}
	dir = pin_directory(sibling);
	if (dir < 0 || flock(dir, LOCK_EX | LOCK_NB))
		err(CGG_FAILED, "%s", sibling);
	make_directory(sibling, "/maps");
	make_directory(sibling, "/progs");
	make_directory(sibling, "/links");
	make_directory(sibling, "/indexes");
	make_directory(sibling, "/sets");
	make_directory(sibling, "/sets-new");
	make_directory(sibling, "/images");
	make_directory(sibling, "/tallies");
	images_make(object);
	snprintf(directory, sizeof(directory), "%s/maps", sibling);
	bpf_object__for_each_map(map, object)
		pin_or_die(bpf_map__fd(map), directory, bpf_map__name(map));
	snprintf(directory, sizeof(directory), "%s/progs", sibling);
	programs_pin(object, directory);
	version_pin(o.programs);
	if (!renameat2(AT_FDCWD, sibling, AT_FDCWD, CGG_DIR, RENAME_NOREPLACE))
		*sibling = 0;
	else if (errno != EEXIST)
		err(CGG_FAILED, "%s", CGG_DIR);
	close(dir);
	bpf_object__close(object);
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

/* ---- the programs for names ---- */

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

/* Return whether the maps that the object uses are still the pinned ones. */
static bool is_same_guard(struct bpf_object *object)
{
	struct bpf_map_info now, taken = { 0 };
	__u32 len = sizeof(taken);

	close(pinned_info("policies", &now));
	return !bpf_obj_get_info_by_fd(bpf_object__find_map_fd_by_name(object, "policies"), &taken,
				       &len) &&
	       now.id == taken.id;
}

static void maps_take(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) map_take(map);
}

/* Exit if a hook that the guard has would be lost with the new programs. */
static void absent_refuse(const struct object *o)
{
	unsigned had;

	if (programs_loaded(&had))
		die(CGG_FAILED);
	for (int i = 0; i < CGG_HOOKS; i++)
		if (!hook_is_names(i) && !hook_loads(o, i) && !(cgg_hooks[i].programs & ~had))
			errx(CGG_FAILED, "%s: is loaded, but the new programs for it do not load",
			     cgg_hooks[i].word);
}

/* Let the object for names use the maps of the guard; it makes those that only it uses. */
static void names_maps_take(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) if (is_pinned(bpf_map__name(map))) map_take(map);
}

/* Pin what a killed command may have pinned before. */
static void pin_anew(int fd, const char *directory, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	unlink(path);
	pin_or_die(fd, directory, name);
}

/*
 * Pin the maps and programs for names. The last store says that they are there; until then, the
 * next command does all of this again.
 */
static void names_pin(struct bpf_object *object, unsigned programs)
{
	struct bpf_program *program;
	struct bpf_map *map;
	unsigned loaded;
	__u64 seed;

	if (programs_loaded(&loaded))
		die(CGG_FAILED);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		err(CGG_FAILED, "getrandom");
	value_write(object, "seed", &seed);
	if ((mkdir(CGG_DIR "/bindings", 0700) || mkdir(CGG_DIR "/known", 0700)) && errno != EEXIST)
		err(CGG_FAILED, CGG_DIR);
	bpf_object__for_each_map(map, object) if (!is_pinned(bpf_map__name(map)))
		pin_anew(bpf_map__fd(map), CGG_DIR "/maps", bpf_map__name(map));
	bpf_object__for_each_program(program, object)
	{
		program_bind(object, bpf_program__fd(program));
		pin_anew(bpf_program__fd(program), CGG_DIR "/progs", bpf_program__name(program));
	}
	if (programs_record(loaded | programs))
		die(CGG_FAILED);
}

/* Add the programs for names to a loaded guard, unless it has them. */
static void add_names(void)
{
	struct cgg_guard guard;
	struct object o, names;
	int status, error;

	if (names_loaded())
		return;
	object_probe(&o);
	error = names_load(&names, &o, names_maps_take);
	if (error)
		errx(CGG_FAILED,
		     "dns, host: the programs for names do not load here: %s; "
		     "cgg-load -v --names prints the kernel's message",
		     strerror(error));
	status = guard_open(&guard, CGG_CHANGE);
	if (!status && !is_same_guard(names.bpf))
		status = set_error(CGG_FAILED,
				   CGG_DIR ": another command replaced the guard; try again");
	if (status)
		die(status);
	if (!names_loaded())
		names_pin(names.bpf, names.programs);
	bpf_object__close(names.bpf);
}

static void replaced_remove(void)
{
	pin_remove(CGG_REPLACED);
}

/*
 * Replace the programs of a loaded guard, and keep everything else.
 *
 * The kernel takes about a second to verify them, so the lock is not held meanwhile.
 */
static void replace(struct cgg_guard *guard)
{
	bool has_names = names_loaded();
	struct object o, names;
	int status, error;

	guard_close(guard);
	object_load(&o, maps_take);
	absent_tell(&o);
	absent_refuse(&o);
	error = has_names ? names_load(&names, &o, maps_take) : 0;
	if (error)
		errx(CGG_FAILED, "dns: is loaded, but the new programs for it do not load: %s",
		     strerror(error));
	status = guard_open(guard, CGG_CHANGE);
	if (!status && !is_same_guard(o.bpf))
		status = set_error(CGG_FAILED,
				   CGG_DIR ": another command replaced the guard; try again");
	if (!status)
		status = guard_repair(guard);
	if (status)
		die(status);
	atexit(replaced_remove);
	make_directory(CGG_REPLACED, "");
	programs_pin(o.bpf, CGG_REPLACED);
	if (has_names)
		programs_pin(names.bpf, CGG_REPLACED);
	status = programs_replace(guard);
	if (!status)
		status = programs_record(o.programs | (has_names ? names.programs : 0));
	if (status)
		die(status);
	guard_close(guard);
	bpf_object__close(o.bpf);
}

/* Return whether a guard is loaded, and open it; exit if it has another layout. */
static bool is_loaded(struct cgg_guard *guard)
{
	int status;

	if (faccessat(AT_FDCWD, CGG_DIR, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
		return false;
	status = guard_open(guard, CGG_READ);
	if (status)
		die(status);
	return true;
}

/* Read the options, and set the number of slots of a ring. */
static void options_read(int argc, char **argv, bool *only_check, bool *replaces, bool *names)
{
	static const struct option options[] = {
		{ "check", 0, 0, 'c' },	      { "replace", 0, 0, 'r' }, { "verbose", 0, 0, 'v' },
		{ "events-size", 1, 0, 'e' }, { "names", 0, 0, 'n' },	COMMON_OPTIONS
	};
	unsigned long bytes = DEFAULT_EVENTS;
	int option;

	while ((option = getopt_long(argc, argv, "crv" COMMON_LETTERS, options, 0)) != -1) {
		if (option == 'c')
			*only_check = true;
		else if (option == 'r')
			*replaces = true;
		else if (option == 'n')
			*names = true;
		else if (option == 'v')
			object_verbose = true;
		else if (option == 'e' && number_parse(&bytes, optarg, strlen(optarg), 1ul << 30))
			errx(CGG_USAGE,
			     "--events-size %s: not a number of bytes (at most 1073741824)",
			     optarg);
		else
			common_option(option, usage);
	}
	if (optind < argc)
		errx(CGG_USAGE, "%s: cgg-load takes no arguments", argv[optind]);
	if (*only_check && *replaces)
		errx(CGG_USAGE, "-c or -r, one of them");
	if (bytes < 16 * sizeof(struct cgg_event))
		errx(CGG_USAGE, "--events-size %lu: at least %zu", bytes,
		     16 * sizeof(struct cgg_event));
	slots = (__u32)(bytes / sizeof(struct cgg_event));
}

int main(int argc, char **argv)
{
	bool only_check = false, replaces = false, names = false;
	struct cgg_guard guard;

	start(argv);
	object_command = argv;
	options_read(argc, argv, &only_check, &replaces, &names);
	if (only_check)
		return loads_print(rings_sized);
	bpffs_mount();
	siblings_sweep();
	atexit(undo);
	if (!is_loaded(&guard))
		load();
	else if (replaces)
		replace(&guard);
	else
		guard_close(&guard);
	if (names)
		add_names();
	return CGG_DONE;
}
