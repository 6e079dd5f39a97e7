// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * networks.c - visits each network namespace once.
 *
 * It visits those of all processes and of all names in /run/netns, because a socket may be in
 * another namespace than the process that has it open.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag.h"

int network_enter(const struct cgg_network *network)
{
	return setns(network->fd, CLONE_NEWNET)
		       ? set_error(CGG_FAILED, "network namespace: %s", strerror(errno))
		       : 0;
}

static bool is_known(const struct cgg_sockets *all, const struct stat *st)
{
	for (size_t i = 0; i < all->networks; i++)
		if (all->network[i].inode == st->st_ino && all->network[i].dev == st->st_dev)
			return true;
	return false;
}

/* Enter a namespace, call each, and return to the first one, which is this process's own. */
static int network_visit(struct cgg_sockets *all, network_each *each)
{
	struct cgg_network *network = &all->network[all->networks - 1];
	int status = all->networks > 1 ? network_enter(network) : 0;

	if (status)
		return status;
	network->cookie = netns_cookie();
	status = each(all, (__u32)all->networks - 1);
	if (all->networks > 1 && network_enter(&all->network[0]))
		return CGG_FAILED;
	return status;
}

static bool is_network(int fd, struct stat *st)
{
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET && !fstat(fd, st);
}

/*
 * Visit the namespace that fd is, unless it was visited before. Take fd over.
 *
 * A name in /run/netns is a plain file until ip-netns(8) has mounted a namespace there, and once it
 * has unmounted it.
 */
int network_try(struct cgg_sockets *all, int fd, network_each *each)
{
	struct cgg_network *more;
	struct stat st;

	if (!is_network(fd, &st) || is_known(all, &st)) {
		close(fd);
		return 0;
	}
	more = grow(all->network, all->networks, &all->network_room, sizeof(*all->network));
	if (!more) {
		close(fd);
		return CGG_FAILED;
	}
	all->network = more;
	all->network[all->networks++] =
		(struct cgg_network){ .dev = st.st_dev, .inode = st.st_ino, .fd = fd };
	return network_visit(all, each);
}

/* Visit the namespace of a file, if it is one that was not visited before. It may be gone. */
static int file_try(struct cgg_sockets *all, const char *name, network_each *each)
{
	struct stat st;
	int fd;

	if (stat(name, &st) || is_known(all, &st))
		return 0;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH
			       ? 0
			       : set_error(CGG_FAILED, "%s: %s", name, strerror(errno));
	return network_try(all, fd, each);
}

/* Visit the namespaces that DIRECTORY/NAME BELOW are; with `below' only names that are numbers. */
static int directory_try(struct cgg_sockets *all, const char *directory, const char *below,
			 network_each *each)
{
	DIR *list = opendir(directory);
	struct dirent *entry;
	int status = 0;

	while (list && !status && (entry = readdir(list))) {
		char name[4096];

		if (*entry->d_name == '.' ||
		    (*below && entry->d_name[strspn(entry->d_name, "0123456789")]))
			continue;
		snprintf(name, sizeof(name), "%s/%s%s", directory, entry->d_name, below);
		status = file_try(all, name, each);
	}
	if (list)
		closedir(list);
	return status;
}

int networks_each(struct cgg_sockets *all, network_each *each)
{
	int status = file_try(all, "/proc/thread-self/ns/net", each);

	if (!status)
		status = directory_try(all, "/proc", "/ns/net", each);
	return status ? status : directory_try(all, "/run/netns", "", each);
}
