// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * object.c - open the BPF objects, and find out which programs this kernel loads.
 *
 * cgg-load and cgg-load --check use the same test: does the program load here? All programs that
 * are wanted are loaded at once. If the kernel refuses that, or surely would, each is tried alone,
 * and then cgg-load loads those together that load. A hook is loaded if all of its programs are.
 *
 * Two things differ between kernels. Before 6.1 they need the older object (bpf/kernel.h). If the
 * kernel has no type information (BTF), or forbids programs to read its memory, libbpf gets empty
 * type information. Then reads behind bpf_core_field_exists() are left out, and programs with
 * other reads of kernel memory do not load.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgguard.skel.h"
#include "cgguard_names.skel.h"
#include "cgguard_names_old.skel.h"
#include "cgguard_old.skel.h"
#include "cmd.h"

#define NO_PRIVILEGE "the kernel refuses: needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
#define TRIED_SLOTS 16 /* slots of a ring in a trial load */

#define AGAIN "CGG_LOAD_AGAIN" /* in the environment: this process is the second attempt */

bool object_verbose;
char **object_command;

static int libbpf_said(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text, *rest, *line;

	if (!object_verbose || level == LIBBPF_DEBUG || vasprintf(&text, format, args) < 0)
		return 0;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			warnx("%s", line);
	free(text);
	return 0;
}

/* Return whether we have CAP_PERFMON; without it the verifier refuses for misleading reasons. */
static bool may_perfmon(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2] = { 0 };

	if (syscall(SYS_capget, &head, set))
		return true;
	return set[0].effective & 1u << CAP_SYS_ADMIN ||
	       set[1].effective & 1u << (CAP_PERFMON - 32);
}

void no_privilege(void)
{
	errx(CGG_FAILED, NO_PRIVILEGE);
}

/*
 * Return the name of a program in an object, 0: it is not there. Number CGG_PROGRAMS is `ask',
 * which belongs to no hook.
 */
static const char *program_name(const struct object *o, int program)
{
	const struct cgg_program_info *info = &cgg_programs[program];

	if (program == CGG_PROGRAMS)
		return o->names ? 0 : "ask";
	if (info->names)
		return o->names ? info->name : 0;
	return o->names ? info->by_name : info->name;
}

unsigned names_programs(void)
{
	return hook_programs(1u << CGG_DNS);
}

bool hook_is_names(int hook)
{
	return cgg_programs[__builtin_ctz(cgg_hooks[hook].programs)].names;
}

/*
 * Start this command again, but only once. Nothing outside this process has changed yet.
 *
 * A call to the kernel may have failed for a reason that passes, such as a lack of memory. libbpf
 * remembers for a process what it found out about the kernel, so asking again needs a new one.
 */
static void start_again(void)
{
	if (getenv(AGAIN) || setenv(AGAIN, "1", 1))
		return;
	execv("/proc/self/exe", object_command);
}

/* Load instructions as one program and free it; return 0 if the kernel accepts it, or an errno. */
static int program_try(int program, const struct bpf_insn *insns, size_t count)
{
	const struct cgg_program_info *info = &cgg_programs[program];
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options,
			    .expected_attach_type = (enum bpf_attach_type)info->attach);
	int fd = bpf_prog_load((enum bpf_prog_type)info->type, "offered", "GPL", insns, count,
			       &options);

	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

/*
 * Return whether this kernel is older than 6.1 and so needs the older object (bpf/kernel.h).
 *
 * The newer object calls the helper for the ancestor cgroups of a task in all its programs. All
 * program types may do so since 6.1 (cgroup_current_func_proto). All else that it needs is older.
 */
static bool is_old(void)
{
	static const int asked[] = { CGG_DEV, CGG_SYSCTL_RW, CGG_SETSOCKOPT_RUN };
	const struct bpf_insn ask[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_ancestor_cgroup_id },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++)
		if (!program_try(asked[i], ask, sizeof(ask) / sizeof(*ask)))
			return false;
	return true;
}

/* Return the programs of an object: 1 << enum cgg_program. */
static unsigned programs_of(const struct object *o)
{
	unsigned programs = 0;

	for (int i = 0; i <= CGG_PROGRAMS; i++)
		if (program_name(o, i))
			programs |= 1u << i;
	return programs;
}

/* Find the programs that this kernel has an attach point for: there an empty program loads. */
static void points_find(struct object *o)
{
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	o->programs = programs_of(o);
	for (int i = 0; i < CGG_PROGRAMS; i++) {
		int error = program_try(i, allow, sizeof(allow) / sizeof(*allow));

		o->error[i] = error;
		if (!error)
			continue;
		o->programs &= ~(1u << i);
		o->no_point |= 1u << i;
	}
}

