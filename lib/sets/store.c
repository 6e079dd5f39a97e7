// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * store.c - the sets of a guard: their names, and their tables in the map of sets.
 *
 * The table of set N is pinned as sets/N. A table that replaces it is pinned as sets-new/N first;
 * then it is stored in the map of sets, which is the step, and the new pin takes the place of the
 * old one. So when a command is killed, one of the two pins is the table that programs use.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sets.h"

#define OLD "sets"
#define NEW "sets-new"

static void set_path(char path[64], const char *directory, int number)
{
	snprintf(path, 64, CGG_DIR "/%s/%d", directory, number);
}

/* Remove the table of a set that has no name. */
static void set_clear(const struct cgg_sets *sets, int number)
{
	__u32 key = (__u32)number;
	char path[64];

	if (bpf_map_delete_elem(sets->outer, &key) && errno != ENOENT)
		return; /* programs may use it: keep its pin */
	set_path(path, OLD, number);
	unlink(path);
	set_path(path, NEW, number);
	unlink(path);
}

/* Remove a new table that a killed command made and no program uses. */
static void new_clear(const struct cgg_sets *sets, int number)
{
	int fd = inner_get(NEW, sets->outer, (__u32)number);
	char path[64];

	set_path(path, NEW, number);
	if (fd >= 0)
		close(fd);
	else if (errno == ESTALE)
		unlink(path);
}

/* Remove what killed commands left under sets/ and sets-new/. */
static void sets_sweep(const struct cgg_sets *sets)
{
	static const char *const directories[] = { OLD, NEW };
	char path[64];
	unsigned long number;

	for (int i = 0; i < 2; i++) {
		struct dirent *entry;
		DIR *pins;

		snprintf(path, sizeof(path), CGG_DIR "/%s", directories[i]);
		pins = opendir(path);
		while (pins && (entry = readdir(pins))) {
			const char *name = entry->d_name;

			if (number_parse(&number, name, strlen(name), CGG_SETS - 1))
				continue;
			if (!*sets->name[number].name)
				set_clear(sets, (int)number);
			else if (i == 1)
				new_clear(sets, (int)number);
		}
		if (pins)
			closedir(pins);
	}
}

/* Open the maps of sets. The guard must be open and locked as `how' says. */
int sets_open(struct cgg_sets *sets, enum cgg_open how)
{
	int names = -1, status;
	void *at = MAP_FAILED;

	*sets = (struct cgg_sets){ .outer = -1, .how = how };
	status = map_open("sets", &sets->outer);
	if (!status)
		status = map_open("set_names", &names);
	if (!status)
		at = mmap(0, CGG_SETS * sizeof(*sets->name),
			  how == CGG_CHANGE ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, names,
			  0);
	if (!status && at == MAP_FAILED)
		status = set_error(CGG_FAILED, CGG_DIR "/maps/set_names: %s", strerror(errno));
	else if (!status)
		sets->name = at;
	if (names >= 0)
		close(names);
	if (!status && how == CGG_CHANGE)
		sets_sweep(sets);
	if (status)
		sets_close(sets);
	return status;
}

void sets_close(struct cgg_sets *sets)
{
	if (sets->name)
		munmap(sets->name, CGG_SETS * sizeof(*sets->name));
	if (sets->outer >= 0)
		close(sets->outer);
	*sets = (struct cgg_sets){ .outer = -1 };
}

int set_lookup(const struct cgg_sets *sets, const char *name)
{
	for (int i = 0; i < CGG_SETS; i++)
		if (!strncmp(sets->name[i].name, name, CGG_NAME))
			return i;
	return -1;
}

int set_none(const char *name)
{
	return set_error(CGG_NO, "set %s: there is none; cgg-set list prints their names", name);
}

/*
 * Map a table. The cost grows with the pages that are mapped, and most changes need a few of a
 * large table: so only the first page is mapped, and the others when they are needed.
 */
static int table_map(struct cgg_table *table, size_t pages, int protection, const char *what)
{
	void *at = mmap(0, pages * CGG_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);

	if (at == MAP_FAILED)
		return set_error(CGG_FAILED, "%s: %s", what, strerror(errno));
	table->page = at;
	table->pages = pages;
	table->protection = protection;
	table->here = calloc(pages, 1);
	if (table->here && table_need(table, 0))
		return 0;
	return set_error(CGG_FAILED, "%s: %s", what, strerror(errno));
}

/* Map a page, and those before it that are in the same page of the machine. */
bool table_need(const struct cgg_table *table, size_t page)
{
	size_t skip = page_skip(page * CGG_PAGE), start = page * CGG_PAGE - skip;

	if (table->here[page])
		return true;
	if (mmap(table->page + start, skip + CGG_PAGE, table->protection, MAP_SHARED | MAP_FIXED,
		 table->fd, (off_t)start) == MAP_FAILED)
		return false;
	table->here[page] = 1;
	return true;
}

