// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * oracle.c - decide independently what a policy means, and compare with the kernel's answers.
 *
 * oracle [-l] [-m PERCENT] [-n QUERIES] [-p POLICY | -P PLACE] [-s SEED] [-t THREADS] [-w] FILE
 *
 * FILE is a policy file, or the output of `cgg-rule list -i' (then rules have those ids, else
 * their numbers). Questions are made from random rules, and a quarter of them is then changed
 * a little; PERCENT of them use no rule. Each question is put to the pinned program ask, and
 * its verdict and rule must be those of the reference. Prints `queries N hits N wrong N rules
 * N' (hits: a rule decided; rules: different ones) and the first differences; then the status
 * is 1. -w asks nothing: for each question it writes a struct cgg_ask, the verdict and the
 * rule (a __u32 each).
 *
 * This shares only struct cgg_ask with the guard: it has its own reader of rules and its own
 * matching. The reference is the loop over all rules from the first, in linear(). Since a
 * million rules would take a millisecond a question, rules with an address are also found by
 * hash, with a probe for each prefix length (indexed()). Both are asked for as many questions
 * as time allows, and must agree. -l: only the loop.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../bpf/cgguard.h"
#include "engine.h"

#define DIR "/sys/fs/bpf/cgguard"
#define CHECK 20000000ULL /* rules that the loop may visit to check the index */
#define SHOWN 10

/* By enum cgg_hook. */
static const char *const hook_words[CGG_HOOKS] = {
	"connect", "bind",   "sendmsg", "recvmsg", "egress",	 "ingress",    "flow",
	"unix",	   "socket", "device",	"sysctl",  "setsockopt", "getsockopt",
};
static const char *const verdict_words[] = { "allow", "alert", "deny" };
static const char access_bit_words[] = "mrw"; /* by bit */

enum {
	NET = 1 << CGG_CONNECT | 1 << CGG_BIND | 1 << CGG_SENDMSG | 1 << CGG_RECVMSG |
	      1 << CGG_EGRESS | 1 << CGG_INGRESS | 1 << CGG_FLOW
};

/* What decides most often stands first, since the loop over all rules waits for memory. */
struct rule {
	uint16_t hooks;
	uint16_t min, max; /* port */
	int16_t proto; /* -1: any */
	uint8_t verdict;
	uint8_t access_bits; /* enum cgg_access */
	uint8_t family, type; /* 0: any */
	uint8_t bits; /* of the prefix, in 128 */
	bool has_ip, local, four, star, range; /* range: from addr to last */
	bool spent; /* it has a limit, and no token: it matches nothing */
	bool has_owner[2]; /* a user; a group */
	bool has_self, self_four, has_value;
	uint16_t sport_min, sport_max;
	uint32_t iface; /* 0: any */
	uint32_t cgroup; /* number + 1 in groups; 0: any */
	uint8_t addr[16];
	uint32_t next; /* number + 1 of the next rule in this bucket */
	const char *word; /* private, global, ...: a word for nets; 0: an address */
	uint8_t last[16];
	char device; /* a, b, c */
	int64_t first, second; /* MAJOR:MINOR or LEVEL:NAME; -1: any */
	const char *name; /* of a sysctl or a unix socket, without the star */
	uint32_t name_len;
	uint32_t owner_min[2], owner_max[2];
	int64_t value_min, value_max;
	uint8_t self[16], self_bits;
	uint32_t id, line;
};
static struct rule *rules;
static uint32_t rules_count, rules_room, rules_read;
static uint8_t defaults[CGG_HOOKS];
static char **lines; /* the start of each line of the file */
static const char *file_name;

struct question {
	uint8_t hook, access_bits;
	uint8_t addr[16];
	bool four, local, vague;
	uint8_t hidden; /* of a packet: 1 its port, 2 its protocol too, 3 its address too */
	uint16_t port, proto;
	uint8_t family, type;
	char device;
	int64_t first, second;
	char name[CGG_OPERAND];
	uint32_t name_len;
	uint32_t group; /* in groups */
	uint32_t owner[2]; /* user and group; both ~0: not known */
	uint16_t sport;
	uint32_t iface;
	uint8_t self[16];
	int64_t value;
	bool is_number, is_vague; /* the value */
	uint8_t verdict; /* the answer */
	uint32_t rule[CGG_KNOWN_BITS]; /* any of these ids is right; first a rule's number + 1 */
	uint32_t number;
};

/* ---- reading ---- */

static _Noreturn void bad(uint32_t line, const char *what)
{
	errx(2, "%s:%u: %s: not understood", file_name, line, what);
}

static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t"), *to = word, *from = word;

	if (!*word || *word == '#')
		return 0;
	if (*word != '"') {
		*at = word + strcspn(word, " \t");
		if (**at)
			*(*at)++ = 0;
		return word;
	}
	while (*++from && *from != '"') {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*at = *from ? from + 1 : from;
	*to = 0;
	return word;
}

static int64_t number(const char *text, uint32_t line)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	if (*text < '0' || *text > '9' || *end)
		bad(line, text);
	return n;
}

static int find(const char *const *words, int count, const char *word, size_t len)
{
	for (int i = 0; i < count; i++)
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return i;
	return -1;
}

static uint16_t read_hooks(const char *word)
{
	unsigned hooks = 0;

	for (;;) {
		size_t len = strcspn(word, ",");
		int hook = find(hook_words, CGG_HOOKS, word, len);

		if (len == 3 && !memcmp(word, "net", 3))
			hooks |= 1u << CGG_CONNECT | 1u << CGG_SENDMSG | 1u << CGG_EGRESS;
		else if (hook < 0)
			return 0;
		else
			hooks |= 1u << hook;
		if (!word[len])
			return (uint16_t)hooks;
		word += len + 1;
	}
}

/* is_mapped - as IN6_IS_ADDR_V4MAPPED, for unaligned addresses */
static bool is_mapped(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr, mapped, sizeof(mapped));
}

static void read_range(struct rule *r, char *word, uint32_t line)
{
	char *dash = strchr(word, '-');

	*dash++ = 0;
	r->range = true;
	r->four = inet_pton(AF_INET, word, r->addr + 12) == 1;
	if (r->four) {
		r->addr[10] = r->addr[11] = r->last[10] = r->last[11] = 0xff;
		if (inet_pton(AF_INET, dash, r->last + 12) != 1)
			bad(line, dash);
	} else if (inet_pton(AF_INET6, word, r->addr) != 1 ||
		   inet_pton(AF_INET6, dash, r->last) != 1) {
		bad(line, word);
	}
}

static void read_ip(struct rule *r, char *word, uint32_t line)
{
	char *slash = strchr(word, '/');
	int bits = -1;

	r->has_ip = true;
	if (!strcmp(word, "local")) {
		r->local = true;
		return;
	}
	if (*word >= 'g' && !strchr(word, ':')) {
		r->word = word;
		return;
	}
	if (strchr(word, '-')) {
		read_range(r, word, line);
		return;
	}
	if (slash) {
		bits = (int)number(slash + 1, line);
		*slash = 0;
	}
	if (inet_pton(AF_INET, word, r->addr + 12) == 1) {
		r->addr[10] = r->addr[11] = 0xff;
		r->four = true;
		r->bits = (uint8_t)(96 + (bits < 0 ? 32 : bits));
	} else if (inet_pton(AF_INET6, word, r->addr) == 1) {
		r->bits = (uint8_t)(bits < 0 ? 128 : bits);
		r->four = is_mapped(r->addr) && r->bits >= 96;
	} else {
		bad(line, word);
	}
}

