// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * file.c - reads policy files: lines with rules, settings, includes, comments.
 *
 * Blanks separate the words of a line. "..." is one word (util/word.c). # at the begin of a word
 * starts a comment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

#define MAX_WORDS 64
#define MAX_INCLUDES 8

/* A file that is being read, and the one that includes it. */
struct source {
	const char *name; /* in messages: with the files and lines that include it */
	const char *path; /* other files are relative to its folder */
	const struct source *from;
	dev_t device;
	ino_t inode;
};

/* What is read into, and where the errors go. */
struct reading {
	struct cgg_rules *rules;
	FILE *errors;
	bool told; /* errors has the error of the last line */
};

/* Split a line into words in place. Return their number, or -1 with cgg_error set. */
static int line_split(char *line, char *word[MAX_WORDS])
{
	int count = 0;

	for (;;) {
		line += strspn(line, " \t\r\n");
		if (!*line || *line == '#')
			return count;
		if (count == MAX_WORDS) {
			set_error(CGG_USAGE, "too many words");
			return -1;
		}
		word[count++] = line;
		if (*line == '"') {
			word[count - 1] = line + 1;
			line = word_unquote(line + 1);
			if (!line)
				return -1;
			if (*line && !strchr(" \t\r\n", *line)) {
				set_error(CGG_USAGE, "%.80s: no blank after a quote", line);
				return -1;
			}
			continue;
		}
		line += strcspn(line, " \t\r\n");
		if (*line)
			*line++ = 0;
	}
}

int rule_line(struct cgg_rule *rule, char *line)
{
	char *word[MAX_WORDS];
	int count = line_split(line, word);

	if (count >= 0)
		return rule_parse(rule, count, word);
	memset(rule, 0, sizeof(*rule));
	return CGG_USAGE;
}

int rule_read(struct cgg_rules *rules, int count, char *const word[])
{
	struct cgg_rule rule;
	int status = rule_parse(&rule, count, word);

	if (status)
		return status;
	status = rule_accept(&rule, false);
	if (!status)
		status = rules_add(rules, &rule);
	rule_free(&rule);
	return status;
}

/*
 * Return whether a text is YAML, not lines of rules.
 *
 * The first word of YAML ends with a colon, or a colon follows it, or it begins with a sign that
 * begins no line of rules.
 */
