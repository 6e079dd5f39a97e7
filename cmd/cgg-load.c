// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgg-load.c - puts programs and maps in the kernel and pins them, all or nothing.
 *
 * Everything is pinned below a sibling of the pin directory that is then renamed
 * into place. What a killed load left there is removed by the next one: a sibling
 * that is in use is locked. To replace programs takes the maps that are pinned, and
 * one step a link (lib/attach.c).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgguard.skel.h"
#include "cgguard_old.skel.h"
#include "cmd.h"

#define DEFAULT_EVENTS (16ul << 20)
#define NO_PRIVILEGE "the kernel refuses: needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"

static const char usage[] =
	"usage: cgg-load [-c | -r] [--events-size BYTES]\n"
	"Puts the guard's programs and maps in the kernel and pins them.\n"
	"\n"
	"  -c, --check              print which hooks this kernel offers, change nothing\n"
	"  -r, --replace            put new programs under live attachments, without a gap\n"
	"      --events-size BYTES  room for events that nobody has read (default 16777216)\n"
	"  -h, --help               print this and exit\n"
	"  -V, --version            print the version and exit\n";

static char sibling[64];
static char log_text[1 << 16];

/* What libbpf says is kept and shown only when something fails. */
static int libbpf_said(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t used = strlen(log_text);

	if (level == LIBBPF_WARN && used < sizeof(log_text))
		return vsnprintf(log_text + used, sizeof(log_text) - used, format, args);
	return 0;
}

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

/* program_bind - it holds what others alone use, too: so pins are known to belong together */
static void program_bind(struct bpf_object *object, int program)
{
	static const char *const maps[] = { "asked", "attachments", "readers", "told" };

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (bpf_prog_bind_map(program, bpf_object__find_map_fd_by_name(object, maps[i]), 0))
			err(CGG_FAILED, "%s", maps[i]);
}

/* programs_pin - those that this kernel has */
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

/* program_try - loads one and lets it go; 0: the kernel takes it, else -errno */
static int program_try(enum bpf_prog_type type, enum bpf_attach_type attach,
		       const struct bpf_insn *insns, size_t count)
{
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach);
	int fd = bpf_prog_load(type, "offered", "GPL", insns, count, &options);

	if (fd == -EPERM || fd == -EACCES)
		errx(CGG_FAILED, NO_PRIVILEGE);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/*
 * is_old - whether this kernel is one before 6.1 (bpf/kernel.h)
 *
 * 6.1 is the last of what the newer object needs: that programs of all kinds may ask
 * which cgroups their task is in (cgroup_current_func_proto).
 */
static bool is_old(void)
{
	const struct bpf_insn ask[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_ancestor_cgroup_id },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return program_try(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE, ask,
			   sizeof(ask) / sizeof(*ask));
}

/*
 * is_offered - whether this kernel has a program point: it takes a program there
 * that does nothing. What reads the kernel's structures needs its type information.
 */
static bool is_offered(int program)
{
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const struct cgg_program_info *info = &cgg_programs[program];

	if (info->since && access("/sys/kernel/btf/vmlinux", R_OK))
		return false;
	return !program_try((enum bpf_prog_type)info->type, (enum bpf_attach_type)info->attach,
			    allow, sizeof(allow) / sizeof(*allow));
}

/* Older libbpf does not know every section name: types come from the table of programs. */
static void programs_prepare(struct bpf_object *object)
{
	for (int i = 0; i < CGG_PROGRAMS; i++) {
		const struct cgg_program_info *info = &cgg_programs[i];
		struct bpf_program *program = bpf_object__find_program_by_name(object, info->name);

		if (!program && info->since)
			continue;
		if (!program)
			errx(CGG_FAILED, "%s: no such program in the BPF object", info->name);
		bpf_program__set_type(program, (enum bpf_prog_type)info->type);
		bpf_program__set_expected_attach_type(program, (enum bpf_attach_type)info->attach);
		if (info->since)
			bpf_program__set_autoload(program, is_offered(i));
	}
}

