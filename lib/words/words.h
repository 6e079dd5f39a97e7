/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* words.h - the words of cgguard-rule(5), and struct cgg_rule. */
#ifndef CGG_WORDS_H
#define CGG_WORDS_H

#include "matches.h"

enum cgg_match { /* hook.c: bits: the matches that a hook supports, or that a rule has */
		 CGG_MATCH_PROTO = 1,
		 CGG_MATCH_IP = 2,
		 CGG_MATCH_PORT = 4,
		 CGG_MATCH_FAMILY = 8,
		 CGG_MATCH_TYPE = 16,
		 CGG_MATCH_CGROUP = 32,
		 CGG_MATCH_HOST = 64,
		 CGG_MATCH_UID = 128,
		 CGG_MATCH_GID = 256,
		 CGG_MATCH_SPORT = 512,
		 CGG_MATCH_IFACE = 1024,
		 CGG_MATCH_SELF = 2048,
		 CGG_MATCH_VALUE = 4096,
};
enum cgg_operand_kind {
	CGG_NONE,
	CGG_DEVICE_NUMBER,
	CGG_SYSCTL_NAME,
	CGG_UNIX_NAME,
	CGG_SOCKOPT,
	CGG_DNS_NAME
};
struct cgg_hook_info {
	const char *word;
	enum cgg_operand_kind operand; /* follows the word */
	unsigned matches; /* enum cgg_match */
	unsigned programs; /* 1 << enum cgg_program */
	__u8 access_bits; /* enum cgg_access that a rule may name */
	bool observe_only; /* the kernel does not let its programs deny */
	bool error; /* a denial may choose its errno */
};
struct cgg_program_info {
	const char *name; /* in the object, of its pin, and in events */
	int type; /* enum bpf_prog_type */
	int attach; /* enum bpf_attach_type */
	const char *since; /* the first Linux version that has it; 0: 5.10 or older */
	const char *by_name; /* the program that judges by name too, or 0 */
	bool names; /* is in the object of the programs for names */
};
extern const struct cgg_hook_info cgg_hooks[];
extern const char *const cgg_operands[]; /* as usage text, by enum cgg_operand_kind */
extern const struct cgg_program_info cgg_programs[];
int hook_find(const char *word, size_t len); /* -1: none */
unsigned hook_programs(unsigned hooks); /* 1 << enum cgg_hook -> 1 << enum cgg_program */
#define CGG_NET_HOOKS (1u << CGG_CONNECT | 1u << CGG_SENDMSG | 1u << CGG_EGRESS) /* net */
extern const char *const cgg_verdicts[]; /* by enum cgg_verdict */
int hooks_parse(unsigned *hooks, const char *word);
void hooks_print(unsigned hooks, char *text, size_t size);
int verdict_find(const char *word); /* -1: none */

/* rule.c: words <-> struct cgg_rule */
#define CGG_COMMENT 128
#define CGG_CGROUP 1024
#define CGG_OPERAND_TEXT (4 * CGG_OPERAND + 4)
#define CGG_RULE_SHORT                                                                             \
	(4 * CGG_CGROUP + CGG_OPERAND_TEXT + 2 * CGG_COMMENT + 512) /* without lists */
#define CGG_RULE_TEXT (512 * 1024) /* a rule's words and a NUL: 10,000 nets of any form fit */
struct cgg_rule {
	__u32 id; /* 0: in no policy yet */
	__u8 verdict;
	__u8 access; /* enum cgg_access */
	unsigned hooks; /* 1 << enum cgg_hook */
	unsigned matches; /* bits of enum cgg_match */
	/* The first element; the list has all of them if there are more. */
	__u16 proto, port_min, port_max;
	struct cgg_net net;
	struct cgg_protos protos;
	struct cgg_ports ports;
	struct cgg_nets nets;
	char set[CGG_NAME]; /* of `host @SET' or `dns @SET', instead of operand */
	char device; /* a, b or c; 0: none, or its node's path is in operand */
	long major, minor; /* of a device; or level and name of a socket option; -1: any */
	char operand[CGG_OPERAND]; /* name of a sysctl or a unix socket, without the star */
	bool prefix; /* a star followed the operand; of a DNS name: *. preceded it */
	bool inner, alias; /* which names and addresses `allow host' matches, too */
	int family, type; /* of a socket */
	char cgroup[CGG_CGROUP]; /* TARGET, and after rule_resolve() its path below the mount */
	__u64 cgroup_id;
	__u8 cgroup_level;
	struct cgg_owner uid, gid;
	struct cgg_own_side own;
	struct cgg_value value;
	struct cgg_rate limit;
	char name[CGG_NAME], comment[CGG_COMMENT];
	bool quiet;
	int error; /* errno of a denial, 0: EPERM */
	__u64 ttl, expires; /* ns: as typed; CLOCK_BOOTTIME; 0: none, or not resolved yet */
};
int rule_parse(struct cgg_rule *rule, int count, char *const word[]);
void rule_free(struct cgg_rule *rule); /* its lists */
int verdict_parse(__u8 *verdict, const char *word);
const char *rule_print(const struct cgg_rule *rule); /* without ttl; one text at a time */

/* host.c: DNS names; in a rule they are in operand and prefix, as typed but in lower case */
int host_parse(struct cgg_rule *rule, const char *word);
int set_parse(struct cgg_rule *rule, const char *word); /* @NAME */
void host_print(const struct cgg_rule *rule, char text[CGG_OPERAND_TEXT]);
bool addr_is_inner(const __u8 addr[16]);
void host_reverse(char to[CGG_OPERAND], const char *name); /* pads with NULs */
int resolver_parse(__u64 addr[2], const char *word);

/* sockopt.c; name.c */
void sockopt_print(long level, long name, char text[256]);
int name_check(const char *what, const char *name);
int policy_name_check(const char *name);
void name_tag(char tag[CGG_NAME], const char *name); /* of a policy; pads tag with NULs */
bool is_rule_word(const char *word); /* rule.c: a verdict, a hook, a match or an option */

#endif
