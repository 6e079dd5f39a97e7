// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * engines.c - finds the id of a container by the name that its user gave it.
 *
 * docker, podman and nerdctl keep names in files below /var/lib that only root can write. Of podman
 * and nerdctl these are the containers of root; others have theirs in the home of a user, who may
 * write any name there.
 */
#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define DOCKER "/var/lib/docker/containers/*/config.v2.json"
#define PODMAN "/var/lib/containers/storage/*-containers/*containers.json"
#define NERDCTL "/var/lib/nerdctl/*/names/*/"

struct engine_search {
	const char *name;
	char *id; /* CGG_ENGINE_ID bytes; "": none yet */
	bool ambiguous;
};

static void take(struct engine_search *search, const char *id)
{
	if (!id || strlen(id) < 12 || strlen(id) >= CGG_ENGINE_ID ||
	    id[strspn(id, "0123456789abcdef")])
		return;
	search->ambiguous |= *search->id && strcmp(search->id, id) != 0;
	strcpy(search->id, id);
}

/* {"ID": "4f0c...", "Name": "/web", ...} */
static void docker_read(struct engine_search *search, const char *file)
{
	json_t *config = json_load_file(file, 0, 0);
	const char *name = json_string_value(json_object_get(config, "Name"));

	if (name && !strcmp(name + (*name == '/'), search->name))
		take(search, json_string_value(json_object_get(config, "ID")));
	json_decref(config);
}

/* [{"id": "4f0c...", "names": ["web"], ...}, ...] */
static void podman_read(struct engine_search *search, const char *file)
{
	json_t *list = json_load_file(file, 0, 0), *one, *name;
	size_t i, k;

	json_array_foreach(list, i, one) json_array_foreach(
		json_object_get(one, "names"), k,
		name) if (json_is_string(name) && !strcmp(json_string_value(name), search->name))
		take(search, json_string_value(json_object_get(one, "id")));
	json_decref(list);
}

/* A file called as the container has its id. */
static void nerdctl_read(struct engine_search *search, const char *directory)
{
	char file[4096], id[CGG_ENGINE_ID] = "";
	FILE *from;

	if (snprintf(file, sizeof(file), "%s%s", directory, search->name) >= (int)sizeof(file))
		return;
	from = fopen(file, "re");
	if (!from)
		return;
	if (fgets(id, sizeof(id), from)) {
		id[strcspn(id, "\n")] = 0;
		take(search, id);
	}
	fclose(from);
}

static void each(struct engine_search *search, const char *pattern,
		 void read_one(struct engine_search *search, const char *path))
{
	glob_t found;

	if (glob(pattern, 0, 0, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		read_one(search, found.gl_pathv[i]);
	globfree(&found);
}

/* Find the id of the container with this name; return CGG_NO if no engine has one. */
int engine_find(char id[CGG_ENGINE_ID], const char *name)
{
	struct engine_search search = { .name = name, .id = id };

	*id = 0;
	each(&search, DOCKER, docker_read);
	each(&search, PODMAN, podman_read);
	if (*name != '.') /* no file of the directory above */
		each(&search, NERDCTL, nerdctl_read);
	if (search.ambiguous)
		return set_error(CGG_USAGE,
				 "container:%.80s: several containers have this name; write an id",
				 name);
	return *id ? 0 : CGG_NO;
}
