// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* environ.c - sets the environment of the command that cgg-run starts. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox.h"

#define PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int no_memory(void)
{
	return set_error(CGG_FAILED, "out of memory");
}

/* Add a word of option -e: NAME=VALUE, or NAME to keep the caller's value. */
int environ_add(struct cgg_environ *env, char *word)
{
	size_t len = strcspn(word, "=");
	char **words;

	if (!len)
		return set_error(CGG_USAGE, "-e %.80s: a variable needs a name", word);
	words = reallocarray(env->words, env->count + 1, sizeof(*words));
	if (!words)
		return no_memory();
	env->words = words;
	env->words[env->count++] = word;
	return 0;
}

/* Set the variables that tell a program its user. */
static int set_user(const struct passwd *user)
{
	return setenv("HOME", user->pw_dir, 1) || setenv("SHELL", user->pw_shell, 1) ||
	       setenv("USER", user->pw_name, 1) || setenv("LOGNAME", user->pw_name, 1);
}

static int clear(const struct passwd *user)
{
	const char *value = getenv("TERM");
	char *term = value ? strdup(value) : 0;
	int failed = (value && !term) || clearenv() || setenv("PATH", PATH, 1) ||
		     (term && setenv("TERM", term, 1)) || (user && set_user(user));

	free(term);
	return failed;
}

/* Replace each NAME by NAME=VALUE while the caller's variables still exist; drop unset ones. */
static int take_values(struct cgg_environ *env)
{
	size_t kept = 0;

	for (size_t i = 0; i < env->count; i++) {
		char *word = env->words[i], *value = strchr(word, '=') ? 0 : getenv(word);

		if (value && asprintf(&word, "%s=%s", word, value) < 0)
			return -1;
		if (strchr(word, '='))
			env->words[kept++] = word;
	}
	env->count = kept;
	return 0;
}

/*
 * Change this process's environment to the command's. `user` is the user of option -u, or 0.
 * Later words override earlier ones, and the variables that set_user() sets.
 */
int environ_apply(struct cgg_environ *env, const struct passwd *user)
{
	int failed = take_values(env);

	if (!failed && env->clear)
		failed = clear(user ? user : env->caller);
	else if (!failed && user)
		failed = set_user(user);
	for (size_t i = 0; i < env->count && !failed; i++)
		failed = putenv(env->words[i]);
	return failed ? no_memory() : 0;
}

/* Look up the caller now: a name service may need files and sockets that will be closed later. */
void environ_begin(struct cgg_environ *env)
{
	if (env->clear)
		env->caller = getpwuid(geteuid());
}