static int16_t read_proto(const char *word, uint32_t line)
{
	static const struct {
		const char *name;
		int16_t number;
	} protos[] = { { "icmp", 1 }, { "igmp", 2 },	{ "tcp", 6 },	 { "mptcp", 6 },
		       { "udp", 17 }, { "dccp", 33 },	{ "gre", 47 },	 { "esp", 50 },
		       { "ah", 51 },  { "icmpv6", 58 }, { "sctp", 132 }, { "udplite", 136 } };

	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		if (!strcmp(protos[i].name, word))
			return protos[i].number;
	return (int16_t)number(word, line);
}

static void read_port(struct rule *r, char *word, uint32_t line)
{
	char *dash = strchr(word, '-');

	if (dash)
		*dash = 0;
	r->min = (uint16_t)number(word, line);
	r->max = dash ? (uint16_t)number(dash + 1, line) : r->min;
}

static void read_access(struct rule *r, const char *word, uint32_t line)
{
	for (r->access_bits = 0; *word; word++) {
		const char *access_bit = strchr(access_bit_words, *word);

		if (!access_bit)
			bad(line, word);
		r->access_bits |= (uint8_t)(1 << (access_bit - access_bit_words));
	}
}

static void read_pair(struct rule *r, char *word, uint32_t line)
{
	char *colon = strchr(word, ':');

	if (!colon)
		bad(line, word);
	*colon++ = 0;
	r->first = strcmp(word, "*") ? number(word, line) : -1;
	r->second = strcmp(colon, "*") ? number(colon, line) : -1;
}

static void read_name(struct rule *r, char *word, uint32_t line)
{
	size_t len = word ? strlen(word) : 0;

	if (!len || (r->hooks & 1 << CGG_SYSCTL && strchr(word, '.')))
		bad(line, "name");
	r->star = word[len - 1] == '*';
	r->name = word;
	r->name_len = (uint32_t)len - r->star;
}

/* read_operand - read what follows the hook's word; return the next word after it */
static char *read_operand(struct rule *r, char **at, uint32_t line)
{
	char *word = next_word(at);

	if (r->hooks & 1 << CGG_DEVICE) {
		if (!word || word[1])
			bad(line, "device");
		r->device = *word;
		word = next_word(at);
	}
	if (r->hooks & (1 << CGG_DEVICE | 1 << CGG_SETSOCKOPT | 1 << CGG_GETSOCKOPT)) {
		if (!word)
			bad(line, "operand");
		read_pair(r, word, line);
		word = next_word(at);
	} else if (r->hooks & (1 << CGG_SYSCTL | 1 << CGG_UNIX)) {
		read_name(r, word, line);
		word = next_word(at);
	}
	r->access_bits = CGG_R;
	if (!(r->hooks & (1 << CGG_DEVICE | 1 << CGG_SYSCTL)))
		return word;
	r->access_bits = CGG_R | CGG_W | (r->hooks & 1 << CGG_DEVICE ? CGG_M : 0);
	if (word && !word[strspn(word, "rwm")]) {
		read_access(r, word, line);
		word = next_word(at);
	}
	return word;
}

/* ---- cgroups, by their paths; only questions have ids ---- */

struct group {
	char *path; /* "/" is the root */
	uint64_t ancestor[CGG_LEVELS];
};
static struct group *groups;
static uint32_t groups_count;
static char mount[4096];

static void find_mount(void)
{
	char line[8192], *end;
	FILE *file = fopen("/proc/self/mountinfo", "re");

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*s %*s %*s %*s %4095s", mount) == 1)
			break;
	if (file)
		fclose(file);
	end = mount + strlen(mount);
	if (end == mount + 1)
		*mount = 0;
}

static uint32_t group_add(const char *path)
{
	struct group *group;
	char whole[8192];
	unsigned level = 0;
	size_t index;

	for (uint32_t i = 0; i < groups_count; i++)
		if (!strcmp(groups[i].path, path))
			return i;
	groups = reallocarray(groups, groups_count + 1, sizeof(*groups));
	if (!groups)
		errx(3, "out of memory");
	group = &groups[groups_count];
	memset(group, 0, sizeof(*group));
	group->path = strdup(path);
	index = (size_t)snprintf(whole, sizeof(whole), "%s", mount);
	for (const char *at = path; at; level++) {
		const char *slash = at[1] ? strchr(at + 1, '/') : 0;
		struct stat st;

		if (!level)
			whole[index] = 0;
		else
			snprintf(whole + index, sizeof(whole) - index, "%.*s",
				 (int)(slash ? slash - path : (long)strlen(path)), path);
		if (stat(*whole ? whole : "/", &st))
			err(2, "%s", whole);
		if (level < CGG_LEVELS)
			group->ancestor[level] = st.st_ino;
		if (level)
			at = slash;
		else if (!path[1])
			at = 0;
	}
	return groups_count++;
}

/* group_is - return whether inner is outer, or below it */
static bool group_is(const struct group *inner, const struct group *outer)
{
	size_t len = strlen(outer->path);

	if (len == 1)
		return true;
	return !strncmp(inner->path, outer->path, len) &&
	       (!inner->path[len] || inner->path[len] == '/');
}

/* The groups that a question may come from: also those above the groups in rules. */
static void groups_above(void)
{
	for (uint32_t i = 0; i < groups_count; i++) {
		char *path = strdup(groups[i].path), *slash = strrchr(path, '/');

		if (slash != path) {
			*slash = 0;
			group_add(path);
		}
		free(path);
	}
}

static void read_owner(struct rule *r, bool group, char *word, uint32_t line)
{
	char *dash = strchr(word, '-');

	if (dash)
		*dash++ = 0;
	r->has_owner[group] = true;
	r->owner_min[group] = (uint32_t)number(word, line);
	r->owner_max[group] = dash ? (uint32_t)number(dash, line) : r->owner_min[group];
}

static void rule_add(const struct rule *r)
{
	if (rules_count == rules_room) {
		rules_room = rules_room ? 2 * rules_room : 1024;
		rules = reallocarray(rules, rules_room, sizeof(*rules));
		if (!rules)
			errx(3, "out of memory");
	}
	rules[rules_count++] = *r;
}

/* The lists of a rule, which is then read as one rule for each combination, with one id. */
struct lists {
	char *ip, *proto, *port, *sport, *self;
};

static void add_selfs(const struct rule *r, const char *list, uint32_t line)
{
	char *copy = list ? strdup(list) : 0, *save = 0;

	if (!copy)
		rule_add(r);
	for (char *one = copy ? strtok_r(copy, ",", &save) : 0; one;
	     one = strtok_r(0, ",", &save)) {
		struct rule with = *r, net = { 0 };

		read_ip(&net, one, line);
		with.has_self = true;
		with.self_four = net.four;
		with.self_bits = net.bits;
		memcpy(with.self, net.addr, sizeof(with.self));
		rule_add(&with);
	}
	free(copy);
}

