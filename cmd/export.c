// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* export.c - cgg-rule export: write policies, sets and attachments, for cgguard-restore. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elements.h"
#include "rule.h"

/* The new folder: it gets its name when all files are in it. */
static char temporary[4096];
static int folder = -1;

static void temporary_remove(void)
{
	DIR *list = folder < 0 ? 0 : fdopendir(folder);
	struct dirent *entry;

	while (list && (entry = readdir(list)))
		unlinkat(folder, entry->d_name, 0);
	if (list)
		closedir(list);
	if (folder >= 0)
		rmdir(temporary);
}

/* Refuse a folder that has files, and what is no folder. */
static void check_free(const char *name)
{
	DIR *list = opendir(name);
	struct dirent *entry;

	if (!list && errno != ENOENT)
		err(errno == ENOTDIR ? CGG_USAGE : CGG_FAILED, "%s", name);
	while (list && (entry = readdir(list)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			errx(CGG_USAGE, "%s: is not empty", name);
	if (list)
		closedir(list);
}

static void temporary_make(const char *name)
{
	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", name) >= (int)sizeof(temporary))
		errx(CGG_USAGE, "%s: the name is too long", name);
	if (!mkdtemp(temporary))
		err(errno == ENOENT ? CGG_USAGE : CGG_FAILED, "%s", name);
	folder = open(temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		err(CGG_FAILED, "%s", temporary);
	atexit(temporary_remove);
}

static FILE *file_make(const char *name)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	FILE *file = fd < 0 ? 0 : fdopen(fd, "w");

	if (!file)
		err(CGG_FAILED, "%s/%s", temporary, name);
	return file;
}

static void file_end(FILE *file, const char *name)
{
	if (fflush(file) || fsync(fileno(file)) || fclose(file))
		err(CGG_FAILED, "%s/%s", temporary, name);
}

/* Return whether a policy is of cgg-run, which drops it at its end. */
static bool is_of_run(const char *name)
{
	return !strncmp(name, "run-", 4);
}

static void policy_export(struct cgg_guard *guard, int place)
{
	char name[CGG_POLICY_NAME + 16];
	const char *policy = guard->policies[place].name;
	struct lines lines = { 0 };
	unsigned written = 0;
	FILE *file;

	if (lines_read(&lines, guard, place))
		die(CGG_FAILED);
	snprintf(name, sizeof(name), "%s.policy", policy);
	file = file_make(name);
	for (unsigned i = 0; i < lines.count; i++)
		if (lines.text[i].expires == CGG_NEVER) {
			fprintf(file, "%s\n", lines.text[i].words);
			written++;
		}
	if (!written)
		fputs("# " ALLOW_EVERYTHING "\n", file);
	file_end(file, name);
	if (written < lines.count)
		warnx("policy %s: rules with a ttl are not exported: %u", policy,
		      lines.count - written);
	lines_free(&lines);
}

static int by_path(const void *one, const void *other)
{
	return strcmp(strrchr(*(char *const *)one, '\t'), strrchr(*(char *const *)other, '\t'));
}

/*
 * Write a line POLICY, attach or force, PATH for each attachment, with tabs between them, sorted by
 * the path.
 */
static void attachments_export(struct cgg_guard *guard)
{
	FILE *file = file_make("attachments");
	struct cgg_attachment *all;
	unsigned count, lines = 0;
	char **line;

	if (attachments_read(guard, &all, &count))
		die(CGG_FAILED);
	line = calloc(count + 1UL, sizeof(*line));
	if (!line)
		errx(CGG_FAILED, "out of memory");
	for (unsigned i = 0; i < count; i++) {
		const char *policy = guard->policies[all[i].policy].name;
		char path[4096], visible[CGG_VISIBLE * sizeof(path) + 1];

		if (is_of_run(policy))
			continue;
		if (!cgroup_name(all[i].id, path, sizeof(path))) {
			if (errno != ENOENT && errno != ESTALE && errno != EXDEV)
				err(CGG_FAILED, "cgroup %s", path);
			warnx("cgroup %s: is %s, and not exported", path,
			      errno == EXDEV ? "not below the mount" : "gone");
			continue;
		}
		text_visible(visible, path, strlen(path));
		if (asprintf(&line[lines++], "%s\t%s\t%s\n", policy,
			     all[i].forced ? "force" : "attach", visible) < 0)
			errx(CGG_FAILED, "out of memory");
	}
	qsort(line, lines, sizeof(*line), by_path);
	for (unsigned i = 0; i < lines; i++) {
		fputs(line[i], file);
		free(line[i]);
	}
	free(line);
	free(all);
	file_end(file, "attachments");
}

/* Write each set as NAME.set, in the form that cgg-set restore reads. */
static void sets_export(void)
{
	struct cgg_sets sets;

	if (sets_open(&sets, CGG_READ))
		die(CGG_FAILED);
	for (int i = 0; i < CGG_SETS; i++) {
		char name[CGG_NAME + 16];
		struct cgg_table table;
		size_t left_out;
		FILE *file;

		if (!*sets.name[i].name)
			continue;
		snprintf(name, sizeof(name), "%s.set", sets.name[i].name);
		file = file_make(name);
		if (set_open(&sets, i, &table))
			die(CGG_FAILED);
		left_out = set_print(&table, file, false);
		table_close(&table);
		file_end(file, name);
		if (left_out)
			warnx("set %s: elements with a ttl are not exported: %zu",
			      sets.name[i].name, left_out);
	}
	sets_close(&sets);
}

int export_guard(int count, char **word)
{
	static int places[CGG_POLICIES];
	struct cgg_guard guard;
	unsigned policies;
	size_t len;
	int status;

	if (count != 1 || !*word[0])
		errx(CGG_USAGE, "export: needs one DIR");
	for (len = strlen(word[0]); len > 1 && word[0][len - 1] == '/'; len--)
		word[0][len - 1] = 0;
	check_free(word[0]);
	status = guard_open(&guard, CGG_READ);
	if (status)
		die(status);
	temporary_make(word[0]);
	sets_export();
	policies = policies_sorted(&guard, places);
	for (unsigned i = 0; i < policies; i++) {
		const char *name = guard.policies[places[i]].name;

		if (is_of_run(name))
			warnx("policy %s: belongs to cgg-run, and is not exported", name);
		else
			policy_export(&guard, places[i]);
	}
	attachments_export(&guard);
	guard_close(&guard);
	if (rename(temporary, word[0]))
		err(CGG_FAILED, "%s", word[0]);
	close(folder);
	folder = -1;
	return CGG_DONE;
}
