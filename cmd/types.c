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

/* Return the path of empty type information. */
const char *types_none(void)
{
	static char empty_types[64];
	struct btf *btf = btf__new_empty();
	int fd = (int)syscall(SYS_memfd_create, "types", MFD_CLOEXEC);
	const void *data;
	__u32 size;

	data = btf ? btf__raw_data(btf, &size) : 0;
	if (!data || fd < 0 || write(fd, data, size) != (ssize_t)size)
		err(CGG_FAILED, "an empty type information");
	btf__free(btf);
	snprintf(empty_types, sizeof(empty_types), "/proc/self/fd/%d", fd);
	return empty_types;
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