static void add_sports(const struct rule *r, const struct lists *lists, uint32_t line)
{
	char *copy = lists->sport ? strdup(lists->sport) : 0, *save = 0;

	if (!copy)
		add_selfs(r, lists->self, line);
	for (char *one = copy ? strtok_r(copy, ",", &save) : 0; one;
	     one = strtok_r(0, ",", &save)) {
		struct rule with = *r, port = { 0 };

		read_port(&port, one, line);
		with.sport_min = port.min;
		with.sport_max = port.max;
		add_selfs(&with, lists->self, line);
	}
	free(copy);
}

static void add_ports(struct rule *r, const struct lists *lists, uint32_t line)
{
	char *copy = lists->port ? strdup(lists->port) : 0, *save = 0;

	if (!copy)
		add_sports(r, lists, line);
	for (char *one = copy ? strtok_r(copy, ",", &save) : 0; one;
	     one = strtok_r(0, ",", &save)) {
		read_port(r, one, line);
		add_sports(r, lists, line);
	}
	free(copy);
}

static void add_protos(struct rule *r, const struct lists *lists, uint32_t line)
{
	char *copy = lists->proto ? strdup(lists->proto) : 0, *save = 0;

	if (!copy)
		add_ports(r, lists, line);
	for (char *one = copy ? strtok_r(copy, ",", &save) : 0; one;
	     one = strtok_r(0, ",", &save)) {
		r->proto = read_proto(one, line);
		add_ports(r, lists, line);
	}
	free(copy);
}

/* The words of a list of nets are kept: rules refer to them. */
static void add_all(struct rule *r, const struct lists *lists, uint32_t line)
{
	char *save = 0;

	if (!lists->ip)
		add_protos(r, lists, line);
	for (char *one = lists->ip ? strtok_r(lists->ip, ",", &save) : 0; one;
	     one = strtok_r(0, ",", &save)) {
		struct rule each = *r;

		read_ip(&each, one, line);
		add_protos(&each, lists, line);
	}
}

static void read_value(struct rule *r, const char *word)
{
	char *end;

	r->has_value = true;
	r->value_min = r->value_max = strtoll(word, &end, 10);
	if (*end == '-')
		r->value_max = strtoll(end + 1, 0, 10);
}

static void read_rest(struct rule *r, struct lists *lists, char *word, char **at, uint32_t line)
{
	for (; word; word = next_word(at)) {
		char *value;

		if (!strcmp(word, "quiet"))
			continue;
		value = next_word(at);
		if (!value)
			bad(line, word);
		if (!strcmp(word, "proto"))
			lists->proto = value;
		else if (!strcmp(word, "ip"))
			lists->ip = value;
		else if (!strcmp(word, "port"))
			lists->port = value;
		else if (!strcmp(word, "family"))
			r->family = !strcmp(value, "inet") ? AF_INET : AF_INET6;
		else if (!strcmp(word, "type"))
			r->type = !strcmp(value, "stream")  ? SOCK_STREAM
				  : !strcmp(value, "dgram") ? SOCK_DGRAM
							    : SOCK_RAW;
		else if (!strcmp(word, "sport"))
			lists->sport = value;
		else if (!strcmp(word, "self"))
			lists->self = value;
		else if (!strcmp(word, "value"))
			read_value(r, value);
		else if (!strcmp(word, "limit"))
			r->spent = r->id & 1; /* the others have all their tokens */
		else if (!strcmp(word, "iface"))
			r->iface = if_nametoindex(value);
		else if (!strcmp(word, "uid") || !strcmp(word, "gid"))
			read_owner(r, *word == 'g', value, line);
		else if (!strcmp(word, "cgroup"))
			r->cgroup = 1 + group_add(value);
		else if (strcmp(word, "name") && strcmp(word, "comment") && strcmp(word, "errno") &&
			 strcmp(word, "ttl") && strcmp(word, "burst"))
			bad(line, word);
	}
}

static void read_default(char *at, uint32_t line)
{
	char *hooks = next_word(&at), *word = next_word(&at);
	int verdict = word ? find(verdict_words, 3, word, strlen(word)) : -1;
	unsigned which = hooks ? read_hooks(hooks) : 0;

	if (!which || verdict < 0)
		bad(line, "default");
	for (int i = 0; i < CGG_HOOKS; i++)
		if (which >> i & 1)
			defaults[i] = (uint8_t)verdict;
}

static void read_line(char *at, uint32_t line)
{
	struct rule r = { .line = line,
			  .proto = -1,
			  .max = 65535,
			  .sport_max = 65535,
			  .id = rules_read + 1,
			  .first = -1,
			  .second = -1 };
	char *tab = at + strspn(at, "0123456789"), *word;
	struct lists lists = { 0 };
	int verdict;

	if (tab > at && *tab == '\t') {
		*tab = 0;
		r.id = (uint32_t)number(at, line);
		at = tab + 1;
	} else if (!strncmp(at, "-\t", 2)) {
		at += 2;
	}
	word = next_word(&at);
	if (!word || !strcmp(word, "mode")) /* a mode does not change the answer */
		return;
	if (!strcmp(word, "default")) {
		read_default(at, line);
		return;
	}
	verdict = find(verdict_words, 3, word, strlen(word));
	r.verdict = (uint8_t)(verdict < 0 ? CGG_DENY : verdict);
	if (verdict >= 0)
		word = next_word(&at);
	r.hooks = word ? read_hooks(word) : 0;
	if (r.hooks) {
		word = read_operand(&r, &at, line);
	} else {
		r.hooks = 1 << CGG_CONNECT | 1 << CGG_SENDMSG;
		r.access_bits = CGG_R;
	}
	read_rest(&r, &lists, word, &at, line);
	add_all(&r, &lists, line);
	rules_read++;
}

static char *slurp(const char *name)
{
	size_t size = 0, room = 1 << 20;
	char *text = malloc(room);
	FILE *file = strcmp(name, "-") ? fopen(name, "re") : stdin;

	if (!file)
		err(2, "%s", name);
	while (text && !feof(file) && !ferror(file)) {
		size += fread(text + size, 1, room - size - 1, file);
		if (size + 1 == room)
			text = realloc(text, room *= 2);
	}
	if (!text || ferror(file))
		err(3, "%s", name);
	if (file != stdin)
		fclose(file);
	text[size] = 0;
	return text;
}

/* Words are cut in place; lines keeps a copy for messages. */
static void read_file(const char *name)
{
	char *text = slurp(name), *copy = strdup(text), *at = text;
	uint32_t count = 2, line = 1;

	if (!copy)
		errx(3, "out of memory");
	for (char *c = text; *c; c++)
		count += *c == '\n';
	file_name = name;
	lines = calloc(count + 1, sizeof(*lines));
	if (!lines)
		errx(3, "out of memory");
	while (*at) {
		size_t len = strcspn(at, "\n");
		bool more = at[len];

		lines[line] = copy + (at - text);
		lines[line][len] = 0;
		at[len] = 0;
		read_line(at, line++);
		at += len + more;
	}
	if (!rules_count)
		errx(2, "%s: no rules", name);
}

/* ---- the reference ---- */

