// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * inner.c - makes, opens and removes the inner maps of the outer maps "images", "tallies" and
 * "indexes".
 *
 * Programs reach an inner map through the element of the outer map. Commands open its pin,
 * OUTER/KEY, because opening a map by its id needs more privilege (CAP_SYS_ADMIN). The pin is
 * made before the element and removed after it. So whatever a killed command leaves has a pin.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pins.h"

static void inner_path(char path[128], const char *directory, const char *name, __u32 number)
{
	snprintf(path, 128, "%s/%s/%u", directory, name, number);
}

/* Compare fd with the map that programs use. Return 0, ESTALE if it is another, or an errno. */
static int stale(int outer, __u32 number, int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), used;

	if (bpf_map_lookup_elem(outer, &number, &used))
		return errno == ENOENT ? ESTALE : errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return errno;
	return info.id == used ? 0 : ESTALE;
}

/* Open an inner map. Return an fd, or -1 with errno; ESTALE: programs use another map. */
int inner_get(const char *name, int outer, __u32 number)
{
	char path[128];
	int fd, error;

	inner_path(path, CGG_DIR, name, number);
	fd = bpf_obj_get(path);
	error = fd < 0 ? errno : stale(outer, number, fd);
	if (fd >= 0 && error) {
		close(fd);
		fd = -1;
	}
	errno = error;
	return fd;
}

static void drop(const char *directory, const char *name, int outer, __u32 number)
{
	char path[128];

	inner_path(path, directory, name, number);
	if (access(path, F_OK))
		return;
	if (!bpf_map_delete_elem(outer, &number) || errno == ENOENT)
		unlink(path);
}

void inner_drop(const char *name, int outer, __u32 number)
{
	drop(CGG_DIR, name, outer, number);
}

/* Pin the map, then store it in the outer map. Replace an older one. Return 0 or CGG_FAILED. */
int inner_put(const char *directory, const char *name, int outer, __u32 number, int fd)
{
	char path[128];

	drop(directory, name, outer, number);
	inner_path(path, directory, name, number);
	if (!bpf_obj_pin(fd, path) && !bpf_map_update_elem(outer, &number, &fd, 0))
		return 0;
	set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	drop(directory, name, outer, number);
	return CGG_FAILED;
}

/*
 * Pin maps and store them in the outer map, all or none, where nothing has their numbers. Since
 * Linux 6.8 the kernel waits once for all of them, until no program runs. Return 0, or -1.
 */
int inner_put_all(const char *name, int outer, const __u32 *numbers, const int *fds, __u32 count)
{
	__u32 stored = count;
	char path[128];
	int error = 0;

	for (__u32 i = 0; i < count && !error; i++) {
		inner_path(path, CGG_DIR, name, numbers[i]);
		error = bpf_obj_pin(fds[i], path);
	}
	if (!error)
		error = bpf_map_update_batch(outer, numbers, fds, &stored, 0);
	for (__u32 i = 0; i < count && error; i++)
		drop(CGG_DIR, name, outer, numbers[i]);
	return error ? -1 : 0;
}

/* Call each for the number of every pin below an outer map's directory; numbers go up to most. */
void inner_each(const char *name, unsigned long most, void each(void *to, __u32 number), void *to)
{
	char path[128];
	struct dirent *entry;
	unsigned long number;
	DIR *list;

	snprintf(path, sizeof(path), CGG_DIR "/%s", name);
	list = opendir(path);
	while (list && (entry = readdir(list)))
		if (!number_parse(&number, entry->d_name, strlen(entry->d_name), most))
			each(to, (__u32)number);
	if (list)
		closedir(list);
}

/* ---- chunks: CGG_CHUNK policies share one map of images and one of tallies ---- */

static int create_refusal(void)
{
	if (errno == EPERM)
		return set_error(CGG_FAILED, "%d more policies: needs root, or CAP_BPF", CGG_CHUNK);
	return set_error(CGG_FAILED, "%d more policies: the kernel has no room for them: %s",
			 CGG_CHUNK, strerror(errno));
}

