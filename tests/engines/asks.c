// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * asks.c - ask for a name, then connect at once, many times from many processes
 *
 * asks serve [PIECE]: answer at 127.0.0.53, by UDP and TCP; the first line is ready. The name says
 * what is answered: its first label is NUMBER-COUNT, in hexadecimal. By TCP, answer in pieces of at
 * most PIECE bytes.
 * asks press CGROUP ROUNDS PROCESSES SEED [MAXSEG]: ask in the cgroup, and connect to one of the
 * addresses. With MAXSEG, ask by TCP alone, and take segments of at most so many bytes.
 * Names below example.com must be allowed, names below bad.test must not, and an address that was
 * in no answer must not. It prints how many were asked, refused, wrongly allowed and not answered;
 * the status is 1 if one of the last three is not 0.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "dns.h"

/* ---- the server ---- */

/* answer - write the answer to a question; return false if it is none */
static bool answer(const struct dns_message *question, struct dns_message *m)
{
	unsigned number, count, len = question->byte[12];
	const uint8_t *end = memchr(question->byte + 12, 0, question->len - 12);
	bool allowed;
	enum dns_type type;
	char label[64];

	if (question->len < 20 || len > 63 || !end || end + 5 > question->byte + question->len)
		return false;
	memcpy(label, question->byte + 13, len);
	label[len] = 0;
	if (sscanf(label, "%x-%x", &number, &count) != 2 || count > DNS_ADDRESSES)
		return false;
	allowed = memcmp(question->byte + 13 + len, "\7example", 8) == 0;
	type = end[2];
	dns_head(m, (unsigned)question->byte[0] << 8 | question->byte[1], 0x8180, count);
	dns_put(m, question->byte + 12, (size_t)(end + 5 - question->byte) - 12);
	for (unsigned i = 0; i < count; i++) {
		struct sockaddr_in6 to = dns_address(type, allowed, number + i);

		dns_record(m, type, to.sin6_addr.s6_addr + (type == DNS_A ? 12 : 0),
			   type == DNS_A ? 4 : 16);
	}
	return true;
}

static void *serve_udp(void *socket)
{
	int fd = *(int *)socket;

	for (;;) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		struct dns_message question, m;
		ssize_t len = recvfrom(fd, question.byte, sizeof(question.byte), 0,
				       (struct sockaddr *)&from, &size);

		question.len = len > 0 ? (size_t)len : 0;
		if (question.len > 12 && answer(&question, &m))
			sendto(fd, m.byte, m.len, 0, (struct sockaddr *)&from, size);
	}
	return 0;
}

static unsigned piece; /* bytes of an answer by TCP that are sent at once at most; 0: all */
static unsigned maxseg; /* TCP_MAXSEG of who asks; 0: as it is */

