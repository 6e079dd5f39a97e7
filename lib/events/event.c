// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * event.c - print a record as one line, of text or of JSON.
 *
 * This avoids printf(3), because readers print up to a million events a second. The guarded
 * program chose the bytes of comm, names and paths. So they are escaped: a line is printable
 * ASCII, and JSON has \u escapes.
 */
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "out.h"

/* Write a time as in RFC 3339, in UTC; the text down to the second is kept for the next call. */
static void put_time(struct out *o, __u64 boot)
{
	static __s64 kept = -1;
	static char text[32];
	static size_t len;
	__s64 t = (__s64)boot + o->view->clock;
	time_t second = (time_t)(t / 1000000000);
	struct tm tm;

	if (second != kept) {
		gmtime_r(&second, &tm);
		len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.", &tm);
		kept = second;
	}
	put_bytes(o, text, len);
	put_micro(o, (__u32)(t % 1000000000 / 1000 + 1000000) % 1000000);
	*o->at++ = 'Z';
}

static const char *program_name(__u8 program)
{
	return program < CGG_PROGRAMS ? cgg_programs[program].name : "?";
}

/* Write a word in a color, if colors are wanted (ECMA-48, 8.3.117). */
static void put_colored(struct out *o, const char *color, const char *word)
{
	if (o->view->color)
		put(o, color);
	put(o, word);
	if (o->view->color)
		PUT(o, "\033[m");
}

static const char flow_ends[CGG_FLOW_ENDS][16] = {
	[CGG_CLOSED_HERE] = "closed-here",
	[CGG_CLOSED_THERE] = "closed-there",
	[CGG_RESET_HERE] = "reset-here",
	[CGG_RESET_THERE] = "reset-there",
	[CGG_REFUSED] = "refused",
	[CGG_TIMEOUT] = "timeout",
	[CGG_CUT] = "cut",
};

static const struct {
	const char *word, *color;
} verdicts[CGG_VERDICTS] = {
	{ "ALLOW", "" }, { "ALERT", YELLOW }, { "DENY", RED }, { "AUDIT", CYAN }
};

INLINE void put_head(struct out *o, bool json, const struct cgg_event *e)
{
	__u8 verdict = e->verdict % CGG_VERDICTS;

	if (json) {
		PUT(o, "{\"time\":\"");
		put_time(o, e->time);
		PUT(o, "\",\"verdict\":\"");
		put(o, cgg_verdicts[verdict]);
		PUT(o, "\",\"hook\":\"");
		put(o, program_name(e->program));
		*o->at++ = '"';
		return;
	}
	if (o->view->time) {
		put_time(o, e->time);
		*o->at++ = ' ';
	}
	*o->at++ = '[';
	put_colored(o, verdicts[verdict].color, verdicts[verdict].word);
	*o->at++ = ' ';
	put(o, program_name(e->program));
	*o->at++ = ']';
}

static bool is_message(const struct cgg_event *e)
{
	return e->program == CGG_RECVMSG4 || e->program == CGG_RECVMSG6;
}

static bool is_flow(const struct cgg_event *e)
{
	return e->program == CGG_FLOW_TCP || e->program == CGG_FLOW_UDP;
}

/* Return whether the other end sent or called: then it is the source, not the destination. */
static bool is_incoming(const struct cgg_event *e)
{
	return e->program == CGG_INGRESS_SKB || is_message(e) ||
	       (is_flow(e) && e->flow.opened == CGG_OPENED_THERE);
}

INLINE void put_ip4(struct out *o, const __u8 addr[4])
{
	for (int i = 0; i < 4; i++) {
		put_unsigned(o, addr[i]);
		*o->at++ = '.';
	}
	o->at--;
}

/* Write an address; texts of IPv6 addresses are slow to make, so the last ones are kept. */
static void put_addr(struct out *o, bool json, const __u8 addr[16])
{
	static struct {
		__u8 addr[16];
		char text[CGG_NET_TEXT];
	} kept[64];
	unsigned place = (addr[15] ^ addr[13] ^ addr[7]) % 64u;

	if (json)
		*o->at++ = '"';
	if (addr_is_ip4(addr)) {
		put_ip4(o, addr + 12);
	} else {
		if (!*kept[place].text || memcmp(kept[place].addr, addr, 16)) {
			addr_print(addr, kept[place].text);
			memcpy(kept[place].addr, addr, 16);
		}
		put(o, kept[place].text);
	}
	if (json)
		*o->at++ = '"';
}

