// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * generate.c - print policies of every shape and size, the same for the same seed.
 *
 * generate KIND COUNT SEED [WORD...]: print COUNT rules as `cgg-rule list' prints them. WORDs
 * are paths of cgroups for the kind cgroups, else the one hook list that net rules get
 * instead of connect,sendmsg. Kinds:
 *
 *	addresses addresses6	distinct random IPv4 (IPv6) addresses
 *	sequence		10.0.0.0 and upward
 *	prefixes		a blocklist: the prefix lengths of a union of public lists as
 *				counted in November 2026, one address in four inside an earlier
 *				prefix, random order
 *	prefixes6		the same in IPv6, /32 to /128, half of them nested
 *	acl fw ipc		access lists
 *	ports			port ranges and protocols without an address
 *	overlap			all that overlaps: nested prefixes, ports, protocols, hooks
 *	ladder			every prefix is one of two addresses', so that all are nested
 *	cgroups			overlap, and most with a cgroup
 *	owners			overlap, and most with users and groups
 *	users			a rule for each user
 *	limits			overlap, and most with a limit, some with users and groups
 *	packets			overlap about packets, and most with sport, iface or self; IFACE...
 *	sports selfs values	a rule for each of these
 *	lists			overlap, and most with lists of nets, ports and protocols
 *	devices sysctls unixes sockopts sockets
 *
 * The access lists have the shapes that D. E. Taylor and J. S. Turner measured in real ones
 * ("ClassBench: A Packet Classification Benchmark", IEEE/ACM Transactions on Networking
 * 15(3), 2007), reduced to the one address, one port range and one protocol of a rule here.
 * acl has mostly exact addresses with many exact ports, fw has many wildcards and short
 * prefixes, ipc is a mixture with the most pairs of prefix length and port range. Prefixes
 * are nested in earlier ones, and ports come from about 100 distinct ranges, few of which
 * are used much. As in real lists, narrow rules tend to come first; otherwise nothing would
 * ever reach them.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/cgg.h"
#include "engine.h"

static uint64_t state;
static uint64_t count;
static char **words;
static int words_count;

static uint64_t draw(void)
{
	return random_next(&state);
}

static uint32_t below(uint64_t n)
{
	return random_part(draw(), n);
}

static bool chance(unsigned percent)
{
	return below(100) < percent;
}

/* pick - return the number of a random weight; weights sum up to total */
static unsigned pick(const unsigned *weight, unsigned total)
{
	unsigned at = below(total), i = 0;

	while (at >= weight[i])
		at -= weight[i++];
	return i;
}

/* mix32 - map each number to another one, so that a counter becomes distinct random numbers */
static uint32_t mix32(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352d;
	x = (x ^ x >> 15) * 0x846ca68b;
	return x ^ x >> 16;
}

/* ---- prefixes ---- */

struct prefix {
	uint64_t high, low; /* IPv4: the address in the upper half of low */
	uint8_t len; /* of its family */
	bool six;
};

static uint64_t keep(uint64_t word, int bits)
{
	return bits <= 0 ? 0 : bits >= 64 ? word : word & ~(~0ULL >> bits);
}

static struct prefix cut(struct prefix p, unsigned len)
{
	p.len = (uint8_t)len;
	if (p.six)
		p.high = keep(p.high, (int)len);
	p.low = keep(p.low, p.six ? (int)len - 64 : (int)len);
	return p;
}

static struct prefix random_prefix(bool six)
{
	struct prefix p = { .six = six, .low = draw(), .len = six ? 128 : 32 };

	if (six)
		p.high = (draw() & ~(7ULL << 61)) | 1ULL << 61; /* 2000::/3 */
	else
		p.low = keep(p.low, 32);
	return p;
}

/* inside - return a prefix of len bits within an outer one that is no longer */
static struct prefix inside(const struct prefix *outer, unsigned len)
{
	struct prefix p = random_prefix(outer->six);
	int bits = outer->six ? (int)outer->len - 64 : outer->len;

	if (outer->six)
		p.high = outer->high | (p.high & ~keep(~0ULL, outer->len));
	p.low = outer->low | (p.low & ~keep(~0ULL, bits));
	if (outer->six && outer->len < 3)
		p.high = outer->high | (draw() & ~keep(~0ULL, outer->len));
	return cut(p, len);
}

static void print_prefix(const struct prefix *p)
{
	uint8_t a[16];

	if (!p->six) {
		printf("%u.%u.%u.%u", (unsigned)(p->low >> 56), (unsigned)(p->low >> 48 & 255),
		       (unsigned)(p->low >> 40 & 255), (unsigned)(p->low >> 32 & 255));
		if (p->len != 32)
			printf("/%u", p->len);
		return;
	}
	for (int i = 0; i < 8; i++) {
		char text[INET6_ADDRSTRLEN];

		a[i] = (uint8_t)(p->high >> (56 - 8 * i));
		a[8 + i] = (uint8_t)(p->low >> (56 - 8 * i));
		if (i == 7)
			fputs(inet_ntop(AF_INET6, a, text, sizeof(text)), stdout);
	}
	if (p->len != 128)
		printf("/%u", p->len);
}

/* Numbers drawn before: an open-addressed set of hashes, twice as large as needed. */
static uint64_t *seen, seen_mask;

static void seen_begin(void)
{
	for (seen_mask = 1024; seen_mask < 2 * count; seen_mask *= 2)
		;
	seen = calloc((size_t)seen_mask--, sizeof(*seen));
	if (!seen)
		errx(3, "out of memory");
}

/* is_new - return true if it was not drawn before, and remember it */
static bool is_new(uint64_t hash)
{
	hash |= !hash;
	for (uint64_t i = hash & seen_mask;; i = (i + 1) & seen_mask) {
		if (seen[i] == hash)
			return false;
		if (!seen[i]) {
			seen[i] = hash;
			return true;
		}
	}
}

static uint64_t prefix_hash(const struct prefix *p)
{
	return random_mix(p->high ^ random_mix(p->low ^ random_mix(p->len + 256u * p->six)));
}

static const char *net_hooks(void)
{
	return words_count ? words[0] : "connect,sendmsg";
}

static void deny_prefix(const struct prefix *p)
{
	printf("deny %s ip ", net_hooks());
	print_prefix(p);
	putchar('\n');
}

/* ---- blocklists ---- */

static void addresses(void)
{
	uint32_t first = (uint32_t)draw();

	for (uint64_t i = 0, n = 0; n < count; i++) {
		struct prefix p = { .low = (uint64_t)mix32(first + (uint32_t)i) << 32, .len = 32 };

		if (!p.low) /* 0.0.0.0 means this host, and no rule may have it */
			continue;
		deny_prefix(&p);
		n++;
	}
}

static void addresses6(void)
{
	uint64_t first = draw();

	for (uint64_t i = 0; i < count; i++) {
		struct prefix p = random_prefix(true);

		p.low = random_mix(first + i);
		deny_prefix(&p);
	}
}

static void sequence(void)
{
	for (uint64_t i = 0; i < count; i++) {
		struct prefix p = { .low = (0x0a000000 + i) << 32, .len = 32 };

		deny_prefix(&p);
	}
}

/* By length: a union of public lists, 792,688 prefixes. */
static const unsigned blocklist[33] = {
	[3] = 1,    [8] = 8,	 [9] = 2,     [10] = 5,	    [11] = 17,	   [12] = 35,  [13] = 41,
	[14] = 42,  [15] = 57,	 [16] = 315,  [17] = 46,    [18] = 93,	   [19] = 150, [20] = 269,
	[21] = 260, [22] = 1051, [23] = 1587, [24] = 4397,  [25] = 547,	   [26] = 645, [27] = 699,
	[28] = 966, [29] = 1359, [30] = 2644, [31] = 13568, [32] = 763884,
};

static unsigned length4(void)
{
	static unsigned total;

	if (!total)
		for (unsigned i = 0; i <= 32; i++)
			total += blocklist[i];
	return pick(blocklist, total);
}

static unsigned length6(void)
{
	static const unsigned weight[] = { 40, 20, 15, 5, 5, 15 };
	static const uint8_t usual[] = { 128, 64, 48, 56, 32 };
	unsigned which = pick(weight, 100);

	return which < sizeof(usual) ? usual[which] : 32 + below(97);
}

static void prefixes(bool six)
{
	struct prefix *all = calloc((size_t)count, sizeof(*all));

	if (!all)
		errx(3, "out of memory");
	seen_begin();
	for (uint64_t n = 0; n < count;) {
		unsigned len = six ? length6() : length4();
		const struct prefix *outer = n ? &all[below(n)] : 0;
		bool nested = outer && outer->len < len && chance(six ? 60 : 100);

		/* Few blocklist entries are short, so search only a little for a new one. */
		for (int i = 0; !six && outer && outer->len >= len && i < 8; i++)
			nested = (outer = &all[below(n)])->len < len;
		if (nested && !six && below(4))
			nested = false;
		all[n] = nested ? inside(outer, len) : cut(random_prefix(six), len);
		if ((all[n].high | all[n].low) && is_new(prefix_hash(&all[n])))
			deny_prefix(&all[n++]);
	}
	free(all);
	free(seen);
}

/* ---- access lists ---- */

struct range {
	uint16_t min, max;
};

/* A rule that waits until its place in the order is known. */
struct rule {
	struct prefix prefix; /* len 0: any address */
	struct range port; /* 0-65535: any */
	int16_t proto; /* -1: any */
	uint8_t verdict, hooks, local, cgroup; /* cgroup: number + 1 of a word */
	uint8_t option;
	uint64_t order;
};

enum { MAX_RANGES = 4096 };
static struct range ranges[MAX_RANGES];
static unsigned ranges_count;

static struct range draw_range(void)
{
	static const struct range usual[] = { { 80, 80 },    { 443, 443 },   { 53, 53 },
					      { 22, 22 },    { 25, 25 },     { 1024, 65535 },
					      { 0, 1023 },   { 8080, 8080 }, { 3306, 3306 },
					      { 5432, 5432 } };
	struct range r;

	if (ranges_count < sizeof(usual) / sizeof(usual[0]))
		return usual[ranges_count];
	r.min = r.max = (uint16_t)below(chance(70) ? 10000 : 65536);
	if (chance(30)) /* short prefixes are as likely as long ones */
		r.max = (uint16_t)(r.min + below(1 + ((65535u - r.min) >> below(12))));
	return r;
}

static void ranges_begin(unsigned n)
{
	while (ranges_count < n) {
		ranges[ranges_count] = draw_range();
		ranges_count++;
	}
}

/* shared_range - return one of the ranges; earlier ones are much more common */
static struct range shared_range(void)
{
	uint64_t r = below(ranges_count), s = below(ranges_count);

	return ranges[r * s / ranges_count];
}

struct shape {
	uint8_t any_port; /* percent */
	uint8_t any_address;
	uint8_t nested; /* within an address that was drawn before */
	unsigned len[33]; /* weights, summing up to 100 */
	unsigned proto[5]; /* any, tcp, udp, icmp, other: also weights */
};

static const struct shape acl = {
	.any_port = 15,
	.any_address = 1,
	.nested = 70,
	.len = { [8] = 1,
		 [12] = 1,
		 [16] = 4,
		 [20] = 2,
		 [21] = 2,
		 [22] = 3,
		 [23] = 4,
		 [24] = 15,
		 [25] = 2,
		 [26] = 2,
		 [27] = 3,
		 [28] = 3,
		 [29] = 2,
		 [30] = 2,
		 [31] = 1,
		 [32] = 53 },
	.proto = { 7, 72, 16, 4, 1 },
};

static const struct shape fw = {
	.any_port = 30,
	.any_address = 25,
	.nested = 50,
	.len = { [1] = 1,
		 [3] = 1,
		 [5] = 2,
		 [8] = 6,
		 [9] = 2,
		 [10] = 3,
		 [12] = 4,
		 [14] = 4,
		 [16] = 14,
		 [17] = 2,
		 [18] = 3,
		 [19] = 2,
		 [20] = 4,
		 [22] = 4,
		 [24] = 18,
		 [26] = 2,
		 [28] = 4,
		 [30] = 2,
		 [32] = 22 },
	.proto = { 20, 50, 22, 5, 3 },
};

static const struct shape ipc = {
	.any_port = 40,
	.any_address = 6,
	.nested = 60,
	.len = { [2] = 1,  [4] = 1,  [6] = 1,  [8] = 4,	 [10] = 2,  [11] = 2, [12] = 3,
		 [13] = 2, [14] = 3, [15] = 2, [16] = 8, [17] = 3,  [18] = 3, [19] = 3,
		 [20] = 4, [21] = 4, [22] = 4, [23] = 5, [24] = 12, [25] = 3, [26] = 3,
		 [27] = 3, [28] = 4, [29] = 3, [30] = 3, [31] = 2,  [32] = 12 },
	.proto = { 15, 45, 25, 8, 7 },
};

static unsigned bits_of(unsigned n)
{
	unsigned bits = 0;

	while (n >>= 1)
		bits++;
	return bits;
}

/* place - order narrow rules first: what a rule leaves open, and a random share */
static uint64_t place(const struct rule *r, unsigned noise)
{
	unsigned full = r->prefix.six ? 128 : 32, open = full - r->prefix.len;

	open = r->local ? 8 : r->prefix.six ? open / 4 : open;
	open += bits_of((unsigned)r->port.max - r->port.min + 1u) / 2 + (r->proto < 0 ? 3 : 0);
	return ((uint64_t)open + below(noise + 1)) << 32 | (uint32_t)draw();
}

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct rule *)a)->order, y = ((const struct rule *)b)->order;

	return (x > y) - (x < y);
}

static int16_t draw_proto(const unsigned weight[5])
{
	static const int16_t usual[] = { -1, 6, 17, 1 };
	unsigned which = pick(weight, 100);
	int16_t other = (int16_t)below(256);

	if (other == 51) /* AH, which rules about packets may not name */
		other = 50;
	return which < 4 ? usual[which] : other;
}

static void print_proto(int proto)
{
	static const char *const names[256] = {
		[1] = "icmp",	 [2] = "igmp",	 [6] = "tcp",	    [17] = "udp",
		[33] = "dccp",	 [47] = "gre",	 [50] = "esp",	    [51] = "ah",
		[58] = "icmpv6", [132] = "sctp", [136] = "udplite",
	};

	if (proto >= 0 && names[proto])
		printf(" proto %s", names[proto]);
	else if (proto >= 0)
		printf(" proto %d", proto);
}

static const char *const verdicts[] = { "allow", "alert", "deny" };

/* The hook sets of overlap; the last ones can only be observed. */
static const char *const hook_sets[] = {
	"connect,sendmsg",
	"connect",
	"sendmsg",
	"bind",
	"egress",
	"connect,sendmsg,egress",
	"connect,bind",
	"egress,ingress",
	"ingress",
	"connect,bind,sendmsg,egress,ingress",
	"recvmsg",
	"sendmsg,recvmsg",
	"flow",
	"connect,flow",
	"ingress,flow",
};
/* PACKETS: sets with egress or ingress */
enum { HOOK_SETS = 15, WATCHED = 10, PACKETS = 0x43b0 };

static bool owners; /* print users and groups */

static void print_owners(bool packets)
{
	static const uint32_t usual[] = {
		0, 33, 1000, 1001, 65534, 65535, 65536, 100000, 4294967294
	};

	for (int i = 0; i < (packets ? 1 : 2); i++) {
		uint32_t first = chance(60) ? usual[below(9)] : below(200000);

		if (chance(i ? 70 : 25))
			continue;
		printf(" %s %u", i ? "gid" : "uid", first);
		if (first < 4000000000u && chance(30))
			printf("-%u", first + 1 + below(chance(50) ? 10 : 100000));
	}
}

static bool limits; /* print limits */

static void print_limit(void)
{
	if (chance(30))
		return;
	printf(" limit %u/%c", 1 + below(chance(80) ? 3 : 1000), "mhd"[below(3)]);
	if (chance(30))
		printf(" burst %u", 1001 + below(500));
}

static bool own_sides; /* print source ports, interfaces and own addresses */

static struct prefix overlap_prefix(const struct rule *all, uint64_t n, uint64_t pool);
static void print_self(void)
{
	static struct rule pool[16];
	static uint64_t drawn;

	if (drawn < 16) {
		pool[drawn].prefix = overlap_prefix(pool, drawn, 16);
		drawn++;
	}
	fputs(" self ", stdout);
	for (unsigned i = 0, many = chance(70) ? 1 : 2; i < many; i++) {
		struct prefix p = pool[below(drawn)].prefix;

		if (!p.high && !p.low)
			p = random_prefix(chance(40));
		if (chance(4))
			p = (struct prefix){ .six = true };
		putchar(i ? ',' : ' ');
		print_prefix(&p);
	}
}

static void print_sport(void)
{
	struct range range = shared_range();

	if (chance(30))
		range.max = range.min;
	printf(" sport %u-%u", range.min, range.max);
	if (chance(30))
		printf(",%u", below(65536));
}

static void print_rule(const struct rule *r, const char *hooks, uint64_t number)
{
	printf("%s %s", verdicts[r->verdict], hooks);
	print_proto(r->proto);
	if (r->local) {
		fputs(" ip local", stdout);
	} else if (r->prefix.len) {
		fputs(" ip ", stdout);
		print_prefix(&r->prefix);
	}
	if (r->port.min == r->port.max)
		printf(" port %u", r->port.min);
	else if (r->port.min || r->port.max != 65535)
		printf(" port %u-%u", r->port.min, r->port.max);
	if (own_sides && chance(50))
		print_sport();
	if (owners)
		print_owners(PACKETS >> r->hooks & 1);
	if (own_sides && words_count && chance(30))
		printf(" iface %s", words[below((uint64_t)words_count)]);
	if (own_sides && chance(40))
		print_self();
	if (r->cgroup)
		printf(" cgroup %s", words[r->cgroup - 1]);
	if (r->option & 1)
		printf(" name r%llu", (unsigned long long)number);
	if (r->option & 2)
		fputs(" comment \"a b\"", stdout);
	if (r->option & 4)
		fputs(" quiet", stdout);
	if (r->option & 8 && r->verdict == 2)
		fputs(" errno ECONNREFUSED", stdout);
	if (limits)
		print_limit();
	putchar('\n');
}

static uint64_t rule_hash(const struct rule *r)
{
	return random_mix(prefix_hash(&r->prefix) ^
			  random_mix(r->port.min | (uint64_t)r->port.max << 16 |
				     (uint64_t)(r->proto + 1) << 32 | (uint64_t)r->local << 48 |
				     (uint64_t)r->cgroup << 56));
}

static struct rule *rules_start(void)
{
	struct rule *all = calloc((size_t)count + 1, sizeof(*all));

	if (!all)
		errx(3, "out of memory");
	seen_begin();
	return all;
}

static void rules_end(struct rule *all, bool sets)
{
	qsort(all, (size_t)count, sizeof(*all), compare);
	for (uint64_t n = 0; n < count; n++)
		print_rule(&all[n], sets ? hook_sets[all[n].hooks] : net_hooks(), n + 1);
	free(all);
	free(seen);
}

static struct prefix shape_prefix(const struct shape *shape, const struct rule *all, uint64_t n)
{
	unsigned len = pick(shape->len, 100);
	const struct prefix *outer = n ? &all[below(n)].prefix : 0;

	if (!outer || outer->len >= len || !chance(shape->nested))
		return cut(random_prefix(false), len);
	return inside(outer, len);
}

static void access_list(const struct shape *shape)
{
	struct rule *all = rules_start();

	ranges_begin(100);
	for (uint64_t n = 0; n < count;) {
		struct rule *r = &all[n];

		memset(r, 0, sizeof(*r));
		if (!chance(shape->any_address))
			r->prefix = shape_prefix(shape, all, n);
		/* half of the rules repeat an earlier address with another port */
		if (n && chance(50))
			r->prefix = all[below(n)].prefix;
		r->port = chance(shape->any_port) ? (struct range){ 0, 65535 } : shared_range();
		r->proto = draw_proto(shape->proto);
		r->verdict = chance(5) ? 1 : chance(60) ? 0 : 2;
		r->order = place(r, 24);
		if ((!r->prefix.len || r->prefix.low) && is_new(rule_hash(r)))
			n++;
	}
	rules_end(all, false);
}

static void ports(void)
{
	static const unsigned protos[] = { 30, 30, 30, 2, 8 };
	struct rule *all = rules_start();

	for (uint64_t n = 0; n < count;) {
		struct rule *r = &all[n];

		memset(r, 0, sizeof(*r));
		r->port.min = (uint16_t)below(65536);
		r->port.max =
			(uint16_t)(r->port.min + below(1 + ((65535u - r->port.min) >> below(16))));
		r->proto = draw_proto(protos);
		r->verdict = (uint8_t)below(3);
		r->order = place(r, 8);
		if (is_new(rule_hash(r)))
			n++;
	}
	rules_end(all, false);
}

static struct prefix overlap_prefix(const struct rule *all, uint64_t n, uint64_t pool)
{
	const struct prefix *outer = n ? &all[below(n)].prefix : 0;
	unsigned len;

	if (n > pool)
		return *outer;
	if (!outer || !outer->len || chance(25)) {
		bool six = chance(40);

		len = six ? 16 + below(49) : 4 + below(17);
		return cut(random_prefix(six), len);
	}
	len = outer->len + below((outer->six ? 128u : 32u) - outer->len + 1);
	return inside(outer, len);
}

static const unsigned packet_hooks[] = { 4, 7, 8 }; /* hook_sets about packets alone */

/* One rule in eight has a twin later in the list, which must never be the answer. */
static void overlap(void)
{
	static const unsigned protos[] = { 40, 25, 25, 5, 5 };
	struct rule *all = rules_start();
	uint64_t pool = count / 4 + 8;

	ranges_begin(24);
	for (uint64_t n = 0; n < count; n++) {
		struct rule *r = &all[n];
		unsigned hooks = own_sides ? packet_hooks[below(3)] : below(HOOK_SETS);

		if (n && !below(8)) {
			*r = all[below(n)];
		} else {
			r->local = (uint8_t)!below(40);
			if (!r->local && !chance(8))
				r->prefix = overlap_prefix(all, n, pool);
			if (r->prefix.len && !r->prefix.high && !r->prefix.low)
				r->prefix.len = 0;
			r->port = chance(35) ? (struct range){ 0, 65535 } : shared_range();
			r->proto = draw_proto(protos);
			if (words_count && !own_sides && chance(80))
				r->cgroup = (uint8_t)(1 + below((uint64_t)words_count));
		}
		r->hooks = (uint8_t)hooks;
		r->verdict = (uint8_t)(hooks >= WATCHED ? below(2) : below(3));
		r->option = (uint8_t)(chance(10) ? below(16) : 0);
		if (PACKETS >> hooks & 1)
			r->option &= 7;
		r->order = place(r, 16);
	}
	rules_end(all, true);
}

/* lists - overlap with lists; they are printed as rule_print() prints them */
static const char *const net_word[] = { "local",     "private",	 "link-local",
					"multicast", "metadata", "global" };

static void print_range(const struct prefix *p)
{
	struct prefix last = *p;
	uint64_t more = below(300);

	if (!p->six)
		more = more << 32;
	if (last.low + more < last.low)
		more = 0;
	last.low += more;
	last.len = p->six ? 128 : 32;
	print_prefix(&(struct prefix){ p->high, p->low, last.len, p->six });
	putchar('-');
	print_prefix(&last);
}

static void print_nets(const struct rule *all, uint64_t n)
{
	unsigned many = below(6) ? 1 + below(5) : 1 + below(40);

	fputs(" ip ", stdout);
	for (unsigned i = 0; i < many; i++) {
		struct prefix p = overlap_prefix(all, n, count);

		putchar(i ? ',' : ' ');
		if (!p.high && !p.low)
			p = random_prefix(chance(40));
		if (!below(6))
			fputs(net_word[below(6)], stdout);
		else if (!below(5))
			print_range(&p);
		else
			print_prefix(&p);
	}
}

static void print_lists(const struct rule *r, const struct rule *all, uint64_t n)
{
	static const char *const usual[] = { "tcp", "udp", "icmp", "icmpv6", "sctp", "7" };

	printf("%s %s", verdicts[r->verdict], hook_sets[r->hooks]);
	for (unsigned i = 0, many = chance(50) ? 1 + below(3) : 0; i < many; i++)
		printf("%s%s", i ? "," : " proto ", usual[below(6)]);
	if (chance(85))
		print_nets(all, n);
	for (unsigned i = 0, many = chance(60) ? 1 + below(6) : 0; i < many; i++) {
		struct range range = shared_range();

		printf("%s%u-%u", i ? "," : " port ", range.min, range.max);
	}
	putchar('\n');
}

static bool canonical; /* print each line as rule_print() does */

static void lists(void)
{
	struct rule *all = rules_start();

	canonical = true;
	ranges_begin(24);
	for (uint64_t n = 0; n < count; n++) {
		struct rule *r = &all[n];
		unsigned hooks = below(HOOK_SETS);

		r->prefix = overlap_prefix(all, n, count / 4 + 8);
		r->hooks = (uint8_t)hooks;
		r->verdict = (uint8_t)(hooks >= WATCHED ? below(2) : below(3));
		print_lists(r, all, n);
	}
	free(all);
	free(seen);
}

static void overlap_owners(void)
{
	owners = true;
	overlap();
}

static void overlap_limits(void)
{
	owners = chance(30);
	canonical = limits = true;
	overlap();
}

static void overlap_packets(void)
{
	canonical = own_sides = true;
	overlap();
}

static void sports(void)
{
	for (uint64_t n = 0; n < count; n++)
		printf("%s %s sport %u\n", verdicts[below(3)], hook_sets[packet_hooks[below(3)]],
		       mix32((uint32_t)n) % 65536);
}

static void selfs(void)
{
	for (uint64_t n = 0; n < count; n++) {
		struct prefix p = random_prefix(chance(50));

		printf("%s %s self ", verdicts[below(3)], hook_sets[packet_hooks[below(3)]]);
		print_prefix(&p);
		putchar('\n');
	}
}

static const char *any_verdict(void);
static bool last(uint64_t n);
static void values(void)
{
	canonical = true;
	for (uint64_t n = 0; n < count; n++) {
		int first = (int)(chance(50) ? below(100) : mix32((uint32_t)n)) - 50;
		int most = first + (int)(chance(20) ? below(50) : 0);

		if (chance(50))
			printf("%s sysctl net/q/%s w", any_verdict(), chance(80) ? "x" : "*");
		else
			printf("%s setsockopt 1000:%u", any_verdict(), chance(80) ? 1 : below(3));
		if (!last(n))
			printf(" value %d-%d", first, most < first ? first : most);
		if (chance(10))
			printf(" uid %u", below(2));
		putchar('\n');
	}
}

static void users(void)
{
	for (uint64_t n = 0; n < count; n++)
		printf("%s %s uid %u\n", verdicts[below(3)], net_hooks(),
		       mix32((uint32_t)n) % 4000000000u);
}

static void ladder(void)
{
	static const unsigned protos[] = { 40, 25, 25, 5, 5 };
	const struct prefix foot[] = { random_prefix(false), random_prefix(true) };
	struct rule *all = rules_start();

	ranges_begin(200);
	for (uint64_t n = 0; n < count;) {
		struct rule *r = &all[n];
		bool six = chance(60);

		memset(r, 0, sizeof(*r));
		r->prefix = cut(foot[six], 1 + below(six ? 128 : 32));
		r->port = chance(10) ? (struct range){ 0, 65535 } : shared_range();
		r->proto = draw_proto(protos);
		r->verdict = (uint8_t)below(3);
		r->order = draw();
		if ((r->prefix.high | r->prefix.low) && is_new(rule_hash(r)))
			n++;
	}
	rules_end(all, false);
}

/* ---- rules without an address ---- */

static const char *access_bits(bool mknod)
{
	static const char *const some[] = { "r", "w", "rw", "m", "rm", "wm", "rwm" };

	return some[below(mknod ? 7 : 3)];
}

/* wide - return a wildcard, more likely near the end, so that earlier rules stay useful */
static bool wide(uint64_t n)
{
	return below(100 * count) < 4 * n + (n + 1 == count ? 50 * count : 0);
}

/* last - return a rule that matches everything: only in the last hundredth, and half of the time */
static bool last(uint64_t n)
{
	return n * 100 >= count * 99 && chance(50);
}

static const char *any_verdict(void)
{
	return verdicts[below(3)];
}

static void devices(void)
{
	for (uint64_t n = 0; n < count; n++) {
		unsigned major = below(chance(50) ? 256 : 4096),
			 minor = below(chance(50) ? 256 : 1048576);

		printf("%s device %c ", any_verdict(), "aaabbbcccc"[below(10)]);
		if (last(n))
			printf("*:* %s\n", access_bits(true));
		else if (wide(n))
			printf("%u:* %s\n", major, access_bits(true));
		else
			printf("%u:%u %s\n", major, minor, access_bits(true));
	}
}

static const char *const parts[] = {
	"net", "ipv4",	"ipv6", "conf",	   "kernel", "vm",
	"fs",  "neigh", "all",	"default", "user",   "dev",
};

/* word - return a component of a name, of any length up to 40 */
static size_t word(char *text, unsigned max)
{
	size_t len = 0;

	if (chance(40))
		return (size_t)sprintf(text, "%s", parts[below(12)]);
	for (unsigned n = 1 + below(chance(80) ? 6 : max); n; n--)
		text[len++] = "abcdefghijklmnopqrstuvwxyz0123456789_-"[below(38)];
	text[len] = 0;
	return len;
}

/* name - return components of up to max bytes in all; some names are below an earlier one */
static size_t name(char *text, size_t max, unsigned depth)
{
	static char last[200];
	size_t len = 0;

	if (*last && chance(50)) {
		char *slash;

		strcpy(text, last);
		slash = strrchr(text, '/');
		len = slash ? (size_t)(slash + 1 - text) : 0;
		text[len] = 0;
	}
	for (unsigned n = 1 + below(depth); n && len + 44 < max; n--) {
		len += word(text + len, 40);
		text[len++] = '/';
	}
	if (len + 44 < max || !len || text[len - 1] == '/')
		len += (size_t)sprintf(text + len, "x%u", below(10000));
	strcpy(last, text);
	return len;
}

static void sysctls(void)
{
	for (uint64_t n = 0; n < count; n++) {
		char text[256];

		strcpy(text, "net/q/"); /* a module may bring it */
		name(text + strlen(text), 110, 4);
		if (last(n)) {
			strcpy(text, "*");
		} else if (wide(n)) {
			char *slash = strrchr(text, '/');

			strcpy(slash ? slash + 1 : text + strlen(text), slash ? "*" : "");
		}
		printf("%s sysctl %s %s\n", any_verdict(), text, access_bits(false));
	}
}

static void unixes(void)
{
	for (uint64_t n = 0; n < count; n++) {
		char text[256] = "/";
		size_t len = 1 + name(text + 1, 100, 3);

		if (chance(30))
			*text = '@';
		if (last(n))
			strcpy(text, "*");
		else if (wide(n) || !below(50))
			strcpy(text + 1 + len / 2 + below(len / 2), "*");
		printf("%s unix %s\n", any_verdict(), text);
	}
}

static void sockopts(void)
{
	for (uint64_t n = 0; n < count; n++) {
		unsigned level = 1000 + below(chance(50) ? 40 : 100000);

		printf("%s %cetsockopt ", any_verdict(), "sg"[below(2)]);
		if (last(n))
			puts("*:*");
		else if (wide(n))
			printf("%u:*\n", level);
		else
			printf("%u:%u\n", level, below(chance(50) ? 100 : 2147483648u));
	}
}

static void sockets(void)
{
	static const char *const family[] = { "inet", "inet6" };
	static const char *const type[] = { "stream", "dgram", "raw" };

	for (uint64_t n = 0; n < count; n++) {
		bool open = n * 8 > count * 7; /* wildcards at the end, or they hide the rest */

		printf("%s socket", any_verdict());
		if (!open || chance(60))
			printf(" family %s", family[below(2)]);
		if (!open || chance(60))
			printf(" type %s", type[below(3)]);
		if (!open || chance(95))
			print_proto((int)below(256));
		putchar('\n');
	}
}

static void list_acl(void)
{
	access_list(&acl);
}

static void list_fw(void)
{
	access_list(&fw);
}

static void list_ipc(void)
{
	access_list(&ipc);
}

static void prefixes4(void)
{
	prefixes(false);
}

static void prefixes6(void)
{
	prefixes(true);
}

static const struct {
	const char *name;
	void (*print)(void);
} kinds[] = {
	{ "addresses", addresses },
	{ "addresses6", addresses6 },
	{ "sequence", sequence },
	{ "prefixes", prefixes4 },
	{ "prefixes6", prefixes6 },
	{ "acl", list_acl },
	{ "fw", list_fw },
	{ "ipc", list_ipc },
	{ "ports", ports },
	{ "overlap", overlap },
	{ "ladder", ladder },
	{ "cgroups", overlap },
	{ "owners", overlap_owners },
	{ "users", users },
	{ "limits", overlap_limits },
	{ "packets", overlap_packets },
	{ "sports", sports },
	{ "selfs", selfs },
	{ "values", values },
	{ "lists", lists },
	{ "devices", devices },
	{ "sysctls", sysctls },
	{ "unixes", unixes },
	{ "sockopts", sockopts },
	{ "sockets", sockets },
};

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (!*text || *end)
		errx(2, "%s: not a number", text);
	return n;
}

/* accepted - return whether cgg-rule would take the line; write it as it prints it, if canonical */
static bool accepted(const char *line, char *as)
{
	struct cgg_rule rule;
	char copy[CGG_RULE_TEXT];
	bool taken;

	snprintf(copy, sizeof(copy), "%s", line);
	taken = strncmp(line, "default ", 8) && !rule_line(&rule, copy) &&
		!rule_accept(&rule, false);
	if (taken && canonical)
		strcpy(as, rule_print(&rule));
	if (taken)
		rule_free(&rule);
	return taken;
}

/*
 * print_accepted - print the lines. If cgg-rule would refuse one because no operation can match
 * it, leave out its protocol, else its port, else everything but its verdict and a hook.
 */
static void print_accepted(char *text)
{
	static const char *const keys[] = { " proto ", " port " };
	static char text_of_line[CGG_RULE_TEXT];

	for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
		bool taken = accepted(line, text_of_line);

		for (size_t i = 0; i < 2 && !taken && strncmp(line, "default ", 8); i++) {
			char *key = strstr(line, keys[i]), *end = key ? key + strlen(keys[i]) : 0;

			if (!key)
				continue;
			end += strcspn(end, " ");
			memmove(key, end, strlen(end) + 1);
			taken = accepted(line, text_of_line);
		}
		if (taken || !strncmp(line, "default ", 8))
			puts(canonical && taken ? text_of_line : line);
		else
			printf("%.*s connect port 1\n", (int)strcspn(line, " "), line);
	}
}

int main(int argc, char **argv)
{
	static char buffer[1 << 16];
	FILE *out = stdout;
	size_t size;
	char *text;

	if (argc < 4)
		errx(2, "usage: generate KIND COUNT SEED [HOOKS | CGROUP...]");
	count = number(argv[2]);
	state = random_mix(number(argv[3]) + 1);
	words = argv + 4;
	words_count = argc - 4;
	if (count > 4000000000u || words_count > 255)
		errx(2, "too many");
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, argv[1]))
			continue;
		if (words_count && kinds[i].print == overlap && strcmp(argv[1], "cgroups") &&
		    strcmp(argv[1], "packets"))
			words_count = 0;
		stdout = open_memstream(&text, &size);
		if (!stdout)
			err(3, "memory");
		kinds[i].print();
		if (fclose(stdout))
			err(3, "memory");
		stdout = out;
		print_accepted(text);
		if (fflush(stdout) || ferror(stdout))
			err(3, "standard output");
		return 0;
	}
	errx(2, "%s: not a kind", argv[1]);
}