/* same_bits - return whether two addresses of 16 bytes begin with the same bits */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	if (bits < 64)
		return !bits || !(be64toh(x[0] ^ y[0]) >> (64 - bits));
	return x[0] == y[0] && (bits == 64 || !(be64toh(x[1] ^ y[1]) >> (128 - bits)));
}

/* The IPv4 address of a question: its own, or one inside an IPv6 address; 0: it has none. */
static bool four_of(const struct question *q, bool compatible, uint32_t *four)
{
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b }, zeros[12];
	uint32_t n;

	if (q->four || !memcmp(q->addr, nat64, 12) || (compatible && !memcmp(q->addr, zeros, 12)))
		memcpy(&n, q->addr + 12, 4);
	else if (q->addr[0] == 0x20 && q->addr[1] == 0x02)
		memcpy(&n, q->addr + 2, 4);
	else
		return false;
	*four = ntohl(n);
	return true;
}

static bool is_private4(uint32_t a)
{
	return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == 0x191;
}

/* Not forwardable by IANA's table, as in Python's ipaddress, but with multicast. */
static bool is_global4(uint32_t a)
{
	if (a == 0xc0000009 || a == 0xc000000a)
		return true;
	return !(is_private4(a) || a >> 24 == 0 || a >> 24 == 127 || a >> 16 == 0xa9fe ||
		 a >> 8 == 0xc00000 || a >> 8 == 0xc00002 || a >> 17 == 0xc612 >> 1 ||
		 a >> 8 == 0xc63364 || a >> 8 == 0xcb0071 || a >= 0xe0000000);
}

static unsigned pair(const uint8_t *a)
{
	return (unsigned)a[0] << 8 | a[1];
}

static bool is_global6(const uint8_t a[16])
{
	unsigned first = pair(a), second = pair(a + 2), third = pair(a + 4), fourth = pair(a + 6);
	static const uint8_t zeros[12], iana[13] = { 0x20, 1, 0, 1 };

	if (first == 0x2001 && second < 0x200) {
		if (!memcmp(a, iana, 4) && !memcmp(a + 4, zeros, 11))
			return a[15] >= 1 && a[15] <= 3;
		return second == 3 || (second == 4 && third == 0x112) || second >> 4 == 2 ||
		       second >> 4 == 3;
	}
	if (first == 0x100 && !second && !third)
		return fourth > 1;
	return !(first >> 8 >= 0xfe && first >= 0xfe80) && first >> 9 != 0xfc00 >> 9 &&
	       memcmp(a, zeros, 12) != 0 && !(first == 0x2001 && second == 0xdb8) &&
	       !(first == 0x3fff && second < 0x1000) && first != 0x5f00 &&
	       !(first == 0x64 && second == 0xff9b && third == 1);
}

/* A word for nets; 6to4 and NAT64 addresses are as the IPv4 address inside. */
static bool word_matches(const char *word, const struct question *q)
{
	static const uint8_t aws[16] = { 0xfd, 0, 0x0e, 0xc2, [14] = 2, 0x54 };
	unsigned first = (unsigned)q->addr[0] << 8 | q->addr[1];
	uint32_t four = 0;
	bool has_four = four_of(q, *word != 'g', &four);

	if (!strcmp(word, "global"))
		return has_four ? is_global4(four) : is_global6(q->addr);
	if (!strcmp(word, "private"))
		return has_four ? is_private4(four) : first >> 9 == 0xfc00 >> 9;
	if (!strcmp(word, "link-local"))
		return has_four ? four >> 16 == 0xa9fe : first >> 6 == 0xfe80 >> 6;
	if (!strcmp(word, "multicast"))
		return has_four ? four >> 28 == 14 || four == 0xffffffff : first >> 8 == 0xff;
	return has_four ? four == 0xa9fea9fe : !memcmp(q->addr, aws, 16);
}

static bool address_matches(const struct rule *r, const struct question *q)
{
	if (!r->has_ip)
		return true;
	if (r->local)
		return q->local;
	if (r->word)
		return word_matches(r->word, q);
	if (r->range)
		return r->four == q->four && memcmp(r->addr, q->addr, 16) <= 0 &&
		       memcmp(q->addr, r->last, 16) <= 0;
	return r->four == q->four && same_bits(r->addr, q->addr, r->bits);
}

/* A vague path, which may mean any path, matches every denied path and no other rule. */
static bool name_matches(const struct rule *r, const struct question *q)
{
	if (q->vague && r->name_len)
		return r->verdict == CGG_DENY && *r->name == '/';
	if (q->name_len < r->name_len || (!r->star && q->name_len != r->name_len))
		return false;
	return !memcmp(r->name, q->name, r->name_len);
}

static bool pair_matches(const struct rule *r, const struct question *q)
{
	return (r->first < 0 || r->first == q->first) && (r->second < 0 || r->second == q->second);
}

static bool own_side_matches(const struct rule *r, const struct question *q, bool deny)
{
	bool any_port = !r->sport_min && r->sport_max == 65535;

	return (any_port ||
		(q->hidden > 0 ? deny : q->sport >= r->sport_min && q->sport <= r->sport_max)) &&
	       (!r->iface || r->iface == q->iface) &&
	       (!r->has_self ||
		(q->hidden > 2 ? deny
			       : r->self_four == is_mapped(q->self) &&
					 same_bits(r->self, q->self, r->self_bits)));
}

/* A hidden field of a packet matches every deny rule, and no other rule. */
static bool packet_matches(const struct rule *r, const struct question *q)
{
	bool deny = r->verdict == CGG_DENY, any_port = !r->min && r->max == 65535;

	return (any_port || (q->hidden > 0 ? deny : q->port >= r->min && q->port <= r->max)) &&
	       (r->proto < 0 || (q->hidden > 1 ? deny : r->proto == q->proto)) &&
	       (!r->has_ip || (q->hidden > 2 ? deny : address_matches(r, q))) &&
	       own_side_matches(r, q, deny);
}

/* An owner that is not known matches every deny rule, and no other rule about owners. */
static bool owner_matches(const struct rule *r, const struct question *q)
{
	bool known = q->owner[0] != UINT32_MAX || q->owner[1] != UINT32_MAX;

	if (!known && (r->has_owner[0] || r->has_owner[1]))
		return r->verdict == CGG_DENY;
	for (int i = 0; i < 2; i++)
		if (r->has_owner[i] &&
		    (q->owner[i] < r->owner_min[i] || q->owner[i] > r->owner_max[i]))
			return false;
	return true;
}

/* A value that may be several numbers matches every deny rule, and no other rule about values. */
static bool value_matches(const struct rule *r, const struct question *q)
{
	if (!r->has_value || q->is_vague)
		return !r->has_value || r->verdict == CGG_DENY;
	return q->is_number && q->value >= r->value_min && q->value <= r->value_max;
}

