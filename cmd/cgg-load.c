// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-load.c - load maps and programs into the kernel and pin them: all of them, or none.
 *
 * Everything is pinned in a sibling of the pin directory, which is then renamed. The next load
 * removes the sibling of a killed load; a sibling in use is locked.
 *
 * The program of cgg-rule test is loaded with the maps. It has all that the other programs share,
 * so a kernel that refuses the guard is known at once. Programs of hooks follow when rules need
 * them (renew.c), because the kernel takes long to verify them.
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
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cmd.h"

#define DEFAULT_EVENTS (65536 * sizeof(struct cgg_event)) /* bytes */
#define ALL_HOOKS ((1u << CGG_HOOKS) - 1)

static const char usage[] =
	"usage: cgg-load [-c | -r] [-v] [--hooks HOOKS] [--events-size BYTES]\n"
	"Loads the guard's maps and programs into the kernel and pins them.\n"
	"\n"
	"  -c, --check              only print which hooks this kernel loads\n"
	"  -r, --replace            replace the programs of a loaded guard, without a gap\n"
	"      --hooks HOOKS        also load the programs of these hooks, or of all hooks (all);\n"
	"                           cgg-rule does this for the first rule of a hook\n"
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

static bool bpffs_is_mounted(void)
{
	struct statfs fs;

	if (statfs(CGG_BPFFS, &fs))
		err(CGG_FAILED, "%s", CGG_BPFFS);
	return (unsigned)fs.f_type == BPF_FS_MAGIC;
}

/*
 * Mount a bpffs if there is none. A second one would hide the first with its guard, so commands
 * that find none at once take turns, by a lock on the directory below.
 */
static void bpffs_mount(void)
{
	int below;

	if (bpffs_is_mounted())
		return;
	below = pin_directory(CGG_BPFFS);
	if (below >= 0 && lock_take(below, CGG_CHANGE))
		die(CGG_FAILED);
	if (!bpffs_is_mounted() && mount("bpf", CGG_BPFFS, "bpf", 0, "mode=0700"))
		err(CGG_FAILED, "%s: no bpffs is mounted here, and mounting one", CGG_BPFFS);
	if (below >= 0)
		close(below);
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
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "version", 4, 4, CGG_VERSION_KEYS, 0);

	for (__u32 key = 0; key <= CGG_VERSION_PROGRAMS; key++)
		if (fd < 0 || bpf_map_update_elem(fd, &key, &value[key], 0))
			err(CGG_FAILED, "the version");
	pin_or_die(fd, sibling, "version");
	close(fd);
}

/*
 * Make the sibling and lock it; return its descriptor.
 *
 * Until it is locked, another command takes it for that of a killed one, and removes it.
 */
static int sibling_make(void)
{
	int dir;

	snprintf(sibling, sizeof(sibling), CGG_SIBLING "%d", getpid());
	for (;;) {
		if (mkdir(sibling, 0700)) {
			warn("%s", sibling);
			*sibling = 0;
			exit(CGG_FAILED);
		}
		dir = pin_directory(sibling);
		if (dir < 0 && errno != ENOENT)
			err(CGG_FAILED, "%s", sibling);
		if (dir >= 0 && lock_take(dir, CGG_CHANGE))
			die(CGG_FAILED);
		if (dir >= 0 && pin_is_at(dir, sibling))
			return dir;
		if (dir >= 0)
			close(dir);
	}
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

	object_load(&o, CGG_ASK, rings_sized);
	absent_tell(&o, CGG_ASK | o.no_point);
	object = o.bpf;
	values_write(object);
	dir = sibling_make();
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
	programs_pin(object, directory, 0);
	version_pin(o.programs);
	if (!rename_new(sibling, CGG_DIR))
		*sibling = 0;
	else if (errno != EEXIST)
		err(CGG_FAILED, "%s", CGG_DIR);
	close(dir);
	bpf_object__close(object);
}

/*
 * Return whether a guard is loaded, and open it; exit if it has another layout, or if none is there
 * and another command needs programs of the one that it saw.
 */
static bool is_loaded(struct cgg_guard *guard)
{
	/* Other commands may remove the guard, or make one, between two looks. */
	for (int try = 0; !guard_is_gone(); try++) {
		int status = guard_open(guard, CGG_READ);

		if (!status)
			return true;
		if (!guard_is_gone() && (guard->dir >= 0 || try == 9))
			die(status);
	}
	if (getenv(LOAD_ADDS))
		errx(CGG_FAILED, ANOTHER_REMOVED);
	*cgg_error = 0; /* cgg-unload may have removed it just now */
	return false;
}

/* Return the hooks that the words of --hooks mean, or exit. */
static unsigned hooks_wanted(const char *words)
{
	unsigned hooks;
	int status;

	if (!strcmp(words, "all"))
		return ALL_HOOKS;
	status = hooks_parse(&hooks, words);
	if (status)
		errx(status, "--hooks %s", cgg_error);
	return hooks;
}

/* Read the options, and set the number of slots of a ring. */
static void options_read(int argc, char **argv, bool *only_check, bool *replaces, unsigned *hooks)
{
	static const struct option options[] = {
		{ "check", 0, 0, 'c' },	      { "replace", 0, 0, 'r' }, { "verbose", 0, 0, 'v' },
		{ "events-size", 1, 0, 'e' }, { "hooks", 1, 0, 'k' },	COMMON_OPTIONS
	};
	unsigned long bytes = DEFAULT_EVENTS;
	int option;

	while ((option = option_next(argc, argv, "crv" COMMON_LETTERS, options)) != -1) {
		if (option == 'c')
			*only_check = true;
		else if (option == 'r')
			*replaces = true;
		else if (option == 'k')
			*hooks |= hooks_wanted(optarg);
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
	if (*only_check && *hooks)
		errx(CGG_USAGE, "-c or --hooks, one of them");
	if (bytes < 16 * sizeof(struct cgg_event))
		errx(CGG_USAGE, "--events-size %lu: at least %zu", bytes,
		     16 * sizeof(struct cgg_event));
	slots = (__u32)(bytes / sizeof(struct cgg_event));
}

int main(int argc, char **argv)
{
	bool only_check = false, replaces = false;
	unsigned hooks = 0;
	struct cgg_guard guard;
	int status;

	start(argv);
	object_command = argv;
	options_read(argc, argv, &only_check, &replaces, &hooks);
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
	status = hooks_add(hooks);
	return hooks == ALL_HOOKS ? CGG_DONE : status;
}
