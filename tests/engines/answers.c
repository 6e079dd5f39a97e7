// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * answers.c - compare what the kernel learns from answers of DNS with what a parser here reads
 *
 * answers CGROUP SECONDS SEED KEEP [OBJECT]: ask for random names in the cgroup, send answers from
 * 127.0.0.53, of which many are damaged, and compare the names of the cgroup after each. KEEP:
 * seconds, as in the policy. With OBJECT, answers.bpf.o, nothing is sent: each answer is the packet
 * of a BPF_PROG_TEST_RUN of the program for answers. The parser here was written from RFC 1035 and
 * the limits in cgguard-names(7).
 */
#include <stdbool.h>
#include <sys/stat.h>

#include "../../lib/cgg.h"
#include "test_run.h"

#define RECORDS 64
#define ALIASES 4
#define STEPS 47 /* labels and pointers of a name */
#define MOST 512 /* names of addresses in one answer */

/* A name of an address: as read here, or by the kernel. */
struct pair {
	uint8_t addr[16];
	char name[CGG_OPERAND];
	uint64_t seconds; /* until it expires */
	bool alias;
};

static struct pairs {
	unsigned count;
	struct pair pair[MOST];
} wanted, found;

static uint64_t random_state, keep;

static unsigned below(unsigned most)
{
	return (unsigned)(random_next(&random_state) >> 20) % most;
}

/* ---- the parser ---- */

struct view {
	const uint8_t *byte;
	size_t len, at;
	bool failed; /* it ended too early */
};

static unsigned read_number(struct view *v, int bytes)
{
	unsigned n = 0;

	while (bytes--) {
		v->failed |= v->at >= v->len;
		n = n << 8 | (v->failed ? 0 : v->byte[v->at]);
		v->at++;
	}
	return n;
}