static bool matches(const struct rule *r, const struct question *q, unsigned access_bit)
{
	if (!(r->hooks >> q->hook & 1))
		return false;
	if (r->spent || !value_matches(r, q))
		return false;
	if (!(1 << q->hook & NET) && !(r->access_bits >> access_bit & 1))
		return false;
	if (r->cgroup && !group_is(&groups[q->group], &groups[r->cgroup - 1]))
		return false;
	if (!owner_matches(r, q))
		return false;
	switch (q->hook) {
	case CGG_UNIX:
	case CGG_SYSCTL:
		return name_matches(r, q);
	case CGG_DEVICE:
		return (r->device == 'a' || r->device == q->device) && pair_matches(r, q);
	case CGG_SETSOCKOPT:
	case CGG_GETSOCKOPT:
		return pair_matches(r, q);
	case CGG_SOCKET:
		return (!r->family || r->family == q->family) && (!r->type || r->type == q->type) &&
		       (r->proto < 0 || r->proto == q->proto);
	default:
		return packet_matches(r, q);
	}
}

/* linear - return the number + 1 of the first rule that matches, or 0 */
static uint32_t linear(const struct question *q, unsigned access_bit)
{
	for (uint32_t i = 0; i < rules_count; i++)
		if (matches(&rules[i], q, access_bit))
			return i + 1;
	return 0;
}

/* Rules with addresses by prefix and length; those without share the last bucket. */
static uint32_t *buckets, bucket_mask;
static bool lengths[2][129]; /* present: [four][bits] */

static uint32_t bucket_of(const uint8_t addr[16], unsigned bits, bool four)
{
	uint64_t hash = bits + 1000u * four, word[2];
	uint8_t cut[16] = { 0 };

	memcpy(cut, addr, bits / 8);
	if (bits % 8)
		cut[bits / 8] = (uint8_t)(addr[bits / 8] & 0xff00 >> bits % 8);
	memcpy(word, cut, sizeof(word));
	for (int i = 0; i < 2; i++) {
		hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 29;
	}
	return (uint32_t)hash & bucket_mask;
}

static void index_begin(void)
{
	for (bucket_mask = 1024; bucket_mask < 2 * rules_count; bucket_mask *= 2)
		;
	buckets = calloc(bucket_mask + 1, sizeof(*buckets));
	if (!buckets)
		errx(3, "out of memory");
	bucket_mask--;
	for (uint32_t i = rules_count; i--;) { /* so that each chain has the order of the rules */
		struct rule *r = &rules[i];
		uint32_t bucket = bucket_mask + 1;

		if (r->has_ip && !r->local && !r->word && !r->range) {
			lengths[r->four][r->bits] = true;
			bucket = bucket_of(r->addr, r->bits, r->four);
		}
		r->next = buckets[bucket];
		buckets[bucket] = i + 1;
	}
}

static uint32_t first_of(uint32_t at, uint32_t best, const struct question *q, unsigned access_bit)
{
	for (; at && (!best || at < best); at = rules[at - 1].next)
		if (matches(&rules[at - 1], q, access_bit))
			return at;
	return best;
}

static uint32_t indexed(const struct question *q, unsigned access_bit)
{
	uint32_t best = first_of(buckets[bucket_mask + 1], 0, q, access_bit);

	if (!(1 << q->hook & NET))
		return best; /* none of these has an address */
	if (q->hidden > 2)
		return linear(q, access_bit); /* any of them may match */
	for (unsigned bits = 0; bits <= 128; bits++)
		if (lengths[q->four][bits])
			best = first_of(buckets[bucket_of(q->addr, bits, q->four)], best, q,
					access_bit);
	return best;
}

static bool only_linear;

/* answer - decide each access bit; the worst decision counts */
static void answer(struct question *q, bool check)
{
	int worst = -1;

	for (unsigned access_bit = 0; access_bit < CGG_KNOWN_BITS; access_bit++) {
		uint32_t found;
		int verdict;

		if (!(q->access_bits >> access_bit & 1))
			continue;
		found = only_linear ? linear(q, access_bit) : indexed(q, access_bit);
		if (check && found != linear(q, access_bit))
			errx(3, "the reference does not agree with itself");
		verdict = found ? rules[found - 1].verdict : defaults[q->hook];
		if (verdict < worst)
			continue;
		if (verdict > worst)
			memset(q->rule, 0xff, sizeof(q->rule));
		worst = verdict;
		q->rule[access_bit] = found ? rules[found - 1].id : 0;
		q->number = found;
	}
	q->verdict = (uint8_t)worst;
}

/* ---- questions ---- */

struct dice {
	uint64_t state;
};

static uint64_t draw(struct dice *dice)
{
	return random_next(&dice->state);
}

static uint32_t below(struct dice *dice, uint64_t n)
{
	return random_part(draw(dice), n);
}

static bool chance(struct dice *dice, unsigned percent)
{
	return below(dice, 100) < percent;
}

static const struct rule *any_rule(struct dice *dice)
{
	return &rules[below(dice, rules_count)];
}

static void random_bits(struct question *q, unsigned from, struct dice *dice)
{
	for (unsigned bit = from; bit < 128; bit++)
		if (draw(dice) & 1)
			q->addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}

/* Addresses at the ends of nets that words may mean. */
static const char *const nets[] = {
	"10.0.0.0",
	"100.64.0.0",
	"100.127.255.255",
	"172.16.0.0",
	"172.31.255.255",
	"192.168.0.0",
	"169.254.0.0",
	"169.254.169.254",
	"224.0.0.0",
	"239.255.255.255",
	"240.0.0.0",
	"0.0.0.0",
	"127.0.0.1",
	"192.0.0.8",
	"192.0.0.9",
	"192.0.0.10",
	"192.0.2.0",
	"198.18.0.0",
	"198.19.255.255",
	"198.51.100.0",
	"203.0.113.0",
	"255.255.255.255",
	"8.8.8.8",
	"192.88.99.1",
	"fc00::",
	"fdff:ffff::",
	"fe80::",
	"febf:ffff::1",
	"fec0::",
	"ff02::1",
	"fd00:ec2::254",
	"2001:db8::",
	"2001::",
	"2001:1::1",
	"2001:1::3",
	"2001:3::",
	"2001:4:112::",
	"2001:20::",
	"2001:3f::",
	"2001:40::",
	"2001:1ff:ffff::",
	"2001:200::",
	"2002::",
	"2003::",
	"3fff::",
	"3fff:fff::",
	"3fff:1000::",
	"5f00::",
	"64:ff9b:1::",
	"100::",
	"100:0:0:1::",
	"100:0:0:2::",
	"::1",
	"::",
	"2606:4700::",
};

/* An address of a net that a word may mean, or of one beside it. */
static void ask_word(struct question *q, struct dice *dice)
{
	const char *net = nets[below(dice, sizeof(nets) / sizeof(nets[0]))];
	uint8_t four[4];

	if (inet_pton(AF_INET6, net, q->addr) != 1 && inet_pton(AF_INET, net, four) == 1) {
		unsigned form = below(dice, 5);

		memset(q->addr, 0, 16);
		if (form < 2)
			memset(q->addr + 10, 0xff, 2);
		else if (form == 2)
			memcpy(q->addr, "\0\x64\xff\x9b", 4);
		if (form == 3)
			memcpy(q->addr, "\x20\x02", 2);
		memcpy(q->addr + (form == 3 ? 2 : 12), four, 4);
		if (chance(dice, 30))
			q->addr[(form == 3 ? 2 : 12) + below(dice, 4)] ^=
				(uint8_t)(1 << below(dice, 8));
	} else if (chance(dice, 30)) {
		q->addr[below(dice, 16)] ^= (uint8_t)(1 << below(dice, 8));
	}
}