/* Return the hook that a program belongs to, or CGG_HOOKS. */
int event_hook(__u8 program)
{
	static __u8 found[256]; /* the hook + 1, by program; 0: not looked up yet */

	if (!found[program]) {
		int hook = 0;

		while (hook < CGG_HOOKS &&
		       !(program < CGG_PROGRAMS && cgg_hooks[hook].programs & 1u << program))
			hook++;
		found[program] = (__u8)(hook + 1);
	}
	return found[program] - 1;
}

/* Write the name of an event, and return its length; of a long name only the end is there. */
size_t event_host(const struct cgg_event *e, char name[CGG_OPERAND])
{
	size_t most = is_flow(e) ? sizeof(e->flow.name) : sizeof(e->host.name);
	size_t len = e->net.host < most ? e->net.host : most;

	for (size_t i = 0; i < len; i++)
		name[i] = e->host.name[len - 1 - i];
	name[len] = 0;
	return len;
}

/* Write the fields that each network event has; put_net_more() writes the others at the end. */
INLINE void put_net(struct out *o, bool json, const struct cgg_event *e)
{
	KEY(o, json, "daddr");
	put_addr(o, json, is_incoming(e) ? e->net.local : e->net.addr);
	NUMBER(o, json, "dport", is_message(e) ? e->net.sport : e->net.port);
	NUMBER(o, json, "proto", e->net.proto);
}

/* Return whether an event may have a name, and has one. */
static bool has_host(const struct cgg_event *e)
{
	int hook = event_hook(e->program);

	return e->net.host &&
	       (hook == CGG_CONNECT || hook == CGG_SENDMSG || hook == CGG_DNS || hook == CGG_FLOW);
}

INLINE void put_net_more(struct out *o, bool json, const struct cgg_event *e)
{
	static const __u8 unknown[16];
	const __u8 *source = is_incoming(e) ? e->net.addr : e->net.local;
	__u16 sport = is_message(e) ? e->net.port : e->net.sport;

	if (memcmp(source, unknown, sizeof(unknown))) {
		KEY(o, json, "saddr");
		put_addr(o, json, source);
	}
	if (sport)
		NUMBER(o, json, "sport", sport);
	if (e->net.len && !is_flow(e))
		NUMBER(o, json, "len", e->net.len);
	if (e->net.unread)
		NUMBER(o, json, "unread", e->net.unread);
	if (has_host(e)) {
		char name[CGG_OPERAND];
		size_t len = event_host(e, name);

		BYTES(o, json, "host", name, len);
	}
}

/* Write the fields that only the end of a connection has. */
INLINE void put_flow(struct out *o, bool json, const struct cgg_event_flow *e, bool udp)
{
	static const char opened[][8] = { "", "here", "there" };

	if (e->opened == CGG_OPENED_HERE || e->opened == CGG_OPENED_THERE) {
		STRING(o, json, "opened", opened[e->opened]);
		NUMBER(o, json, "duration_us", e->duration / 1000);
	}
	NUMBER(o, json, "sent", e->sent);
	NUMBER(o, json, "received", e->received);
	if (udp) {
		NUMBER(o, json, "datagrams_sent", e->out);
		NUMBER(o, json, "datagrams_received", e->in);
		if (e->net.len)
			NUMBER(o, json, "dropped", e->net.len);
		if (e->others)
			NUMBER(o, json, "others", 1);
	} else {
		NUMBER(o, json, "retransmits", e->retransmits);
		if (e->rtt)
			NUMBER(o, json, "rtt_us", e->rtt);
	}
	STRING(o, json, "end", flow_ends[e->end % CGG_FLOW_ENDS]);
}

INLINE void put_socket(struct out *o, bool json, const struct cgg_event *e)
{
	static const char *const types[] = { "0", "stream", "dgram", "raw" };
	const char *family = e->socket.family == AF_INET6 ? "inet6" : "inet";
	const char *type = e->socket.type < 4 ? types[e->socket.type] : 0;

	BYTES(o, json, "family", family, strlen(family));
	if (type)
		BYTES(o, json, "type", type, strlen(type));
	else
		NUMBER(o, json, "type", e->socket.type);
	NUMBER(o, json, "proto", e->socket.proto);
}

