// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* holders.c - the processes of the listed cgroups that have sockets open, by /proc/PID/fd. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "diag.h"

static int by_inode(const void *one, const void *other)
{
	const struct cgg_holder *a = one, *b = other;

	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return a->fd - b->fd;
}

/* Return the index of the first holder of a socket, or the number of holders. */
size_t holder_find(const struct cgg_sockets *all, __u64 inode)
{
	size_t low = 0, high = all->holders;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (all->holder[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low < all->holders && all->holder[low].inode == inode ? low : all->holders;
}

/* Return a descriptor of the socket that a process has open, or -1: it has closed it. */
int holder_fd(const struct cgg_sockets *all, size_t holder)
{
	const struct cgg_holder *at = &all->holder[holder];
	int process = (int)syscall(SYS_pidfd_open, at->pid, 0), fd;
	struct stat st;

	if (process < 0)
		return -1;
	fd = (int)syscall(SYS_pidfd_getfd, process, at->fd, 0);
	close(process);
	if (fd < 0 || (!fstat(fd, &st) && st.st_ino == at->inode))
		return fd;
	close(fd);
	return -1;
}

static int holder_add(struct cgg_sockets *all, const struct cgg_holder *holder)
{
	struct cgg_holder *more =
		grow(all->holder, all->holders, &all->holder_room, sizeof(*all->holder));

	if (!more)
		return CGG_FAILED;
	all->holder = more;
	all->holder[all->holders++] = *holder;
	return 0;
}

static void comm_read(struct cgg_holder *holder)
{
	char name[64];
	ssize_t len = -1;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/comm", holder->pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, holder->comm, sizeof(holder->comm));
		close(fd);
	}
	if (len > 0 && holder->comm[len - 1] == '\n')
		holder->comm[len - 1] = 0;
}

/* Add the sockets of one process. It may end meanwhile. */
static int process_read(struct cgg_sockets *all, int pid, __u32 scope)
{
	struct cgg_holder holder = { .pid = pid, .scope = scope };
	struct dirent *entry;
	char name[64];
	int status = 0;
	DIR *list;

	snprintf(name, sizeof(name), "/proc/%d/fd", pid);
	list = opendir(name);
	if (!list)
		return 0;
	comm_read(&holder);
	while (!status && (entry = readdir(list))) {
		char link[64], rest;
		unsigned long long inode;
		ssize_t len = readlinkat(dirfd(list), entry->d_name, link, sizeof(link) - 1);

		link[len < 0 ? 0 : len] = 0;
		if (strncmp(link, "socket:[", 8) != 0 ||
		    sscanf(link + 8, "%llu]%c", &inode, &rest) != 1)
			continue;
		holder.inode = inode;
		holder.fd = atoi(entry->d_name);
		status = holder_add(all, &holder);
	}
	closedir(list);
	return status;
}

/* Add the processes of one cgroup, if it still exists. */
static int scope_read(struct cgg_sockets *all, __u32 scope)
{
	int dir = cgroup_open_id(all->scope[scope].id), status = 0, pid;
	int fd = dir < 0 ? -1 : openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *list = fd < 0 ? 0 : fdopen(fd, "r");

	while (list && !status && fscanf(list, "%d", &pid) == 1)
		if (pid) /* 0: of another namespace of processes, which this one does not show */
			status = process_read(all, pid, scope);
	if (list)
		fclose(list);
	else if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return status;
}

int holders_read(struct cgg_sockets *all)
{
	int status = 0;

	for (size_t i = 0; i < all->scopes && !status; i++)
		status = scope_read(all, (__u32)i);
	if (all->holders)
		qsort(all->holder, all->holders, sizeof(*all->holder), by_inode);
	return status;
}