static void ask_address(struct question *q, const struct rule *r, struct dice *dice)
{
	static const uint8_t four[16] = { [10] = 0xff, [11] = 0xff };

	if (r && !r->has_ip && chance(dice, 70))
		r = any_rule(dice);
	if (r && r->word) {
		ask_word(q, dice);
	} else if (r && r->range) {
		memcpy(q->addr, chance(dice, 50) ? r->addr : r->last, 16);
	} else if (r && r->has_ip && !r->local) {
		memcpy(q->addr, r->addr, 16);
		if (r->bits < 128)
			random_bits(q, r->bits, dice);
	} else if (r && r->local) {
		if (chance(dice, 50)) {
			q->addr[15] = 1;
		} else {
			memcpy(q->addr, four, 16);
			q->addr[12] = 127;
			random_bits(q, 104, dice);
		}
	} else if (r ? chance(dice, 50) : rules[0].has_ip ? rules[0].four : true) {
		memcpy(q->addr, four, 16);
		random_bits(q, 96, dice);
	} else {
		q->addr[0] = 0x20;
		random_bits(q, 3, dice);
	}
}

static void ask_net(struct question *q, const struct rule *r, struct dice *dice)
{
	static const uint16_t usual[] = { 6, 6, 6, 17, 17, 1, 58, 132, 0, 255 };

	ask_address(q, r, dice);
	q->proto = usual[below(dice, 10)];
	q->port = (uint16_t)below(dice, 65536);
	if (!r)
		return;
	if (r->proto >= 0)
		q->proto = (uint16_t)r->proto;
	if (!r->min && r->max == 65535 && chance(dice, 70))
		r = any_rule(dice);
	switch (below(dice, 4)) {
	case 0:
		q->port = r->min;
		break;
	case 1:
		q->port = r->max;
		break;
	default:
		q->port = (uint16_t)(r->min + below(dice, r->max - r->min + 1u));
	}
}

static void spoil_net(struct question *q, struct dice *dice)
{
	static const uint8_t four[12] = { [10] = 0xff, [11] = 0xff };
	unsigned bit = memcmp(q->addr, four, 12) ? below(dice, 128) : 96 + below(dice, 32);

	switch (below(dice, 4)) {
	case 0:
		q->addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		break;
	case 1:
		q->port = (uint16_t)(q->port + (chance(dice, 50) ? 1 : -1));
		break;
	case 2:
		q->proto = (uint16_t)below(dice, 256);
		break;
	default:
		q->hook = (uint8_t)below(dice, CGG_UNIX);
	}
}

static void ask_pair(struct question *q, const struct rule *r, struct dice *dice)
{
	q->device = chance(dice, 50) ? 'b' : 'c';
	if (r && r->device && r->device != 'a')
		q->device = r->device;
	q->first = r && r->first >= 0 ? r->first : below(dice, 4096);
	q->second = r && r->second >= 0 ? r->second : below(dice, 1 << 20);
}

static void spoil_pair(struct question *q, struct dice *dice)
{
	const struct rule *r = any_rule(dice);

	switch (below(dice, 3)) {
	case 0:
		q->first = r->first >= 0 ? r->first : q->first;
		break;
	case 1:
		q->second ^= 1 << below(dice, 20);
		break;
	default:
		q->device = q->device == 'c' ? 'b' : 'c';
	}
}

static size_t name_room(const struct question *q)
{
	return q->hook == CGG_UNIX ? 108 : CGG_OPERAND - 1;
}

static void ask_name(struct question *q, const struct rule *r, struct dice *dice)
{
	size_t room = name_room(q);

	r = r ? r : any_rule(dice);
	memcpy(q->name, r->name, r->name_len);
	q->name_len = r->name_len;
	if (!q->name_len) /* of a star alone */
		q->name[q->name_len++] = q->hook == CGG_UNIX ? (chance(dice, 50) ? '@' : '/') : 'x';
	if (r->star)
		for (unsigned n = below(dice, 30); n && q->name_len < room; n--)
			q->name[q->name_len++] = (char)('a' + below(dice, 26));
}

static void spoil_name(struct question *q, struct dice *dice)
{
	uint32_t at = 1 + below(dice, q->name_len), room = (uint32_t)name_room(q);
	static const char *const odd[] = { "//", "/./", "/../", "/.", "/.." };
	const char *what = odd[below(dice, 5)];

	switch (below(dice, 4)) {
	case 0:
		if (at < q->name_len && q->name[at] != '/')
			q->name[at] ^= 1;
		break;
	case 1:
		if (q->name_len < room)
			q->name[q->name_len++] = 'z';
		break;
	case 2:
		q->name_len = at;
		memset(q->name + at, 0, sizeof(q->name) - at);
		break;
	default:
		if (q->hook != CGG_UNIX || *q->name != '/')
			break;
		if (chance(dice, 30)) {
			*q->name = 'r';
		} else if (q->name_len + strlen(what) <= room) {
			memcpy(q->name + q->name_len, what, strlen(what));
			q->name_len += (uint32_t)strlen(what);
		}
	}
}

/* A path that is relative, or has a component that is empty (except the last), . or .. */
static bool is_vague(const char *path)
{
	if (*path == '@')
		return false;
	if (*path != '/')
		return true;
	while (*path) {
		size_t len = strcspn(++path, "/");

		if ((!len && *path) || (len == 1 && *path == '.') ||
		    (len == 2 && !memcmp(path, "..", 2)))
			return true;
		path += len;
	}
	return false;
}

static void ask_socket(struct question *q, const struct rule *r, struct dice *dice)
{
	static const uint8_t types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW };

	q->family = r && r->family ? r->family : chance(dice, 50) ? AF_INET : AF_INET6;
	q->type = r && r->type ? r->type : types[below(dice, 3)];
	q->proto = (uint16_t)(r && r->proto >= 0 ? r->proto : (int)below(dice, 256));
}

static void ask_access(struct question *q, const struct rule *like, bool spoil, struct dice *dice)
{
	q->access_bits = CGG_R;
	if (!(like->hooks & (1 << CGG_DEVICE | 1 << CGG_SYSCTL)))
		return;
	do
		q->access_bits = (uint8_t)(1 << below(dice, CGG_ACCESS_BITS));
	while (!(like->access_bits & q->access_bits));
	if (spoil || chance(dice, 20))
		q->access_bits |= (uint8_t)(1 << (1 + below(dice, 2)));
}

static void spoil_it(struct question *q, unsigned kind, struct dice *dice)
{
	if (kind & NET)
		spoil_net(q, dice);
	else if (kind & (1 << CGG_UNIX | 1 << CGG_SYSCTL))
		spoil_name(q, dice);
	else if (kind & 1 << CGG_SOCKET)
		q->proto = (uint16_t)below(dice, 256);
	else
		spoil_pair(q, dice);
}

/* The owner of a rule, one beside it, any other one, or none that is known. */
static void ask_owner(struct question *q, const struct rule *r, struct dice *dice)
{
	for (int i = 0; i < 2; i++) {
		if (r && !r->has_owner[i] && chance(dice, 50))
			r = any_rule(dice);
		q->owner[i] = below(dice, chance(dice, 50) ? 70000 : 4294967295u);
		if (r && r->has_owner[i])
			q->owner[i] = chance(dice, 50) ? r->owner_min[i] : r->owner_max[i];
		if (chance(dice, 10))
			q->owner[i] += chance(dice, 50) ? 1 : -1u;
	}
	if (chance(dice, 10))
		q->owner[0] = q->owner[1] = UINT32_MAX;
}

