// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* names.c - let cgg-load load the programs for names, when rules need them. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"

/* Return whether rules, or the settings that they have, need the programs for names. */
static bool use_names(const struct cgg_rules *rules)
{
	const __u8 verdict = rules->defaults.verdict[CGG_DNS];
	bool use = rules_have_host(rules) ||
		   (rules->naming.resolvers && rules->naming.resolvers != CGG_UNSET_RESOLVERS) ||
		   (verdict != CGG_UNSET && verdict != CGG_ALLOW);

	for (unsigned i = 0; i < rules->count && !use; i++)
		use = rules->entry[i].condition.hooks >> CGG_DNS & 1;
	return use;
}

/* Run the cgg-load that lies beside this command, else the one in PATH. */
static _Noreturn void load_exec(void)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("cgg-load"));
	char *slash;

	path[len > 0 ? len : 0] = 0;
	slash = strrchr(path, '/');
	if (slash) {
		strcpy(slash + 1, "cgg-load");
		execl(path, "cgg-load", "--names", (char *)0);
	}
	execlp("cgg-load", "cgg-load", "--names", (char *)0);
	err(CGG_FAILED, "cgg-load --names");
}

/*
 * Load the programs for names if rules need them and the guard lacks them. Call this before the
 * guard is locked.
 */
int names_need(const struct cgg_rules *rules)
{
	int status;
	pid_t pid;

	if (!use_names(rules) || names_loaded() || access(CGG_DIR, F_OK))
		return 0;
	pid = fork();
	if (pid < 0)
		return set_error(CGG_FAILED, "cgg-load --names: %s", strerror(errno));
	if (!pid)
		load_exec();
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return set_error(CGG_FAILED, "cgg-load --names: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return set_error(CGG_FAILED, "the programs for names are not loaded");
	return 0;
}
