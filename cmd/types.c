// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* types.c - the type information (BTF) of the kernel, of programs, and one without types. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd.h"

/* Return whether the kernel's copy of this type information has functions with global linkage. */
bool types_have_global(int types)
{
	struct bpf_btf_info info = { 0 };
	__u32 len = sizeof(info), size;
	bool found = false;
	struct btf *btf;
	void *data;

	if (bpf_obj_get_info_by_fd(types, &info, &len))
		return false;
	size = info.btf_size;
	data = malloc(size);
	memset(&info, 0, sizeof(info));
	info.btf = (__u64)(size_t)data;
	info.btf_size = size;
	len = sizeof(info);
	btf = data && !bpf_obj_get_info_by_fd(types, &info, &len) ? btf__new(data, size) : 0;
	for (__u32 i = 1; btf && !found && i < btf__type_cnt(btf); i++) {
		const struct btf_type *type = btf__type_by_id(btf, i);

		found = btf_is_func(type) && btf_vlen(type) == BTF_FUNC_GLOBAL;
	}
	btf__free(btf);
	free(data);
	return found;
}

/* Return the path of empty type information, or 0 without /proc or memfd_create(2). */
const char *types_none(void)
{
	static char path[64];
	const void *data;
	struct btf *btf;
	__u32 size;
	int fd;

	if (*path)
		return path;
	btf = btf__new_empty();
	fd = (int)syscall(SYS_memfd_create, "types", MFD_CLOEXEC);
	data = btf ? btf__raw_data(btf, &size) : 0;
	if (data && fd >= 0 && write(fd, data, size) == (ssize_t)size)
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (access(path, R_OK))
		*path = 0;
	btf__free(btf);
	return *path ? path : 0;
}

/* Return the path of the type information to load programs with; 0: the kernel's. */
const char *types_for(bool exist)
{
	const char *none = exist ? 0 : types_none();

	if (!exist && !none)
		errx(CGG_FAILED, "the kernel has no type information, and an empty one needs /proc "
				 "and memfd_create(2)");
	return none;
}

bool types_exist(void)
{
	struct btf *btf;

	if (!access("/sys/kernel/btf/vmlinux", R_OK))
		return true;
	btf = btf__load_vmlinux_btf();
	btf__free(btf);
	return btf;
}