/* Make the images and tallies of a chunk, all zero, with pins below directory. */
int chunk_make(const char *directory, int images, int tallies, __u32 chunk)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int image = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cgg_images", 4, sizeof(struct cgg_image),
				   2 * CGG_CHUNK, &options);
	int tally = image < 0 ? -1
			      : bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "cgg_tallies", 4,
					       sizeof(struct cgg_tally), CGG_CHUNK * CGG_HOOKS, 0);
	int status = tally < 0 ? create_refusal() : 0;

	if (!status)
		status = inner_put(directory, "tallies", tallies, chunk, tally);
	if (!status)
		status = inner_put(directory, "images", images, chunk, image);
	if (image >= 0)
		close(image);
	if (tally >= 0)
		close(tally);
	return status;
}

bool chunk_is_whole(const struct cgg_guard *guard, __u32 chunk)
{
	int image = inner_get("images", guard->image_maps, chunk);
	int tally = image < 0 ? -1 : inner_get("tallies", guard->tally_maps, chunk);

	if (image >= 0)
		close(image);
	if (tally >= 0)
		close(tally);
	return tally >= 0;
}

/* Free the maps of a chunk. The tallies must go last: the cleanup finds a chunk by their pin. */
void chunk_forget(struct cgg_guard *guard, __u32 chunk)
{
	for (__u32 i = 0; i < CGG_CHUNK; i++)
		guard->images[chunk * CGG_CHUNK + i] = 0;
	inner_drop("images", guard->image_maps, chunk);
	inner_drop("tallies", guard->tally_maps, chunk);
}

int inner_refusal(const char *name, __u32 number)
{
	bool lost = errno == ESTALE || errno == ENOENT;

	return set_error(CGG_FAILED, CGG_DIR "/%s/%u: %s%s", name, number,
			 errno == ESTALE ? "not the map of this guard" : strerror(errno),
			 lost ? "; run cgg-unload -f and cgg-load" : "");
}

size_t page_skip(size_t offset)
{
	return offset % (size_t)sysconf(_SC_PAGESIZE);
}

/* Return where the images of a policy begin in the map of their chunk, in bytes. */
static size_t images_start(int place)
{
	return 2 * sizeof(struct cgg_image) * (size_t)(place % CGG_CHUNK);
}

/* Unmap what is mapped of a closed guard: for commands that open it again and again. */
void guard_unmap(struct cgg_guard *guard)
{
	for (int place = 0; place < CGG_POLICIES; place++) {
		size_t skip = page_skip(images_start(place));

		if (guard->images[place])
			munmap((char *)guard->images[place] - skip,
			       skip + 2 * sizeof(struct cgg_image));
	}
	memset(guard->images, 0, sizeof(guard->images));
	if (guard->policies)
		munmap(guard->policies, sizeof(*guard->policies) * CGG_POLICIES);
	guard->policies = 0;
}

/*
 * Return the two images of a policy, or 0 with cgg_error set. Only their pages are mapped, because
 * the cost of a mapping grows with its pages.
 */
struct cgg_image *guard_images(struct cgg_guard *guard, int place)
{
	size_t start = images_start(place), skip = page_skip(start);
	__u32 chunk = (__u32)place / CGG_CHUNK;
	char *at;
	int fd;

	if (guard->images[place])
		return guard->images[place];
	fd = inner_get("images", guard->image_maps, chunk);
	if (fd < 0) {
		inner_refusal("images", chunk);
		return 0;
	}
	at = mmap(0, skip + 2 * sizeof(struct cgg_image),
		  guard->how == CGG_CHANGE ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd,
		  (off_t)(start - skip));
	if (at == MAP_FAILED)
		set_error(CGG_FAILED, CGG_DIR "/images/%u: %s", chunk, strerror(errno));
	else
		guard->images[place] = (struct cgg_image *)(void *)(at + skip);
	close(fd);
	return guard->images[place];
}
