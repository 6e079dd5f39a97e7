// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* scope.c - the cgroups whose sockets are listed: attached ones, and those below them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"

static int by_scope(const void *one, const void *other)
{
	const struct cgg_scope *a = one, *b = other;

	return a->id < b->id ? -1 : a->id > b->id;
}

static int by_attachment(const void *one, const void *other)
{
	const struct cgg_attachment *a = one, *b = other;

	return a->id < b->id ? -1 : a->id > b->id;
}

long scope_find(const struct cgg_sockets *all, __u64 id)
{
	struct cgg_scope key = { .id = id };
	const struct cgg_scope *found =
		all->scopes ? bsearch(&key, all->scope, all->scopes, sizeof(key), by_scope) : 0;

	return found ? found - all->scope : -1;
}

static int scope_add(struct cgg_sockets *all, const struct cgg_scope *scope, const char *path)
{
	struct cgg_scope *more =
		grow(all->scope, all->scopes, &all->scope_room, sizeof(*all->scope));

	if (!more)
		return CGG_FAILED;
	all->scope = more;
	all->scope[all->scopes] = *scope;
	all->scope[all->scopes].path = strdup(path);
	if (!all->scope[all->scopes].path)
		return set_error(CGG_FAILED, "out of memory");
	all->scopes++;
	return 0;
}

/* Append a name to a path of a cgroup; return its length before, or -1 if it is too long. */
static long path_add(char path[4096], const char *name)
{
	size_t len = strlen(path), more = strlen(name), slash = strcmp(path, "/") != 0;

	if (len + more + 2 > 4096)
		return -1;
	if (slash)
		path[len] = '/';
	memcpy(path + len + slash, name, more + 1);
	return (long)len;
}

static int scopes_in(struct cgg_sockets *all, DIR *list, struct cgg_scope scope, unsigned level,
		     char path[4096]);

/* Add the cgroup that dir is, and those below it; close dir. */
static int scopes_below(struct cgg_sockets *all, int dir, struct cgg_scope scope, unsigned level,
			char path[4096])
{
	DIR *list = fdopendir(dir);
	int status;

	scope.id = cgroup_id(dir, "");
	if (!list || !scope.id) {
		status = set_error(CGG_FAILED, "%s: %s", path, strerror(errno));
	} else {
		if (level < CGG_LEVELS)
			scope.ancestor[level] = scope.id;
		status = scope_add(all, &scope, path);
		if (!status)
			status = scopes_in(all, list, scope, level, path);
	}
	if (list)
		closedir(list);
	else
		close(dir);
	return status;
}

/* Add the cgroups that are directories in list. One of them may go away meanwhile. */
static int scopes_in(struct cgg_sockets *all, DIR *list, struct cgg_scope scope, unsigned level,
		     char path[4096])
{
	struct dirent *entry;
	int status = 0;

	while (!status && (entry = readdir(list))) {
		bool itself = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
		long len = itself || entry->d_type != DT_DIR ? -1 : path_add(path, entry->d_name);
		int below;

		if (len < 0)
			continue;
		below = openat(dirfd(list), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			status = scopes_below(all, below, scope, level + 1, path);
		path[len] = 0;
	}
	return status;
}

/* Add a cgroup and all below it. Of a removed one only its id is left. */
static int scope_begin(struct cgg_sockets *all, __u64 id)
{
	struct cgg_scope scope = { .id = id };
	__u64 above[CGG_LEVELS];
	unsigned level = 0;
	char path[4096];
	int fd;

	if (scope_find(all, id) >= 0)
		return 0;
	cgroup_name(id, path, sizeof(path));
	fd = cgroup_open_id(id);
	if (fd < 0) {
		scope.ancestor[0] = id;
		return scope_add(all, &scope, path);
	}
	cgroup_above(fd, above);
	while (level + 1 < CGG_LEVELS && above[level + 1])
		level++;
	for (unsigned i = 0; i < level; i++)
		scope.ancestor[i] = above[level - i];
	return scopes_below(all, fd, scope, level, path);
}

/* Sort the scopes, and drop those that were added twice: an attached cgroup below another one. */
static void scopes_sort(struct cgg_sockets *all)
{
	size_t kept = 0;

	if (!all->scopes)
		return;
	qsort(all->scope, all->scopes, sizeof(*all->scope), by_scope);
	for (size_t i = 0; i < all->scopes; i++)
		if (kept && all->scope[kept - 1].id == all->scope[i].id)
			free(all->scope[i].path);
		else
			all->scope[kept++] = all->scope[i];
	all->scopes = kept;
}

/* Return whether an attachment applies to a cgroup. */
static bool is_attached(const struct cgg_sockets *all, const struct cgg_scope *scope)
{
	for (unsigned i = 0; i < CGG_LEVELS && scope->ancestor[i]; i++) {
		struct cgg_attachment key = { .id = scope->ancestor[i] };

		if (all->attachments &&
		    bsearch(&key, all->attached, all->attachments, sizeof(key), by_attachment))
			return true;
	}
	return false;
}

/*
 * Read the attachments, and the cgroups that they guard: of these targets, or all of them. Return
 * CGG_NO if a target is neither attached nor below an attached cgroup.
 */
int scopes_read(struct cgg_sockets *all, const __u64 *targets, size_t count)
{
	int status = attachments_read(all->guard, &all->attached, &all->attachments);

	if (!status && all->attachments)
		qsort(all->attached, all->attachments, sizeof(*all->attached), by_attachment);
	for (unsigned i = 0; i < all->attachments && !status && !targets; i++)
		if (all->place < 0 || (unsigned)all->place == all->attached[i].policy)
			status = scope_begin(all, all->attached[i].id);
	for (size_t i = 0; i < count && !status && targets; i++) {
		status = scope_begin(all, targets[i]);
		scopes_sort(all);
		if (!status && !is_attached(all, &all->scope[scope_find(all, targets[i])]))
			status = set_error(CGG_NO, "%s: not attached",
					   all->scope[scope_find(all, targets[i])].path);
	}
	scopes_sort(all);
	return status;
}