bool text_is_yaml(const char *text)
{
	size_t len;

	if (!strncmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	while (*text && (strchr(" \t\r\n", *text) || *text == '#'))
		text += *text == '#' ? strcspn(text, "\n") : 1;
	if (!*text || strchr("{[%-?!&*|>", *text))
		return *text;
	len = strcspn(text, " \t\r\n");
	if (text[len - 1] == ':')
		return true;
	text += len + strspn(text + len, " \t");
	return *text == ':' && strchr(" \t\r\n", text[1]);
}

/* Return whether the first line of a file begins with a byte order mark of UTF-16. */
static bool is_utf16(const char *line)
{
	return !strncmp(line, "\xff\xfe", 2) || !strncmp(line, "\xfe\xff", 2);
}

static int include(struct reading *r, const struct source *from, size_t number, const char *word);

static int line_read(struct reading *r, const struct source *source, size_t number, char *line)
{
	char *word[MAX_WORDS];
	int count = line_split(line, word), status;

	if (count <= 0)
		return count ? CGG_USAGE : 0;
	status = setting_parse(r->rules, count, word);
	if (status != CGG_NO)
		return status;
	if (!strcmp(word[0], "include"))
		return count == 2 ? include(r, source, number, word[1])
				  : set_error(CGG_USAGE, "include: needs one FILE");
	return rule_read(r->rules, count, word);
}

/* Read one line of `len` bytes; skip the UTF-8 byte order mark of the first line. */
static int text_line(struct reading *r, const struct source *source, size_t number, char *line,
		     size_t len)
{
	bool mark = number == 1 && !strncmp(line, "\xef\xbb\xbf", 3);

	if (number == 1 && is_utf16(line))
		return set_error(CGG_USAGE, "the file is UTF-16; save it as UTF-8");
	return strlen(line) == len ? line_read(r, source, number, line + 3 * mark)
				   : set_error(CGG_USAGE, "a line has a NUL byte");
}

/* Read all lines of a file, and write their errors; return the worst status. */
static int lines_read(struct reading *r, const struct source *source, FILE *file)
{
	char *line = 0;
	size_t room = 0;
	int worst = 0;
	ssize_t len;

	for (size_t number = 1; (len = getline(&line, &room, file)) >= 0; number++) {
		int status;

		if (len && line[len - 1] == '\n')
			line[--len] = 0;
		r->told = false;
		status = text_line(r, source, number, line, (size_t)len);
		if (status && !r->told)
			error_put(r->errors, source->name, number);
		else if (!status)
			note_put(r->errors, source->name, number);
		progress("lines read", number);
		if (status > worst)
			worst = status;
		if (status == CGG_FAILED || (number == 1 && is_utf16(line)))
			break;
	}
	if (ferror(file)) {
		worst = set_error(CGG_FAILED, "%s", strerror(errno));
		error_put(r->errors, source->name, 0);
	}
	free(line);
	return worst;
}

/* Open a file to include, unless it is no file, is YAML, or is being read already. */
static int include_open(const struct source *from, struct source *source, char **text, size_t *size)
{
	int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *file = fd < 0 ? 0 : fdopen(fd, "r");
	struct stat stat = { 0 };

	if (!file || fstat(fd, &stat))
		return set_error(errno == ENOENT ? CGG_USAGE : CGG_FAILED, "include %s: %s",
				 source->path, strerror(errno));
	*text = S_ISREG(stat.st_mode) ? slurp(file, size) : 0;
	fclose(file);
	if (!S_ISREG(stat.st_mode))
		return set_error(CGG_USAGE, "include %s: not a file", source->path);
	if (!*text)
		return set_error(CGG_FAILED, "include %s: %s", source->path, strerror(errno));
	source->device = stat.st_dev;
	source->inode = stat.st_ino;
	for (; from; from = from->from)
		if (from->inode == stat.st_ino && from->device == stat.st_dev)
			return set_error(CGG_USAGE, "include %s: a file cannot include itself",
					 source->path);
	if (text_is_yaml(*text))
		return set_error(CGG_USAGE, "include %s: is YAML; only lines of rules are included",
				 source->path);
	return 0;
}

/* Read a file in place of line `number` of the file that names it. */
static int include(struct reading *r, const struct source *from, size_t number, const char *word)
{
	const char *slash = *word == '/' ? 0 : strrchr(from->path, '/');
	int folder = slash ? (int)(slash + 1 - from->path) : 0, depth = 0, status;
	char *path = 0, *name = 0, *text = 0;
	struct source source = { .from = from };
	size_t size = 0;
	FILE *file;

	for (const struct source *s = from; s; s = s->from)
		depth++;
	if (depth > MAX_INCLUDES)
		return set_error(CGG_USAGE, "include %s: more than %d files deep", word,
				 MAX_INCLUDES);
	if (asprintf(&path, "%.*s%s", folder, from->path, word) < 0 ||
	    asprintf(&name, "%s:%zu: %s", from->name, number, path) < 0)
		return set_error(CGG_FAILED, "out of memory");
	source.name = name;
	source.path = path;
	status = include_open(from, &source, &text, &size);
	file = status || !size ? 0 : fmemopen(text, size, "r");
	if (file) {
		status = lines_read(r, &source, file);
		r->told = true;
		fclose(file);
	} else if (!status && size) {
		status = set_error(CGG_FAILED, "out of memory");
	}
	free(text);
	free(path);
	free(name);
	return status;
}

/*
 * Read a file of lines. Its name tells where included files are; those of standard input, of a
 * pipe and of a device are relative to the current folder.
 */
int file_read(struct cgg_rules *rules, FILE *file, const char *name, char **errors)
{
	size_t size = 0;
	struct reading r = { .rules = rules, .errors = open_memstream(errors, &size) };
	struct source top = { .name = name, .path = "" };
	struct stat known;
	int worst;

	if (!r.errors)
		return set_error(CGG_FAILED, "%s: %s", name, strerror(errno));
	if (strcmp(name, "-") != 0 && strncmp(name, "/dev/", 5) != 0 && !stat(name, &known) &&
	    S_ISREG(known.st_mode)) {
		top.path = name;
		top.device = known.st_dev;
		top.inode = known.st_ino;
	}
	worst = lines_read(&r, &top, file);
	fclose(r.errors);
	return worst;
}
