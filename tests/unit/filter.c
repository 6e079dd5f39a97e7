// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * filter.c - the seccomp filter of cgg-run, run here instruction by instruction.
 *
 * So families that this machine's kernel lacks are tried too, on each instruction set that
 * x86-64 runs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

#include "../../lib/cgg.h"

#define ALLOWED SECCOMP_RET_ALLOW
#define NO_FAMILY (SECCOMP_RET_ERRNO | EAFNOSUPPORT)
#define X32 0x40000000

/* The part of classic BPF that filters may use. */
static __u32 run(const struct sock_fprog *program, const struct seccomp_data *data)
{
	__u32 a = 0, at = 0;

	for (;;) {
		const struct sock_filter *i = &program->filter[at++];
		bool jump;

		assert_true(at <= program->len);
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(i->k <= sizeof(*data) - 4);
			memcpy(&a, (const char *)data + i->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			at += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jump = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jump = a >= i->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			jump = a & i->k;
			break;
		default:
			fail_msg("instruction %#x", i->code);
			return 0;
		}
		at += jump ? i->jt : i->jf;
	}
}

/* Return the decision of the filter with `keep`. Cache the last filter: making one takes time. */
static __u32 call(unsigned keep, __u32 arch, int number, __u64 a, __u64 b, __u64 c)
{
	static struct sock_fprog program;
	static unsigned kept;
	struct seccomp_data data = { .nr = number, .arch = arch, .args = { a, b, c } };

	if (!program.filter || kept != keep) {
		free(program.filter);
		assert_int_equal(shut_filter(keep, &program), 0);
		kept = keep;
	}
	return run(&program, &data);
}

/* socket(2) and socketpair(2) of each instruction set. */
static const struct {
	__u32 arch;
	int number;
} sockets[] = {
	{ AUDIT_ARCH_X86_64, 41 },	 { AUDIT_ARCH_X86_64, 53 }, { AUDIT_ARCH_X86_64, X32 + 41 },
	{ AUDIT_ARCH_X86_64, X32 + 53 }, { AUDIT_ARCH_I386, 359 },  { AUDIT_ARCH_I386, 360 },
};

#define EACH(i) for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)

static __u32 make(unsigned keep, size_t i, __u64 family, __u64 protocol)
{
	return call(keep, sockets[i].arch, sockets[i].number, family, 1, protocol);
}

static bool is_seen(__u64 family)
{
	return family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
}

static void only_families_that_hooks_see_are_allowed(void **state)
{
	(void)state;
	EACH(i)
	{
		for (__u64 family = 0; family < 130; family++)
			assert_int_equal(make(0, i, family, 0),
					 is_seen(family) ? ALLOWED : NO_FAMILY);
		for (__u64 bit = 64; bit < 1ull << 32; bit <<= 1)
			assert_int_equal(make(0, i, bit | AF_INET, 0), NO_FAMILY);
	}
}

/* The kernel reads an int. */
static void the_upper_half_of_a_register_is_ignored(void **state)
{
	(void)state;
	EACH(i)
	{
		assert_int_equal(make(0, i, 1ull << 32 | AF_VSOCK, 0), NO_FAMILY);
		assert_int_equal(make(0, i, ~0ull << 32 | AF_INET, 0), ALLOWED);
		assert_int_equal(make(0, i, 1ull << 40 | AF_NETLINK, 1ull << 40 | 15), NO_FAMILY);
		assert_int_equal(make(0, i, 1ull << 40 | AF_NETLINK, 1ull << 40), ALLOWED);
	}
}

static void only_routes_of_netlink_are_allowed(void **state)
{
	(void)state;
	EACH(i)
	{
		for (__u64 protocol = 1; protocol < 1ull << 32; protocol <<= 1)
			assert_int_equal(make(0, i, AF_NETLINK, protocol), NO_FAMILY);
		assert_int_equal(make(0, i, AF_INET, 6), ALLOWED);
		assert_int_equal(make(KEEP_NETLINK, i, AF_NETLINK, 15), ALLOWED);
	}
}