/* label_read - append a label in lower case; return false if a rule cannot say it */
static bool label_read(struct view *v, unsigned len, char *name, size_t *used)
{
	bool good = true;

	if (*used)
		name[(*used)++] = '.';
	for (; len; len--) {
		unsigned c = read_number(v, 1);

		good &= c > ' ' && c < 0x7f && c != '.';
		name[(*used)++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	name[*used] = 0;
	return good && !v->failed;
}

/* name_read - read a name, which may be compressed; return false if it is not one that is bound */
static bool name_read(struct view v, bool pointers, char name[512], size_t *end)
{
	size_t used = 0, limit = v.at, jumped = 0;
	bool good = true;

	*name = 0;
	for (int step = 0;; step++) {
		unsigned n = read_number(&v, 1);

		if (v.failed || (pointers && step > STEPS) || used > 255)
			return false;
		if (!n)
			break;
		if (n >= 0xc0 && pointers) {
			size_t to = (n & 0x3f) << 8 | read_number(&v, 1);

			if (!jumped)
				jumped = v.at;
			if (v.failed || to >= limit)
				return false;
			v.at = limit = to;
			continue;
		}
		if (n > 63)
			return false;
		good &= label_read(&v, n, name, &used);
		if (v.failed)
			return false;
	}
	*end = jumped ? jumped : v.at;
	return good && used;
}

/* name_skip - go behind a name without reading it */
static void name_skip(struct view *v)
{
	for (int labels = 0; labels < 128; labels++) {
		unsigned n = read_number(v, 1);

		if (!n || v->failed)
			return;
		if (n >= 0xc0) {
			read_number(v, 1);
			return;
		}
		v->failed |= n > 63;
		v->at += n;
	}
	v->failed = true;
}

static void pair_add(struct pairs *pairs, const uint8_t addr[16], const char *name, bool alias,
		     uint64_t seconds)
{
	struct pair *p = pairs->pair;

	for (unsigned i = 0; i < pairs->count; i++, p++)
		if (!memcmp(p->addr, addr, 16) && !strcmp(p->name, name) && p->alias == alias) {
			if (p->seconds < seconds)
				p->seconds = seconds;
			return;
		}
	if (pairs->count == MOST)
		errx(3, "too many names");
	pairs->count++;
	memcpy(p->addr, addr, 16);
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->alias = alias;
	p->seconds = seconds;
}

/* records_read - add what the records bind */
static void records_read(struct view *v, unsigned count, const char *name)
{
	static char alias[ALIASES][512];
	int aliases = 0;

	for (unsigned i = 0; i < count && i < RECORDS; i++) {
		uint8_t addr[16] = { [10] = 0xff, [11] = 0xff };
		unsigned type, class, len;
		uint64_t ttl;
		size_t end;

		name_skip(v);
		type = read_number(v, 2);
		class = read_number(v, 2);
		ttl = read_number(v, 4);
		len = read_number(v, 2);
		if (v->failed || v->at + len > v->len)
			return;
		ttl = ttl > 0x7fffffff ? 0 : ttl > 604800 ? 604800 : ttl;
		ttl = ttl > keep ? ttl : keep;
		if (class == 1 && type == DNS_CNAME && aliases < ALIASES)
			aliases += name_read(*v, true, alias[aliases], &end) &&
				   strlen(alias[aliases]) < CGG_OPERAND;
		if (class == 1 &&
		    ((type == DNS_A && len == 4) || (type == DNS_AAAA && len == 16))) {
			memcpy(addr + 16 - len, v->byte + v->at, len);
			if (type == DNS_AAAA)
				memcpy(addr, v->byte + v->at, 16);
			pair_add(&wanted, addr, name, false, ttl);
			for (int a = 0; a < aliases; a++)
				pair_add(&wanted, addr, alias[a], true, ttl);
		}
		v->at += len;
	}
}

/* answer_read - read an answer to the question, into wanted */
static void answer_read(const struct dns_message *m, unsigned id, const char *asked, unsigned type)
{
	struct view v = { .byte = m->byte, .len = m->len };
	unsigned flags, records;
	char name[512];

	wanted.count = 0;
	if (read_number(&v, 2) != id)
		return;
	flags = read_number(&v, 2);
	if (!(flags & 0x8000) || flags & 0x780f || read_number(&v, 2) != 1)
		return;
	records = read_number(&v, 2);
	read_number(&v, 4);
	if (v.failed || !name_read(v, false, name, &v.at) || strcmp(name, asked) ||
	    read_number(&v, 2) != type || read_number(&v, 2) != 1 || v.failed)
		return;
	records_read(&v, records, name);
}

/* ---- questions and answers ---- */

static void name_make(char name[256])
{
	unsigned labels = 1 + below(4), used = 0;

	if (!below(16))
		labels = 40 + below(24);
	for (unsigned i = 0; i < labels && used < 120; i++) {
		unsigned len = labels > 8 ? 1 : 1 + below(12);

		if (used)
			name[used++] = '.';
		while (len--)
			name[used++] = "abcdefghijklmnopqrstuvwxyz0123456789-_"[below(38)];
	}
	name[used] = 0;
}

/* target_put - write the name that a CNAME leads to, often compressed */
static void target_put(struct dns_message *m)
{
	struct dns_message name = { 0 };
	char text[256];

	name_make(text);
	dns_put_name(&name, text);
	name.len -= below(2);
	if (name.byte[name.len - 1])
		dns_put16(&name, 0xc000 | (below(8) ? 12 : below((unsigned)m->len + 8)));
	dns_put16(m, (unsigned)name.len);
	dns_put(m, name.byte, name.len);
}

static void record_put(struct dns_message *m)
{
	static const unsigned types[] = { 1, 1, 1, 28, 28, 5, 5, 16, 41 };
	unsigned type = types[below(9)];
	uint8_t data[16];

	for (int i = 0; i < 16; i++)
		data[i] = (uint8_t)below(256);
	if (below(3))
		dns_put16(m, 0xc00c);
	else
		dns_put_name(m, "other.example");
	dns_put16(m, type);
	dns_put16(m, below(16) ? 1 : 3);
	dns_put16(m, below(4) ? 0 : below(65536));
	dns_put16(m, below(65536));
	if (type == DNS_CNAME) {
		target_put(m);
		return;
	}
	dns_put16(m, type == DNS_AAAA ? 16 : type == DNS_A ? 4 : below(17));
	dns_put(m, data, (size_t)m->byte[m->len - 1]);
}

static void answer_make(struct dns_message *m, const struct dns_message *question)
{
	unsigned records = below(8) ? below(8) : below(70);

	dns_head(m, (unsigned)question->byte[0] << 8 | question->byte[1], 0x8180, records);
	dns_put(m, question->byte + 12, question->len - 12);
	if (below(2)) /* letters in any case */
		for (size_t i = 13; i < m->len - 5; i++)
			if (m->byte[i] >= 'a' && m->byte[i] <= 'z' && below(2))
				m->byte[i] ^= 32;
	while (records-- && m->len < DNS_MOST - 300)
		record_put(m);
}

static void answer_damage(struct dns_message *m)
{
	static const uint8_t telling[] = { 0,  1,    4,	   5,	 12,   16,   28, 63,
					   64, 0x7f, 0x80, 0xbf, 0xc0, 0xff, '.' };
	unsigned times = below(3) ? below(5) : 0;

	while (times--) {
		unsigned at = below((unsigned)m->len), from = below((unsigned)m->len);

		switch (below(8)) {
		case 0:
			m->byte[at] ^= (uint8_t)(1u << below(8));
			break;
		case 1:
			m->byte[at] = (uint8_t)below(256);
			break;
		case 2:
			m->byte[below(12)] = (uint8_t)below(256);
			break;
		case 3:
			m->len = at + 1;
			break;
		case 4:
			memmove(m->byte + at, m->byte + from, m->len - (at > from ? at : from));
			break;
		case 5:
			if (m->len < DNS_MOST - 1)
				m->byte[m->len++] = (uint8_t)below(256);
			break;
		default:
			m->byte[at] = telling[below(sizeof(telling))];
		}
	}
}

/* ---- comparison ---- */

static int pair_take(void *context, const struct cgg_binding *b)
{
	uint64_t left = b->expires - time_now();

	(void)context;
	pair_add(&found, b->addr, b->name, b->alias, (left + 999999999) / 1000000000);
	return 0;
}

static void pairs_print(const char *what, const struct pairs *pairs)
{
	char addr[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < pairs->count; i++)
		printf("%s %s %s%s %llus\n", what,
		       inet_ntop(AF_INET6, pairs->pair[i].addr, addr, sizeof(addr)),
		       pairs->pair[i].name, pairs->pair[i].alias ? " alias" : "",
		       (unsigned long long)pairs->pair[i].seconds);
}

static bool differ(void)
{
	if (wanted.count != found.count)
		return true;
	for (unsigned i = 0; i < wanted.count; i++) {
		const struct pair *w = &wanted.pair[i];
		bool same = false;

		for (unsigned k = 0; k < found.count && !same; k++) {
			const struct pair *f = &found.pair[k];

			same = !memcmp(w->addr, f->addr, 16) && !strcmp(w->name, f->name) &&
			       w->alias == f->alias && w->seconds <= f->seconds + 2 &&
			       f->seconds <= w->seconds + 1;
		}
		if (!same)
			return true;
	}
	return false;
}

static void compare(uint64_t id, const struct dns_message *m, unsigned long round)
{
	found.count = 0;
	if (bindings_read(id, pair_take, 0))
		errx(3, "%s", cgg_error);
	if (!differ())
		return;
	printf("answer %lu:", round);
	for (size_t i = 0; i < m->len; i++)
		printf(" %02x", m->byte[i]);
	putchar('\n');
	pairs_print("here", &wanted);
	pairs_print("kernel", &found);
	exit(1);
}

/* ---- how an answer comes to the program ---- */

static int server, client; /* sockets */

/* question_send - ask by the sockets; return who asks */
static struct sockaddr_in question_send(struct dns_message *question)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);

	if (send(client, question->byte, question->len, 0) < 0 ||
	    recvfrom(server, question->byte, DNS_MOST, 0, (struct sockaddr *)&from, &size) < 0)
		err(3, "the question");
	return from;
}

