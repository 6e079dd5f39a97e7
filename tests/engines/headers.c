// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * headers.c - send random packets through egress or ingress, and check each verdict.
 *
 * headers [-n PACKETS] [-s SEED] egress|ingress CGROUP
 *
 * CGROUP has the policy "default" attached. This makes random rules for it, then packets
 * whose headers are odd in every way that this file knows: extension headers, options,
 * fragments, source routes, wrong lengths, cut ends. The packets really pass the hook, in a
 * network namespace made here: egress by raw sockets with headers written here, ingress by
 * a tun device. Each verdict must be that of this file's own parser and matching; for
 * egress the hits of each rule must be right, too. Prints `packets N judged N denied N
 * unread N wrong N seconds N`, and the first packets with a wrong verdict; then the status
 * is 1. Without a tun device egress uses only lo, and ingress ends with status 77.
 *
 * This file shares no code with the guard. It follows cgguard-rule(5).
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"

#define PACKET 1400
#define RULES 150
#define EACH 150 /* packets for each policy */
#define SHOWN 5

static bool out; /* egress */
static bool only_lo; /* there is no other interface */
static uint64_t dice;

static uint32_t below(uint32_t n)
{
	return (uint32_t)(random_next(&dice) >> 32) % n;
}

static bool chance(unsigned percent)
{
	return below(100) < percent;
}

/* ---- the parser: facts about a packet ---- */

struct facts {
	bool address, protocol, port; /* known */
	bool six, loopback;
	uint8_t addr[16]; /* IPv4: the first 4 */
	unsigned proto, dport;
};

static bool carries_ports(unsigned proto)
{
	switch (proto) {
	case 6: /* TCP */
	case 17: /* UDP */
	case 33: /* DCCP */
	case 132: /* SCTP */
	case 136: /* UDP-Lite */
		return true;
	}
	return false;
}

static void transport(struct facts *f, unsigned proto, const uint8_t *at, const uint8_t *end)
{
	f->protocol = true;
	f->proto = proto;
	f->port = !carries_ports(proto);
	if (!f->port && end - at >= 4) {
		f->port = true;
		f->dport = (unsigned)at[2] << 8 | at[3];
	}
}

/* follow - parse what comes after a header whose next protocol is `proto` */
static void follow(struct facts *f, unsigned proto, const uint8_t *at, const uint8_t *end, int room)
{
	static const uint8_t unreadable[] = { 135, 139, 140, 253, 254 };
	bool extension = proto == 51 ||
			 (f->six && (proto == 0 || proto == 43 || proto == 44 || proto == 60));
	unsigned size;

	for (unsigned i = 0; f->six && i < sizeof(unreadable); i++)
		if (proto == unreadable[i])
			return;
	if (!extension) {
		transport(f, proto, at, end);
		return;
	}
	if (!room || at > end || end - at < 4)
		return;
	if (proto == 44) {
		if ((at[2] << 8 | at[3]) >= 8) /* not the first fragment */
			return;
		size = 8;
	} else {
		size = proto == 51 ? 4u * at[1] + 8 : 8u * at[1] + 8;
	}
	if (proto == 43 && out && at[3])
		f->address = false;
	follow(f, at[0], at + size, end, room - 1);
}

static bool is_routed(const uint8_t *option, const uint8_t *end)
{
	while (option < end && *option != 0) {
		if (*option == 131 || *option == 137)
			return true;
		if (*option == 1) {
			option++;
			continue;
		}
		if (option + 1 == end || option[1] < 2 || option + option[1] > end)
			return true;
		option += option[1];
	}
	return false;
}

static void parse4(struct facts *f, const uint8_t *p, unsigned len)
{
	unsigned size = (p[0] & 15) * 4u;

	if (len < 20 || p[0] >> 4 != 4 || size < 20)
		return;
	f->address = true;
	memcpy(f->addr, out ? p + 16 : p + 12, 4);
	f->loopback = f->addr[0] == 127;
	if ((p[6] & 0x1f) || p[7]) {
		f->protocol = p[9] != 51;
		f->proto = p[9];
		f->port = f->protocol && !carries_ports(p[9]);
	} else {
		follow(f, p[9], p + size, p + len, 16);
	}
	if (out && size > 20 && (size > len || is_routed(p + 20, p + size)))
		f->address = false;
}

