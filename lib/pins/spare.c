// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * spare.c - gives policies the maps for their indexes, and takes them back.
 *
 * To put a map into the map `indexes`, or to take one out, waits until no program runs. So maps of
 * two sizes are put there several at once, and stay there when a policy gives them back. An index
 * that no policy has (struct cgg_policy) is spare: there is no other list of them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pins.h"

static const __u32 sizes[] = { 16, 64 }; /* of spare maps, in pages */
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct spares {
	struct cgg_guard *guard;
	bool used[CGG_INDEXES]; /* by a policy, or spare */
	unsigned count[SIZES];
	__u32 last[SIZES]; /* a spare one of this size */
};

/* Return the pages of a map that is made for an index of none of these sizes: with room to grow. */
static __u32 own_size(__u32 pages)
{
	return pages < CGG_SPARE_PAGES ? pages + pages / 8 + 1 : pages;
}

/* Return which of the sizes suffices for an index, or SIZES if none does. */
static size_t size_for(__u32 pages)
{
	size_t i = 0;

	while (i < SIZES && pages > sizes[i])
		i++;
	return i;
}

/* Open the map of an index, and set *pages to its size. Return an fd, or -1 with errno. */
static int sized_get(const struct cgg_guard *guard, __u32 number, __u32 *pages)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = inner_get("indexes", guard->indexes, number), error;

	if (fd < 0 || !bpf_obj_get_info_by_fd(fd, &info, &len)) {
		*pages = info.max_entries;
		return fd;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Count a spare index, or drop it: a killed command left it, or there are enough. */
static void spare_visit(void *to, __u32 number)
{
	struct spares *spares = to;
	__u32 pages = 0;
	size_t size;
	int fd;

	if (spares->used[number])
		return;
	fd = sized_get(spares->guard, number, &pages);
	spares->used[number] = fd < 0 && errno != ESTALE; /* it may be in use */
	if (spares->used[number])
		return;
	if (fd >= 0)
		close(fd);
	size = size_for(pages);
	if (size == SIZES || pages != sizes[size] || spares->count[size] == CGG_SPARES) {
		inner_drop("indexes", spares->guard->indexes, number);
		return;
	}
	spares->used[number] = true;
	spares->count[size]++;
	spares->last[size] = number;
}

/* Find the spare indexes, and drop what is too many. */
static void spares_find(struct cgg_guard *guard, struct spares *spares)
{
	*spares = (struct spares){ .guard = guard };
	for (const struct cgg_policy *p = guard->policies; p < guard->policies + CGG_POLICIES; p++)
		for (int i = 0; i < 2; i++)
			if (p->index[i] && p->index[i] <= CGG_INDEXES)
				spares->used[p->index[i] - 1] = true;
	inner_each("indexes", CGG_INDEXES - 1, spare_visit, spares);
}

void indexes_sweep(struct cgg_guard *guard)
{
	struct spares spares;

	spares_find(guard, &spares);
}

/* Take an index from its policy: it is spare, or goes. *mine is the policy's element. */
void index_release(struct cgg_guard *guard, __u32 *mine)
{
	__atomic_store_n(mine, 0, __ATOMIC_SEQ_CST);
	indexes_sweep(guard);
}

/* Return whether a map is too large to be kept for the next index. */
bool index_is_large(const struct cgg_guard *guard, __u32 index)
{
	__u32 pages = 0;
	int fd = sized_get(guard, index - 1, &pages);

	if (fd >= 0)
		close(fd);
	return pages > own_size(CGG_SPARE_PAGES - 1);
}

/* Set the error for errno of a map for an index that could not be made. */
static int refusal(const struct cgg_index *head)
{
	if (errno == EPERM)
		return set_error(CGG_FAILED, "%u rules: more than 64 need root, or CAP_BPF",
				 head->rules);
	return set_error(CGG_FAILED, "%u rules, %u KiB: the kernel has no room for them: %s",
			 head->rules, head->pages * (CGG_PAGE / 1024), strerror(errno));
}

/* Make a map for the index, and spare ones if it is small. Return 0 and *number, or CGG_FAILED. */
static int indexes_make(const struct spares *spares, const struct cgg_index *head, __u32 *number)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options,
			    .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	size_t size = size_for(head->pages);
	__u32 pages = size < SIZES ? sizes[size] : own_size(head->pages);
	unsigned wanted = size < SIZES && kernel_since(6, 8) ? CGG_SPARES : 1;
	__u32 numbers[CGG_SPARES], count = 0;
	int fds[CGG_SPARES], status = 0;

	for (__u32 n = 0; n < CGG_INDEXES && count < wanted; n++) {
		if (spares->used[n])
			continue;
		numbers[count] = n;
		fds[count] = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cgg_index", 4, CGG_PAGE, pages,
					    &options);
		if (fds[count] < 0)
			break;
		count++;
	}
	if (!count)
		return refusal(head);
	*number = numbers[0];
	if (count == 1 || inner_put_all("indexes", spares->guard->indexes, numbers, fds, count))
		status = inner_put(CGG_DIR, "indexes", spares->guard->indexes, *number, fds[0]);
	while (count)
		close(fds[--count]);
	return status;
}

/* Give a policy an index with room: *mine. Return its fd, or -1 after set_error(). */
static int index_take(struct cgg_guard *guard, __u32 *mine, const struct cgg_index *head)
{
	size_t size = size_for(head->pages);
	__u32 number = 0, pages;
	struct spares spares;
	int fd;

	spares_find(guard, &spares);
	if (size < SIZES && spares.count[size])
		number = spares.last[size];
	else if (indexes_make(&spares, head, &number))
		return -1;
	fd = sized_get(guard, number, &pages);
	if (fd < 0)
		inner_refusal("indexes", number);
	else
		__atomic_store_n(mine, number + 1, __ATOMIC_SEQ_CST);
	return fd;
}

/* Return the policy's index if its map has room, or another one: see index_take(). */
static int index_with_room(struct cgg_guard *guard, __u32 *mine, const struct cgg_index *head)
{
	__u32 pages;
	int fd = *mine ? sized_get(guard, *mine - 1, &pages) : -1;

	if (fd >= 0 && pages >= head->pages)
		return fd;
	if (fd >= 0)
		close(fd);
	if (*mine)
		index_release(guard, mine);
	return index_take(guard, mine, head);
}

static int fill(int fd, const char *pages, size_t size)
{
	void *there = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (there == MAP_FAILED)
		return -1;
	memcpy(there, pages, size);
	return munmap(there, size);
}

/*
 * Store the pages as an index of the policy, and its number in head->number. The policy keeps the
 * index called kept, if that is not 0; no image in force may use its other one.
 * Return 0 or CGG_FAILED.
 */
int index_store(struct cgg_guard *guard, struct cgg_policy *policy, __u32 kept,
		struct cgg_index *head, const char *pages)
{
	__u32 *mine = &policy->index[policy->index[0] == kept];
	int fd = index_with_room(guard, mine, head), status = 0;

	if (fd < 0)
		return CGG_FAILED;
	head->number = *mine;
	if (fill(fd, pages, (size_t)head->pages * CGG_PAGE))
		status = inner_refusal("indexes", head->number - 1);
	close(fd);
	return status;
}
