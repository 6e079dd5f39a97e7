// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* need.c - what rules need: programs, which cgg-load loads when they are missing; a resolver. */
#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"

/* Return the programs that this kernel has an attach point for: 1 << enum cgg_program. */
static unsigned programs_known(void)
{
	int top = mount_open();
	unsigned known = ~0u;

	for (int i = 0; i < CGG_PROGRAMS && top >= 0; i++) {
		__u32 count = 0, flags;

		if (bpf_prog_query(top, (enum bpf_attach_type)cgg_programs[i].attach, 0, &flags, 0,
				   &count) &&
		    errno == EINVAL)
			known &= ~(1u << i);
	}
	if (top >= 0)
		close(top);
	return known;
}

/* Return the hooks that have a program outside programs. */
static unsigned hooks_outside(unsigned hooks, unsigned programs)
{
	unsigned outside = 0;

	for (int i = 0; i < CGG_HOOKS; i++)
		if (hooks & 1u << i && cgg_hooks[i].programs & ~programs)
			outside |= 1u << i;
	return outside;
}

unsigned hooks_lacking(void)
{
	return hooks_outside((1u << CGG_HOOKS) - 1, programs_known());
}

/* Run the cgg-load that lies beside this command, else the one in PATH. */
static _Noreturn void load_exec(const char *hooks)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("cgg-load"));
	char *slash;

	setenv(LOAD_ADDS, "1", 1);
	path[len > 0 ? len : 0] = 0;
	slash = strrchr(path, '/');
	if (slash) {
		strcpy(slash + 1, "cgg-load");
		execl(path, "cgg-load", "--hooks", hooks, (char *)0);
	}
	execlp("cgg-load", "cgg-load", "--hooks", hooks, (char *)0);
	err(CGG_FAILED, "cgg-load --hooks %s", hooks);
}

/* Run cgg-load for these hooks, which prints why it fails; return its status. */
static int load_run(const char *hooks)
{
	void (*before)(int) = signal(SIGCHLD, SIG_DFL); /* if ignored, there is no status */
	int status = 0, error = 0;
	pid_t pid = fork();

	if (!pid)
		load_exec(hooks);
	error = pid < 0 ? errno : 0;
	while (!error && waitpid(pid, &status, 0) < 0)
		error = errno == EINTR ? 0 : errno;
	signal(SIGCHLD, before);
	if (error)
		return set_error(CGG_FAILED, "cgg-load --hooks %s: %s", hooks, strerror(error));
	if (WIFEXITED(status) && WEXITSTATUS(status) != CGG_FAILED)
		return WEXITSTATUS(status);
	return set_error(CGG_FAILED, "%s: the programs are not loaded", hooks);
}

/*
 * Load the programs that rules need and the guard lacks. Call this before the guard is locked: the
 * kernel takes a while to verify them. Whether they are there is checked under the lock.
 */
int programs_need(const struct cgg_rules *rules)
{
	unsigned loaded = 0, hooks;
	struct cgg_guard guard;
	char words[256];
	int status;

	if (version_read() != CGG_LAYOUT || programs_loaded(&loaded))
		return 0; /* the command will open the guard, and tell */
	hooks = hooks_outside(rules_hooks(rules), loaded);
	if (!hooks || hooks & hooks_lacking())
		return 0;
	status = guard_open(&guard, CGG_READ); /* only now is it known to be safe to use */
	guard_close(&guard);
	hooks_print(hooks, words, sizeof(words));
	if (!status)
		status = load_run(words);
	return status == CGG_FAILED ? CGG_FAILED : 0;
}

/* Warn of a policy whose rules with host match nothing, unless cgg-names adds names. */
void resolver_warn(struct cgg_guard *guard, int place)
{
	if (policy_lacks_resolver(guard, place))
		warnx("warning: policy %s: has rules with host, but " NO_RESOLVER
		      "; write one in a file, for cgg-rule add -f",
		      guard->policies[place].name);
}
