/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* forms.h - forms of events for other tools: OpenTelemetry and journald. */
#ifndef FORMS_H
#define FORMS_H

#include "../lib/cgg.h"

/* A line that event_print() and others made: as JSON, and as text for people. */
struct form_line {
	char json[CGG_EVENT_TEXT], text[CGG_EVENT_TEXT];
	size_t json_len, text_len; /* with the line end */
	__s64 time; /* CLOCK_REALTIME, ns */
};
#define FORM_MOST                                                                                  \
	((size_t)6 * CGG_EVENT_TEXT) /* bytes of a record of OTLP; each is longer than its JSON */
size_t otlp_put(char *to, const struct form_line *line); /* as one line; returns its length */
void journal_open(void);
void journal_put(const struct form_line *line);

#endif
