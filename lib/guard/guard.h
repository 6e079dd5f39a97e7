/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guard.h - policies and attachments: read and change them, and repair interrupted changes.
 *
 * A place is the number of a policy's slot in guard->policies. Functions return enum cgg_status,
 * with the reason in cgg_error, unless a comment says otherwise.
 */
#ifndef CGG_GUARD_H
#define CGG_GUARD_H

#include "../sets/sets.h"
#include "../files/files.h"

/* policy.c: find and read policies */
struct cgg_line { /* a rule of a policy that has not expired */
	const char *text; /* len bytes, without a NUL */
	__u64 expires, cgroup;
	__u32 id;
	__u32 len;
	__u8 level;
};
typedef int policy_line(void *context, const struct cgg_line *line);
int policy_find(struct cgg_guard *guard, const char *name); /* its place, or -1 */
unsigned policies_sorted(const struct cgg_guard *guard, int places[CGG_POLICIES]);
const char *policy_by_tag(const struct cgg_policy *policies, const char *tag, unsigned place);
bool policy_is_since(const struct cgg_policy *policy, __u64 time);
__u32 generation_now(const struct cgg_policy *policy);
const char *policy_by_place(const struct cgg_policy *policies, unsigned place, __u32 born);
int policy_make(struct cgg_guard *guard, const char *name, int *place);
const struct cgg_image *policy_image(struct cgg_guard *guard, int place);
bool policy_is_open(struct cgg_guard *guard, int place);
bool policy_lacks_resolver(struct cgg_guard *guard, int place);
int policy_programs(struct cgg_guard *guard, int place, unsigned *programs);
int policy_each(struct cgg_guard *guard, int place, policy_line *line, void *context);
int policy_read(struct cgg_guard *guard, int place, struct cgg_rules *rules);
int policy_size(struct cgg_guard *guard, int place, unsigned *rules);
int policy_add(struct cgg_guard *guard, int place, const struct cgg_rules *more, __u32 *first_id);
int policy_insert(struct cgg_guard *guard, int place, __u32 before, const struct cgg_rule *rule,
		  __u32 *id);
int policy_renew(struct cgg_guard *guard, int place, const struct cgg_rule *rule, __u32 *id);
int policy_delete(struct cgg_guard *guard, int place, __u32 id, const char *text);
int policy_delete_ids(struct cgg_guard *guard, int place, __u32 *ids, unsigned count);
int policy_named(struct cgg_guard *guard, int place, const char *name, __u32 **ids,
		 unsigned *count);
int policy_settings(struct cgg_guard *guard, int place, const struct cgg_rules *settings);
int policy_restore(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds);
int policy_confirm(struct cgg_guard *guard, int place);
int policy_drop(struct cgg_guard *guard, int place);
int policies_drop_idle(struct cgg_guard *guard, bool is_meant(const char *name));
void policies_sweep(struct cgg_guard *guard);
#define CGG_LINE_TEXT (CGG_RULE_TEXT + 32)
void line_print(const struct cgg_line *line, char text[CGG_LINE_TEXT]);
int line_rule(const struct cgg_line *line, struct cgg_rule *rule);

int set_user(struct cgg_guard *guard, const char *name, int *place); /* users.c */

/* attach.c: which cgroup has which policy, and the links that this needs */
struct cgg_attachment {
	__u64 id; /* of the cgroup */
	__u32 policy; /* place */
	bool forced; /* it may switch off programs above: cgg-attach -f */
};
int attachment_read(struct cgg_guard *guard, __u64 id, struct cgg_attachment *attachment);
int attachments_read(struct cgg_guard *guard, struct cgg_attachment **all, unsigned *count);
int attachment_find(struct cgg_guard *guard, __u64 id, __u32 *policy); /* CGG_NO: not attached */
int attach(struct cgg_guard *guard, const struct cgg_cgroup *cgroup, __u32 policy, bool forced);
int detach(struct cgg_guard *guard, __u64 id);
int attach_hooks(struct cgg_guard *guard, __u32 policy, const struct cgg_image *image);
void detach_hooks(struct cgg_guard *guard, __u32 policy, unsigned hooks);
#define CGG_REPLACED CGG_DIR "/replaced" /* new programs before progs/ is replaced, then the old */
int programs_replace(struct cgg_guard *guard);
int guard_repair(struct cgg_guard *guard);
int guard_tidy(struct cgg_guard *guard); /* repair.c */
unsigned links_of(__u64 id);

/* effective.c: the programs that run for a cgroup, in the order the kernel runs them */
struct cgg_say {
	const char *hook;
	__u32 program, link; /* ids; link 0: it is attached without a link */
	__u32 flags; /* BPF_F_ALLOW_*, the same for all programs of a hook on one cgroup */
	__u64 cgroup; /* id of the cgroup that it is attached to */
	int level; /* of that cgroup: levels up from the queried one; -1: above the mount */
	char name[16];
	bool known; /* name and link could be read */
	bool owned; /* uid is known */
	__u32 uid; /* of the user that loaded the program */
	bool ours; /* a program of the guard */
	bool asked; /* false: a program below overrides it */
};
int effective_read(int cgroup, bool guarded, struct cgg_say **all, unsigned *count);

/* query.c: cgg-rule test: ask the kernel for a decision */
int query_make(struct cgg_ask *ask, const struct cgg_rule *rule, bool by_name);
int query_in(struct cgg_ask *ask, const char *below);
int query_fill(struct cgg_ask *ask, const struct cgg_rule *rule, bool by_name);
int query_ask(struct cgg_ask *ask, int place, __u8 *verdict, __u32 *rule);
int query_run(int program, struct cgg_ask *ask, int place, __u8 *verdict, __u32 *rule);
typedef int query_each(void *context, const struct cgg_rule *rule);
int names_now(struct cgg_guard *guard, int place, __u64 id, const struct cgg_rule *rule,
	      query_each *each, void *context);

/* run.c: a new cgroup for one command */
struct cgg_run { /* what run_end() must remove; in memory that two processes share */
	char path[4096]; /* its cgroup, "": none */
	char policy[CGG_NAME]; /* the policy of this run alone, "": none */
	__u64 id; /* of the cgroup */
};
int run_begin(struct cgg_run *run, struct cgg_guard *guard, struct cgg_cgroup *cgroup,
	      const char *policy, struct cgg_rules *rules);
int run_end(struct cgg_run *run);
pid_t run_clone(const struct cgg_cgroup *cgroup, bool *inside);

#endif
