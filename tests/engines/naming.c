// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * naming.c - measure what the programs for names cost
 *
 * naming packets ROUNDS: run them on packets that are no DNS, beside a program that does nothing.
 * naming asks CGROUP ROUNDS: ask 127.0.0.53 in the cgroup for names, and answer. The cgroup is
 * attached, and its policy has that resolver. A program that does nothing is attached beside the
 * guard's: what the kernel's clock reports for it is taken off.
 *
 * Both print lines of NANOSECONDS<TAB>WHAT, medians.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "../../lib/cgg.h"
#define DNS_MOST 8192 /* as many as are read */
#include "dns.h"

#define ASKS 1000 /* in a round */
#define REPEATS 200000

static int dns, dns_answer,
	nothing[2]; /* programs; nothing: for what goes out, and for what comes in */

static int pinned(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/bpf/cgguard/progs/%s", name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		err(3, "%s", path);
	return fd;
}

static int nothing_load(enum bpf_attach_type type)
{
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	DECLARE_LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);
	int fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "nothing", "GPL", allow, 2, &options);

	if (fd < 0)
		err(3, "a program that does nothing");
	return fd;
}

static void programs_open(void)
{
	dns = pinned("dns");
	dns_answer = pinned("dns_answer");
	nothing[0] = nothing_load(BPF_CGROUP_INET_EGRESS);
	nothing[1] = nothing_load(BPF_CGROUP_INET_INGRESS);
}

/* ---- packets that are no DNS ---- */

/* packet_make - write a packet of 100 bytes to port 443 */
static void packet_make(uint8_t packet[114], int version, int proto)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .protocol = (uint8_t)proto };
	struct ipv6hdr ip6 = { .version = 6, .nexthdr = (uint8_t)proto };
	uint8_t *head = packet + 14;
	uint16_t ports[2] = { htons(40000), htons(443) };

	memset(packet, 0, 114);
	packet[12] = version == 4 ? 0x08 : 0x86;
	packet[13] = version == 4 ? 0x00 : 0xdd;
	ip.tot_len = htons(100);
	ip6.payload_len = htons(60);
	if (version == 4)
		memcpy(head, &ip, sizeof(ip));
	else
		memcpy(head, &ip6, sizeof(ip6));
	head += version == 4 ? sizeof(ip) : sizeof(ip6);
	memcpy(head, ports, sizeof(ports));
	head[12] = 5 << 4; /* the header of TCP has 20 bytes */
}

static double packet_run(int program, const uint8_t packet[114])
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = 114,
		    .repeat = REPEATS);

	if (bpf_prog_test_run_opts(program, &options) || options.retval != 1)
		err(3, "BPF_PROG_TEST_RUN");
	return options.duration;
}

static void packets(int rounds)
{
	static const struct {
		int version, proto;
		const char *what;
	} kinds[] = { { 4, IPPROTO_UDP, "UDP of IPv4" },
		      { 4, IPPROTO_TCP, "TCP of IPv4" },
		      { 6, IPPROTO_TCP, "TCP of IPv6" },
		      { 4, IPPROTO_ICMP, "ICMP" } };
	const int program[] = { nothing[0], dns, dns_answer };
	const char *const name[] = { "nothing", "dns", "dns_answer" };
	double each[3][rounds];
	uint8_t packet[114];

	for (size_t kind = 0; kind < 4; kind++) {
		packet_make(packet, kinds[kind].version, kinds[kind].proto);
		for (int r = -1; r < rounds; r++)
			for (int i = 0; i < 3; i++)
				each[i][r < 0 ? 0 : r] = packet_run(program[i], packet);
		for (int i = 0; i < 3; i++)
			printf("%.0f\t%s, %s\n", median(each[i], rounds), name[i],
			       kinds[kind].what);
	}
}

/* ---- questions and answers ---- */

/* What is asked and answered. A fresh one has a name and addresses that no other has. */
static const struct shape {
	const char *what;
	unsigned name, addresses;
	void (*answer)(struct dns_message *m);
	bool fresh;
} shapes[];

/* name_make - write a name of so many bytes: the number, and letters */
static void name_make(char name[256], unsigned len, unsigned number)
{
	memset(name, 'x', len);
	snprintf(name, len + 1, "%06x", number);
	if (len > 11)
		name[6] = 'x';
	for (unsigned i = 60; i < len - 5; i += 60)
		name[i] = '.';
	memcpy(name + len - 5, ".test", 6);
}