static void parse6(struct facts *f, const uint8_t *p, unsigned len)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, one[16] = { [15] = 1 };

	if (len < 40 || p[0] >> 4 != 6)
		return;
	f->address = f->six = true;
	memcpy(f->addr, out ? p + 24 : p + 8, 16);
	follow(f, p[6], p + 40, p + len, 16);
	f->loopback = !memcmp(f->addr, one, 16);
	if (!memcmp(f->addr, mapped, 12)) { /* is judged as IPv4 */
		f->six = false;
		memcpy(f->addr, f->addr + 12, 4);
		f->loopback = f->addr[0] == 127;
	}
}

static struct facts parse(const uint8_t *p, unsigned len, bool six, bool lo)
{
	struct facts f = { 0 };

	if (six)
		parse6(&f, p, len);
	else
		parse4(&f, p, len);
	f.loopback &= lo;
	if (!f.address)
		f.protocol = false;
	if (!f.protocol)
		f.port = false;
	return f;
}

/* ---- rules ---- */

struct rule {
	char verdict; /* a, l (alert), d */
	bool has_ip, local, six, has_proto, has_port;
	uint8_t addr[16];
	unsigned bits, proto, min, max;
	uint64_t hits;
};
static struct rule rules[RULES];
static unsigned rules_count;
static bool default_deny;

static const char *const networks[] = { "10.1.0.1",    "10.1.0.2",    "10.1.0.0/24", "10.0.0.0/8",
					"0.0.0.0/0",   "fd01::1",     "fd01::2",     "fd01::/16",
					"::/0",	       "127.0.0.1",   "::1",	     "192.0.2.0/24",
					"127.0.0.0/8", "2001:db8::1", "fd00::/8" };
static const uint8_t protos[] = { 6, 17, 17, 58, 1, 132, 136, 33, 47, 50, 59, 135, 253, 0, 60, 44 };
static const uint16_t ports[] = { 53, 80, 443, 9000 };

enum match { NO, MAYBE, SURELY };

