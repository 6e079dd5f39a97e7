// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * resolve.c - resolves the parts of a rule that depend on this machine: a device node's number,
 * a cgroup's id and level, the numbers of a user, a group and an interface, the time when a ttl
 * ends.
 *
 * This happens once, when the rule is added, and the rule keeps the result: a later cgroup with
 * the same name is a different cgroup.
 */
#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host.h"

static int resolve_device(struct cgg_rule *rule)
{
	struct stat st;

	if (stat(rule->operand, &st))
		return set_error(CGG_USAGE, "device %s: %s", rule->operand, strerror(errno));
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return set_error(CGG_USAGE, "device %s: not a device", rule->operand);
	rule->device = S_ISCHR(st.st_mode) ? 'c' : 'b';
	rule->major = (long)major(st.st_rdev);
	rule->minor = (long)minor(st.st_rdev);
	memset(rule->operand, 0, sizeof(rule->operand));
	return 0;
}

/*
 * Look up a cgroup's id and level. The level is the depth below the real root, so it is known
 * only where the mount shows the real root.
 */
static int resolve_cgroup(struct cgg_rule *rule)
{
	struct cgg_cgroup cgroup;
	char name[4096], type[4200];
	int status = cgroup_open(&cgroup, rule->cgroup, CGG_FORCE | CGG_EXACT);
	unsigned level = 0;
	bool named;

	if (status) {
		cgroup_close(&cgroup, false);
		return status;
	}
	rule->cgroup_id = cgroup.id;
	named = cgroup_name(cgroup.id, name, sizeof(name));
	cgroup_close(&cgroup, false);
	if (!named)
		return set_error(CGG_USAGE, "cgroup %.80s: is not below %s", rule->cgroup,
				 cgroup_mount());
	snprintf(type, sizeof(type), "%s/cgroup.type", cgroup_mount());
	if (!access(type, F_OK))
		return set_error(CGG_USAGE,
				 "cgroup %.80s: its depth is unknown in a cgroup namespace",
				 rule->cgroup);
	if (strlen(name) >= CGG_CGROUP)
		return set_error(CGG_USAGE, "cgroup %.80s: its path has more than %d bytes",
				 rule->cgroup, CGG_CGROUP - 1);
	for (const char *c = name; *c; c++)
		level += *c == '/' && c[1];
	if (level >= CGG_LEVELS)
		return set_error(CGG_USAGE, "cgroup %.80s: is deeper than %d levels", rule->cgroup,
				 CGG_LEVELS - 1);
	rule->cgroup_level = (__u8)level;
	strcpy(rule->cgroup, name);
	return 0;
}

/* Replace the name of a user by its number. */
static int resolve_user(struct cgg_owner *owner)
{
	struct passwd *user = *owner->name ? getpwnam(owner->name) : 0;

	if (!*owner->name)
		return 0;
	if (!user)
		return set_error(CGG_USAGE, "uid %s: no such user", owner->name);
	owner->min = owner->max = user->pw_uid;
	memset(owner->name, 0, sizeof(owner->name));
	return 0;
}

static int resolve_group(struct cgg_owner *owner)
{
	struct group *group = *owner->name ? getgrnam(owner->name) : 0;

	if (!*owner->name)
		return 0;
	if (!group)
		return set_error(CGG_USAGE, "gid %s: no such group", owner->name);
	owner->min = owner->max = group->gr_gid;
	memset(owner->name, 0, sizeof(owner->name));
	return 0;
}

/* Look up the number of an interface, in the network namespace of this command. */
static int resolve_iface(struct cgg_rule *rule)
{
	rule->own.iface_number = if_nametoindex(rule->own.iface);
	return rule->own.iface_number
		       ? 0
		       : set_error(CGG_USAGE, "iface %s: no such interface", rule->own.iface);
}

int rule_resolve(struct cgg_rule *rule)
{
	int status = resolve_user(&rule->uid);

	if (!status)
		status = resolve_group(&rule->gid);
	if (!status && rule->matches & CGG_MATCH_IFACE && !rule->own.iface_number)
		status = resolve_iface(rule);
	if (!status && rule->hooks == 1u << CGG_DEVICE && !rule->device)
		status = resolve_device(rule);
	if (!status && rule->matches & CGG_MATCH_CGROUP && !rule->cgroup_id)
		status = resolve_cgroup(rule);
	if (rule->ttl && !rule->expires)
		rule->expires = time_now() + rule->ttl;
	return status;
}
