// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * named.c - finds the cgroup of unit:NAME and container:ID.
 *
 * Unprivileged users can create cgroups with any name. So a name selects a cgroup only where
 * root alone could have created it: every directory above it belongs to root, nobody else may
 * write there, and none is a user's service manager or a container.
 */
#include <fts.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host.h"

/* ---- names of containers ---- */

enum fit { NONE, MAY_BE, IS, OTHER }; /* OTHER: another container, or a helper of one */

static bool starts(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* Remove the suffix `end` from text. Return whether text had it. */
static bool cut_end(char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	if (len < tail || strcmp(text + len - tail, end) != 0)
		return false;
	text[len - tail] = 0;
	return true;
}

static bool is_hex(const char *text, size_t least)
{
	size_t len = strspn(text, "0123456789abcdef");

	return len >= least && !text[len];
}

/* Compare with a name that a person chose: IS when equal, MAY_BE when id is its begin, else no. */
static enum fit fit_name(const char *name, const char *id, enum fit no)
{
	return !strcmp(name, id) ? IS : starts(name, id) ? MAY_BE : no;
}

/* Compare with an id that an engine chose; the user may type only its begin. */
static enum fit fit_id(const char *name, const char *id)
{
	return starts(name, "conmon") ? OTHER : starts(name, id) ? IS : OTHER;
}

/*
 * Compare with the name after "lxc.payload.". Incus and LXD write PROJECT_NAME there, except in
 * the default project.
 */
static enum fit fit_lxc(const char *name, const char *id)
{
	const char *behind = strchr(name, '_');
	enum fit whole = fit_name(name, id, OTHER);

	return behind && whole != IS && fit_name(behind + 1, id, OTHER) != OTHER
		       ? fit_name(behind + 1, id, OTHER)
		       : whole;
}

/* Compare with ENGINE-ID. Monitor processes (conmon) have cgroups with the same id: not those. */
static enum fit fit_engine(const char *name, const char *id)
{
	static const char *const engines[] = { "docker-",  "libpod-payload-", "libpod-",
					       "crio-",	   "cri-containerd-", "containerd-",
					       "nerdctl-", "crun-",	      "runc-" };

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (starts(name, engines[i]))
			return fit_id(name + strlen(engines[i]), id);
	return NONE;
}

/* Compare with machines of systemd-machined: machine-NAME.scope, systemd-nspawn@NAME.service. */
static enum fit fit_machine(char *name, const char *id, bool scope, bool service)
{
	const char *machine = scope && starts(name, "machine-") ? name + strlen("machine-")
			      : service && starts(name, "systemd-nspawn@")
				      ? name + strlen("systemd-nspawn@")
				      : 0;

	if (!machine)
		return NONE;
	word_unescape(name); /* systemd escapes with \xNN */
	return fit_name(machine, id, OTHER);
}

/*
 * Compare with SLICE:ENGINE:ID, which appears when the engine uses the systemd cgroup driver but
 * the runtime uses cgroupfs.
 */
static enum fit fit_colons(const char *name, const char *id)
{
	const char *slice = strstr(name, ".slice:"), *engine = slice ? strchr(slice, ':') + 1 : 0;
	const char *last = engine ? strchr(engine, ':') : 0;

	if (!last)
		return NONE;
	return last - engine >= 6 && !strncmp(last - 6, "conmon", 6) ? OTHER : fit_id(last + 1, id);
}

/*
 * Return whether a cgroup with this name is the container `id`, by the naming schemes of all
 * engines. An id may be abbreviated, a name that a person chose must be complete.
 */
static enum fit fit_container(const char *full, const char *id)
{
	bool scope, service;
	const char *dash;
	enum fit fit;
	char name[256];

	snprintf(name, sizeof(name), "%s", full);
	fit = fit_colons(name, id);
	if (fit)
		return fit;
	scope = cut_end(name, ".scope");
	service = cut_end(name, ".service");
	if (starts(name, "lxc.monitor"))
		return OTHER;
	if (starts(name, "lxc.payload."))
		return fit_lxc(name + strlen("lxc.payload."), id);
	fit = service ? NONE : fit_engine(name, id);
	if (!fit)
		fit = fit_machine(name, id, scope, service);
	if (fit)
		return fit;
	if (service || cut_end(name, ".slice") || (scope && !strcmp(name, "init")))
		return NONE;
	dash = strrchr(name, '-');
	if (dash && is_hex(dash + 1, 64))
		return fit_id(dash + 1, id);
	if (is_hex(name, 32))
		return fit_id(name, id);
	fit = fit_name(name, id, NONE);
	return fit || !dash ? fit : fit_name(dash + 1, id, NONE) ? MAY_BE : NONE;
}

/* ---- names of units ---- */

/* Compare with a unit's name; .service may be left out, as for systemctl(1). */
static enum fit fit_unit(const char *name, const char *unit)
{
	size_t len = strlen(unit);
	bool same = starts(name, unit) &&
		    (!name[len] || (!strchr(unit, '.') && !strcmp(name + len, ".service")));

	return same ? IS : NONE;
}

static bool ends(const char *name, const char *end)
{
	size_t len = strlen(name), tail = strlen(end);

	return len > tail && !strcmp(name + len - tail, end);
}

static bool is_slice(const char *name)
{
	return ends(name, ".slice");
}

/*
 * Say whether a cgroup with the name of a unit stands where systemd places units.
 *
 * IS: below the root there are only slices above it, and a-b.slice is in a.slice. MAY_BE: the
 * same, but not directly below the root; root may have made such a tree by hand. NONE: it is
 * inside a service, scope or container, whose processes can give a cgroup any name.
 */
static enum fit unit_place(const FTSENT *entry)
{
	const FTSENT *above = entry->fts_parent;
	bool placed = is_slice(entry->fts_name) ||
		      (!strcmp(entry->fts_name, "init.scope") && !above->fts_level);

	for (; above->fts_level > 0 && is_slice(above->fts_name); above = above->fts_parent) {
		size_t stem = strlen(above->fts_name) - 6;

		if (is_slice(entry->fts_name) && (strncmp(entry->fts_name, above->fts_name, stem) ||
						  entry->fts_name[stem] != '-'))
			return NONE;
		entry = above;
		placed = true;
	}
	if (!placed || !above->fts_level)
		return placed ? IS : NONE;
	for (; above->fts_level > 0; above = above->fts_parent)
		if (ends(above->fts_name, ".service") || ends(above->fts_name, ".scope") ||
		    fit_container(above->fts_name, "/") == OTHER)
			return NONE;
	return MAY_BE;
}

/* ---- the search ---- */

/* Flags in fts_number, inherited by the directories below */
#define STRANGE 1 /* users other than root may create cgroups here */
#define TAKEN 2 /* this directory, or one above it, matched with MAY_BE */

/* A search for the cgroup of a name, and its results. */
struct search {
	const char *word;
	enum fit (*fits)(const char *name, const char *word);
	unsigned found, may_be;
	char path[4096], may_be_path[4096];
	char list[600], may_be_list[600];
	char strange[4096]; /* matched where others than root may create cgroups; "": none */
};

/* Return whether users other than root may create cgroups in a directory, with any name. */
static bool others_may_create(const FTSENT *entry)
{
	const struct stat *st = entry->fts_statp;
	const char *name = entry->fts_name;

	return st->st_uid || st->st_mode & S_IWOTH || (st->st_mode & S_IWGRP && st->st_gid) ||
	       (starts(name, "user@") && strcmp(name, "user@0.service"));
}

static void list_add(char list[600], const char *path)
{
	size_t used = strlen(list), len = strlen(path);

	if (used + len + 3 < 600)
		sprintf(list + used, "%s%s", used ? ", " : "", path);
	else
		strcpy(list + used, strstr(list, " ...") ? "" : " ...");
}

/* Record a cgroup whose name matches. */
static void search_take(struct search *s, FTSENT *entry, enum fit fit, size_t shown)
{
	const char *below = entry->fts_path + shown;

	if (s->fits == fit_unit)
		fit = unit_place(entry);
	if (entry->fts_parent->fts_number & STRANGE || fit == NONE) {
		if (fit != MAY_BE || !*s->strange)
			snprintf(s->strange, sizeof(s->strange), "%s", below);
	} else if (fit == IS) {
		if (!s->found++)
			snprintf(s->path, sizeof(s->path), "%s", entry->fts_path);
		list_add(s->list, below);
	} else if (!(entry->fts_parent->fts_number & TAKEN)) {
		if (!s->may_be++)
			snprintf(s->may_be_path, sizeof(s->may_be_path), "%s", entry->fts_path);
		list_add(s->may_be_list, below);
	}
}

/* Search all directories below root; messages show their paths without the first `shown` bytes. */
static void search(struct search *s, const char *root, size_t shown)
{
	char *const roots[] = { (char *)(size_t)root, 0 };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, 0);
	FTSENT *entry;

	while (tree && (entry = fts_read(tree))) {
		enum fit fit;

		if (entry->fts_info != FTS_D)
			continue;
		fit = entry->fts_level ? s->fits(entry->fts_name, s->word) : NONE;
		if (fit == IS || fit == MAY_BE)
			search_take(s, entry, fit, shown);
		entry->fts_number = (entry->fts_level ? entry->fts_parent->fts_number : 0) |
				    (others_may_create(entry) ? STRANGE : 0) |
				    (fit == MAY_BE ? TAKEN : 0);
		/* The container names the cgroups inside it, so they prove nothing. */
		if (fit == IS || fit == OTHER)
			fts_set(tree, entry, FTS_SKIP);
	}
	if (tree)
		fts_close(tree);
}