static void answer_send(const struct dns_message *m, struct sockaddr_in to)
{
	uint8_t byte[DNS_MOST];

	if (sendto(server, m->byte, m->len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    recv(client, byte, DNS_MOST, 0) < 0)
		err(3, "the answer");
}

/* round_run - ask, answer and compare once; return whether an address was bound */
static bool round_run(uint64_t cgroup, unsigned long round)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, (enum dns_type)65 };
	unsigned id = below(65536);
	enum dns_type type = types[below(3)];
	struct dns_message question, m;
	struct sockaddr_in from = { 0 };
	char name[256];

	name_make(name);
	dns_ask(&question, id, name, type);
	if (!program)
		from = question_send(&question);
	answer_make(&m, &question);
	answer_damage(&m);
	if (program)
		packet_run(&m, id, name, type);
	else
		answer_send(&m, from);
	answer_read(&m, id, name, type);
	compare(cgroup, &m, round);
	if (wanted.count && bindings_flush(cgroup))
		errx(3, "%s", cgg_error);
	return wanted.count;
}

int main(int argc, char **argv)
{
	struct sockaddr_in resolver = dns_resolver();
	unsigned long rounds = 0, bound = 0;
	struct stat cgroup;
	double end;

	if (argc != 5 && argc != 6)
		errx(2, "usage: answers CGROUP SECONDS SEED KEEP [OBJECT]");
	server = socket(AF_INET, SOCK_DGRAM, 0);
	if (stat(argv[1], &cgroup) || bind(server, (struct sockaddr *)&resolver, sizeof(resolver)))
		err(3, "%s", argv[1]);
	random_state = strtoull(argv[3], 0, 10);
	keep = strtoull(argv[4], 0, 10);
	join(argv[1]);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(client, (struct sockaddr *)&resolver, sizeof(resolver)))
		err(3, "connect");
	if (argc == 6)
		program_load(argv[5], (uint64_t)cgroup.st_ino);
	for (end = now_ns() + atof(argv[2]) * 1e9; now_ns() < end; rounds++)
		bound += round_run((uint64_t)cgroup.st_ino, rounds);
	printf("%lu answers, %lu bound an address, no difference\n", rounds, bound);
	return bound < rounds / 20;
}