/* head_count - write how many records the message has */
static void head_count(struct dns_message *m, unsigned records)
{
	m->byte[6] = (uint8_t)(records >> 8);
	m->byte[7] = (uint8_t)records;
}

/* record_put - write a record of this owner, which is in the form of a message */
static void record_put(struct dns_message *m, const struct dns_message *owner, enum dns_type type,
		       const struct dns_message *data)
{
	dns_put(m, owner->byte, owner->len);
	dns_put16(m, type);
	dns_put16(m, 1);
	dns_put16(m, 0);
	dns_put16(m, 60);
	dns_put16(m, (unsigned)data->len);
	dns_put(m, data->byte, data->len);
}

/* address_put - write an address of a number as the data of a record */
static void address_put(struct dns_message *data, unsigned number)
{
	struct sockaddr_in6 to = dns_address(DNS_A, 1, number);

	data->len = 0;
	dns_put(data, to.sin6_addr.s6_addr + 12, 4);
}

/* chain - a chain of the longest names, then addresses whose owners have 60 labels */
static void chain(struct dns_message *m)
{
	struct dns_message owner = { 0 }, data = { 0 };
	unsigned records = 4;
	char name[256];

	dns_put16(&owner, 0xc00c);
	for (unsigned i = 0; i < 4; i++) {
		name_make(name, 127, i);
		data.len = 0;
		dns_put_name(&data, name);
		record_put(m, &owner, DNS_CNAME, &data);
	}
	owner.len = 0;
	for (unsigned i = 0; i < 55; i++)
		dns_put(&owner, "\1x", 2);
	dns_put(&owner, "", 1);
	for (; records < 64 && m->len + owner.len + 14 <= DNS_MOST; records++) {
		address_put(&data, records);
		record_put(m, &owner, DNS_A, &data);
	}
	head_count(m, records);
}

/* far - CNAMEs to a name that is too long to be kept, and is spread over the message */
static void far(struct dns_message *m)
{
	struct dns_message owner = { 0 }, data = { 0 };
	size_t at = m->len + 12, last = 0;

	dns_put16(&owner, 0xc00c);
	for (unsigned i = 0; i < 22; i++) {
		size_t here = at + data.len;

		dns_put(&data, "\7xxxxxxx", 8);
		if (i)
			dns_put16(&data, 0xc000 | (unsigned)last);
		else
			dns_put(&data, "", 1);
		last = here;
	}
	record_put(m, &owner, 16, &data);
	data.len = 0;
	dns_put16(&data, 0xc000 | (unsigned)last);
	for (unsigned i = 0; i < 63; i++)
		record_put(m, &owner, DNS_CNAME, &data);
	head_count(m, 64);
}

static const struct shape shapes[] = {
	{ "name of 11 bytes, 1 address", 11, 1, 0, false },
	{ "name of 29 bytes, 1 address", 29, 1, 0, false },
	{ "name of 116 bytes, 1 address", 116, 1, 0, false },
	{ "8 addresses", 29, 8, 0, false },
	{ "30 addresses", 29, 30, 0, false },
	{ "60 addresses", 29, 60, 0, false },
	{ "60 addresses, all new", 29, 60, 0, true },
	{ "4 aliases of 127 bytes, 60 addresses", 127, 0, chain, true },
	{ "63 aliases that are too long", 127, 0, far, true },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* answer_make - turn a question into its answer */
static void answer_make(const struct shape *shape, struct dns_message *m, unsigned number)
{
	m->byte[2] = 0x81;
	m->byte[3] = 0x80;
	head_count(m, shape->addresses);
	for (unsigned i = 0; i < shape->addresses; i++) {
		struct sockaddr_in6 to = dns_address(DNS_A, 1, number * shape->addresses + i);

		dns_record(m, DNS_A, to.sin6_addr.s6_addr + 12, 4);
	}
	if (shape->answer)
		shape->answer(m);
}

/* asker - ask in the cgroup, a round for each shape whose number is read; then write it back */
static _Noreturn void asker(const char *cgroup, int in, int out)
{
	struct sockaddr_in at = dns_resolver();
	struct timeval patience = { .tv_sec = 5 };
	unsigned char number;
	unsigned turn = 0;
	int fd;

	join(cgroup);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		err(3, "connect to 127.0.0.53");
	while (read(in, &number, 1) == 1) {
		for (int i = 0; i < ASKS; i++, turn++) {
			const struct shape *shape = &shapes[number];
			struct dns_message m;
			char name[256];

			name_make(name, shape->name, shape->fresh ? turn : turn % 64);
			dns_ask(&m, turn & 0xffff, name, DNS_A);
			if (send(fd, m.byte, m.len, 0) < 0 || recv(fd, m.byte, DNS_MOST, 0) < 0)
				err(3, "%s", shape->what);
		}
		if (write(out, &number, 1) != 1)
			break;
	}
	_exit(0);
}

struct times {
	double ns, count;
};

static struct times times_of(int program)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &len))
		err(3, "the times of a program");
	return (struct times){ (double)info.run_time_ns, (double)info.run_cnt };
}

