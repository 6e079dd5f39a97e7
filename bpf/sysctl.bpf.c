// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sysctl.bpf.c - judges reads and writes below /proc/sys, through every mount of proc. */
#define CGG_NAMED
#include "report.h"

#define TEXT 32 /* bytes of a value; a number with more digits does not fit a long */

static __always_inline int is_space(__u32 c)
{
	return c == ' ' || c - '\t' <= '\r' - '\t' || c == 0xa0;
}

/* may_be_number - Tell whether the kernel may read a text as a number: how its first word begins */
static __always_inline int may_be_number(const char *text, long len)
{
	for (int i = 0; i < TEXT; i++) {
		__u32 c = (__u8)text[i];

		if (!is_space(c))
			return c - '0' <= 9 || c == '-' || c == '+' || (!c && len > i);
	}
	return 1;
}

#define BLANKS (1ULL << ' ' | 1ULL << '\t' | 1ULL << '\n')

/*
 * is_rest - Tell whether only blanks, and at the end NULs that are not written, follow `from'. No
 * branches: the verifier would follow each one with every length.
 */
static __always_inline int is_rest(const char *text, __u64 from, __u64 len)
{
	__u64 bad = 0;

	for (__u64 i = 0; i < TEXT; i++) {
		__u64 c = (__u8)text[i], after = from - 1 - i, written = i - len, other = c >> 6;
		__u64 nul = c - 1, blank = BLANKS >> (c & 63) & 1;

		barrier_var(after);
		barrier_var(written);
		barrier_var(other);
		barrier_var(nul);
		blank &= (other - 1) >> 63;
		bad |= after >> 63 & ~(blank | (nul >> 63 & ~(written >> 63)));
	}
	return !(bad & 1);
}

/*
 * value_written - Return the value that a write sets, CGG_VALUE_*
 *
 * Handlers of sysctls read numbers in several ways: proc_dointvec() takes leading blanks, octal and
 * hexadecimal numbers, and stops behind the first one; kstrtoint() takes a plus. So only a plain
 * decimal number at the beginning of the file counts as that number. The kernel has copied the
 * text from the process before, so it cannot change any more.
 */
static __noinline __u64 value_written(struct bpf_sysctl *ctx)
{
	char text[TEXT] = {};
	long number = 0, len, end;
	__u32 first;

	if (!(ctx->write & 1))
		return 0;
	len = bpf_sysctl_get_new_value(ctx, text, sizeof(text));
	if (len < 0)
		len = TEXT; /* it is longer, and text has the beginning */
	if (ctx->file_pos)
		return CGG_VALUE_VAGUE;
	if (!may_be_number(text, len))
		return 0;
	end = bpf_strtol(text, sizeof(text), 10, &number);
	first = (__u8)text[0] == '-' ? (__u8)text[1] : (__u8)text[0];
	if (end < 1 || len >= TEXT || first - '0' > 9 || number > CGG_VALUE_MOST ||
	    number < -CGG_VALUE_MOST || !is_rest(text, end, len))
		return CGG_VALUE_VAGUE;
	if (first == '0' && number)
		return CGG_VALUE_VAGUE;
	return CGG_VALUE_OF(number);
}

/* A name that cannot be read in full has length 0, so that no rule with a name matches it. */
SEC("cgroup/sysctl")
int sysctl(struct bpf_sysctl *ctx)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	struct cgg_operand on_stack, *name;
	union cgg_subject subject = {};
	struct operation o = {};
	long len;

	name = name_room(&on_stack, &o.who);
	if (!name)
		return 0;
	__builtin_memset(name, 0, sizeof(*name));
	len = bpf_sysctl_get_name(ctx, (char *)name->word, sizeof(*name), 0);
	o.name = name;
	o.q.select = len > 0 ? len : 0;
	if (len <= 0)
		name->word[CGG_OPERAND_WORDS - 1] = ~0ULL;
	o.q.hook = CGG_SYSCTL;
	o.q.access = CGG_R << (ctx->write & 1);
	subject.named.write = ctx->write & 1;
	subject.named.len = o.q.select;
	VALUE_PUT(&o, &subject, value_written(ctx));
	return judge(at, &o, CGG_SYSCTL_RW, &subject);
}