/* What a rule asks of a packet beside its other end, or something else. */
static void ask_own_side(struct question *q, const struct rule *r, struct dice *dice)
{
	const struct rule *other = chance(dice, 30) || !r ? any_rule(dice) : r;

	q->sport = chance(dice, 50) ? other->sport_min : other->sport_max;
	if (chance(dice, 20))
		q->sport = (uint16_t)(q->sport + (chance(dice, 50) ? 1 : -1u));
	q->iface = chance(dice, 80) ? other->iface : below(dice, 20);
	other = chance(dice, 80) && r ? r : any_rule(dice);
	memcpy(q->self, other->self, sizeof(q->self));
	for (unsigned i = other->self_bits; i < 128; i++)
		if (chance(dice, 50))
			q->self[i / 8] ^= (uint8_t)(0x80 >> i % 8);
	if (!other->has_self)
		for (unsigned i = 0; i < 16; i++)
			q->self[i] = (uint8_t)below(dice, 256);
}

static void ask_value(struct question *q, const struct rule *r, struct dice *dice)
{
	const struct rule *other = chance(dice, 20) || !r ? any_rule(dice) : r;

	q->value = chance(dice, 50) ? other->value_min : other->value_max;
	if (chance(dice, 20))
		q->value += chance(dice, 50) ? 1 : -1;
	if (chance(dice, 5))
		q->value = below(dice, 4294967295u) - (1LL << 40);
	q->is_number = chance(dice, 90);
	q->is_vague = !q->is_number && chance(dice, 50);
}

static void ask(struct question *q, const struct rule *r, bool spoil, struct dice *dice)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	const struct rule *like = r ? r : any_rule(dice);
	unsigned kind;

	memset(q, 0, sizeof(*q));
	do
		q->hook = (uint8_t)below(dice, CGG_DNS); /* names: tests/hooks/host.bats */
	while (!(like->hooks >> q->hook & 1));
	ask_access(q, like, spoil, dice);
	kind = 1u << q->hook;
	if (kind & NET)
		ask_net(q, r, dice);
	else if (kind & (1 << CGG_UNIX | 1 << CGG_SYSCTL))
		ask_name(q, r, dice);
	else if (kind & 1 << CGG_SOCKET)
		ask_socket(q, r, dice);
	else
		ask_pair(q, r, dice);
	ask_owner(q, r, dice);
	ask_own_side(q, r, dice);
	ask_value(q, r, dice);
	q->group = below(dice, groups_count);
	if (r && r->cgroup && chance(dice, 70))
		for (int i = 0; i < 8 && !group_is(&groups[q->group], &groups[r->cgroup - 1]); i++)
			q->group = below(dice, groups_count);
	if (spoil)
		spoil_it(q, kind, dice);
	kind = 1u << q->hook;
	if (kind & (1 << CGG_EGRESS | 1 << CGG_INGRESS) && chance(dice, 40)) {
		static const uint8_t known[] = { CGG_KNOWN_PROTO, CGG_KNOWN_ADDR, CGG_KNOWN_NONE };

		q->hidden = (uint8_t)(1 + below(dice, 3));
		q->access_bits = known[q->hidden - 1];
		q->port = 0;
	}
	q->four = is_mapped(q->addr);
	q->local = q->four ? q->addr[12] == 127 : !memcmp(q->addr, loopback, 16);
	if (kind & (1 << CGG_EGRESS | 1 << CGG_INGRESS) && chance(dice, 20))
		q->local = false; /* it leaves lo */
	q->vague = q->hook == CGG_UNIX && is_vague(q->name);
}

/* ---- asking ---- */

/* key - return the words of a query's key, 4 bytes each in network order */
static void key(struct cgg_ask *a, uint32_t first, uint32_t second, uint32_t third)
{
	uint32_t bytes[4] = { htonl(first), htonl(second), htonl(third) };

	memcpy(a->query.word, bytes, sizeof(bytes));
}

static void fill(struct cgg_ask *a, const struct question *q, uint32_t place)
{
	memset(a, 0, sizeof(*a));
	a->policy = place;
	a->query.hook = q->hook;
	a->query.access = q->access_bits;
	a->uid = q->owner[0];
	a->gid = q->owner[1];
	a->value = q->is_number ? CGG_VALUE_OF(q->value) : q->is_vague ? CGG_VALUE_VAGUE : 0;
	a->sport = q->sport;
	a->iface = q->iface;
	memcpy(a->self, q->self, sizeof(a->self));
	memcpy(a->ancestor, groups[q->group].ancestor, sizeof(a->ancestor));
	switch (q->hook) {
	case CGG_UNIX:
	case CGG_SYSCTL:
		memcpy(a->query.word, q->name, sizeof(a->query.word));
		a->query.select = q->vague ? CGG_VAGUE : q->name_len;
		memcpy(&a->name, q->name, sizeof(q->name));
		return;
	case CGG_DEVICE:
		key(a, q->device == 'c' ? CGG_CHAR : CGG_BLOCK, (uint32_t)q->first,
		    (uint32_t)q->second);
		break;
	case CGG_SETSOCKOPT:
	case CGG_GETSOCKOPT:
		key(a, (uint32_t)q->first, (uint32_t)q->second, 0);
		break;
	case CGG_SOCKET:
		a->query.select =
			CGG_SOCKET_SELECT((uint32_t)q->family, (uint32_t)q->type, q->proto);
		a->query.port = q->proto;
		break;
	default:
		memcpy(a->query.word, q->addr, 16);
		a->query.select =
			q->proto | (q->local ? CGG_IS_LOCAL : 0) | (q->four ? CGG_IS_IPV4 : 0);
		a->query.port = q->port;
	}
	memcpy(&a->name, a->query.word, sizeof(a->query.word));
}

static void show(const struct question *q)
{
	char text[INET6_ADDRSTRLEN];

	printf("  %s", hook_words[q->hook]);
	if (1 << q->hook & NET)
		printf(" proto %u ip %s port %u", q->proto,
		       inet_ntop(q->four ? AF_INET : AF_INET6, q->addr + (q->four ? 12 : 0), text,
				 sizeof(text)),
		       q->port);
	else if (q->hook == CGG_UNIX || q->hook == CGG_SYSCTL)
		printf(" %.128s", q->name);
	else if (q->hook == CGG_SOCKET)
		printf(" family %u type %u proto %u", q->family, q->type, q->proto);
	else
		printf(" %c %lld:%lld", q->hook == CGG_DEVICE ? q->device : ' ',
		       (long long)q->first, (long long)q->second);
	printf(" letters %u cgroup %s uid %u gid %u sport %u iface %u self %s\n", q->access_bits,
	       groups[q->group].path, q->owner[0], q->owner[1], q->sport, q->iface,
	       inet_ntop(AF_INET6, q->self, text, sizeof(text)));
}

