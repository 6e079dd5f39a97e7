// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* store.c - opens indexes in the kernel and maps them part by part. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pins.h"

static void index_path(char path[64], __u32 number)
{
	snprintf(path, 64, CGG_DIR "/indexes/%u", number);
}

/* Map the pages of a part. Return 0 with cgg_error on failure. */
static void *part(struct cgg_store *index, __u32 page, size_t bytes)
{
	size_t start = (size_t)page * CGG_PAGE, skip = page_skip(start);
	char *there = mmap(0, skip + (bytes ? bytes : 1),
			   index->how == CGG_CHANGE ? PROT_READ | PROT_WRITE : PROT_READ,
			   MAP_SHARED, index->fd, (off_t)(start - skip));

	if (there != MAP_FAILED)
		return there + skip;
	set_error(CGG_FAILED, CGG_DIR "/indexes/%u: %s", index->head->number - 1, strerror(errno));
	return 0;
}

static void part_done(const void *there, size_t bytes)
{
	size_t skip = page_skip((size_t)there);

	if (there)
		munmap((char *)(size_t)there - skip, skip + (bytes ? bytes : 1));
}

static size_t heap_bytes(const struct cgg_index *head)
{
	return (size_t)(head->pages - head->heap) * CGG_PAGE;
}

/* Open the map of an index. Return an fd, or -1 with errno. */
static int index_get(__u32 number)
{
	int indexes = pin_get("maps/indexes"), fd, error;

	if (indexes < 0)
		return -1;
	fd = inner_get("indexes", indexes, number);
	error = errno;
	close(indexes);
	errno = error;
	return fd;
}

bool index_is_lost(const struct cgg_index *head)
{
	int fd = head->number ? index_get(head->number - 1) : 0;

	if (head->number && fd >= 0)
		close(fd);
	return fd < 0 && (errno == ENOENT || errno == ESTALE);
}

/*
 * Open an index. Map its actions and bits, and of its larger parts only those in `parts` (enum
 * cgg_part), because mapping a page costs more than reading it. Return 0 or CGG_FAILED.
 */
int index_open(struct cgg_store *index, const struct cgg_index *head, enum cgg_open how,
	       unsigned parts)
{
	char path[64];

	index_path(path, head->number - 1);
	*index = (struct cgg_store){ .head = head, .how = how, .fd = index_get(head->number - 1) };
	if (index->fd < 0) {
		index->head = 0;
		return set_error(CGG_FAILED, "%s: %s%s", path,
				 errno == ESTALE ? "not the map of this guard" : strerror(errno),
				 errno == ESTALE || errno == ENOENT ? "; restore the policy" : "");
	}
	index->actions = part(index, 0, sizeof(*index->actions) * head->actions);
	index->bits = part(index, head->bits, (head->rules + 7) / 8);
	if (index->actions && index->bits && !index_map(index, parts))
		return 0;
	index_close(index);
	return CGG_FAILED;
}

/* Return one of the larger parts: `there`, or mapped now if it is wanted; *failed: it is not. */
static const void *wanted(struct cgg_store *index, bool is_wanted, const void *there, __u32 page,
			  size_t bytes, bool *failed)
{
	if (!is_wanted || there)
		return there;
	there = part(index, page, bytes);
	*failed |= !there;
	return there;
}

/* Map those of the larger parts that are not mapped yet. Return 0 or CGG_FAILED. */
int index_map(struct cgg_store *index, unsigned parts)
{
	const struct cgg_index *head = index->head;
	bool failed = false;

	index->records = wanted(index, parts & CGG_RECORDS, index->records, head->records,
				sizeof(*index->records) * head->rules, &failed);
	index->hashes = wanted(index, parts & CGG_HASHES, index->hashes, head->hashes,
			       sizeof(*index->hashes) * head->rules, &failed);
	index->kept = wanted(index, parts & CGG_KEPT, index->kept, head->kept,
			     sizeof(*index->kept) * head->entries, &failed);
	index->heap = wanted(index, parts & CGG_TEXTS, index->heap, head->heap, heap_bytes(head),
			     &failed);
	return failed ? CGG_FAILED : 0;
}

/* Copy a few bytes of a part that need not be mapped. Return 0 or CGG_FAILED. */
static int part_copy(struct cgg_store *index, __u32 page, size_t offset, void *to, size_t bytes)
{
	size_t skip = offset % CGG_PAGE;
	const char *there = part(index, page + (__u32)(offset / CGG_PAGE), skip + bytes);

	if (!there)
		return CGG_FAILED;
	memcpy(to, there + skip, bytes);
	part_done(there, skip + bytes);
	return 0;
}

int index_record(struct cgg_store *index, __u32 rule, struct cgg_record *record)
{
	return part_copy(index, index->head->records, sizeof(*record) * rule, record,
			 sizeof(*record));
}

bool index_has_text(struct cgg_store *index, const struct cgg_record *record, const char *text,
		    size_t len)
{
	static char there[CGG_RULE_TEXT];

	return record->len == len &&
	       !part_copy(index, index->head->heap, 8 * (size_t)record->text, there, len) &&
	       !memcmp(there, text, len);
}

void index_close(struct cgg_store *index)
{
	const struct cgg_index *head = index->head;

	if (!head)
		return;
	part_done(index->actions, sizeof(*index->actions) * head->actions);
	part_done(index->bits, (head->rules + 7) / 8);
	part_done(index->records, sizeof(*index->records) * head->rules);
	part_done(index->hashes, sizeof(*index->hashes) * head->rules);
	part_done(index->kept, sizeof(*index->kept) * head->entries);
	part_done(index->heap, heap_bytes(head));
	close(index->fd);
	index->head = 0;
}

bool index_is_dead(const struct cgg_store *index, __u32 rule)
{
	return index->head->dead && index->bits[rule / 8] >> rule % 8 & 1;
}

const char *index_text(const struct cgg_store *index, __u32 rule)
{
	return index->heap + 8 * (size_t)index->records[rule].text;
}