/* rings_prepare - the rings that readers bring are as large as the one that is here */
static void rings_prepare(struct bpf_object *object, __u32 slots)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int like = bpf_map_create(BPF_MAP_TYPE_ARRAY, "filtered", 4, sizeof(struct cgg_event),
				  slots, &options);

	if (like < 0 && errno == EPERM)
		errx(CGG_FAILED, NO_PRIVILEGE);
	if (like < 0)
		err(CGG_FAILED, "a ring of events");
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "events"), slots);
	bpf_map__set_inner_map_fd(bpf_object__find_map_by_name(object, "rings"), like);
}

static struct bpf_object *object_open(void)
{
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "cgguard");
	struct bpf_object *object;
	const void *elf;
	size_t size;

	elf = is_old() ? cgguard_old_bpf__elf_bytes(&size) : cgguard_bpf__elf_bytes(&size);
	object = bpf_object__open_mem(elf, size, &options);
	if (!object)
		err(CGG_FAILED, "the BPF object\n%s", log_text);
	programs_prepare(object);
	return object;
}

/* may_perfmon - without it the verifier has other words for what it refuses */
static bool may_perfmon(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2] = { 0 };

	if (syscall(SYS_capget, &head, set))
		return true;
	return set[0].effective & 1u << CAP_SYS_ADMIN ||
	       set[1].effective & 1u << (CAP_PERFMON - 32);
}

static void object_load(struct bpf_object *object)
{
	int error = bpf_object__load(object) ? errno : 0;

	if (error == EPERM || (error && !may_perfmon()))
		errx(CGG_FAILED, NO_PRIVILEGE);
	if (error)
		errx(CGG_FAILED, "the kernel refuses the programs: %s\n%s", strerror(error),
		     log_text);
}

static void value_write(struct bpf_object *object, const char *map, const void *value)
{
	__u32 key = 0;

	if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, map), &key, value, 0))
		err(CGG_FAILED, "%s", map);
}

/* values_write - the ring's size, and the policy that always exists */
static void values_write(struct bpf_object *object, unsigned long slots)
{
	static const struct cgg_policy policy = { .name = "default", .tag = "default" };
	const struct cgg_ring ring = { .slots = slots };

	value_write(object, "ring", &ring);
	value_write(object, "policies", &policy);
}

/* images_make - those of the first policies; the policy "default" is one of them, and empty */
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

static void version_pin(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "version", 4, 4, 1, 0);
	__u32 key = 0, version = CGG_LAYOUT;

	if (fd < 0 || bpf_map_update_elem(fd, &key, &version, 0))
		err(CGG_FAILED, "the version");
	pin_or_die(fd, sibling, "version");
	close(fd);
}

static void load(unsigned long slots)
{
	struct bpf_object *object = object_open();
	char directory[128];
	struct bpf_map *map;
	int dir;

	rings_prepare(object, (__u32)slots);
	object_load(object);
	values_write(object, slots);
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
	make_directory(sibling, "/bases");
	make_directory(sibling, "/images");
	make_directory(sibling, "/tallies");
	images_make(object);
	snprintf(directory, sizeof(directory), "%s/maps", sibling);
	bpf_object__for_each_map(map, object)
		pin_or_die(bpf_map__fd(map), directory, bpf_map__name(map));
	snprintf(directory, sizeof(directory), "%s/progs", sibling);
	programs_pin(object, directory);
	version_pin();
	if (!renameat2(AT_FDCWD, sibling, AT_FDCWD, CGG_DIR, RENAME_NOREPLACE))
		*sibling = 0;
	else if (errno != EEXIST)
		err(CGG_FAILED, "%s", CGG_DIR);
	close(dir);
	bpf_object__close(object);
}

/* pinned_info - of the map of that name that is pinned; gives its descriptor */
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