INLINE void put_sockopt(struct out *o, bool json, const struct cgg_event *e)
{
	static struct {
		__u32 level, name;
		char text[256];
	} kept;

	NUMBER(o, json, "level", e->sockopt.level);
	NUMBER(o, json, "optname", e->sockopt.name);
	if (!*kept.text || kept.level != e->sockopt.level || kept.name != e->sockopt.name) {
		sockopt_print((long)e->sockopt.level, (long)e->sockopt.name, kept.text);
		kept.level = e->sockopt.level;
		kept.name = e->sockopt.name;
	}
	STRING(o, json, "option", kept.text);
}

/* Write the name of a unix socket; an abstract name may hold NULs, a path ends at the first. */
INLINE void put_unix(struct out *o, bool json, const struct cgg_event *e)
{
	size_t len = e->named.len < sizeof(e->named.name) ? e->named.len : sizeof(e->named.name);

	if (e->named.name[0] != '@')
		len = strnlen(e->named.name, len);
	BYTES(o, json, "path", e->named.name, len);
}

INLINE void put_device(struct out *o, bool json, const struct cgg_event *e)
{
	__u32 type = e->device.access_type & 0xffff, access = e->device.access_type >> 16;
	char access_bits[4], *at = access_bits;

	NUMBER(o, json, "major", e->device.major);
	NUMBER(o, json, "minor", e->device.minor);
	KEY(o, json, "access_type");
	if (json) {
		put_unsigned(o, e->device.access_type);
	} else {
		PUT(o, "0x");
		put_hex(o, e->device.access_type, access > 15 ? 8 : 5);
	}
	BYTES(o, json, "type", type == CGG_CHAR ? "c" : "b", 1);
	if (access & CGG_R)
		*at++ = 'r';
	if (access & CGG_W)
		*at++ = 'w';
	if (access & CGG_M)
		*at++ = 'm';
	BYTES(o, json, "access", access_bits, (size_t)(at - access_bits));
}

INLINE void put_sysctl(struct out *o, bool json, const struct cgg_event *e)
{
	size_t len = e->named.len;

	NUMBER(o, json, "write", e->named.write);
	BYTES(o, json, "name", e->named.name,
	      len < sizeof(e->named.name) ? len : sizeof(e->named.name));
}

INLINE void put_subject(struct out *o, bool json, int hook, const struct cgg_event *e)
{
	switch (hook) {
	case CGG_CONNECT:
	case CGG_BIND:
	case CGG_SENDMSG:
	case CGG_RECVMSG:
	case CGG_EGRESS:
	case CGG_INGRESS:
	case CGG_FLOW:
	case CGG_DNS:
		put_net(o, json, e);
		break;
	case CGG_UNIX:
		put_unix(o, json, e);
		break;
	case CGG_SOCKET:
		put_socket(o, json, e);
		break;
	case CGG_DEVICE:
		put_device(o, json, e);
		break;
	case CGG_SYSCTL:
		put_sysctl(o, json, e);
		break;
	case CGG_SETSOCKOPT:
	case CGG_GETSOCKOPT:
		put_sockopt(o, json, e);
		break;
	}
}

static bool has_more(int hook)
{
	return hook == CGG_CONNECT || hook == CGG_SENDMSG || hook == CGG_RECVMSG ||
	       hook == CGG_EGRESS || hook == CGG_INGRESS || hook == CGG_FLOW || hook == CGG_DNS;
}

/* Write the policy's full name while it exists, else its tag. */
INLINE void put_policy(struct out *o, bool json, const struct cgg_event *e)
{
	const struct cgg_policy *all = o->view->policies;
	const char *name = 0;
	size_t len;

	if (all && e->policy[CGG_TAG_FRONT] == '~')
		name = policy_by_tag(all, e->policy, e->place);
	len = name ? strnlen(name, CGG_POLICY_NAME) : 0;
	if (len)
		BYTES(o, json, "policy", name, len);
	else
		STRING(o, json, "policy", e->policy);
}

/* Return the id of the cgroup of the task or socket if it is not the attached one, else 0. */
__u64 event_own(const struct cgg_event *e)
{
	return e->own == e->cgroup ? 0 : e->own;
}

