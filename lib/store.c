// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * store.c - bases in the kernel: made, entered in the map bases, pinned, read.
 *
 * The map of maps lets programs reach a base, the pin lets commands: to open a
 * map by its id would take more privilege than all else here.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cgg.h"

static void base_path(char path[64], __u32 number)
{
	snprintf(path, 64, CGG_DIR "/bases/%u", number);
}

struct cgg_base *base_open(__u32 number, enum cgg_open how, size_t *size)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	char path[64];
	void *base = MAP_FAILED;
	int fd;

	base_path(path, number);
	fd = bpf_obj_get(path);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len)) {
		*size = (size_t)info.max_entries * CGG_PAGE;
		base = mmap(0, *size, how == CGG_CHANGE ? PROT_READ | PROT_WRITE : PROT_READ,
			    MAP_SHARED, fd, 0);
	}
	if (base == MAP_FAILED)
		refuse(CGG_FAILED, "%s: %s; restore the policy", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return base == MAP_FAILED ? 0 : base;
}

void base_close(struct cgg_base *base, size_t size)
{
	if (base)
		munmap(base, size);
}

static int fill(int fd, const struct cgg_base *base)
{
	size_t size = (size_t)base->pages * CGG_PAGE;
	void *there = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (there == MAP_FAILED)
		return -1;
	memcpy(there, base, size);
	return munmap(there, size);
}

/* base_store - in the place of one that no image in force has */
int base_store(struct cgg_guard *guard, __u32 number, const struct cgg_base *base)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options,
			    .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cgg_base", 4, CGG_PAGE, base->pages, &options);
	int status = 0;
	char path[64];

	base_path(path, number);
	if (fd < 0)
		return refuse(CGG_FAILED, "%u rules, %u KiB: the kernel has no room for them: %s",
			      base->rules, base->pages * (CGG_PAGE / 1024), strerror(errno));
	base_drop(guard, number);
	if (fill(fd, base) || bpf_obj_pin(fd, path) ||
	    bpf_map_update_elem(guard->bases, &number, &fd, 0)) {
		status = refuse(CGG_FAILED, "%s: %s", path, strerror(errno));
		base_drop(guard, number);
	}
	close(fd);
	return status;
}

void base_drop(struct cgg_guard *guard, __u32 number)
{
	char path[64];

	base_path(path, number);
	if (!unlink(path))
		bpf_map_delete_elem(guard->bases, &number);
}

static const char *base_page(const struct cgg_base *base, __u32 page)
{
	return (const char *)base + (size_t)page * CGG_PAGE;
}

bool base_is_dead(const struct cgg_base *base, __u32 rule)
{
	return base->dead && base_page(base, base->bits)[rule / 8] >> rule % 8 & 1;
}

const struct cgg_record *base_record(const struct cgg_base *base, __u32 rule)
{
	return (const struct cgg_record *)(const void *)base_page(base, base->records) + rule;
}

const struct cgg_action *base_action(const struct cgg_base *base, __u32 action)
{
	return (const struct cgg_action *)(const void *)base_page(base, 1) + action;
}

const char *base_text(const struct cgg_base *base, const struct cgg_record *record)
{
	return base_page(base, base->heap) + 8 * (size_t)record->text;
}