int table_whole(struct cgg_table *table)
{
	if (!table->here)
		return 0;
	if (mmap(table->page, table->pages * CGG_PAGE, table->protection, MAP_SHARED | MAP_FIXED,
		 table->fd, 0) == MAP_FAILED)
		return set_error(CGG_FAILED, "a set of %zu pages: %s", table->pages,
				 strerror(errno));
	free(table->here);
	table->here = 0;
	return 0;
}

void table_close(struct cgg_table *table)
{
	if (table->page)
		munmap(table->page, table->pages * CGG_PAGE);
	if (table->fd >= 0)
		close(table->fd);
	free(table->here);
	*table = (struct cgg_table){ .fd = -1 };
}

/* Open the table that programs use. */
int set_open(const struct cgg_sets *sets, int number, struct cgg_table *table)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	char path[64], old[64];
	int status = 0;

	set_path(old, OLD, number);
	*table = (struct cgg_table){ .fd = inner_get(OLD, sets->outer, (__u32)number) };
	if (table->fd < 0 && (errno == ESTALE || errno == ENOENT)) {
		set_path(path, NEW, number);
		table->fd = inner_get(NEW, sets->outer, (__u32)number);
		if (table->fd >= 0 && sets->how == CGG_CHANGE && rename(path, old))
			status = set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	}
	if (table->fd < 0)
		return inner_refusal(OLD, (__u32)number);
	if (!status && bpf_obj_get_info_by_fd(table->fd, &info, &len))
		status = set_error(CGG_FAILED, "%s: %s", old, strerror(errno));
	if (!status)
		status = table_map(table, info.max_entries,
				   sets->how == CGG_CHANGE ? PROT_READ | PROT_WRITE : PROT_READ,
				   old);
	if (status)
		table_close(table);
	return status;
}

/* Make the map of a new table, all zero, and map it. */
int table_make(struct cgg_table *table, size_t pages)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options,
			    .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	int status;

	*table = (struct cgg_table){ .fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cgg_set", 4,
							  CGG_PAGE, (__u32)pages, &options) };
	if (table->fd < 0 && errno == EPERM)
		return set_error(CGG_FAILED, "a set needs root, or CAP_BPF");
	if (table->fd < 0)
		return set_error(CGG_FAILED, "a set of %zu KiB: the kernel has no room for it: %s",
				 pages * (CGG_PAGE / 1024), strerror(errno));
	status = table_map(table, pages, PROT_READ | PROT_WRITE, "a new set");
	if (!status)
		status = table_whole(table);
	if (status)
		table_close(table);
	return status;
}

/* Let programs use this table for a set: the store in the map is the step. */
int set_replace(const struct cgg_sets *sets, int number, const struct cgg_table *table)
{
	__u32 key = (__u32)number;
	char path[64], old[64];

	set_path(path, NEW, number);
	set_path(old, OLD, number);
	unlink(path); /* of a killed command; programs do not use it: see set_open() */
	if (bpf_obj_pin(table->fd, path))
		return set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	if (bpf_map_update_elem(sets->outer, &key, &table->fd, 0)) {
		set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
		unlink(path);
		return CGG_FAILED;
	}
	rename(path, old); /* if this fails, the next command that opens the set does it */
	return 0;
}

/* Choose a number for a new set, and write its name but for the first letter. */
int set_name(const struct cgg_sets *sets, const char *name, int *number)
{
	struct cgg_set_name *to;
	int i = 0;

	while (i < CGG_SETS && *sets->name[i].name)
		i++;
	if (i == CGG_SETS)
		return set_error(CGG_FAILED,
				 "set %s: there are %d sets, no more fit; cgg-set drop removes one",
				 name, CGG_SETS);
	to = &sets->name[i];
	strncpy(to->name + 1, name + 1, CGG_NAME - 2);
	to->name[CGG_NAME - 1] = *name;
	*number = i;
	return 0;
}

/* Put a new set in force under its name: the first letter is the step. */
void set_named(const struct cgg_sets *sets, int number)
{
	char *name = sets->name[number].name, first = name[CGG_NAME - 1];

	name[CGG_NAME - 1] = 0;
	__atomic_store_n(name, first, __ATOMIC_SEQ_CST);
}

/* Remove a set that no policy uses. */
void set_drop(const struct cgg_sets *sets, int number)
{
	__atomic_store_n(sets->name[number].name, 0, __ATOMIC_SEQ_CST);
	set_clear(sets, number);
}