/* Return the name of that cgroup, valid until the next call, or 0. */
const char *event_own_name(const struct cgg_event *e)
{
	static char path[4096];

	if (!event_own(e))
		return 0;
	cgroup_name(e->own, path, sizeof(path));
	return path;
}

INLINE void put_own(struct out *o, bool json, const struct cgg_event *e, const char *own)
{
	BYTES(o, json, "own_cgroup", own, strnlen(own, 4096));
	if (json)
		NUMBER(o, json, "own_cgroup_id", e->own);
}

INLINE size_t print(char *text, bool json, const struct cgg_event *e, const char *cgroup,
		    const char *own, const struct cgg_event_view *view)
{
	struct out o = { .at = text, .view = view };
	int hook = event_hook(e->program);
	const char *set = view->guard_inode ? event_set(e, hook, view) : 0;

	put_head(&o, json, e);
	NUMBER(&o, json, "pid", e->pid);
	STRING(&o, json, "comm", e->comm);
	put_subject(&o, json, hook, e);
	NUMBER(&o, json, "tid", e->tid);
	NUMBER(&o, json, "uid", e->uid);
	NUMBER(&o, json, "gid", e->gid);
	BYTES(&o, json, "cgroup", cgroup, strnlen(cgroup, 4096));
	if (json)
		NUMBER(&o, json, "cgroup_id", e->cgroup);
	put_policy(&o, json, e);
	NUMBER(&o, json, "rule", e->rule);
	if (*e->label)
		STRING(&o, json, "label", e->label);
	if (has_more(hook))
		put_net_more(&o, json, e);
	if (hook == CGG_FLOW)
		put_flow(&o, json, &e->flow, e->program == CGG_FLOW_UDP);
	if (own)
		put_own(&o, json, e, own);
	if (set)
		BYTES(&o, json, "set", set, strlen(set));
	if (json)
		*o.at++ = '}';
	*o.at++ = '\n';
	return (size_t)(o.at - text);
}

/*
 * Print an event with a line end but no NUL; return the length.
 *
 * cgroup and own are the paths of the attached cgroup and, unless it is 0, of event_own().
 */
size_t event_print(char text[CGG_EVENT_TEXT], const struct cgg_event *e, const char *cgroup,
		   const char *own, const struct cgg_event_view *view)
{
	return view->json ? print(text, true, e, cgroup, own, view)
			  : print(text, false, e, cgroup, own, view);
}

/* Write the beginning of a line that is not an event: a word and a count. */
static void put_count(struct out *o, const char *upper, const char *lower, __u64 count)
{
	if (o->view->json) {
		PUT(o, "{\"");
		put(o, lower);
		PUT(o, "\":");
		put_unsigned(o, count);
		return;
	}
	*o->at++ = '[';
	put_colored(o, MAGENTA, upper);
	*o->at++ = ' ';
	put_unsigned(o, count);
	*o->at++ = ']';
}

/* Print how many events were lost; return the length. */
size_t event_lost(char text[CGG_EVENT_TEXT], __u64 count, const struct cgg_event_view *view)
{
	struct out o = { .at = text, .view = view };

	put_count(&o, "LOST", "lost", count);
	if (view->json)
		*o.at++ = '}';
	*o.at++ = '\n';
	return (size_t)(o.at - text);
}

/* Print how many events of one kind were suppressed (`withheld'); return the length. */
size_t event_suppressed(char text[CGG_EVENT_TEXT], const struct cgg_news *news, const char *cgroup,
			const char *policy, const struct cgg_event_view *view)
{
	struct out o = { .at = text, .view = view };
	bool json = view->json;
	const char *hook = program_name(news->key.program);
	const char *verdict = cgg_verdicts[news->key.verdict % CGG_VERDICTS];

	put_count(&o, "WITHHELD", "withheld", news->count);
	BYTES(&o, json, "cgroup", cgroup, strnlen(cgroup, 4096));
	if (json)
		NUMBER(&o, json, "cgroup_id", news->key.cgroup);
	BYTES(&o, json, "policy", policy, strnlen(policy, CGG_POLICY_NAME));
	NUMBER(&o, json, "rule", news->key.rule);
	BYTES(&o, json, "verdict", verdict, strlen(verdict));
	BYTES(&o, json, "hook", hook, strlen(hook));
	if (json)
		*o.at++ = '}';
	*o.at++ = '\n';
	return (size_t)(o.at - text);
}
