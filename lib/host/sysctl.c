// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sysctl.c - whether a name can be that of a sysctl, by what is below /proc/sys.
 *
 * A name that is not there may come with an interface or a module. Where neither adds any it is a
 * slip, which is refused when it is typed. In a file it may be a name of another kernel: a policy that
 * is refused at boot for one such name would guard nothing, so there it is a note.
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

/* spelling_check - what is no name on any kernel */
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
				 "sysctl %s: binfmt_misc is a file system of its own, "
				 "whose files are no sysctls",
				 name);
	return 0;
}

/* interface_of - the name below net/FAMILY/conf or net/FAMILY/neigh, 0: it stands elsewhere */
static const char *interface_of(const char *name)
{
	static const char *const above[] = { "net/ipv4/conf/", "net/ipv4/neigh/", "net/ipv6/conf/",
					     "net/ipv6/neigh/", "net/mpls/conf/" };

	for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++)
		if (begins(name, above[i]) && name[strlen(above[i])])
			return name + strlen(above[i]);
	return 0;
}

/* interface_check - a setting of an interface that is not there: all interfaces have the same */
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
		return set_error(CGG_USAGE,
				 "sysctl %s: below an interface is only its setting; write a "
				 "dot in its name as in net/ipv4/conf/eth0.100/forwarding",
				 name);
	if (!typed || !*setting || stat(path, &st))
		return 0; /* another kernel may have other settings */
	strcat(path, setting);
	return stat(path, &st)
		       ? set_error(CGG_USAGE, "sysctl %s: no interface has such a setting", name)
		       : 0;
}

/* may_come - whether a module may bring the name: a directory of its own, or a file in a shared one */
static bool may_come(const char *name, bool prefix)
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

/* there_check - a name that is there: a file for itself, a directory for what is below */
static int there_check(const struct cgg_rule *rule, const char *name, const char *path,
		       const struct stat *st)
{
	if (!is_of_proc(path))
		return set_error(CGG_USAGE, "sysctl %s: is of another file system, and no sysctl",
				 name);
	if (S_ISDIR(st->st_mode) && !rule->prefix)
		return set_error(CGG_USAGE, "sysctl %s: is a directory; write %s/* for all below",
				 name, name);
	if (!S_ISDIR(st->st_mode) && rule->prefix)
		return set_error(CGG_USAGE, "sysctl %s/*: is no directory; write %s", name, name);
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
		return there_check(rule, name, path, &st);
	if (errno != ENOENT && errno != ENOTDIR)
		return 0;
	interface = interface_of(name);
	status = interface ? interface_check(name, interface, typed)
		 : may_come(name, rule->prefix) || !typed
			 ? 0
			 : set_error(CGG_USAGE,
				     "sysctl %s: there is none of this name; sysctl -aN lists them",
				     name);
	if (!status)
		note_set("sysctl %s: there is none now; the rule matches nothing until there is",
			 name);
	return status;
}
