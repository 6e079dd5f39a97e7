// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * named.c - compare what the kernel decides by address and by name with a plain walk.
 *
 * named make COUNT SEED: print a random policy of COUNT rules, which mix addresses, names and sets.
 * named set COUNT SEED N: print the elements of the set sN that this policy uses, N below 5.
 * named try CGROUP COUNT SEED QUERIES: with that policy in force, give addresses names, then
 * connect, send and ask in the cgroup. Each result must be that of the first rule that matches;
 * rules that deny have errors that no network gives, so that it shows which one it was. Prints
 * `queries N denied N by name N wrong N' and the first differences; then the status is 1.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "../../lib/cgg.h"
#include "dns.h"

#define NAMES 400 /* different ones */
#define ADDRESSES 64
#define SHOWN 8
#define SETS 5
#define ELEMENTS 20

enum { CONNECT = 1, SENDMSG = 2, ASK = 4 };
enum host { NO_HOST, EXACT, BELOW, ANY, IN_SET };
static const char *const verdicts[] = { "allow", "alert", "deny" };

static const struct {
	int number;
	const char *name;
} errors[] = {
	{ EPERM, 0 },	      { EACCES, "EACCES" }, { EBUSY, "EBUSY" },	  { EEXIST, "EEXIST" },
	{ EXDEV, "EXDEV" },   { EROFS, "EROFS" },   { EMLINK, "EMLINK" }, { EDOM, "EDOM" },
	{ ENOLCK, "ENOLCK" }, { ECHILD, "ECHILD" }, { EISDIR, "EISDIR" }, { ESPIPE, "ESPIPE" },
};

struct rule {
	int verdict, hooks, proto; /* proto 0: any */
	enum host host;
	const char *name;
	unsigned set;
	bool inner, alias, has_ip;
	uint8_t addr[16];
	unsigned bits, min, max; /* max 0: any port */
	unsigned error;
};

struct address {
	uint8_t addr[16];
	unsigned names;
	const char *name[CGG_NAMES_OF];
	bool alias[CGG_NAMES_OF];
};

static struct rule *rules;
static unsigned rules_count;
static int defaults[2]; /* of connect and sendmsg; of dns */
static char names[NAMES][CGG_OPERAND];
static unsigned names_count;
static struct address addresses[ADDRESSES];
static struct set {
	unsigned count;
	const char *name[ELEMENTS];
	bool below[ELEMENTS]; /* *.NAME */
} sets[SETS];
static uint64_t state;

static unsigned below(unsigned most)
{
	return (unsigned)(random_next(&state) >> 20) % most;
}

static bool chance(unsigned percent)
{
	return below(100) < percent;
}

/* ---- names, addresses, rules ---- */

/* Make names, of which many lie below others. */
static void names_draw(void)
{
	static const char *const top[] = { "com", "net", "co.uk", "c" };
	unsigned labels = 4 + rules_count / 10;

	names_count = rules_count < 50 ? 40 : NAMES;
	for (unsigned i = 0; i < names_count; i++) {
		const char *parent = i && chance(70) ? names[below(i)] : top[below(4)];

		if (strlen(parent) > 100)
			parent = top[0];
		snprintf(names[i], sizeof(names[i]), "%c%u.%s", 'a' + below(3), below(labels),
			 parent);
	}
}

static const char *any_name(void)
{
	return names[below(names_count)];
}

static void sets_draw(void)
{
	for (unsigned i = 0; i < SETS; i++)
		for (sets[i].count = 0; !sets[i].count || sets[i].count < below(ELEMENTS);) {
			sets[i].name[sets[i].count] = any_name();
			sets[i].below[sets[i].count++] = chance(40);
		}
}

static void address_make(uint8_t addr[16])
{
	static const char *const nets[] = {
		"::ffff:198.18.0.0", "::ffff:192.0.2.0",   "::ffff:198.18.0.0", "2001:db8::",
		"::ffff:10.0.0.0",   "::ffff:169.254.0.0", "::ffff:100.64.0.0", "fd00::",
		"64:ff9b::a00:0",    "64:ff9b::c612:0",	   "2002:a00:1::",	"2002:c612:1::",
	};

	inet_pton(AF_INET6, nets[chance(60) ? below(4) : below(12)], addr);
	addr[15] = (uint8_t)below(16);
}

static void addresses_draw(void)
{
	for (unsigned i = 0; i < ADDRESSES; i++) {
		struct address *a = &addresses[i];

		address_make(a->addr);
		for (unsigned k = 0; k < i; k++)
			if (!memcmp(addresses[k].addr, a->addr, 16)) {
				address_make(a->addr);
				k = ~0u;
			}
		a->names = chance(20) ? 0 : 1 + below(chance(70) ? 2 : CGG_NAMES_OF);
		for (unsigned n = 0; n < a->names; n++) {
			a->name[n] = any_name();
			a->alias[n] = chance(25);
		}
	}
}

static bool is_four(const uint8_t addr[16])
{
	return !memcmp(addr, (const uint8_t[12]){ [10] = 0xff, [11] = 0xff }, 12);
}

static void ip_make(struct rule *r)
{
	r->has_ip = true;
	memcpy(r->addr, addresses[below(ADDRESSES)].addr, 16);
	r->bits = is_four(r->addr) ? 96 + below(33) : below(129);
	if (chance(40))
		r->bits = 128 - below(6);
	for (unsigned bit = r->bits; bit < 128; bit++)
		r->addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	if (r->bits < 96 && is_four(r->addr))
		r->bits = 128;
}

static void rule_draw(struct rule *r)
{
	unsigned kind = below(20);

	r->verdict = (int)below(3);
	r->hooks = 1 + (int)below(3);
	if (kind < 10 || kind >= 18) {
		r->host = chance(45) ? EXACT : chance(85) ? BELOW : ANY;
		r->name = any_name();
		if (r->host == BELOW && chance(30) && strchr(r->name, '.'))
			r->name = strchr(r->name, '.') + 1;
		r->set = below(SETS);
		if (chance(25))
			r->host = IN_SET;
	} else if (kind < 15) {
		ip_make(r);
	}
	if (kind >= 18) {
		r->hooks = ASK;
		return;
	}
	if (chance(60) || (!r->host && !r->has_ip)) {
		r->min = 100 + below(20);
		r->max = r->min + (chance(50) ? 0 : below(8));
	}
	r->proto = chance(70) || r->hooks & SENDMSG ? 0 : chance(50) ? 6 : 17;
	r->inner = r->host && !r->verdict && chance(40);
	r->alias = r->host && !r->verdict && chance(40);
	r->error = r->verdict == 2 ? below(sizeof(errors) / sizeof(*errors)) : 0;
}

static void policy_draw(unsigned count, uint64_t seed)
{
	state = random_mix(seed + 1);
	rules_count = count;
	rules = calloc(count, sizeof(*rules));
	if (!rules)
		errx(3, "out of memory");
	names_draw();
	sets_draw();
	addresses_draw();
	for (unsigned i = 0; i < count; i++)
		rule_draw(&rules[i]);
	defaults[0] = (int)below(3);
	defaults[1] = (int)below(3);
}

static void rule_show(const struct rule *r)
{
	static const char *const hooks[] = { [1] = "connect", "sendmsg", "connect,sendmsg", "dns" };
	char text[INET6_ADDRSTRLEN];

	printf("%s %s", verdicts[r->verdict], hooks[r->hooks]);
	if (r->proto)
		printf(" proto %s", r->proto == 6 ? "tcp" : "udp");
	if (r->has_ip)
		printf(" ip %s/%u",
		       is_four(r->addr) ? inet_ntop(AF_INET, r->addr + 12, text, sizeof(text))
					: inet_ntop(AF_INET6, r->addr, text, sizeof(text)),
		       is_four(r->addr) ? r->bits - 96 : r->bits);
	if (r->host == IN_SET)
		printf("%s @s%u", r->hooks == ASK ? "" : " host", r->set);
	else if (r->host)
		printf("%s %s%s", r->hooks == ASK ? "" : " host",
		       r->host == EXACT ? ""
		       : r->host == ANY ? "*"
					: "*.",
		       r->host == ANY ? "" : r->name);
	if (r->max)
		printf(" port %u-%u", r->min, r->max);
	printf("%s%s", r->inner ? " inner" : "", r->alias ? " alias" : "");
	if (errors[r->error].name)
		printf(" errno %s", errors[r->error].name);
	putchar('\n');
}

/* ---- the plain walk ---- */

struct query {
	int hook, proto;
	const struct address *to;
	unsigned port;
	const char *name; /* of ASK */
};

/* As cgguard-names(7) lists them. */
static bool is_inner(const uint8_t a[16])
{
	static const struct {
		const char *net;
		unsigned bits;
	} inner[] = {
		{ "0.0.0.0", 8 },      { "10.0.0.0", 8 },     { "100.64.0.0", 10 },
		{ "127.0.0.0", 8 },    { "169.254.0.0", 16 }, { "172.16.0.0", 12 },
		{ "192.168.0.0", 16 }, { "224.0.0.0", 3 },
	};
	const uint8_t *four = is_four(a) ? a + 12 : a[0] == 0x20 && a[1] == 2 ? a + 2 : a + 12;
	uint32_t n = four[0] * 0x1000000u + four[1] * 0x10000u + four[2] * 256u + four[3];

	if (!is_four(a) && !(a[0] == 0x20 && a[1] == 2) && !(a[0] == 0 && a[1] == 0x64))
		return (a[0] & 0xfe) == 0xfc;
	for (unsigned i = 0; i < sizeof(inner) / sizeof(*inner); i++)
		if (!((n ^ ntohl(inet_addr(inner[i].net))) >> (32 - inner[i].bits)))
			return true;
	return false;
}

static bool is_below(const char *name, const char *parent)
{
	size_t len = strlen(name), of = strlen(parent);

	return len > of + 1 && name[len - of - 1] == '.' && !strcmp(name + len - of, parent);
}

static bool name_is(const struct rule *r, const char *name)
{
	const struct set *s = &sets[r->set];

	if (r->host == ANY)
		return true;
	if (r->host != IN_SET)
		return r->host == EXACT ? !strcmp(r->name, name) : is_below(name, r->name);
	for (unsigned i = 0; i < s->count; i++)
		if (s->below[i] ? is_below(name, s->name[i]) : !strcmp(name, s->name[i]))
			return true;
	return false;
}

static bool host_is(const struct rule *r, const struct address *a)
{
	if (!r->verdict && !r->inner && is_inner(a->addr))
		return false;
	for (unsigned n = 0; n < a->names; n++)
		if ((r->verdict || r->alias || !a->alias[n]) && name_is(r, a->name[n]))
			return true;
	return false;
}

static bool address_is(const struct rule *r, const uint8_t addr[16])
{
	if (is_four(r->addr) != is_four(addr))
		return false;
	for (unsigned bit = 0; bit < r->bits; bit++)
		if ((r->addr[bit / 8] ^ addr[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool matches(const struct rule *r, const struct query *q)
{
	if (!(r->hooks & q->hook))
		return false;
	if (q->hook == ASK)
		return name_is(r, q->name);
	if ((r->proto && r->proto != q->proto) ||
	    (r->max && (q->port < r->min || q->port > r->max)))
		return false;
	return r->host ? host_is(r, q->to) : !r->has_ip || address_is(r, q->to->addr);
}

static const struct rule *first_match(const struct query *q)
{
	for (unsigned i = 0; i < rules_count; i++)
		if (matches(&rules[i], q))
			return &rules[i];
	return 0;
}

/* wanted - return the error that the query must have; 0: it is allowed */
static int wanted(const struct query *q, const struct rule *r)
{
	int verdict = r ? r->verdict : defaults[q->hook == ASK];

	return verdict < 2 ? 0 : r ? errors[r->error].number : EPERM;
}

/* ---- asking the kernel ---- */

/* result_of - return the error, 0 where it does not come from the guard */
static int result_of(int failed)
{
	for (unsigned i = 0; failed && i < sizeof(errors) / sizeof(*errors); i++)
		if (errno == errors[i].number)
			return errno;
	return 0;
}

static int ask(const char *name)
{
	static int fd = -1;
	struct sockaddr_in at = dns_resolver();
	struct dns_message m;

	if (fd < 0) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)))
			err(3, "127.0.0.53");
	}
	dns_ask(&m, below(65536), name, DNS_A);
	return result_of(send(fd, m.byte, m.len, 0) < 0);
}

static int tried(const struct query *q)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)q->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = six.sin6_port };
	bool as_four = q->to && is_four(q->to->addr) && chance(50);
	int type = q->proto == 6 ? SOCK_STREAM : SOCK_DGRAM, fd, failed;
	const struct sockaddr *to = as_four ? (void *)&four : (void *)&six;
	socklen_t size = as_four ? sizeof(four) : sizeof(six);

	if (q->hook == ASK)
		return ask(q->name);
	memcpy(&six.sin6_addr, q->to->addr, 16);
	memcpy(&four.sin_addr, q->to->addr + 12, 4);
	fd = socket(to->sa_family, type | SOCK_NONBLOCK, 0);
	if (fd < 0)
		err(3, "socket");
	failed = q->hook == CONNECT ? connect(fd, to, size) : (int)sendto(fd, "", 0, 0, to, size);
	failed = result_of(failed < 0);
	close(fd);
	return failed;
}

static void query_draw(struct query *q)
{
	const struct rule *r = &rules[below(rules_count)];

	*q = (struct query){ .hook = 1 << below(3), .proto = 17 };
	if (q->hook == CONNECT && chance(50))
		q->proto = 6;
	q->to = &addresses[below(ADDRESSES)];
	q->port = r->max ? r->min + below(r->max - r->min + 1) : 100 + below(30);
	q->name = any_name();
}

static void query_show(const struct query *q, int is, const struct rule *r)
{
	char text[INET6_ADDRSTRLEN];

	if (q->hook == ASK) {
		printf("dns %s", q->name);
	} else {
		printf("%s proto %d ip %s port %u, names",
		       q->hook == CONNECT ? "connect" : "sendmsg", q->proto,
		       inet_ntop(AF_INET6, q->to->addr, text, sizeof(text)), q->port);
		for (unsigned n = 0; n < q->to->names; n++)
			printf(" %s%s", q->to->name[n], q->to->alias[n] ? " (alias)" : "");
	}
	printf("\n    kernel: %s\n    plain walk: %s", strerror(is), strerror(wanted(q, r)));
	if (!r) {
		puts(", default");
		return;
	}
	printf(", rule %d: ", (int)(r - rules) + 1);
	rule_show(r);
}

static void names_give(const char *cgroup)
{
	uint64_t netns = netns_cookie();
	struct stat st;

	if (stat(cgroup, &st))
		err(3, "%s", cgroup);
	if (bindings_flush(st.st_ino))
		errx(3, "%s", cgg_error);
	for (unsigned i = 0; i < ADDRESSES; i++)
		for (unsigned n = 0; n < addresses[i].names; n++) {
			struct cgg_bound_before before;
			struct cgg_binding b = { .netns = netns,
						 .alias = addresses[i].alias[n],
						 .expires = time_now() + 600000000000ULL };

			memcpy(b.addr, addresses[i].addr, 16);
			memcpy(b.name, addresses[i].name[n], sizeof(b.name));
			if (binding_add(st.st_ino, &b, &before))
				errx(3, "%s", cgg_error);
		}
}

/* resolver_make - receive questions, so that no message of ICMP answers them */
static void resolver_make(void)
{
	struct sockaddr_in at = dns_resolver();
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		err(3, "127.0.0.53");
}

static int try(const char *cgroup, unsigned long queries)
{
	unsigned long denied = 0, by_name = 0, wrong = 0;

	names_give(cgroup);
	resolver_make();
	join(cgroup);
	for (unsigned long i = 0; i < queries; i++) {
		const struct rule *r;
		struct query q;
		int is;

		query_draw(&q);
		r = first_match(&q);
		is = tried(&q);
		denied += is != 0;
		by_name += r && r->host;
		if (is == wanted(&q, r))
			continue;
		if (wrong++ < SHOWN)
			query_show(&q, is, r);
	}
	printf("queries %lu denied %lu by name %lu wrong %lu\n", queries, denied, by_name, wrong);
	return wrong > 0;
}

int main(int argc, char **argv)
{
	bool set = argc == 5 && !strcmp(argv[1], "set"),
	     make = set || (argc == 4 && !strcmp(argv[1], "make"));

	if (!make && (argc != 6 || strcmp(argv[1], "try")))
		errx(2, "usage: named make COUNT SEED | set COUNT SEED N | try ...");
	policy_draw((unsigned)atoi(argv[make ? 2 : 3]), strtoull(argv[make ? 3 : 4], 0, 10));
	if (!make)
		return try(argv[2], strtoul(argv[5], 0, 10));
	for (unsigned i = 0, n = set ? (unsigned)atoi(argv[4]) : 0; set && i < sets[n].count; i++)
		printf("%s%s\n", sets[n].below[i] ? "*." : "", sets[n].name[i]);
	if (set)
		return 0;
	printf("resolver 127.0.0.53\ndefault connect,sendmsg %s\ndefault dns %s\n"
	       "allow connect ip 127.0.0.53 port 53\n",
	       verdicts[defaults[0]], verdicts[defaults[1]]);
	for (unsigned i = 0; i < rules_count; i++)
		rule_show(&rules[i]);
	return 0;
}
