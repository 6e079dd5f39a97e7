// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* store.c - bases in the kernel: made, and read part by part (inner.c pins them). */
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

/* part - maps some pages; 0: refused */
static void *part(struct cgg_store *base, __u32 page, size_t bytes)
{
	void *there = mmap(0, bytes ? bytes : 1,
			   base->how == CGG_CHANGE ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
			   base->fd, (off_t)page * CGG_PAGE);

	if (there != MAP_FAILED)
		return there;
	refuse(CGG_FAILED, CGG_DIR "/bases/%u: %s", base->head->number - 1, strerror(errno));
	return 0;
}

static void part_done(const void *there, size_t bytes)
{
	if (there)
		munmap((void *)(size_t)there, bytes ? bytes : 1);
}

static size_t heap_bytes(const struct cgg_base *head)
{
	return (size_t)(head->pages - head->heap) * CGG_PAGE;
}

/* base_get - its descriptor, -1 with errno */
static int base_get(__u32 number)
{
	int bases = pin_get("maps/bases"), fd, error;

	if (bases < 0)
		return -1;
	fd = inner_get("bases", bases, number);
	error = errno;
	close(bases);
	errno = error;
	return fd;
}

bool base_is_lost(const struct cgg_base *head)
{
	int fd = head->number ? base_get(head->number - 1) : 0;

	if (head->number && fd >= 0)
		close(fd);
	return fd < 0 && (errno == ENOENT || errno == ESTALE);
}

/*
 * base_open - maps the actions and the bits, and of the larger parts those that are
 * wanted (enum cgg_part): to map a page costs more than to read it
 */
int base_open(struct cgg_store *base, const struct cgg_base *head, enum cgg_open how,
	      unsigned parts)
{
	char path[64];

	base_path(path, head->number - 1);
	*base = (struct cgg_store){ .head = head, .how = how, .fd = base_get(head->number - 1) };
	if (base->fd < 0) {
		base->head = 0;
		return refuse(CGG_FAILED, "%s: %s%s", path,
			      errno == ESTALE ? "not the map that is meant" : strerror(errno),
			      errno == ESTALE || errno == ENOENT ? "; restore the policy" : "");
	}
	base->actions = part(base, 0, sizeof(*base->actions) * head->actions);
	base->bits = part(base, head->bits, (head->rules + 7) / 8);
	if (base->actions && base->bits && !base_map(base, parts))
		return 0;
	base_close(base);
	return CGG_FAILED;
}

/* base_map - the larger parts that are not there yet */
int base_map(struct cgg_store *base, unsigned parts)
{
	const struct cgg_base *head = base->head;

	if (parts & CGG_RECORDS && !base->records)
		base->records = part(base, head->records, sizeof(*base->records) * head->rules);
	if (parts & CGG_HASHES && !base->hashes)
		base->hashes = part(base, head->hashes, sizeof(*base->hashes) * head->rules);
	if (parts & CGG_TEXTS && !base->heap)
		base->heap = part(base, head->heap, heap_bytes(head));
	return (parts & CGG_RECORDS && !base->records) || (parts & CGG_HASHES && !base->hashes) ||
			       (parts & CGG_TEXTS && !base->heap)
		       ? CGG_FAILED
		       : 0;
}

/* piece - copies a few bytes, whether their part is mapped or not */
static int piece(struct cgg_store *base, __u32 page, size_t offset, void *to, size_t bytes)
{
	size_t skip = offset % CGG_PAGE;
	const char *there = part(base, page + (__u32)(offset / CGG_PAGE), skip + bytes);

	if (!there)
		return CGG_FAILED;
	memcpy(to, there + skip, bytes);
	part_done(there, skip + bytes);
	return 0;
}

int base_record(struct cgg_store *base, __u32 rule, struct cgg_record *record)
{
	return piece(base, base->head->records, sizeof(*record) * rule, record, sizeof(*record));
}

bool base_has_text(struct cgg_store *base, const struct cgg_record *record, const char *text,
		   size_t len)
{
	char there[CGG_RULE_TEXT];

	return record->len == len &&
	       !piece(base, base->head->heap, 8 * (size_t)record->text, there, len) &&
	       !memcmp(there, text, len);
}

void base_close(struct cgg_store *base)
{
	const struct cgg_base *head = base->head;

	if (!head)
		return;
	part_done(base->actions, sizeof(*base->actions) * head->actions);
	part_done(base->bits, (head->rules + 7) / 8);
	part_done(base->records, sizeof(*base->records) * head->rules);
	part_done(base->hashes, sizeof(*base->hashes) * head->rules);
	part_done(base->heap, heap_bytes(head));
	close(base->fd);
	base->head = 0;
}

bool base_is_dead(const struct cgg_store *base, __u32 rule)
{
	return base->head->dead && base->bits[rule / 8] >> rule % 8 & 1;
}

const char *base_text(const struct cgg_store *base, __u32 rule)
{
	return base->heap + 8 * (size_t)base->records[rule].text;
}

static int fill(int fd, const char *pages, size_t size)
{
	void *there = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (there == MAP_FAILED)
		return -1;
	memcpy(there, pages, size);
	return munmap(there, size);
}

/* base_store - by its number, in the place of one that no image in force has */
int base_store(struct cgg_guard *guard, const struct cgg_base *head, const char *pages)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options,
			    .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cgg_base", 4, CGG_PAGE, head->pages, &options);
	__u32 number = head->number - 1;
	int status;

	if (fd < 0 && errno == EPERM)
		return refuse(CGG_FAILED, "%u rules: more than 64 need root, or CAP_BPF",
			      head->rules);
	if (fd < 0)
		return refuse(CGG_FAILED, "%u rules, %u KiB: the kernel has no room for them: %s",
			      head->rules, head->pages * (CGG_PAGE / 1024), strerror(errno));
	if (fill(fd, pages, (size_t)head->pages * CGG_PAGE))
		status = refuse(CGG_FAILED, CGG_DIR "/bases/%u: %s", number, strerror(errno));
	else
		status = inner_put(CGG_DIR, "bases", guard->bases, number, fd);
	close(fd);
	return status;
}

void base_drop(struct cgg_guard *guard, __u32 number)
{
	inner_drop("bases", guard->bases, number);
}
