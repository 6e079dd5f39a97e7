// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loads.c - prints which hooks this kernel loads, and why it does not load the others. */
#include <string.h>

#include "cmd.h"

/* Return whether the kernel is locked down, so that programs may not read its memory. */
static bool locked_down(void)
{
	char text[128] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");

	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		*text = 0;
	fclose(file);
	return strstr(text, "[confidentiality]");
}

/* Write why a hook does not load. */
void hook_why(const struct object *o, int hook, char *text, size_t size)
{
	const struct cgg_program_info *info;
	const char *why;
	int i = 0;

	while (i < CGG_PROGRAMS - 1 && !(cgg_hooks[hook].programs & 1u << i && o->error[i]))
		i++;
	info = &cgg_programs[i];
	if (o->no_point & 1u << i && info->since) {
		snprintf(text, size, "needs Linux %s", info->since);
		return;
	}
	if (o->no_point & 1u << i)
		why = "the kernel has no such attach point";
	else if (!o->types)
		why = "the kernel has no type information (/sys/kernel/btf/vmlinux)";
	else if (locked_down())
		why = "lockdown=confidentiality: programs may not read the kernel's memory";
	else
		why = "cgg-load -cv prints the kernel's message";
	snprintf(text, size, "%s: %s; %s", info->name, strerror(o->error[i]), why);
}

/* Print which hooks this kernel loads, and why not the others. */
int loads_print(object_prepare *prepare)
{
	struct object o, names;
	char why[512];
	int error;

	object_try(&o, CGG_ALL_PROGRAMS, prepare);
	error = names_load(&names, &o, rings_small);
	for (int i = 0; i < CGG_HOOKS; i++) {
		bool loads = hook_is_names(i) ? !error : hook_loads(&o, i);

		if (!loads && hook_is_names(i))
			snprintf(why, sizeof(why), "%s; cgg-load -cv prints the kernel's message",
				 strerror(error));
		else if (!loads)
			hook_why(&o, i, why, sizeof(why));
		printf("%s\t%s%s%s\n", cgg_hooks[i].word, loads ? "yes" : "no", loads ? "" : "\t",
		       loads ? "" : why);
	}
	return CGG_DONE;
}
