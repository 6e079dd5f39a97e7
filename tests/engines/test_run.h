/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_run.h - lets the program for answers learn from a packet, by BPF_PROG_TEST_RUN. */
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <sys/mman.h>

#include "../../lib/cgg.h"
#include "answers.h"
#include "dns.h"

#define PACKET_MOST 3600 /* bytes of a message: BPF_PROG_TEST_RUN takes less than a page */
static int program; /* of OBJECT; 0: answers are sent */
static struct answers_run *run; /* mapped; what the program is told */
static uint64_t seed;

static void value_get(const char *map, const void *key, void *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), CGG_DIR "/maps/%s", map);
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_map_lookup_elem(fd, key, value))
		err(3, "%s", path);
	close(fd);
}

/* program_load - load the program on the maps of the guard, and tell it the cgroup */
static void program_load(const char *name, uint64_t cgroup)
{
	struct bpf_object *object = bpf_object__open(name);
	struct cgg_attached at;
	struct bpf_map *map;
	char path[128];
	uint32_t zero = 0;
	int fd;

	if (!object)
		err(3, "%s", name);
	bpf_object__for_each_map(map, object)
	{
		snprintf(path, sizeof(path), CGG_DIR "/maps/%s", bpf_map__name(map));
		fd = bpf_obj_get(path);
		if (fd >= 0 && bpf_map__reuse_fd(map, fd))
			err(3, "%s", path);
		if (fd >= 0)
			close(fd);
	}
	if (bpf_object__load(object))
		err(3, "%s", name);
	program = bpf_program__fd(bpf_object__find_program_by_name(object, "answer_run"));
	run = mmap(0, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED,
		   bpf_object__find_map_fd_by_name(object, "answers_run"), 0);
	if (run == MAP_FAILED)
		err(3, "mmap");
	value_get("seed", &zero, &seed);
	value_get("attached", &cgroup, &at);
	run->cgroup = at.cgroup;
	run->netns = at.netns;
	run->policy = at.policy;
	run->names = at.names;
}

/* packet_run - let the program learn from an answer to the question for a name */
static void packet_run(struct dns_message *m, unsigned id, const char *name, unsigned type)
{
	static uint8_t packet[14 + sizeof(struct iphdr) + sizeof(struct udphdr) + PACKET_MOST] = {
		[12] = 0x08, [13] = 0
	};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet);
	const struct sockaddr_in from = dns_resolver();
	struct udphdr udp = { .source = htons(53), .dest = htons(40000) };
	struct iphdr ip = { .version = 4, .ihl = 5, .protocol = IPPROTO_UDP };
	struct cgg_operand operand = { 0 };

	if (m->len > PACKET_MOST)
		m->len = PACKET_MOST;
	udp.len = htons((uint16_t)(sizeof(udp) + m->len));
	ip.tot_len = htons((uint16_t)(sizeof(ip) + sizeof(udp) + m->len));
	ip.saddr = from.sin_addr.s_addr;
	ip.daddr = htonl(INADDR_LOOPBACK);
	memcpy(packet + 14, &ip, sizeof(ip));
	memcpy(packet + 14 + sizeof(ip), &udp, sizeof(udp));
	memcpy(packet + 14 + sizeof(ip) + sizeof(udp), m->byte, m->len);
	options.data_size_in = (uint32_t)(14 + sizeof(ip) + sizeof(udp) + m->len);
	host_reverse((char *)&operand, name);
	run->hash = names_hash(seed, &operand);
	memcpy((uint8_t *)run->resolver + 10, "\xff\xff", 2);
	memcpy((uint8_t *)run->resolver + 12, &from.sin_addr, 4);
	run->id = id;
	run->type = type;
	if (bpf_prog_test_run_opts(program, &options) || options.retval != 1)
		err(3, "BPF_PROG_TEST_RUN");
}
