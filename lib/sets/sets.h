/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sets.h - sets of addresses and of DNS names: their tables, and lists of their elements. */
#ifndef CGG_SETS_H
#define CGG_SETS_H

#include "../index/index.h"
#include "../pins/pins.h"

/* element.c: elements in words, and the list of those that a change is about */
struct cgg_element {
	__u64 key[2]; /* of an address: as in struct cgg_slot */
	__u32 tag; /* of an address: the length; of a name: its place in text, reversed */
	__u32 expires; /* CLOCK_BOOTTIME in seconds, or CGG_SET_NEVER */
};
struct cgg_elements {
	int kind; /* enum cgg_set_kind, -1: not known yet */
	struct cgg_element *element;
	size_t count, room;
	char *text; /* of names, each with a NUL; it begins with one */
	size_t used, text_room;
	bool meant_empty; /* a comment says so */
};
#define CGG_ELEMENT_TEXT (CGG_OPERAND + 4)
#define CGG_SET_EMPTY "empty set of " /* addresses, or names: as a comment */
const char *set_kind(int kind);
int element_add(struct cgg_elements *list, const char *word, __u32 expires);
int element_append(struct cgg_elements *list, const struct cgg_element *element);
int element_add_name(struct cgg_elements *list, const char *name, bool below, __u32 expires);
void element_print(int kind, const __u64 key[2], __u32 tag, const char *text,
		   char shown[CGG_ELEMENT_TEXT]);
int element_ttl(__u32 *expires, const char *time);
__u32 seconds_now(void); /* rounded down, as programs compare it */
void elements_free(struct cgg_elements *list);

/* list.c: lists as they are published */
typedef void elements_say(void *context, const char *message);
int elements_line(struct cgg_elements *list, char *line);
int elements_read(struct cgg_elements *list, FILE *file, const char *name, elements_say *say,
		  void *context);

/* join.c: removes elements that others contain */
struct cgg_joined {
	size_t same, within; /* removed: duplicates, and elements within others */
};
void elements_join(struct cgg_elements *list, struct cgg_joined *joined);
void elements_unique(struct cgg_elements *list); /* removes duplicates only */

/* table.c: a table in memory, which may be that of a map */
struct cgg_table {
	char *page; /* the head, in the first of them; 0: not open */
	size_t pages;
	int fd; /* of its map, or -1 */
	__u8 *here; /* by page: 1 if it is mapped; 0: all are */
	int protection; /* of a mapping */
};
struct cgg_set_head *table_head(const struct cgg_table *table);
void element_fetch(const struct cgg_elements *list, size_t i);
void table_size(const struct cgg_elements *list, unsigned more, __u32 *lines, size_t *pages);
void table_begin(struct cgg_table *table, int kind, __u32 lines, const __u64 seed[4]);
void table_fetch(const struct cgg_table *table, const struct cgg_elements *list, size_t i);
bool table_has_room(const struct cgg_table *table, const struct cgg_elements *list);
int table_put(struct cgg_table *table, const struct cgg_element *element, const char *text,
	      __u32 since); /* CGG_NO: it is full */
void table_settle(struct cgg_table *table, __u32 count); /* before it is in force */
struct cgg_slot *table_find(const struct cgg_table *table, const struct cgg_element *element,
			    const char *text); /* 0: it is no element */
unsigned table_has_addr(const struct cgg_table *table, const __u8 addr[16]);
bool table_has_name(const struct cgg_table *table, const char *name);
typedef int table_line(void *context, const struct cgg_slot *slot, const char *text);
int table_each(struct cgg_table *table, table_line *line, void *context);

/* store.c: the sets of a guard */
struct cgg_sets {
	int outer; /* the map sets */
	struct cgg_set_name *name; /* CGG_SETS of them, shared with the kernel */
	enum cgg_open how;
};
int sets_open(struct cgg_sets *sets, enum cgg_open how);
void sets_close(struct cgg_sets *sets);
int set_lookup(const struct cgg_sets *sets, const char *name); /* its number, or -1 */
int set_none(const char *name); /* sets the error: there is no such set */
int set_open(const struct cgg_sets *sets, int number, struct cgg_table *table);
bool table_need(const struct cgg_table *table, size_t page); /* maps it */
int table_whole(struct cgg_table *table); /* maps all pages */
void table_close(struct cgg_table *table);
int table_make(struct cgg_table *table, size_t pages);
int set_replace(const struct cgg_sets *sets, int number, const struct cgg_table *table);
int set_name(const struct cgg_sets *sets, const char *name, int *number);
void set_named(const struct cgg_sets *sets, int number);
void set_drop(const struct cgg_sets *sets, int number);

/* change.c: adds, deletes and replaces elements, each in one step */
int set_add(const struct cgg_sets *sets, const char *name, struct cgg_elements *list);
int set_delete(const struct cgg_sets *sets, const char *name, struct cgg_elements *list);
int set_restore(const struct cgg_sets *sets, const char *name, struct cgg_elements *list);
int sets_number(struct cgg_rules *rules); /* of those that rules use */

#endif