/* map_take - the map that is pinned is the object's, if it has the shape of the object's own */
static void map_take(struct bpf_map *map)
{
	struct bpf_map_info info;
	int fd = pinned_info(bpf_map__name(map), &info);

	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.map_flags != bpf_map__map_flags(map))
		errx(CGG_FAILED,
		     CGG_DIR "/maps/%s: not the map that is meant; run cgg-unload -f and cgg-load",
		     bpf_map__name(map));
	if (bpf_map__reuse_fd(map, fd))
		err(CGG_FAILED, CGG_DIR "/maps/%s", bpf_map__name(map));
	close(fd);
}

/* is_same_guard - the object's maps are those that are pinned still */
static bool is_same_guard(struct bpf_object *object)
{
	struct bpf_map_info now, taken = { 0 };
	__u32 len = sizeof(taken);

	close(pinned_info("policies", &now));
	return !bpf_obj_get_info_by_fd(bpf_object__find_map_fd_by_name(object, "policies"), &taken,
				       &len) &&
	       now.id == taken.id;
}

static void replaced_remove(void)
{
	pin_remove(CGG_REPLACED);
}

/*
 * replace - the programs of a guard that is loaded; all else stays as it is
 *
 * The kernel takes a second to look at them, and nobody waits for that.
 */
static void replace(struct cgg_guard *guard)
{
	struct bpf_object *object = object_open();
	struct bpf_map *map;
	int status;

	bpf_object__for_each_map(map, object) map_take(map);
	guard_close(guard);
	object_load(object);
	status = guard_open(guard, CGG_CHANGE);
	if (!status && !is_same_guard(object))
		status = refuse(CGG_FAILED,
				CGG_DIR ": is another guard than a moment ago; try again");
	if (!status)
		status = guard_repair(guard);
	if (status)
		die(status);
	atexit(replaced_remove);
	make_directory(CGG_REPLACED, "");
	programs_pin(object, CGG_REPLACED);
	status = programs_replace(guard);
	if (status)
		die(status);
	bpf_object__close(object);
}

/* is_loaded - true: a guard that this command knows is there */
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

static int check(void)
{
	for (int i = 0; i < CGG_HOOKS; i++) {
		const struct cgg_hook_info *hook = &cgg_hooks[i];
		const char *since = 0;
		bool all = true;

		for (int p = 0; p < CGG_PROGRAMS; p++) {
			if (!(hook->programs & 1u << p) || is_offered(p))
				continue;
			all = false;
			since = cgg_programs[p].since;
		}
		printf("%s\t%s%s%s\n", hook->word, all ? "yes" : "no", since ? "\tLinux " : "",
		       since ? since : "");
	}
	return CGG_DONE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "check", 0, 0, 'c' },
						 { "replace", 0, 0, 'r' },
						 { "events-size", 1, 0, 'e' },
						 COMMON_OPTIONS };
	unsigned long bytes = DEFAULT_EVENTS;
	bool only_check = false, replaces = false;
	struct cgg_guard guard;
	int option;

	start(argv);
	libbpf_set_print(libbpf_said);
	while ((option = getopt_long(argc, argv, "cr" COMMON_LETTERS, options, 0)) != -1) {
		if (option == 'c')
			only_check = true;
		else if (option == 'r')
			replaces = true;
		else if (option == 'e' && number_parse(&bytes, optarg, strlen(optarg), 1ul << 30))
			errx(CGG_USAGE,
			     "--events-size %s: not a number of bytes (at most 1073741824)",
			     optarg);
		else
			common_option(option, usage);
	}
	if (optind < argc)
		errx(CGG_USAGE, "%s: takes no arguments", argv[optind]);
	if (only_check && replaces)
		errx(CGG_USAGE, "-c or -r, one of them");
	if (bytes < 16 * sizeof(struct cgg_event))
		errx(CGG_USAGE, "--events-size %lu: at least %zu", bytes,
		     16 * sizeof(struct cgg_event));
	if (only_check)
		return check();
	bpffs_mount();
	siblings_sweep();
	atexit(undo);
	if (!is_loaded(&guard))
		load(bytes / sizeof(struct cgg_event));
	else if (replaces)
		replace(&guard);
	return CGG_DONE;
}