static enum match known(bool is_known, bool same)
{
	return is_known ? (same ? SURELY : NO) : MAYBE;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static bool holds(const struct rule *r, const struct facts *f)
{
	enum match worst = SURELY, m[3] = { SURELY, SURELY, SURELY };

	if (r->has_ip)
		m[0] = known(f->address,
			     r->local ? f->loopback
				      : r->six == f->six && same_prefix(r->addr, f->addr, r->bits));
	if (r->has_proto)
		m[1] = known(f->protocol, r->proto == f->proto);
	if (r->has_port)
		m[2] = known(f->port, r->min <= f->dport && f->dport <= r->max);
	for (int i = 0; i < 3; i++)
		worst = m[i] < worst ? m[i] : worst;
	return r->verdict == 'd' ? worst != NO : worst == SURELY;
}

/* denied - return whether the policy denies it; count the rule */
static bool denied(const struct facts *f)
{
	for (unsigned i = 0; i < rules_count; i++) {
		if (!holds(&rules[i], f))
			continue;
		rules[i].hits++;
		return rules[i].verdict == 'd';
	}
	return default_deny;
}

static void rule_make(struct rule *r, FILE *file)
{
	const char *network = networks[below(sizeof(networks) / sizeof(*networks))];
	char text[64], *slash;

	*r = (struct rule){ .verdict = "addl"[below(4)] };
	fprintf(file, "%s %s",
		r->verdict == 'a'   ? "allow"
		: r->verdict == 'd' ? "deny"
				    : "alert",
		out ? chance(30) ? "egress,ingress" : "egress" : "ingress");
	r->has_proto = chance(60);
	r->proto = protos[below(sizeof(protos))];
	if (r->has_proto)
		fprintf(file, " proto %u", r->proto);
	r->has_ip = chance(70);
	r->local = r->has_ip && chance(10);
	strcpy(text, network);
	slash = strchr(text, '/');
	if (slash)
		*slash = 0;
	r->six = strchr(text, ':');
	r->bits = slash ? (unsigned)atoi(slash + 1) : r->six ? 128 : 32;
	inet_pton(r->six ? AF_INET6 : AF_INET, text, r->addr);
	if (r->has_ip)
		fprintf(file, " ip %s", r->local ? "local" : network);
	r->has_port = chance(60);
	if (r->has_proto && !carries_ports(r->proto)) /* a rule that can never match is refused */
		r->has_port = false;
	r->min = r->max = ports[below(4)];
	if (chance(30))
		r->max = 65535;
	if (r->has_port)
		fprintf(file, " port %u-%u", r->min, r->max);
	fputs(" quiet\n", file);
}

/* Flush first: a rule that existed before would keep its counter. */
static void policy_make(void)
{
	FILE *file = popen("cgg-rule flush && cgg-rule restore", "w");

	if (!file)
		err(3, "cgg-rule");
	default_deny = chance(40);
	fprintf(file, "default %s %s\n", out ? "egress" : "ingress",
		default_deny ? "deny" : "allow");
	rules_count = chance(60)   ? 1 + below(6)
		      : chance(70) ? 1 + below(30)
				   : 70 + below(RULES - 70);
	for (unsigned i = 0; i < rules_count; i++)
		rule_make(&rules[i], file);
	if (pclose(file))
		errx(3, "cgg-rule restore");
}

/* hits_check - return how many rules have a wrong number of hits */
static uint64_t hits_check(void)
{
	FILE *file = popen("cgg-rule list -s", "r");
	unsigned long long hits;
	uint64_t wrong = 0;
	char line[512];
	unsigned i = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*u %llu", &hits) != 1 || i == rules_count)
			continue;
		if (hits != rules[i].hits && wrong++ < SHOWN)
			printf("  hit %llu times, not %llu: %s", hits,
			       (unsigned long long)rules[i].hits, line);
		i++;
	}
	if (!file || pclose(file) || i != rules_count)
		errx(3, "cgg-rule list: %u rules of %u", i, rules_count);
	return wrong;
}

/* ---- packets ---- */

struct packet {
	uint8_t byte[PACKET];
	unsigned len;
	bool six, lo;
};

static void put(struct packet *p, uint8_t byte)
{
	if (p->len < PACKET - 1)
		p->byte[p->len++] = byte;
}

static void put_random(struct packet *p, unsigned count)
{
	for (; count; count--)
		put(p, (uint8_t)below(256));
}

static void put_transport(struct packet *p)
{
	unsigned port = chance(90) ? ports[below(4)] : below(65536);

	put_random(p, 2);
	put(p, (uint8_t)(port >> 8));
	put(p, (uint8_t)port);
	put(p, 0);
	put(p, 20);
	put_random(p, below(30));
}

/* Not 255: the sending sockets would receive it over lo, and ingress would count it. */
static uint8_t any_proto(void)
{
	return chance(95) ? protos[below(sizeof(protos))] : (uint8_t)below(255);
}

static void put_ah(struct packet *p, uint8_t next)
{
	unsigned units = below(4); /* of 4 bytes, after the first two */

	put(p, next);
	put(p, (uint8_t)units);
	put_random(p, 4 * units + 6);
}

