/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* guard.h - policies and attachments: what is in force, and how it changes. */
#ifndef CGG_GUARD_H
#define CGG_GUARD_H

#include "../pins/pins.h"
#include "../files/files.h"

/* policy.c: places in guard->policies */
struct cgg_line { /* a rule of a policy; expired ones are none */
	const char *text; /* no NUL behind it */
	__u64 expires, cgroup;
	__u32 id;
	__u16 len;
	__u8 level;
};
typedef int policy_line(void *context, const struct cgg_line *line);
int policy_find(struct cgg_guard *guard, const char *name); /* -1: none */
/* By an event's tag, looked for at a place first; by a place and how many policies it had. */
const char *policy_by_tag(const struct cgg_policy *policies, const char *tag, unsigned place);
const char *policy_by_place(const struct cgg_policy *policies, unsigned place, __u32 born);
int policy_make(struct cgg_guard *guard, const char *name, int *place);
const struct cgg_image *policy_image(struct cgg_guard *guard, int place); /* in force; 0 */
bool policy_is_open(struct cgg_guard *guard,
		    int place); /* it has no rule and no default: all is allowed */
int policy_programs(struct cgg_guard *guard, int place, unsigned *programs);
int policy_each(struct cgg_guard *guard, int place, policy_line *line, void *context);
int policy_size(struct cgg_guard *guard, int place, unsigned *rules);
int policy_add(struct cgg_guard *guard, int place, const struct cgg_rules *more, __u32 *first_id);
int policy_insert(struct cgg_guard *guard, int place, __u32 before, const struct cgg_rule *rule,
		  __u32 *id);
int policy_delete(struct cgg_guard *guard, int place, __u32 id, const char *text);
int policy_settings(struct cgg_guard *guard, int place, const struct cgg_rules *settings);
int policy_restore(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds);
int policy_confirm(struct cgg_guard *guard, int place);
int policy_drop(struct cgg_guard *guard, int place);
int policies_drop_idle(struct cgg_guard *guard, bool is_meant(const char *name));
void policies_sweep(struct cgg_guard *guard);
#define CGG_LINE_TEXT (CGG_RULE_TEXT + 32)
void line_print(const struct cgg_line *line, char text[CGG_LINE_TEXT]); /* with its ttl */
int line_rule(const struct cgg_line *line, struct cgg_rule *rule);

/* attach.c: which cgroup has which policy, and the links that it takes */
struct cgg_attachment {
	__u64 id;
	__u32 policy;
	bool forced; /* what it does to others was wanted: cgg-attach -f */
};
int attachment_read(struct cgg_guard *guard, __u64 id, struct cgg_attachment *attachment);
int attachments_read(struct cgg_guard *guard, struct cgg_attachment **all, unsigned *count);
int attachment_find(struct cgg_guard *guard, __u64 id, __u32 *policy); /* CGG_NO: none */
int attach(struct cgg_guard *guard, const struct cgg_cgroup *cgroup, __u32 policy, bool forced);
int detach(struct cgg_guard *guard, __u64 id);
int attach_hooks(struct cgg_guard *guard, __u32 policy, unsigned hooks);
void detach_hooks(struct cgg_guard *guard, __u32 policy, unsigned hooks);
#define CGG_REPLACED CGG_DIR "/replaced" /* programs that take, or had, the place of progs/ */
int programs_replace(struct cgg_guard *guard);
int guard_repair(struct cgg_guard *guard); /* what a killed command or a removed cgroup left */
unsigned links_of(__u64 id); /* 1 << enum cgg_program, as pinned */

/* override.c: what a new program does to those of others, and they to it */
#define CGG_BESIDE 64 /* programs a hook and cgroup (BPF_CGROUP_MAX_PROGS) */
struct cgg_effective { /* that the kernel asks for a hook */
	__u32 ids[CGG_BESIDE * CGG_LEVELS], count;
	bool alone; /* the cgroup itself has none */
};
int override_check(int cgroup, int program, struct cgg_effective *before);
int override_recheck(int cgroup, int program, const struct cgg_effective *before);
int link_refusal(int cgroup, int program, int error);

/* effective.c: the programs that have a say in a cgroup, in the order the kernel asks them */
struct cgg_say {
	const char *hook;
	__u32 program, link; /* ids; link 0: it is attached without one */
	__u32 flags; /* BPF_F_ALLOW_*, alike for all of a hook on one cgroup */
	__u64 cgroup; /* where it is attached */
	int level; /* how far above that is, -1: above what is mounted here */
	char name[16];
	bool known; /* false: name and link may not be seen */
	bool owned; /* uid is known: who loaded the program */
	__u32 uid;
	bool ours;
	bool asked; /* false: one below is asked in its place */
};
int effective_read(int cgroup, bool guarded, struct cgg_say **all, unsigned *count);

/* query.c: cgg-rule test */
int query_make(struct cgg_ask *ask, const struct cgg_rule *rule);
int query_ask(struct cgg_ask *ask, int place, __u8 *verdict, __u32 *rule);

/* run.c: a fresh cgroup for one command */
struct cgg_run { /* what there is to take away; in memory that two processes share */
	char path[4096]; /* its cgroup, "": none */
	char policy[CGG_NAME]; /* its own, "": none */
	__u64 id; /* of the cgroup */
};
int run_begin(struct cgg_run *run, struct cgg_guard *guard, struct cgg_cgroup *cgroup,
	      const char *policy, struct cgg_rules *rules); /* rules, or if 0 that policy */
int run_end(struct cgg_run *run);
pid_t run_clone(const struct cgg_cgroup *cgroup, bool *inside);

#endif