/* send_pieces - send it in pieces of any length, each in a segment of its own */
static bool send_pieces(int fd, const uint8_t *bytes, size_t len)
{
	static uint64_t random = 1;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while (len) {
		size_t n = piece ? 1 + (random_next(&random) >> 20) % piece : len;

		if (n > len)
			n = len;
		if (send(fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
			return false;
		bytes += n;
		len -= n;
	}
	return true;
}

/* messages_read - read whole messages, as many as came at once; return their bytes */
static ssize_t messages_read(int fd, uint8_t in[DNS_MOST])
{
	ssize_t len = 0, at = 0, more;

	do {
		more = recv(fd, in + len, (size_t)(DNS_MOST - len), 0);
		if (more <= 0)
			return -1;
		len += more;
		while (at + 2 <= len && at + 2 + (in[at] << 8 | in[at + 1]) <= len)
			at += 2 + (in[at] << 8 | in[at + 1]);
	} while (at != len);
	return len;
}

/* answer_all - answer all questions of one connection that came at once, at once */
static bool answer_all(int fd)
{
	uint8_t in[DNS_MOST], out[4 * DNS_MOST];
	ssize_t len = messages_read(fd, in);
	size_t used = 0;

	if (len <= 0)
		return false;
	for (size_t at = 0; at + 2 < (size_t)len;) {
		struct dns_message question = { .len = (size_t)in[at] << 8 | in[at + 1] }, m;

		if (at + 2 + question.len > (size_t)len)
			return false;
		memcpy(question.byte, in + at + 2, question.len);
		at += 2 + question.len;
		if (!answer(&question, &m) || used + 2 + m.len > sizeof(out))
			return false;
		out[used++] = (uint8_t)(m.len >> 8);
		out[used++] = (uint8_t)m.len;
		memcpy(out + used, m.byte, m.len);
		used += m.len;
	}
	return send_pieces(fd, out, used);
}

static void *serve_tcp(void *socket)
{
	struct pollfd watched[256] = { { .fd = *(int *)socket, .events = POLLIN } };
	nfds_t count = 1;

	for (;;) {
		poll(watched, count, -1);
		for (nfds_t i = count - 1; i > 0; i--)
			if (watched[i].revents && !answer_all(watched[i].fd)) {
				close(watched[i].fd);
				watched[i] = watched[--count];
			}
		if (watched[0].revents && count < 256)
			watched[count++] =
				(struct pollfd){ accept(watched[0].fd, 0, 0), POLLIN, 0 };
	}
	return 0;
}

static int server_socket(int type)
{
	struct sockaddr_in at = dns_resolver();
	int fd = socket(AF_INET, type, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    (type == SOCK_STREAM && listen(fd, 128)))
		err(3, "127.0.0.53");
	return fd;
}

static int serve(void)
{
	int udp = server_socket(SOCK_DGRAM), tcp = server_socket(SOCK_STREAM);
	pthread_t thread;

	puts("ready");
	fflush(stdout);
	if (pthread_create(&thread, 0, serve_tcp, &tcp))
		errx(3, "pthread_create");
	serve_udp(&udp);
	return 0;
}

/* ---- who asks ---- */

struct counts {
	unsigned long asked, refused, wrong, silent;
};

/* A name, and which of its addresses is tried. */
struct question {
	char name[64];
	enum dns_type type;
	bool allowed;
	unsigned id, count;
};

static void question_make(struct question *q, uint64_t *random)
{
	uint64_t r = random_next(random);

	q->allowed = r % 4;
	q->type = r >> 8 & 1 ? DNS_AAAA : DNS_A;
	q->count = 1 + (unsigned)(r >> 16 & 0xff) % DNS_ADDRESSES;
	q->id = r >> 24 & 0xffff;
	snprintf(q->name, sizeof(q->name), "%x-%x.%s", (unsigned)(r >> 40), q->count,
		 q->allowed ? "example.com" : "bad.test");
}

static int resolver_open(int type)
{
	struct sockaddr_in at = dns_resolver();
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_INET, type, 0), size = (int)maxseg;

	if (fd < 0 ||
	    (maxseg && type == SOCK_STREAM &&
	     setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &size, sizeof(size))) ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		err(3, "connect to 127.0.0.53");
	return fd;
}

/* connects - return whether connect(2) to the address is allowed */
static bool connects(const struct sockaddr_in6 *to)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), failed;

	if (fd < 0)
		err(3, "socket");
	failed = connect(fd, (const struct sockaddr *)to, sizeof(*to));
	if (failed && errno != EPERM)
		err(3, "connect");
	close(fd);
	return !failed;
}

/* judge - connect to an address of the answer, and count what is wrong */
static void judge(const struct question *q, const struct dns_message *m, uint64_t *random,
		  struct counts *counts)
{
	size_t record = q->type == DNS_A ? 16 : 28, data = q->type == DNS_A ? 4 : 16;
	struct sockaddr_in6 to = dns_address(q->type, 0, 0);
	unsigned pick = (unsigned)(random_next(random) % q->count);

	counts->asked++;
	if (m->len < q->count * record || m->byte[0] != q->id >> 8 || m->byte[1] != (q->id & 255)) {
		counts->silent++;
		return;
	}
	memcpy(to.sin6_addr.s6_addr + 16 - data, m->byte + m->len - pick * record - data, data);
	if (connects(&to) != q->allowed)
		*(q->allowed ? &counts->refused : &counts->wrong) += 1;
	if (counts->asked % 8)
		return;
	to.sin6_addr.s6_addr[13] = 20; /* of no answer */
	if (q->type == DNS_A && connects(&to))
		counts->wrong++;
}