/* Headers that form a chain: types[i] is the type of this header, types[i + 1] that of the next. */
static void put_header(struct packet *p, uint8_t type, uint8_t next)
{
	unsigned units = chance(80) ? 0 : below(4), start = p->len;

	if (type == 51) {
		put_ah(p, next);
		return;
	}
	put(p, next);
	put(p, (uint8_t)(type == 44 ? 0 : chance(98) ? units : below(256)));
	if (type == 44) {
		unsigned offset = chance(60) ? 0 : 1 + below(0x1fff);
		unsigned word =
			offset << 3 | (chance(30) && (out || offset)) | (chance(10) ? 6 : 0);

		put(p, (uint8_t)(word >> 8));
		put(p, (uint8_t)word);
		put_random(p, 4);
		return;
	}
	if (type == 43) {
		put(p, chance(50) ? 4 : (uint8_t)below(8));
		put(p, chance(60) ? 0 : (uint8_t)below(4));
	} else if (chance(90)) { /* padding, which the kernel checks on arrival */
		put(p, 1);
		put(p, (uint8_t)(8 * units + 4));
		for (unsigned i = 4; i < 8 * units + 8; i++)
			put(p, 0);
	}
	while (p->len < start + 8 * units + 8)
		put(p, 0);
}

static void put_addresses(struct packet *p, unsigned offset)
{
	static const char *const pool4[] = { "10.1.0.1",  "10.1.0.2",  "10.2.0.1",
					     "127.0.0.1", "127.9.9.9", "192.0.2.7" };
	static const char *const pool6[] = { "fd01::1", "fd01::2",     "fd02::1",
					     "::1",	"2001:db8::1", "::ffff:10.1.0.1" };
	const char *far = (p->six ? pool6 : pool4)[below(6)];
	const char *near = p->six ? "fd09::1" : "10.9.0.1";
	unsigned size = p->six ? 16 : 4;

	inet_pton(p->six ? AF_INET6 : AF_INET, near, p->byte + offset + (out ? 0 : size));
	inet_pton(p->six ? AF_INET6 : AF_INET, far, p->byte + offset + (out ? size : 0));
}

static void put_options(struct packet *p, unsigned bytes)
{
	static const uint8_t types[] = { 1, 1, 0, 7, 68, 148, 131, 137, 136, 200 };
	unsigned end = p->len + bytes;

	while (p->len < end) {
		uint8_t type = types[below(sizeof(types))];
		unsigned left = end - p->len, size = chance(90) ? 3 + below(8) : below(60);

		put(p, type);
		if (type <= 1 || left == 1)
			continue;
		put(p, (uint8_t)(size > left && chance(80) ? left : size));
		for (unsigned i = 2; i < size && p->len < end; i++)
			put(p, i == 2 ? 4 : 0);
	}
	p->len = end;
}

static uint16_t checksum(const uint8_t *p, unsigned len)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void make4(struct packet *p)
{
	unsigned words = chance(75) ? 5 : 6 + below(10), frag = 0;
	uint8_t proto = chance(10) ? 51 : any_proto(), behind = any_proto();

	p->len = 20;
	put_options(p, 4 * words - 20);
	if (proto == 51) {
		put_ah(p, behind);
		proto = behind == 51 ? 51 : proto;
	}
	put_transport(p);
	if (out && chance(25))
		frag = chance(70) ? 1 + below(0x1fff) : 0x2000;
	p->byte[0] = (uint8_t)(0x40 | words);
	if (chance(2))
		p->byte[0] = (uint8_t)below(256);
	if (chance(10))
		p->len = 20 + below(p->len - 19);
	p->byte[2] = (uint8_t)(p->len >> 8);
	p->byte[3] = (uint8_t)p->len;
	p->byte[4] = 1;
	p->byte[6] = (uint8_t)(frag >> 8);
	p->byte[7] = (uint8_t)frag;
	p->byte[8] = 64;
	p->byte[9] = proto;
	put_addresses(p, 12);
	p->byte[10] = p->byte[11] = 0;
	if ((p->byte[0] & 15) * 4u <= p->len) {
		uint16_t sum = checksum(p->byte, (p->byte[0] & 15) * 4u);

		p->byte[10] = (uint8_t)(sum >> 8);
		p->byte[11] = (uint8_t)sum;
	}
}

