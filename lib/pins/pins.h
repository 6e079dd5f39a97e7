/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pins.h - the pins of the guard in bpffs: directory, lock, inner maps, counters. */
#ifndef CGG_PINS_H
#define CGG_PINS_H

#include "../words/words.h"
#include "bindings.h"

/* pin.c: the pins below /sys/fs/bpf/cgguard */
#define CGG_BPFFS "/sys/fs/bpf"
#define CGG_DIR CGG_BPFFS "/cgguard"
enum cgg_open { CGG_READ, CGG_CHANGE }; /* with a shared lock; with an exclusive one */
struct cgg_guard {
	int dir; /* the open and locked pin directory */
	enum cgg_open how;
	bool torn; /* CGG_CHANGE: the last change did not end, and is not repaired yet */
	int image_maps, tally_maps, indexes, attachments, attached;
	int version; /* the map of that name; -1, unless how is CGG_CHANGE */
	struct cgg_policy *policies; /* CGG_POLICIES of them, shared with the kernel */
	struct cgg_image *images[CGG_POLICIES]; /* two each, mapped by guard_images(); 0: not yet */
	int (*ready)(void); /* prints for a command before the last step; not 0: do not take it */
};
bool guard_is_gone(void); /* none is loaded */
int guard_open(struct cgg_guard *guard, enum cgg_open how);
void guard_close(struct cgg_guard *guard);
void guard_unmap(struct cgg_guard *guard); /* inner.c */
int lock_take(int dir, enum cgg_open how); /* lock.c: waits for a limited time */
int pin_check(int dir, const char *path); /* refuses a directory that others could change */
int pin_directory(const char *path); /* an fd, or -1 with errno */
bool pin_is_at(int dir, const char *path);
int pin_remove(const char *path); /* removes a directory of pins and everything below */
#define CGG_SIBLING CGG_DIR "-new-" /* and the process id: a guard that is built, or removed */
void siblings_sweep(void); /* removes those of killed commands */

/* programs.c: pinned maps and programs of the guard */
int pin_get(const char *name); /* fd of a pin like maps/NAME, or -1 with errno */
int map_open(const char *name, int *fd); /* the pin maps/NAME */
int pin_refusal(const char *name); /* sets the error for errno of pin_get() */
enum cgg_version { /* keys of the map version */
	CGG_VERSION_LAYOUT,
	CGG_VERSION_PROGRAMS,
	CGG_VERSION_CHANGING, /* 1 while a command changes the guard, and after it was killed */
	CGG_VERSION_CURSOR, /* where the next change begins to repair attachments */
	CGG_VERSION_KEYS
};
int version_read(void); /* CGG_LAYOUT of the pinned guard, or -1 with errno */
int programs_loaded(unsigned *programs); /* 1 << enum cgg_program, those that are loaded */
int programs_record(unsigned programs);
int change_begin(struct cgg_guard *guard);
void change_end(struct cgg_guard *guard);
int cursor_read(const struct cgg_guard *guard, __u32 *cursor); /* of attachments_next() */
int cursor_write(const struct cgg_guard *guard, __u32 cursor);
struct cgg_pinned { /* cached while one guard is open */
	bool is_read;
	__u32 now, replaced; /* ids of those in progs/ and replaced/; 0: none */
	__u32 by_name, replaced_by_name; /* and of the programs that judge by name, too */
};
const struct cgg_pinned *pinned_read(int program);
void pinned_forget(void); /* drops the cache */

/* inner.c: inner maps; name is the outer map: images, tallies or indexes */
int inner_get(const char *name, int outer, __u32 number); /* -1 with errno */
int inner_put(const char *directory, const char *name, int outer, __u32 number, int fd);
int inner_put_all(const char *name, int outer, const __u32 *numbers, const int *fds, __u32 count);
void inner_drop(const char *name, int outer, __u32 number); /* if it exists */
void inner_each(const char *name, unsigned long most, void each(void *to, __u32 number), void *to);
int inner_refusal(const char *name, __u32 number); /* sets the error for errno of inner_get() */
int chunk_make(const char *directory, int images, int tallies, __u32 chunk);
void chunk_forget(struct cgg_guard *guard, __u32 chunk);
bool chunk_is_whole(const struct cgg_guard *guard, __u32 chunk);
struct cgg_image *guard_images(struct cgg_guard *guard, int place); /* 0 with cgg_error */
size_t page_skip(size_t offset); /* from the start of its page, which may be larger than CGG_PAGE */

/* store.c: the indexes of a guard; numbers are keys of the map indexes */
enum cgg_part { CGG_RECORDS = 1, CGG_HASHES = 2, CGG_TEXTS = 4, CGG_KEPT = 8 };
struct cgg_store {
	const struct cgg_index *head;
	enum cgg_open how;
	int fd;
	const struct cgg_action *actions;
	__u8 *bits;
	const struct cgg_record *records;
	const __u32 *hashes;
	const struct cgg_kept *kept;
	const char *heap;
};
int index_open(struct cgg_store *index, const struct cgg_index *head, enum cgg_open how,
	       unsigned parts);
int index_map(struct cgg_store *index, unsigned parts);
bool index_is_lost(const struct cgg_index *head); /* its pin is gone; programs still use it */
void index_close(struct cgg_store *index);
int index_record(struct cgg_store *index, __u32 rule, struct cgg_record *record);
bool index_has_text(struct cgg_store *index, const struct cgg_record *record, const char *text,
		    size_t len);
bool index_is_dead(const struct cgg_store *index, __u32 rule);
const char *index_text(const struct cgg_store *index, __u32 rule);
/* spare.c: which indexes a policy has */
int index_store(struct cgg_guard *guard, struct cgg_policy *policy, __u32 kept,
		struct cgg_index *head, const char *pages);
void index_release(struct cgg_guard *guard, __u32 *mine);
bool index_is_large(const struct cgg_guard *guard, __u32 index);
void indexes_sweep(struct cgg_guard *guard); /* drops what no policy has, but for spare ones */

/* count.c: counters of decisions, summed over the processors */
int count_open(void);
struct cgg_count count_read(int counts, __u32 policy, __u32 rule);
void tallies_read(__u32 policy, struct cgg_tally sum[CGG_HOOKS]); /* all zero on failure */
void tallies_close(void); /* the map that it keeps open */
struct cgg_count tally_default(const struct cgg_tally *tally); /* decisions by the default */
bool packets_read(__u64 cgroup, struct cgg_packets *sum); /* false: not counted */
/* By hook, those of packets as packets_read() gave them; 0 if they cannot be read. */
void denials_read(__u64 cgroup, const struct cgg_packets *packets, __u64 sum[CGG_HOOKS]);
bool name_counts_read(__u64 cgroup, struct cgg_names_count *sum); /* the same */
int count_forget(__u32 policy);
bool count_any(__u32 policy); /* whether some rule has a count */
void count_forget_rule(__u32 policy, __u32 rule);
int count_keep(__u32 policy, __u32 *ids, size_t count); /* sorts ids; deletes all other counts */
bool count_time(__u64 last, char text[40]); /* time of the last hit, RFC 3339; false: never */

#endif