/* Return whether an attach point seems to be missing for another reason than that it is. */
static bool is_point_unsure(const struct object *o)
{
	for (int i = 0; i < CGG_PROGRAMS; i++)
		if (o->error[i] && o->error[i] != EINVAL)
			return true;
	return false;
}

/* Return whether the kernel refuses all programs except those that need no CAP_NET_ADMIN. */
static bool is_unprivileged(const struct object *o)
{
	for (int i = 0; i < CGG_PROGRAMS; i++)
		if (cgg_programs[i].type != BPF_PROG_TYPE_CGROUP_SKB && o->error[i] != EPERM)
			return false;
	return true;
}

/* Choose the programs to load, and set their types: older libbpf lacks some section names. */
static void programs_prepare(const struct object *o, struct bpf_object *bpf, unsigned programs)
{
	for (int i = 0; i <= CGG_PROGRAMS; i++) {
		const char *name = program_name(o, i);
		struct bpf_program *program =
			name ? bpf_object__find_program_by_name(bpf, name) : 0;

		if (!name)
			continue;
		if (!program && i < CGG_PROGRAMS && cgg_programs[i].since)
			continue;
		if (!program)
			errx(CGG_FAILED, "%s: no such program in the BPF object", name);
		bpf_program__set_autoload(program, programs & 1u << i);
		if (i == CGG_PROGRAMS)
			continue;
		bpf_program__set_type(program, (enum bpf_prog_type)cgg_programs[i].type);
		bpf_program__set_expected_attach_type(program,
						      (enum bpf_attach_type)cgg_programs[i].attach);
	}
}

void rings_prepare(struct bpf_object *bpf, __u32 slots)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int like = bpf_map_create(BPF_MAP_TYPE_ARRAY, "filtered", 4, sizeof(struct cgg_event),
				  slots, &options);

	if (like < 0 && errno == EPERM)
		no_privilege();
	if (like < 0)
		err(CGG_FAILED, "a ring of events");
	bpf_map__set_max_entries(bpf_object__find_map_by_name(bpf, "events"), slots);
	bpf_map__set_inner_map_fd(bpf_object__find_map_by_name(bpf, "rings"), like);
}

void rings_small(struct bpf_object *bpf)
{
	rings_prepare(bpf, TRIED_SLOTS);
}

static struct bpf_object *object_open(const struct object *o, const char *types)
{
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "cgguard",
			    .btf_custom_path = types);
	struct bpf_object *bpf;
	const void *elf;
	size_t size;

	if (o->names)
		elf = o->old ? cgguard_names_old_bpf__elf_bytes(&size)
			     : cgguard_names_bpf__elf_bytes(&size);
	else
		elf = o->old ? cgguard_old_bpf__elf_bytes(&size) : cgguard_bpf__elf_bytes(&size);
	bpf = bpf_object__open_mem(elf, size, &options);
	if (!bpf)
		err(CGG_FAILED, "the BPF object");
	return bpf;
}

/*
 * Exit unless the verifier will check each global function once, and not at each call.
 *
 * libbpf asks the kernel what it supports, once for a process. If that call fails, it makes all
 * functions static. To verify the programs then takes hours. So load the object without programs
 * and maps, and look at what became of its functions. That needs none of the kernel's types, which
 * take long to read.
 */
static void functions_check(const struct object *o)
{
	struct bpf_object *bpf = object_open(o, types_none());
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, bpf)
	{
		bpf_program__set_autoload(program, false);
	}
	bpf_object__for_each_map(map, bpf)
	{
		bpf_map__set_autocreate(map, false);
	}
	if (bpf_object__load(bpf) || !types_have_global(bpf_object__btf_fd(bpf))) {
		start_again();
		errx(CGG_FAILED, "the kernel refuses type information about global functions, "
				 "which Linux takes since 5.6");
	}
	bpf_object__close(bpf);
}

/* Load the object with those programs; return 0 with *bpf, or an errno. */
static int attempt(struct bpf_object **bpf, const struct object *o, const char *types,
		   unsigned programs, object_prepare *prepare)
{
	int error;

	*bpf = object_open(o, types);
	programs_prepare(o, *bpf, programs);
	prepare(*bpf);
	error = bpf_object__load(*bpf) ? errno : 0;
	if (!error)
		return 0;
	bpf_object__close(*bpf);
	*bpf = 0;
	return error;
}

