// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sysctl.c - checks with /proc/sys whether a sysctl of a name can exist.
 *
 * A name that is missing now may appear with an interface or a module. Where neither adds names,
 * it is a typing error: refused on a command line. In a file it may be a name of another kernel.
 * Refusing the whole policy at boot would leave the machine unguarded, so there it is a warning.
 */
#include <errno.h>
#include <linux/magic.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "host.h"

#define ROOT "/proc/sys/"
#define PATH (sizeof(ROOT) + CGG_OPERAND)

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool is_of_proc(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

/* Refuse a name that is wrong on every kernel. */
static int spelling_check(const char *name)
{
	char slashed[CGG_OPERAND + 2];

	snprintf(slashed, sizeof(slashed), "/%s/", name);
	if (begins(name, "proc/sys/"))
		return set_error(CGG_USAGE, "sysctl %s: a name is relative to /proc/sys; write %s",
				 name, name + strlen("proc/sys/"));
	if (strstr(slashed, "/./") || strstr(slashed, "/../"))
		return set_error(CGG_USAGE, "sysctl %s: a name has no component . or ..", name);
	if (begins(slashed, "/fs/binfmt_misc/"))
		return set_error(CGG_USAGE,
				 "sysctl %s: binfmt_misc is a separate file system; "
				 "its files are not sysctls",
				 name);
	return 0;
}

/* Return the part of a name after net/FAMILY/conf/ or net/FAMILY/neigh/, or 0. */
static const char *interface_of(const char *name)
{
	static const char *const above[] = { "net/ipv4/conf/", "net/ipv4/neigh/", "net/ipv6/conf/",
					     "net/ipv6/neigh/", "net/mpls/conf/" };

	for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++)
		if (begins(name, above[i]) && name[strlen(above[i])])
			return name + strlen(above[i]);
	return 0;
}

/* Refuse a setting that no interface has. `default` has the same settings as each interface. */
static int interface_check(const char *name, const char *interface, bool typed)
{
	size_t before = (size_t)(interface - name), len = strcspn(interface, "/");
	const char *setting = interface + len;
	char path[PATH + 16];
	struct stat st;

	if (len >= IFNAMSIZ)
		return set_error(CGG_USAGE, "sysctl %s: an interface's name has at most %d bytes",
				 name, IFNAMSIZ - 1);
	snprintf(path, sizeof(path), ROOT "%.*sdefault", (int)before, name);
	if (*setting && strchr(setting + 1, '/'))
		return set_error(
			CGG_USAGE,
			"sysctl %s: one component follows an interface; write a "
			"dot in the interface's name as in net/ipv4/conf/eth0.100/forwarding",
			name);
	if (!typed || !*setting || stat(path, &st))
		return 0; /* in a file: another kernel may have other settings */
	strcat(path, setting);
	return stat(path, &st)
		       ? set_error(CGG_USAGE, "sysctl %s: no interface has such a setting", name)
		       : 0;
}

/* Return whether a module may add the name: in a directory of its own, or in a shared one. */
static bool module_may_add(const char *name, bool prefix)
{
	static const char *const directories[] = { "net/", "fs/", "dev/" };
	static const char *const shared[] = { "net/netfilter/", "fs/nfs/", "sunrpc/" };
	char parent[PATH];
	struct stat st;

	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (begins(name, shared[i]) && !prefix)
			return true;
	snprintf(parent, sizeof(parent), ROOT "%s", name);
	if (!prefix)
		*strrchr(parent, '/') = 0;
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (begins(name, directories[i]) && stat(parent, &st))
			return true;
	return false;
}

/* Refuse an existing name on another file system, a directory without *, or a file with it. */
static int exists_check(const struct cgg_rule *rule, const char *name, const char *path,
			const struct stat *st)
{
	if (!is_of_proc(path))
		return set_error(CGG_USAGE,
				 "sysctl %s: is on another file system, so it is not a sysctl",
				 name);
	if (S_ISDIR(st->st_mode) && !rule->prefix)
		return set_error(CGG_USAGE,
				 "sysctl %s: is a directory; write %s/* for everything below", name,
				 name);
	if (!S_ISDIR(st->st_mode) && rule->prefix)
		return set_error(CGG_USAGE, "sysctl %s/*: is not a directory; write %s", name,
				 name);
	return 0;
}

int sysctl_check(const struct cgg_rule *rule, bool typed)
{
	char name[CGG_OPERAND], path[PATH];
	size_t len = strlen(rule->operand);
	const char *interface;
	struct stat st;
	int status;

	if (!len || !is_of_proc(ROOT))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(len - rule->prefix), rule->operand);
	status = spelling_check(name);
	if (status)
		return status;
	snprintf(path, sizeof(path), ROOT "%s", name);
	if (!stat(path, &st))
		return exists_check(rule, name, path, &st);
	if (errno != ENOENT && errno != ENOTDIR)
		return 0;
	interface = interface_of(name);
	status = interface ? interface_check(name, interface, typed)
		 : module_may_add(name, rule->prefix) || !typed
			 ? 0
			 : set_error(CGG_USAGE, "sysctl %s: no such sysctl; sysctl -aN lists them",
				     name);
	if (!status)
		note_set("sysctl %s: does not exist now; the rule matches nothing until it does",
			 name);
	return status;
}
