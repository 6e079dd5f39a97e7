/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy.h - functions that policy.c, commit.c, change.c and restore.c share. */
#ifndef CGG_POLICY_H
#define CGG_POLICY_H

#include "guard.h"

/* policy.c */
struct cgg_image *image_now(struct cgg_guard *guard, int place);
__u32 next_id_now(struct cgg_guard *guard, int place);
unsigned long long seconds_left(const struct cgg_policy *policy);

/* commit.c */
void indexes_free(struct cgg_guard *guard, int place);
int place_clear(struct cgg_guard *guard, int place);
void chunk_free(struct cgg_guard *guard, __u32 chunk);
int pending_check(const struct cgg_policy *policy);
int commit_rules(struct cgg_guard *guard, int place, struct cgg_rules *rules, unsigned seconds);

/* limits.c */
int limits_make(__u32 place, const struct cgg_rules *rules);

#endif