/* Return which of those programs load, each in an object of its own. */
static unsigned each_by_itself(struct object *o, const char *types, unsigned programs,
			       int error[CGG_PROGRAMS + 1])
{
	unsigned loaded = 0;

	for (int i = 0; i <= CGG_PROGRAMS; i++) {
		struct bpf_object *bpf;

		if (!(programs & 1u << i))
			continue;
		error[i] = attempt(&bpf, o, types, 1u << i, rings_small);
		if (error[i])
			continue;
		loaded |= 1u << i;
		bpf_object__close(bpf);
	}
	return loaded;
}

bool hook_loads(const struct object *o, int hook)
{
	return !(cgg_hooks[hook].programs & ~o->programs);
}

/* Drop the programs of each hook that lacks one of its programs. */
static void hooks_whole(struct object *o)
{
	for (int i = 0; i < CGG_HOOKS; i++)
		if (!hook_loads(o, i))
			o->programs &= ~cgg_hooks[i].programs;
}

/*
 * Find the programs that load here, each tried alone.
 *
 * Return the path of the type information with which most of them load; 0: the kernel's.
 */
static const char *some_find(struct object *o, const char *types)
{
	unsigned points = o->programs;
	int error[CGG_PROGRAMS + 1];

	o->programs = each_by_itself(o, types, points, o->error);
	if (!types && o->programs != points) {
		const char *none = types_none();
		unsigned without = none ? each_by_itself(o, none, points, error) : 0;

		if (__builtin_popcount(without) > __builtin_popcount(o->programs)) {
			o->programs = without;
			memcpy(o->error, error, sizeof(error));
			types = none;
		}
	}
	hooks_whole(o);
	return types;
}

/* Return whether the loaded programs have names; if not, neither have the maps. */
static bool has_names(struct bpf_object *bpf)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, bpf)
	{
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (bpf_program__autoload(program) &&
		    (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len) || !*info.name))
			return false;
	}
	return true;
}

/* Find out what kernel this is; exit if this process may not load programs. */
void object_probe(struct object *o)
{
	libbpf_set_print(libbpf_said);
	memset(o, 0, sizeof(*o));
	points_find(o);
	if (!may_perfmon() || is_unprivileged(o))
		no_privilege();
	if (is_point_unsure(o))
		start_again();
	o->types = types_exist();
	o->old = is_old();
}

/* Return the programs that kernels without type information refuse, all or most of them. */
static unsigned typed_programs(void)
{
	return hook_programs(CGG_PACKET_HOOKS | 1u << CGG_FLOW | 1u << CGG_UNIX);
}

/*
 * Find those of the programs that this kernel takes, by loading them into o->bpf.
 *
 * Return whether the kernel refused some, so that the others are still to be loaded, with *types as
 * type information. All at once is tried only where it may succeed: to verify programs takes long.
 */
static bool programs_find(struct object *o, const char **types, unsigned programs,
			  object_prepare *prepare)
{
	const unsigned all = (1u << CGG_PROGRAMS) - 1;
	bool refuses;
	unsigned points;

	object_probe(o);
	*types = types_for(o->types);
	functions_check(o);
	hooks_whole(o);
	points = o->programs &= programs;
	if ((o->no_point & all) == all)
		return false;
	refuses = !o->types && points & typed_programs();
	if (!refuses && !attempt(&o->bpf, o, *types, points, prepare))
		return false;
	if (!refuses)
		start_again();
	*types = some_find(o, *types);
	if (refuses && points & ~(o->programs | typed_programs()))
		start_again();
	return true;
}

/* Exit, or start again, if the kernel refuses the names of the loaded programs. */
static void has_names_or_die(struct bpf_object *bpf)
{
	if (!bpf || has_names(bpf))
		return;
	start_again();
	errx(CGG_FAILED, "the kernel refuses names of programs and maps");
}

/* Find those of the programs that this kernel takes; o->bpf may have none of them. */
void object_try(struct object *o, unsigned programs, object_prepare *prepare)
{
	const char *types;

	programs_find(o, &types, programs, prepare);
	has_names_or_die(o->bpf);
}

/* Load those of the programs that this kernel takes; exit if it is not known which. */
void object_load(struct object *o, unsigned programs, object_prepare *prepare)
{
	const char *types;
	int error = 0;

	if (programs_find(o, &types, programs, prepare))
		error = attempt(&o->bpf, o, types, o->programs, prepare);
	if (error)
		errx(CGG_FAILED, "the kernel refuses the programs: %s", strerror(error));
	has_names_or_die(o->bpf);
}

/*
 * Load the programs for names; o tells what kernel this is. Return 0, or an errno.
 */
int names_load(struct object *names, const struct object *o, object_prepare *prepare)
{
	*names = *o;
	names->names = true;
	names->bpf = 0;
	names->programs = programs_of(names);
	return attempt(&names->bpf, names, types_for(o->types), names->programs, prepare);
}