/* describe - return a verdict and an id, with the line of that rule */
static void describe(const char *who, unsigned verdict, uint32_t id)
{
	printf("    %s: %s %u", who, verdict < 3 ? verdict_words[verdict] : "?", id);
	for (uint32_t i = 0; i < rules_count; i++)
		if (rules[i].id == id)
			printf(", line %u: %s", rules[i].line, lines[rules[i].line]);
	putchar('\n');
}

struct share {
	struct question *question;
	uint64_t count, checked;
	pthread_t thread;
};

static void *answer_share(void *arg)
{
	struct share *share = arg;

	for (uint64_t i = 0; i < share->count; i++)
		answer(&share->question[i], i < share->checked);
	return 0;
}

static void answer_all(struct question *question, uint64_t count, unsigned threads)
{
	uint64_t checked = only_linear ? 0 : CHECK / rules_count + 1;
	struct share share[64];

	for (unsigned i = 0; i < threads; i++) {
		uint64_t from = count * i / threads, to = count * (i + 1) / threads;

		share[i].question = question + from;
		share[i].count = to - from;
		share[i].checked = checked / threads + 1;
		if (pthread_create(&share[i].thread, 0, answer_share, &share[i]))
			errx(3, "no thread");
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(share[i].thread, 0);
}

static uint32_t find_place(const char *name)
{
	int fd = bpf_obj_get(DIR "/maps/policies");
	struct cgg_policy policy;

	if (fd < 0)
		err(3, DIR "/maps/policies");
	for (uint32_t i = 0; !bpf_map_lookup_elem(fd, &i, &policy); i++) {
		if (strncmp(policy.name, name, sizeof(policy.name)))
			continue;
		close(fd);
		return i;
	}
	errx(3, "policy %s: there is none", name);
}

/* Take the tokens of the rules that have none. What the kernel decides does not change them. */
static void spend(uint32_t place)
{
	int fd = bpf_obj_get(DIR "/maps/limits");

	if (fd < 0)
		err(3, DIR "/maps/limits");
	for (uint32_t i = 0; i < rules_count; i++) {
		const struct cgg_count_key key = { .policy = place, .rule = rules[i].id };
		struct cgg_bucket bucket;

		if (!rules[i].spent)
			continue;
		if (bpf_map_lookup_elem(fd, &key, &bucket))
			err(3, "line %u: no bucket", rules[i].line);
		bucket.full = 1ULL << 62;
		if (bpf_map_update_elem(fd, &key, &bucket, BPF_EXIST))
			err(3, DIR "/maps/limits");
	}
	close(fd);
}

static bool is_right(const struct question *q, unsigned verdict, uint32_t id)
{
	bool right = false;

	for (int i = 0; i < CGG_KNOWN_BITS; i++)
		right |= q->access_bits >> i & 1 && q->rule[i] == id;
	return right && q->verdict == verdict;
}

/* Hold the guard's lock, since the program has room for one question. */
static uint64_t ask_all(const struct question *question, uint64_t count, uint32_t place)
{
	int program = bpf_obj_get(DIR "/progs/ask"), lock = open(DIR, O_RDONLY | O_DIRECTORY);
	struct cgg_ask a;
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &a, .data_size_in = sizeof(a));
	uint64_t wrong = 0;

	if (program < 0 || lock < 0 || flock(lock, LOCK_EX))
		err(3, DIR);
	for (uint64_t i = 0; i < count; i++) {
		const struct question *q = &question[i];
		uint32_t id;

		fill(&a, q, place);
		if (bpf_prog_test_run_opts(program, &run))
			err(3, DIR "/progs/ask");
		id = CGG_ANSWER_RULE(run.retval);
		if (run.retval != ~0u && is_right(q, CGG_ANSWER_VERDICT(run.retval), id))
			continue;
		if (wrong++ >= SHOWN)
			continue;
		show(q);
		describe("kernel", CGG_ANSWER_VERDICT(run.retval), id);
		describe("reference", q->verdict, q->number ? rules[q->number - 1].id : 0);
	}
	close(lock);
	close(program);
	return wrong;
}

static int report(const struct question *question, uint64_t count, uint64_t wrong)
{
	uint8_t *hit = calloc(rules_count + 1, 1);
	uint64_t hits = 0, different = 0;

	if (!hit)
		errx(3, "out of memory");
	for (uint64_t i = 0; i < count; i++) {
		hits += question[i].number > 0;
		different += question[i].number && !hit[question[i].number];
		hit[question[i].number] = 1;
	}
	free(hit);
	printf("queries %llu hits %llu wrong %llu rules %llu\n", (unsigned long long)count,
	       (unsigned long long)hits, (unsigned long long)wrong, (unsigned long long)different);
	return wrong > 0;
}

static int write_all(const struct question *question, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct {
			struct cgg_ask ask;
			uint32_t verdict, rule;
		} record;

		fill(&record.ask, &question[i], 0);
		record.verdict = question[i].verdict;
		record.rule = question[i].number ? rules[question[i].number - 1].id : 0;
		if (fwrite(&record, sizeof(record), 1, stdout) != 1)
			err(3, "standard output");
	}
	if (fflush(stdout))
		err(3, "standard output");
	return 0;
}

static _Noreturn void usage(void)
{
	errx(2, "usage: oracle [-l] [-m PERCENT] [-n QUERIES] [-p POLICY | -P PLACE] [-s SEED] "
		"[-t THREADS] [-w] FILE");
}

struct options {
	unsigned threads, misses;
	uint64_t seed, count;
	const char *policy;
	int64_t place; /* -1: that of policy */
	bool dump;
};

static void options_read(struct options *o, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "lm:n:p:P:s:t:w")) != -1) {
		if (option == 'l')
			only_linear = true;
		else if (option == 'm')
			o->misses = (unsigned)number(optarg, 0);
		else if (option == 'n')
			o->count = (uint64_t)number(optarg, 0);
		else if (option == 'p')
			o->policy = optarg;
		else if (option == 'P')
			o->place = number(optarg, 0);
		else if (option == 's')
			o->seed = (uint64_t)number(optarg, 0);
		else if (option == 't')
			o->threads = (unsigned)number(optarg, 0);
		else if (option == 'w')
			o->dump = true;
		else
			usage();
	}
	if (optind + 1 != argc || !o->count || !o->threads)
		usage();
}

int main(int argc, char **argv)
{
	struct options o = { .threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
			     .seed = 1,
			     .count = 10000,
			     .policy = "default",
			     .place = -1 };
	struct question *question;
	struct dice dice;

	options_read(&o, argc, argv);
	dice = (struct dice){ .state = o.seed };
	find_mount();
	group_add("/");
	read_file(argv[optind]);
	groups_above();
	index_begin();
	question = calloc((size_t)o.count, sizeof(*question));
	if (!question)
		errx(3, "out of memory");
	for (uint64_t i = 0; i < o.count; i++)
		ask(&question[i], chance(&dice, o.misses) ? 0 : any_rule(&dice),
		    !o.misses && chance(&dice, 25), &dice);
	answer_all(question, o.count, o.threads > 64 ? 64 : o.threads);
	if (o.dump)
		return write_all(question, o.count);
	if (o.place < 0)
		o.place = find_place(o.policy);
	spend((uint32_t)o.place);
	return report(question, o.count, ask_all(question, o.count, (uint32_t)o.place));
}
