// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * lock.c - takes the lock on the pin directory, and waits for it for a limited time.
 *
 * Commands hold the lock while they work. A command that is stopped, or blocks on its output,
 * holds it until it continues. So a command that waited too long names the process that holds it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#include "pins.h"

#define PATIENCE 60 /* seconds to wait for a process that runs */
#define PATIENCE_STOPPED 5 /* seconds to wait for a process that is stopped */

/* Return the process that holds a lock on dir, from /proc/locks, or 0 if it is unknown. */
static int holder(int dir)
{
	FILE *locks = fopen("/proc/locks", "re");
	unsigned long inode;
	unsigned major, minor;
	char line[256];
	struct stat st;
	int pid, found = 0;

	if (!locks)
		return 0;
	while (!fstat(dir, &st) && !found && fgets(line, sizeof(line), locks))
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major, &minor, &inode) ==
			    4 &&
		    inode == st.st_ino && makedev(major, minor) == st.st_dev)
			found = pid;
	fclose(locks);
	return found > 0 ? found : 0;
}

/* Return the state letter of a process as in proc(5), and its name, or 0 if it is gone. */
static char state_of(int pid, char name[64])
{
	char path[64], text[256] = "", *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		*text = 0;
	fclose(file);
	end = strrchr(text, ')');
	if (!end || !strchr(text, '(') || end[1] != ' ')
		return 0;
	*end = 0;
	snprintf(name, 64, "%s", strchr(text, '(') + 1);
	return end[2];
}

/*
 * Return 0 to wait longer, or an error about the process that holds the lock. `began` is when the
 * wait began; *stopped is when the holder was last seen running.
 */
static int patience(int dir, __u64 began, __u64 *stopped)
{
	__u64 now = time_now();
	int pid = holder(dir);
	char name[64] = "", shown[256];
	char state = pid ? state_of(pid, name) : 0;

	text_print(shown, name);
	if (state != 'T' && state != 't')
		*stopped = now;
	if (now - *stopped >= PATIENCE_STOPPED * 1000000000ULL)
		return set_error(CGG_FAILED,
				 CGG_DIR ": locked by process %d (%s), which is stopped; "
					 "continue it (kill -CONT %d), or end it",
				 pid, shown, pid);
	if (now - began < PATIENCE * 1000000000ULL)
		return 0;
	return pid ? set_error(CGG_FAILED,
			       CGG_DIR
			       ": locked by process %d (%s) for %d seconds; wait for it, or end it",
			       pid, shown, PATIENCE)
		   : set_error(CGG_FAILED, CGG_DIR ": locked for %d seconds", PATIENCE);
}

static void wake(int sig)
{
	(void)sig;
}

/*
 * Wait for the lock in a blocking flock(2), because the kernel grants locks in the order of the
 * requests. A timer interrupts the call each second to check patience().
 */
static int wait_for(int dir, int operation)
{
	const struct sigaction action = { .sa_handler = wake };
	const struct itimerval second = { { 1, 0 }, { 1, 0 } }, none = { 0 };
	__u64 began = time_now(), stopped = began;
	struct sigaction old;
	sigset_t alarm, mask;
	int status = 0;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigaction(SIGALRM, &action, &old);
	sigprocmask(SIG_UNBLOCK, &alarm, &mask); /* the parent may have blocked it */
	setitimer(ITIMER_REAL, &second, 0);
	while (!status && flock(dir, operation))
		status = errno == EINTR ? patience(dir, began, &stopped)
					: set_error(CGG_FAILED, CGG_DIR ": %s", strerror(errno));
	setitimer(ITIMER_REAL, &none, 0);
	sigprocmask(SIG_SETMASK, &mask, 0);
	sigaction(SIGALRM, &old, 0);
	return status;
}

int lock_take(int dir, enum cgg_open how)
{
	int operation = how == CGG_CHANGE ? LOCK_EX : LOCK_SH;

	if (!flock(dir, operation | LOCK_NB))
		return 0;
	return errno == EWOULDBLOCK ? wait_for(dir, operation)
				    : set_error(CGG_FAILED, CGG_DIR ": %s", strerror(errno));
}