static void each_word_opens_only_its_family(void **state)
{
	static const struct {
		unsigned keep;
		__u64 family;
	} words[] = { { KEEP_VSOCK, 40 }, { KEEP_PACKET, 17 }, { KEEP_XDP, 44 }, { KEEP_ALG, 38 } };

	(void)state;
	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
		EACH(i)
	for (__u64 family = 0; family < 64; family++)
		assert_int_equal(make(words[w].keep, i, family, 0),
				 is_seen(family) || family == words[w].family ? ALLOWED
									      : NO_FAMILY);
	EACH(i)
	for (__u64 family = 0; family < 64; family++)
		assert_int_equal(make(KEEP_FAMILIES, i, family, 9), ALLOWED);
}

/* It has the family in memory. */
static void socketcall_cannot_make_a_socket(void **state)
{
	(void)state;
	assert_int_equal(call(0, AUDIT_ARCH_I386, 102, 1, 0, 0), NO_FAMILY);
	assert_int_equal(call(0, AUDIT_ARCH_I386, 102, 8, 0, 0), NO_FAMILY);
	assert_int_equal(call(0, AUDIT_ARCH_I386, 102, 1ull << 40 | 1, 0, 0), NO_FAMILY);
	assert_int_equal(call(0, AUDIT_ARCH_I386, 102, 3, 0, 0), ALLOWED); /* connect */
	assert_int_equal(call(KEEP_FAMILIES, AUDIT_ARCH_I386, 102, 1, 0, 0), ALLOWED);
}

static void each_word_opens_its_other_calls(void **state)
{
	static const struct {
		unsigned keep;
		int native, i386, error;
		__u64 b;
	} calls[] = {
		{ KEEP_IO_URING, 425, 425, ENOSYS, 0 },	  { KEEP_IO_URING, 426, 426, ENOSYS, 0 },
		{ KEEP_IO_URING, 427, 427, ENOSYS, 0 },	  { KEEP_CHROOT, 161, 61, EPERM, 0 },
		{ KEEP_MOUNT_CALLS, 165, 21, EPERM, 0 },  { KEEP_MOUNT_CALLS, 166, 52, EPERM, 0 },
		{ KEEP_MOUNT_CALLS, 155, 217, EPERM, 0 }, { KEEP_MOUNT_CALLS, 429, 429, EPERM, 0 },
		{ KEEP_KEYS, 249, 287, ENOSYS, 0 },	  { KEEP_TTY, 16, 54, EPERM, 0x5412 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		__u32 denied = SECCOMP_RET_ERRNO | (__u32)calls[i].error;
		int number = calls[i].native, x32 = number == 16 ? 514 : number;

		assert_int_equal(call(0, AUDIT_ARCH_X86_64, number, 0, calls[i].b, 0), denied);
		assert_int_equal(call(0, AUDIT_ARCH_X86_64, X32 + x32, 0, calls[i].b, 0), denied);
		assert_int_equal(call(0, AUDIT_ARCH_I386, calls[i].i386, 0, calls[i].b, 0), denied);
		assert_int_equal(call(calls[i].keep, AUDIT_ARCH_X86_64, number, 0, calls[i].b, 0),
				 ALLOWED);
	}
	assert_int_equal(call(0, AUDIT_ARCH_X86_64, 16, 0, 1ull << 40 | 0x5412, 0),
			 SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(call(0, AUDIT_ARCH_X86_64, 16, 0, 0x5413, 0), ALLOWED);
	assert_int_equal(call(0, AUDIT_ARCH_X86_64, 59, 0, 0, 0), ALLOWED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_families_that_hooks_see_are_allowed),
		cmocka_unit_test(the_upper_half_of_a_register_is_ignored),
		cmocka_unit_test(only_routes_of_netlink_are_allowed),
		cmocka_unit_test(each_word_opens_only_its_family),
		cmocka_unit_test(socketcall_cannot_make_a_socket),
		cmocka_unit_test(each_word_opens_its_other_calls),
	};

#ifdef __x86_64__
	return cmocka_run_group_tests(tests, 0, 0);
#else
	(void)tests;
	return 77;
#endif
}
