// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * forms.c - writes events as OpenTelemetry log records and as entries of journald.
 *
 * Both have a name and a value for each key of the JSON of an event. So they are made from that
 * JSON, and a new key of events needs no line here.
 */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd.h"
#include "forms.h"

#define JOURNAL "/run/systemd/journal/socket"

/* How serious an event is: for OpenTelemetry (SeverityNumber), and for syslog(3). */
static const struct severity {
	const char *word;
	int otlp, syslog;
} severities[] = { { "deny", 13, 4 }, { "alert", 10, 5 }, { "audit", 9, 6 }, { "lost", 17, 3 } };

/* Return the severity of a line by its verdict; of lost or suppressed events it is `lost`. */
static const struct severity *severity_of(const json_t *event)
{
	const char *verdict = json_string_value(json_object_get(event, "verdict"));

	for (size_t i = 0; verdict && i < 3; i++)
		if (!strcmp(verdict, severities[i].word) && !json_object_get(event, "withheld"))
			return &severities[i];
	return &severities[3];
}

/* Read an event. The name of an abstract socket may hold NULs. */
static json_t *event_read(const struct form_line *line)
{
	json_t *event = json_loadb(line->json, line->json_len, JSON_ALLOW_NUL, 0);

	if (!event)
		errx(CGG_FAILED, "out of memory");
	return event;
}

/* ---- OTLP: https://opentelemetry.io/docs/specs/otlp/, its JSON of LogsData ---- */

/* Make an attribute; integers are strings there, as JSON has no integers of 64 bits. */
static json_t *attribute(const char *prefix, const char *key, json_t *value)
{
	char name[128], number[32];

	snprintf(name, sizeof(name), "%s%s", prefix, key);
	if (!json_is_integer(value))
		return json_pack("{s:s, s:{s:O}}", "key", name, "value", "stringValue", value);
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
	return json_pack("{s:s, s:{s:s}}", "key", name, "value", "intValue", number);
}

static json_t *resource_make(void)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	return json_pack("{s:[{s:s, s:{s:s}}, {s:s, s:{s:s}}]}", "attributes", "key",
			 "service.name", "value", "stringValue", "cgguard", "key", "host.name",
			 "value", "stringValue", host);
}

static json_t *record_make(const struct form_line *line, json_t *event)
{
	const struct severity *severity = severity_of(event);
	json_t *attributes = json_array(), *value;
	char word[16] = "", when[24];
	const char *key;

	snprintf(when, sizeof(when), "%lld", (long long)line->time);
	for (size_t i = 0; severity->word[i]; i++)
		word[i] = (char)toupper(severity->word[i]);
	json_object_foreach(event, key, value) if (strcmp(key, "time") != 0)
		json_array_append_new(attributes, attribute("cgguard.", key, value));
	return json_pack("{s:s, s:s, s:i, s:s, s:{s:s%}, s:o}", "timeUnixNano", when,
			 "observedTimeUnixNano", when, "severityNumber", severity->otlp,
			 "severityText", word, "body", "stringValue", line->text,
			 line->text_len - 1, "attributes", attributes);
}

size_t otlp_put(char *to, const struct form_line *line)
{
	json_t *event = event_read(line);
	json_t *logs =
		json_pack("{s:[{s:o, s:[{s:{s:s, s:s}, s:[o]}]}]}", "resourceLogs", "resource",
			  resource_make(), "scopeLogs", "scope", "name", "cgg-events", "version",
			  CGG_VERSION, "logRecords", record_make(line, event));
	size_t len = logs ? json_dumpb(logs, to, FORM_MOST - 1, JSON_COMPACT) : 0;

	if (!len || len >= FORM_MOST)
		errx(CGG_FAILED, "out of memory");
	to[len++] = '\n';
	json_decref(logs);
	json_decref(event);
	return len;
}

/* ---- journald: https://systemd.io/JOURNAL_NATIVE_PROTOCOL ---- */

static int journal = -1;

/* Connect to journald; return an errno. */
static int journal_connect(void)
{
	static const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = JOURNAL };

	if (journal >= 0)
		close(journal);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return journal < 0 || connect(journal, (const struct sockaddr *)&at, sizeof(at)) ? errno
											 : 0;
}

void journal_open(void)
{
	int error = journal_connect();

	if (error)
		errx(CGG_FAILED, "--journal: " JOURNAL ": %s", strerror(error));
}

/* Add NAME=VALUE, or with a length if the value has a newline. */
static void field_put(FILE *to, const char *prefix, const char *key, const char *value, size_t len)
{
	bool lines = memchr(value, '\n', len);

	fputs(prefix, to);
	for (; *key; key++)
		fputc(toupper(*key), to);
	fputc(lines ? '\n' : '=', to);
	for (int i = 0; lines && i < 8; i++)
		fputc((int)(len >> 8 * i & 255), to);
	fwrite(value, 1, len, to);
	fputc('\n', to);
}

static void fields_put(FILE *to, const struct form_line *line, json_t *event)
{
	const char *key;
	json_t *value;

	fprintf(to, "MESSAGE=%.*sPRIORITY=%d\nSYSLOG_IDENTIFIER=cgguard\n", (int)line->text_len,
		line->text, severity_of(event)->syslog);
	json_object_foreach(event, key, value)
	{
		char number[32];

		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		if (json_is_string(value))
			field_put(to, "CGG_", key, json_string_value(value),
				  json_string_length(value));
		else
			field_put(to, "CGG_", key, number, strlen(number));
	}
}

/* Send an entry; after journald was restarted, connect again. */
void journal_put(const struct form_line *line)
{
	char *entry = 0;
	size_t len = 0;
	FILE *to = open_memstream(&entry, &len);
	json_t *event = event_read(line);
	int error;

	if (!to)
		errx(CGG_FAILED, "out of memory");
	fields_put(to, line, event);
	if (fclose(to))
		errx(CGG_FAILED, "out of memory");
	error = send(journal, entry, len, MSG_NOSIGNAL) < 0 ? errno : 0;
	if (error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET) {
		error = journal_connect();
		if (!error)
			error = send(journal, entry, len, MSG_NOSIGNAL) < 0 ? errno : 0;
	}
	if (error)
		errx(CGG_FAILED, "--journal: " JOURNAL ": %s", strerror(error));
	free(entry);
	json_decref(event);
}
