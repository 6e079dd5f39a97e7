// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sets.c - the sets that cgg-status shows. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "status.h"

static int by_name(const void *one, const void *other)
{
	return strcmp(((const struct shown_set *)one)->name.name,
		      ((const struct shown_set *)other)->name.name);
}

/* Read name, kind and size of all sets, sorted by name, or exit. */
void sets_read(struct status *status)
{
	struct cgg_sets sets;

	if (sets_open(&sets, CGG_READ))
		die(CGG_FAILED);
	status->set = calloc(CGG_SETS, sizeof(*status->set));
	if (!status->set)
		errx(CGG_FAILED, "out of memory");
	for (int i = 0; i < CGG_SETS; i++) {
		struct shown_set *to = &status->set[status->sets];
		const struct cgg_set_head *head;
		struct cgg_table table;

		if (!*sets.name[i].name)
			continue;
		if (set_open(&sets, i, &table))
			die(CGG_FAILED);
		head = table_head(&table);
		to->name = sets.name[i];
		to->kind = set_kind((int)head->kind);
		to->elements = head->count[head->generation & 1];
		table_close(&table);
		status->sets++;
	}
	qsort(status->set, status->sets, sizeof(*status->set), by_name);
	sets_close(&sets);
}

void sets_text(const struct status *status)
{
	for (unsigned i = 0; i < status->sets; i++) {
		const struct shown_set *set = &status->set[i];

		printf("set\t%s\t%s %u\n", set->name.name, set->kind, set->elements);
	}
}

void sets_metrics(const struct status *status)
{
	puts("# HELP cgguard_set_elements Elements of the set, expired ones included.\n"
	     "# TYPE cgguard_set_elements gauge");
	for (unsigned i = 0; i < status->sets; i++)
		printf("cgguard_set_elements{set=\"%s\"} %u\n", status->set[i].name.name,
		       status->set[i].elements);
}