/* Refuse a name that was not found, and say if it was found in cgroup v1 or at an unsafe place. */
static int refuse_missing(const char *kind, struct search *s)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;

	if (*s->strange)
		return set_error(
			CGG_USAGE,
			"%s:%.80s: only %.512s has that name, and users other than root may "
			"have created it; write its path if you mean it",
			kind, s->word, s->strange);
	while (mounts && !s->found && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup"))
			search(s, entry->mnt_dir, 0);
	if (mounts)
		endmntent(mounts);
	if (s->found)
		return set_error(CGG_USAGE, "%s:%.80s: is only in cgroup v1 (%.600s), not below %s",
				 kind, s->word, s->list, cgroup_mount());
	return set_error(CGG_USAGE, "%s:%.80s: no such cgroup below %s", kind, s->word,
			 cgroup_mount());
}

/* Find the cgroup of a container by the name that an engine keeps; CGG_NO: none keeps it. */
static int engine_path(char path[4096], const char *name)
{
	char id[CGG_ENGINE_ID];
	struct search s = { .word = id, .fits = fit_container };
	int status = engine_find(id, name);

	if (status)
		return status;
	search(&s, cgroup_mount(), strlen(cgroup_mount()));
	if (s.found != 1)
		return set_error(CGG_USAGE,
				 "container:%.80s: container %.12s has %s cgroup below %s%s", name,
				 id, s.found ? "more than one" : "no", cgroup_mount(),
				 s.found ? "" : "; is it running?");
	strcpy(path, s.path);
	return 0;
}

int name_path(char path[4096], const char *kind, const char *word)
{
	struct search s = { .word = word, .fits = *kind == 'u' ? fit_unit : fit_container };

	if (!*word || strchr(word, '/'))
		return set_error(CGG_USAGE, "%s:%.80s: not a name", kind, word);
	search(&s, cgroup_mount(), strlen(cgroup_mount()));
	if (!s.found && *kind == 'c') {
		int status = engine_path(path, word);

		if (status != CGG_NO)
			return status;
	}
	if (!s.found && !s.may_be)
		return refuse_missing(kind, &s);
	if (s.found > 1 || (!s.found && s.may_be > 1))
		return set_error(CGG_USAGE, "%s:%.80s: is ambiguous: %s", kind, word,
				 s.found ? s.list : s.may_be_list);
	strcpy(path, s.found ? s.path : s.may_be_path);
	return 0;
}