static void make6(struct packet *p)
{
	static const uint8_t headers[] = { 60, 60, 60, 43, 44, 51, 0, 139, 140 };
	unsigned count = chance(30) ? 0 : chance(80) ? 1 + below(4) : 1 + below(24), claimed;
	uint8_t types[26];

	for (unsigned i = 0; i < count; i++)
		types[i] = chance(60) ? 60 : headers[below(sizeof(headers))];
	types[count] = any_proto();
	p->len = 40;
	for (unsigned i = 0; i < count; i++)
		put_header(p, types[i], types[i + 1]);
	put_transport(p);
	if (chance(10))
		p->len = 40 + below(p->len - 39);
	claimed = p->len - 40;
	if (out && chance(10))
		claimed = chance(50) ? 0 : below(65536);
	p->byte[0] = chance(98) ? 0x60 : (uint8_t)below(256);
	p->byte[4] = (uint8_t)(claimed >> 8);
	p->byte[5] = (uint8_t)claimed;
	p->byte[6] = types[0];
	p->byte[7] = 64;
	put_addresses(p, 8);
}

static void packet_make(struct packet *p)
{
	memset(p, 0, sizeof(*p));
	p->six = chance(65);
	p->lo = out && (chance(30) || only_lo);
	if (p->six)
		make6(p);
	else
		make4(p);
}

/* ---- the way through the kernel ---- */

static int tun, raw4, raw6;

static void run(const char *command)
{
	if (system(command))
		errx(3, "%s", command);
}

static void network_make(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };

	if (unshare(CLONE_NEWNET))
		err(3, "unshare");
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	strcpy(ifr.ifr_name, "tun0");
	run("ip link set lo up");
	if (tun < 0 || ioctl(tun, TUNSETIFF, &ifr)) {
		warn("/dev/net/tun");
		if (!out)
			exit(77);
		only_lo = true;
		return;
	}
	run("ip link set tun0 up mtu 1500 &&"
	    "ip addr add 10.9.0.1/24 dev tun0 && ip -6 addr add fd09::1/64 dev tun0 nodad &&"
	    "ip route add default dev tun0 && ip -6 route add default dev tun0");
}

static void drain(void)
{
	char byte[65536];

	while (read(tun, byte, sizeof(byte)) > 0)
		;
}

/* send_out - send it; return 1 if denied, 0 if not, -1 if the kernel takes no such packet */
static int send_out(const struct packet *p)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	ssize_t sent;
	int error;

	inet_pton(AF_INET, p->lo ? "127.0.0.1" : "10.9.0.2", &to4.sin_addr);
	inet_pton(AF_INET6, p->lo ? "::1" : "fd09::2", &to6.sin6_addr);
	if (p->six)
		sent = sendto(raw6, p->byte, p->len, 0, (void *)&to6, sizeof(to6));
	else
		sent = sendto(raw4, p->byte, p->len, 0, (void *)&to4, sizeof(to4));
	error = sent < 0 ? errno : 0;
	drain();
	return error == EPERM ? 1 : error && error != ENOBUFS ? -1 : 0;
}

/* Pairs of sockets that receive packets of each protocol; the second is guarded. */
static struct pollfd twin[2][80];
static unsigned twins;
static int mark_socket;
#define MARK 200 /* the protocol of a packet that marks the end of the one before */

static void ears_make(unsigned guarded)
{
	static const uint8_t heard[] = { 1,  6,	 17, 33,  43,  44,  47,	 50,  51,
					 58, 59, 60, 132, 136, 139, 140, 253, 254 };

	twins = 0;
	for (unsigned i = 0; i < 2 * sizeof(heard); i++) {
		int s = socket(i & 1 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK, heard[i / 2]);

		if (s < 0)
			err(3, "raw socket of protocol %u", heard[i / 2]);
		twin[guarded][twins++] = (struct pollfd){ .fd = s, .events = POLLIN };
	}
	if (!guarded)
		mark_socket = socket(AF_INET, SOCK_RAW, MARK);
}

static unsigned heard(unsigned guarded, unsigned i)
{
	char byte[PACKET];
	unsigned count = 0;

	if (twin[guarded][i].revents & POLLIN)
		while (recv(twin[guarded][i].fd, byte, sizeof(byte), 0) >= 0)
			count++;
	return count;
}

