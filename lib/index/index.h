/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* index.h - rules in memory, in the forms that the programs read: an image, or an index. */
#ifndef CGG_INDEX_H
#define CGG_INDEX_H

#include "../words/words.h"

/* entries.c: rules -> entries <-> an image, memory to memory */
struct cgg_rules {
	struct cgg_entry *entry; /* of a rule: one with a text, then some without */
	unsigned count, room; /* of entries */
	unsigned rules;
	char *heap;
	__u32 heap_used, heap_room; /* units of 8 bytes */
	struct cgg_defaults defaults;
	__u8 audit;
	struct cgg_naming naming; /* in it 0 is the default */
#define CGG_UNSET 0xff /* of these, in rules to be added: keep the policy's setting */
#define CGG_UNSET_RESOLVERS 0xffffffffu
	struct cgg_used_set set[CGG_SETS_OF]; /* that rules use, by entry_set() */
	__u32 next_id;
	struct cgg_index index; /* the index of the policy, if it has one */
};
__u32 words_hash(const char *words, size_t len);
void rules_begin(struct cgg_rules *rules);
void default_set(struct cgg_defaults *defaults, unsigned hook, __u8 verdict, __u8 error,
		 bool quiet);
int rules_add(struct cgg_rules *rules, const struct cgg_rule *rule);
int rules_insert(struct cgg_rules *rules, unsigned at, __u32 before, const struct cgg_rule *rule);
int rule_entries(const struct cgg_rule *rule, unsigned *entries);
int rules_take(struct cgg_rules *rules, const struct cgg_rules *more);
void rules_remove(struct cgg_rules *rules, unsigned at);
unsigned entry_forms(const struct cgg_entry *e, struct cgg_entry form[CGG_KNOWN_BITS]);
bool entries_match_alike(const struct cgg_entry *a, const struct cgg_entry *b);
unsigned rules_hooks(const struct cgg_rules *rules);
unsigned condition_hooks(const struct cgg_condition *c);
bool rules_have_host(const struct cgg_rules *rules);
void rules_free(struct cgg_rules *rules);
int compile(struct cgg_image *image, const struct cgg_rules *rules);
int decompile(struct cgg_rules *rules, const struct cgg_image *image);
int rules_take_beside(struct cgg_rules *rules, const struct cgg_rules *beside, unsigned at);

/* used.c: the sets that rules use */
bool entry_is_set(const struct cgg_entry *e);
bool entry_is_of_names(const struct cgg_entry *e);
unsigned entry_set(const struct cgg_entry *e);
int rules_set(struct cgg_rules *rules, const char *name);
void rules_count_sets(struct cgg_rules *rules);

/* build.c: many rules -> an index, memory to memory */
int index_build(char **pages, struct cgg_index *head, const struct cgg_rules *rules);

/* records.c: what an index keeps of its entries */
int rules_take_kept(struct cgg_rules *rules, const struct cgg_kept *kept,
		    const struct cgg_record *record, const struct cgg_action *action,
		    const char *heap);

/* shadow.c: rules that can never decide, because earlier rules take everything that they match */
typedef void cgg_above(__u64 cgroup, __u64 above[CGG_LEVELS]); /* the ids of those above it */
struct cgg_shadowed {
	unsigned entry; /* the first of the rule */
	__u32 by; /* id of the rule that takes all; 0: several rules together */
	bool repeats; /* that rule is equal */
	bool never; /* no operation matches it */
	bool unknown; /* not found out: the ranges of too many rules overlap */
};
int shadows_find(const struct cgg_rules *rules, unsigned from, cgg_above *above, bool fast,
		 struct cgg_shadowed **found, unsigned *count);

#endif