/* answer_round - answer a round of questions, which have this shape */
static void answer_round(int fd, const struct shape *shape, unsigned *turn)
{
	for (int i = 0; i < ASKS; i++, ++*turn) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		struct dns_message m;
		ssize_t len = recvfrom(fd, m.byte, DNS_MOST, 0, (struct sockaddr *)&from, &size);

		if (len < 0)
			err(3, "%s", shape->what);
		m.len = (size_t)len;
		answer_make(shape, &m, shape->fresh ? *turn : *turn % 64);
		if (sendto(fd, m.byte, m.len, 0, (struct sockaddr *)&from, size) < 0)
			err(3, "%s", shape->what);
	}
}

/* times_taken - return nanoseconds a run since before, less those of a program that does nothing */
static double times_taken(const struct times before[2], int program, int none)
{
	struct times now[2] = { times_of(program), times_of(none) };
	double each[2];

	for (int i = 0; i < 2; i++)
		each[i] = (now[i].ns - before[i].ns) / (now[i].count - before[i].count);
	return each[0] - each[1];
}

static void asks(const char *cgroup, int rounds)
{
	static double question[SHAPES][64], answer[SHAPES][64];
	struct sockaddr_in at = dns_resolver();
	int fd = socket(AF_INET, SOCK_DGRAM, 0), go[2], done[2], where = open(cgroup, O_RDONLY);
	unsigned char number;
	unsigned turn = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || pipe(go) || pipe(done) ||
	    bpf_link_create(nothing[0], where, BPF_CGROUP_INET_EGRESS, 0) < 0 ||
	    bpf_link_create(nothing[1], where, BPF_CGROUP_INET_INGRESS, 0) < 0 ||
	    bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		err(3, "%s", cgroup);
	if (!fork()) {
		close(go[1]);
		asker(cgroup, go[0], done[1]);
	}
	for (int r = -1; r < rounds; r++)
		for (number = 0; number < SHAPES; number++) {
			struct times out[2] = { times_of(dns), times_of(nothing[0]) },
				     in[2] = { times_of(dns_answer), times_of(nothing[1]) };

			if (write(go[1], &number, 1) != 1)
				err(3, "write");
			answer_round(fd, &shapes[number], &turn);
			if (read(done[0], &number, 1) != 1)
				errx(3, "who asks has ended");
			question[number][r < 0 ? 0 : r] = times_taken(out, dns, nothing[0]);
			answer[number][r < 0 ? 0 : r] = times_taken(in, dns_answer, nothing[1]);
		}
	for (number = 0; number < SHAPES; number++) {
		printf("%.0f\tquestion: %s\n", median(question[number], rounds),
		       shapes[number].what);
		printf("%.0f\tanswer: %s\n", median(answer[number], rounds), shapes[number].what);
	}
}

int main(int argc, char **argv)
{
	bool of_packets = argc == 3 && !strcmp(argv[1], "packets");
	int rounds = argc > 2 ? atoi(argv[argc - 1]) : 0;

	if (rounds < 1 || rounds > 64 || (!of_packets && (argc != 4 || strcmp(argv[1], "asks"))))
		errx(2, "usage: naming packets ROUNDS | naming asks CGROUP ROUNDS");
	programs_open();
	if (of_packets)
		packets(rounds);
	else
		asks(argv[2], rounds);
	return 0;
}
