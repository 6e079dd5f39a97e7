// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * answers.bpf.c - the program for answers as BPF_PROG_TEST_RUN can run it.
 *
 * There the kernel gives each run a socket and a storage of a cgroup that are new and empty, so
 * the program of the guard would find no policy and no question. This one fills in both, as they
 * are told, and is then the guard's own, on the guard's own maps. It is not part of the guard.
 */
#define CGG_NAMES
#define CGG_QUESTIONS
#define CGG_PACKETS
#include "../../bpf/report.h"
#include "../../bpf/names/answer.h"
#include "../../bpf/names/headers.h"
#include "../../bpf/names/netns.h"
#include "../../bpf/names/place.h"
#include "../../bpf/names/resolver.h"
#include "../../bpf/names/stream.h"
#include "../engines/answers.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct answers_run);
} answers_run SEC(".maps");

/* The programs become functions. */
#undef SEC
#define SEC(name) static __always_inline
#include "../../bpf/names/dns.bpf.c"
#undef SEC
#define SEC(name) __attribute__((section(name), used))

SEC("cgroup_skb/ingress")
int answer_run(struct __sk_buff *skb)
{
	struct cgg_attached *at = bpf_get_local_storage(&attached, 0);
	struct asking *asking = asking_of(skb, BPF_SK_STORAGE_GET_F_CREATE);
	const struct answers_run *run;
	__u32 zero = 0;

	run = bpf_map_lookup_elem(&answers_run, &zero);
	if (!run || !asking)
		return 0;
	at->cgroup = run->cgroup;
	at->netns = run->netns;
	at->policy = run->policy;
	at->names = run->names;
	asking->question[0].hash = run->hash;
	asking->question[0].resolver[0] = run->resolver[0];
	asking->question[0].resolver[1] = run->resolver[1];
	asking->question[0].id = run->id;
	asking->question[0].type = run->type;
	asking->question[0].open = 1;
	return dns_answer(skb);
}