static void ask_udp(int fd, uint64_t *random, struct counts *counts)
{
	struct dns_message m;
	struct question q;
	ssize_t len;

	question_make(&q, random);
	dns_ask(&m, q.id, q.name, q.type);
	if (send(fd, m.byte, m.len, 0) < 0) {
		if (errno != EPERM)
			err(3, "send");
		counts->asked++;
		counts->refused++; /* the question itself */
		return;
	}
	len = recv(fd, m.byte, sizeof(m.byte), 0);
	m.len = len > 0 ? (size_t)len : 0;
	judge(&q, &m, random, counts);
}

static size_t read_all(int fd, void *to, size_t len)
{
	ssize_t got = recv(fd, to, len, MSG_WAITALL);

	return got > 0 ? (size_t)got : 0;
}

/* ask_tcp - ask two questions in one segment, as glibc does */
static void ask_tcp(int fd, uint64_t *random, struct counts *counts)
{
	struct dns_message m[2], both = { 0 };
	struct question q[2];

	for (int i = 0; i < 2; i++) {
		question_make(&q[i], random);
		dns_ask(&m[i], q[i].id, q[i].name, q[i].type);
		dns_put16(&both, (unsigned)m[i].len);
		dns_put(&both, m[i].byte, m[i].len);
	}
	if (send(fd, both.byte, both.len, 0) < 0)
		err(3, "send");
	for (int i = 0; i < 2; i++) {
		uint8_t size[2];

		m[i].len = read_all(fd, size, 2) == 2 ? (size_t)size[0] << 8 | size[1] : 0;
		if (m[i].len <= DNS_MOST)
			m[i].len = read_all(fd, m[i].byte, m[i].len);
		judge(&q[i], &m[i], random, counts);
	}
}

static void press(unsigned long rounds, uint64_t seed, struct counts *counts)
{
	int udp = resolver_open(SOCK_DGRAM), tcp = resolver_open(SOCK_STREAM);
	uint64_t random = seed;

	while (counts->asked < rounds) {
		uint64_t r = random_next(&random);

		if (r % 8 == 0 || maxseg) {
			ask_tcp(tcp, &random, counts);
		} else {
			ask_udp(udp, &random, counts);
		}
		if (r % 64 == 1) {
			close(udp);
			close(tcp);
			udp = resolver_open(SOCK_DGRAM);
			tcp = resolver_open(SOCK_STREAM);
		}
	}
}

int main(int argc, char **argv)
{
	struct counts *counts, sum = { 0 };
	int processes, status;

	if ((argc == 2 || argc == 3) && !strcmp(argv[1], "serve")) {
		piece = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
		return serve();
	}
	if ((argc != 6 && argc != 7) || strcmp(argv[1], "press"))
		errx(2,
		     "usage: asks serve [PIECE] | asks press CGROUP ROUNDS PROCESSES SEED [MAXSEG]");
	maxseg = argc == 7 ? (unsigned)atoi(argv[6]) : 0;
	processes = atoi(argv[4]);
	counts = shared_alloc(sizeof(*counts) * (size_t)processes);
	join(argv[2]);
	for (int i = 0; i < processes; i++)
		if (!fork()) {
			press(strtoul(argv[3], 0, 10) / (unsigned)processes,
			      strtoull(argv[5], 0, 10) + (unsigned)i, &counts[i]);
			_exit(0);
		}
	while (wait(&status) > 0)
		if (status)
			errx(3, "a process failed");
	for (int i = 0; i < processes; i++) {
		sum.asked += counts[i].asked;
		sum.refused += counts[i].refused;
		sum.wrong += counts[i].wrong;
		sum.silent += counts[i].silent;
	}
	printf("%lu asked, %lu refused, %lu wrongly allowed, %lu not answered\n", sum.asked,
	       sum.refused, sum.wrong, sum.silent);
	return sum.refused || sum.wrong || sum.silent;
}
