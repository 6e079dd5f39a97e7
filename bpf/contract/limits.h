/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limits.h - how much there may be of everything.
 *
 * The second list is what packed words and fixed arrays have room for. Raise a number there
 * together with what its comment names; static asserts fail until both are done.
 */
#ifndef CGG_CONTRACT_LIMITS_H
#define CGG_CONTRACT_LIMITS_H

#include <linux/types.h>

#define CGG_LAYOUT 10

#define CGG_CHUNK 64 /* policies whose images and tallies are made, and freed, together */
#define CGG_CHUNKS 68
#define CGG_POLICIES (CGG_CHUNK * CGG_CHUNKS) /* a guard: 4096 runs of cgg-run -r, and 256 others */
#define CGG_FORCED 0x80000000u /* in a value of attachments, beside the place: cgg-attach -f */
#define CGG_MADE_SHIFT 16 /* of the time when a policy was made: in units of 66 us */
#define CGG_POLICY_NAME 256 /* a policy's name with its NUL: as long as a systemd unit's */
#define CGG_COUNTS 262144 /* rules whose hits are counted, in all policies */
#define CGG_LIMITS 65536 /* rules with a limit, in all policies */
#define CGG_ENTRIES 64 /* entries an image */
#define CGG_SPARE_PAGES 256 /* pages of an index whose map its policy keeps for the next one */
#define CGG_SPARES 4 /* indexes of a size that no policy has, kept for those that need one */
#define CGG_INDEXES (2 * CGG_POLICIES + 2 * CGG_SPARES) /* two sizes of them */
#define CGG_HEAP 8192 /* bytes of text an image */
#define CGG_NAME 32 /* a rule's name, or a policy's tag, with its NUL */
#define CGG_OPERAND 128 /* a sysctl's or a socket's name, NULs behind it */
#define CGG_OPERAND_WORDS (CGG_OPERAND / 8)
#define CGG_LEVELS 32 /* levels of cgroups that are known, from one up or from the root down */
#define CGG_RINGS 33 /* ring 0, and one for each of 32 readers that filter */
#define CGG_LIGHT 16
#define CGG_WAKEUP 4096

#define CGG_HOOKS_MOST 14 /* hooks of cgg_item, beside its flags; CGG_PLAIN has room for 16 */
#define CGG_VERDICTS_MOST 4 /* 2 bits in CGG_ANSWER */
#define CGG_ACCESS_MOST 5 /* bits above the action's number in cgg_item; CGG_PLAIN has room for 8 */
#define CGG_PROGRAMS_MOST 32 /* bits of cgg_filter.programs, and of sets of programs in lib/ */
#define CGG_ARRAY_MOST 16 /* elements by hook, and by space, that a program masks with 15 */

#define CGG_SAME(condition) _Static_assert(condition, "layout")
#define CGG_FITS(condition) _Static_assert(condition, "no room: see contract/limits.h")

#endif