static void mark(void)
{
	uint8_t p[20] = { 0x45, [3] = 20, [8] = 64, [9] = MARK, [12] = 10, 9, 0, 2, 10, 9, 0, 1 };
	struct pollfd wait = { .fd = mark_socket, .events = POLLIN };
	uint16_t sum = checksum(p, 20);
	char byte[64];

	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
	if (write(tun, p, 20) != 20 || poll(&wait, 1, 10000) != 1 ||
	    recv(mark_socket, byte, sizeof(byte), 0) < 0)
		errx(3, "what goes into the tun device does not come out");
}

/* send_in - as send_out(); -1 if the kernel does not ask the hook; 2 if the sockets disagree */
static int send_in(const struct packet *p)
{
	unsigned asked = 0, passed = 0;
	bool odd = false;

	if (write(tun, p->byte, p->len) < 0)
		return -1;
	mark();
	drain();
	poll(twin[0], twins, 0);
	poll(twin[1], twins, 0);
	for (unsigned i = 0; i < twins; i++) {
		unsigned all = heard(0, i), some = heard(1, i);

		odd |= some && some != all;
		asked += all;
		passed += some;
	}
	if (odd || (passed && passed != asked))
		return 2;
	return asked ? !passed : -1;
}

static void show(const struct packet *p, const struct facts *f, int said)
{
	char text[INET6_ADDRSTRLEN];

	printf("  %s: ip %s%s proto %u%s port %u%s%s\n   ", said ? "denied" : "passed",
	       inet_ntop(f->six ? AF_INET6 : AF_INET, f->addr, text, sizeof(text)),
	       f->address ? "" : "?", f->proto, f->protocol ? "" : "?", f->dport,
	       f->port ? "" : "?", p->lo ? " on lo" : "");
	for (unsigned i = 0; i < p->len && i < 120; i++)
		printf("%s%02x", i % 4 ? "" : " ", p->byte[i]);
	putchar('\n');
}

static int fuzz(uint64_t count)
{
	uint64_t judged = 0, denials = 0, unread = 0, wrong = 0, sent = 0;
	double begin = now_ns();

	while (sent < count) {
		policy_make();
		for (unsigned i = 0; i < EACH && sent < count; i++, sent++) {
			struct packet p;
			struct facts f;
			bool expected;
			int said;

			packet_make(&p);
			f = parse(p.byte, p.len, p.six, p.lo);
			said = out ? send_out(&p) : send_in(&p);
			if (said < 0)
				continue;
			expected = denied(&f);
			judged++;
			denials += expected;
			unread += !f.port;
			if (said != expected && wrong++ < SHOWN)
				show(&p, &f, said);
		}
		if (out)
			wrong += hits_check();
	}
	printf("packets %llu judged %llu denied %llu unread %llu wrong %llu seconds %.0f\n",
	       (unsigned long long)sent, (unsigned long long)judged, (unsigned long long)denials,
	       (unsigned long long)unread, (unsigned long long)wrong, (now_ns() - begin) / 1e9);
	return wrong > 0;
}

int main(int argc, char **argv)
{
	uint64_t count = 1000;
	cpu_set_t cpu;
	int option;

	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			count = strtoull(optarg, 0, 10);
		else if (option == 's')
			dice = strtoull(optarg, 0, 10);
		else
			return 2;
	}
	if (optind + 2 != argc)
		errx(2, "usage: headers [-n PACKETS] [-s SEED] egress|ingress CGROUP");
	out = !strcmp(argv[optind], "egress");
	/* On one processor packets keep their order. */
	CPU_ZERO(&cpu);
	CPU_SET((unsigned)sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	network_make();
	if (!out)
		ears_make(0);
	join(argv[optind + 1]);
	if (!out)
		ears_make(1);
	raw4 = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	raw6 = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	if (raw4 < 0 || raw6 < 0)
		err(3, "raw socket");
	return fuzz(count);
}
