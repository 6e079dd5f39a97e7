// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * event.c - a record becomes one line, of text or of JSON.
 *
 * By hand and without printf, for this is what a reader of a million events a
 * second does. comm, names and paths hold whatever the guarded program chose:
 * what leaves here is printable ASCII on one line, and JSON with \u escapes.
 */
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "cgg.h"

struct out {
	char *at;
	const struct cgg_event_view *view;
};

static void put(struct out *o, const char *text)
{
	size_t len = strlen(text);

	memcpy(o->at, text, len);
	o->at += len;
}

static void put_unsigned(struct out *o, __u64 n)
{
	char digits[20];
	int len = 0;

	do {
		digits[len++] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	while (len)
		*o->at++ = digits[--len];
}

static void put_hex(struct out *o, __u32 n, int digits)
{
	while (digits--)
		*o->at++ = "0123456789abcdef"[n >> 4 * digits & 15];
}

static void put_u(struct out *o, __u32 unit)
{
	put(o, "\\u");
	put_hex(o, unit, 4);
}

/* utf8_read - one character (RFC 3629) and its length; what is none is U+FFFD, one byte */
static __u32 utf8_read(const __u8 *s, size_t len, size_t *step)
{
	static const __u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t size = *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;
	__u32 c = size ? *s & 0x7fu >> size : 0;

	*step = 1;
	if (!size || size > len)
		return 0xfffd;
	for (size_t i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*step = size;
	return c;
}

static void put_json(struct out *o, const __u8 *s, size_t len)
{
	size_t step = 1;

	*o->at++ = '"';
	for (size_t i = 0; i < len; i += step) {
		__u32 c = s[i];

		step = 1;
		if (c >= 0x80)
			c = utf8_read(s + i, len - i, &step);
		if (c >= 0x10000) {
			put_u(o, 0xd800 + ((c - 0x10000) >> 10));
			put_u(o, 0xdc00 + (c & 0x3ff));
		} else if (c < ' ' || c > '~') {
			put_u(o, c);
		} else {
			if (c == '"' || c == '\\')
				*o->at++ = '\\';
			*o->at++ = (char)c;
		}
	}
	*o->at++ = '"';
}

static void put_text(struct out *o, const __u8 *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '\\') {
			put(o, "\\x");
			put_hex(o, s[i], 2);
		} else {
			*o->at++ = (char)s[i];
		}
	}
}

void text_print(char *text, const char *s)
{
	struct out o = { .at = text };

	put_text(&o, (const __u8 *)s, strlen(s));
	*o.at = 0;
}

/* text_utf8 - s with U+FFFD for what is no UTF-8 */
void text_utf8(char *text, const char *s)
{
	const __u8 *at = (const __u8 *)s;
	size_t len = strlen(s), step;

	for (; len; at += step, len -= step) {
		step = 1;
		if (*at >= 0x80 && utf8_read(at, len, &step) == 0xfffd && step == 1) {
			memcpy(text, "\xef\xbf\xbd", 3);
			text += 3;
		} else {
			memcpy(text, at, step);
			text += step;
		}
	}
	*text = 0;
}

static void key(struct out *o, const char *name)
{
	if (o->view->json) {
		put(o, ",\"");
		put(o, name);
		put(o, "\":");
	} else {
		*o->at++ = ' ';
		put(o, name);
		*o->at++ = '=';
	}
}

static void number(struct out *o, const char *name, __u64 n)
{
	key(o, name);
	put_unsigned(o, n);
}

static void bytes(struct out *o, const char *name, const void *s, size_t len)
{
	key(o, name);
	if (o->view->json)
		put_json(o, s, len);
	else
		put_text(o, s, len);
}

static void string(struct out *o, const char *name, const char *s, size_t room)
{
	bytes(o, name, s, strnlen(s, room));
}

/* put_time - RFC 3339 in UTC; the part down to the second is kept from the last call */
static void put_time(struct out *o, __u64 boot)
{
	static __s64 kept = -1;
	static char text[32];
	__s64 t = (__s64)boot + o->view->clock;
	time_t second = (time_t)(t / 1000000000);
	__u32 micro = (__u32)(t % 1000000000 / 1000);
	struct tm tm;

	if (second != kept) {
		gmtime_r(&second, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.", &tm);
		kept = second;
	}
	put(o, text);
	for (__u32 unit = 100000; unit; unit /= 10)
		*o->at++ = (char)('0' + micro / unit % 10);
	*o->at++ = 'Z';
}

static void put_head(struct out *o, const struct cgg_event *e)
{
	static const char *const upper[] = { "ALLOW", "ALERT", "DENY", "AUDIT" };
	const char *hook = e->program < CGG_PROGRAMS ? cgg_programs[e->program].name : "?";
	__u8 verdict = e->verdict & 3;

	if (o->view->json) {
		put(o, "{\"time\":\"");
		put_time(o, e->time);
		put(o, "\",\"verdict\":\"");
		put(o, cgg_verdicts[verdict]);
		put(o, "\",\"hook\":\"");
		put(o, hook);
		*o->at++ = '"';
		return;
	}
	if (o->view->time) {
		put_time(o, e->time);
		*o->at++ = ' ';
	}
	*o->at++ = '[';
	put(o, upper[verdict]);
	*o->at++ = ' ';
	put(o, hook);
	*o->at++ = ']';
}

/* is_incoming - the other end is the source */
static bool is_incoming(const struct cgg_event *e)
{
	return e->program == CGG_INGRESS_SKB || e->program == CGG_RECVMSG4 ||
	       e->program == CGG_RECVMSG6;
}

/* What is only sometimes known stands behind the rest: see put_more(). */
static void put_net(struct out *o, const struct cgg_event *e)
{
	char text[CGG_NET_TEXT];

	addr_print(is_incoming(e) ? e->net.local : e->net.addr, text);
	string(o, "daddr", text, sizeof(text));
	number(o, "dport",
	       e->program == CGG_RECVMSG4 || e->program == CGG_RECVMSG6 ? e->net.sport
									: e->net.port);
	number(o, "proto", e->net.proto);
}

static void put_more(struct out *o, const struct cgg_event *e)
{
	static const __u8 unknown[16];
	const __u8 *source = is_incoming(e) ? e->net.addr : e->net.local;
	__u16 sport = e->program == CGG_INGRESS_SKB || !is_incoming(e) ? e->net.sport : e->net.port;
	char text[CGG_NET_TEXT];

	if (memcmp(source, unknown, sizeof(unknown))) {
		addr_print(source, text);
		string(o, "saddr", text, sizeof(text));
	}
	if (sport)
		number(o, "sport", sport);
	if (e->net.len)
		number(o, "len", e->net.len);
	if (e->net.unread)
		number(o, "unread", 1);
}

static void put_socket(struct out *o, const struct cgg_event *e)
{
	static const char *const types[] = { "0", "stream", "dgram", "raw" };
	const char *family = e->socket.family == AF_INET6 ? "inet6" : "inet";

	bytes(o, "family", family, strlen(family));
	if (e->socket.type < 4)
		bytes(o, "type", types[e->socket.type], strlen(types[e->socket.type]));
	else
		number(o, "type", e->socket.type);
	number(o, "proto", e->socket.proto);
}

static void put_sockopt(struct out *o, const struct cgg_event *e)
{
	char text[256];

	number(o, "level", e->sockopt.level);
	number(o, "optname", e->sockopt.name);
	sockopt_print((int)e->sockopt.level, (int)e->sockopt.name, text);
	string(o, "option", text, sizeof(text));
}

/* An abstract name may hold NULs; a path ends at the first. */
static void put_unix(struct out *o, const struct cgg_event *e)
{
	size_t len = e->named.len < sizeof(e->named.name) ? e->named.len : sizeof(e->named.name);

	if (e->named.name[0] != '@')
		len = strnlen(e->named.name, len);
	bytes(o, "path", e->named.name, len);
}

static void put_device(struct out *o, const struct cgg_event *e)
{
	__u32 type = e->device.access_type & 0xffff, access = e->device.access_type >> 16;
	char letters[4], *at = letters;

	number(o, "major", e->device.major);
	number(o, "minor", e->device.minor);
	if (o->view->json) {
		number(o, "access_type", e->device.access_type);
	} else {
		key(o, "access_type");
		put(o, "0x");
		put_hex(o, e->device.access_type, access > 15 ? 8 : 5);
	}
	string(o, "type", type == CGG_CHAR ? "c" : "b", 1);
	if (access & CGG_R)
		*at++ = 'r';
	if (access & CGG_W)
		*at++ = 'w';
	if (access & CGG_M)
		*at++ = 'm';
	bytes(o, "access", letters, (size_t)(at - letters));
}

static void put_sysctl(struct out *o, const struct cgg_event *e)
{
	size_t len = e->named.len;

	number(o, "write", e->named.write);
	bytes(o, "name", e->named.name, len < sizeof(e->named.name) ? len : sizeof(e->named.name));
}

/* hook_of - the hook whose event the program's is */
static int hook_of(__u8 program)
{
	for (int i = 0; i < CGG_HOOKS; i++)
		if (program < CGG_PROGRAMS && cgg_hooks[i].programs & 1u << program)
			return i;
	return -1;
}

static const struct {
	void (*put)(struct out *o, const struct cgg_event *e);
	void (*more)(struct out *o, const struct cgg_event *e);
} subjects[CGG_HOOKS] = {
	[CGG_CONNECT] = { put_net, put_more }, [CGG_BIND] = { put_net, 0 },
	[CGG_SENDMSG] = { put_net, put_more }, [CGG_RECVMSG] = { put_net, put_more },
	[CGG_EGRESS] = { put_net, put_more },  [CGG_INGRESS] = { put_net, put_more },
	[CGG_UNIX] = { put_unix, 0 },	       [CGG_SOCKET] = { put_socket, 0 },
	[CGG_DEVICE] = { put_device, 0 },      [CGG_SYSCTL] = { put_sysctl, 0 },
	[CGG_SETSOCKOPT] = { put_sockopt, 0 }, [CGG_GETSOCKOPT] = { put_sockopt, 0 },
};

size_t event_print(char text[CGG_EVENT_TEXT], const struct cgg_event *e, const char *cgroup,
		   const struct cgg_event_view *view)
{
	struct out o = { .at = text, .view = view };
	int hook = hook_of(e->program);

	put_head(&o, e);
	number(&o, "pid", e->pid);
	string(&o, "comm", e->comm, sizeof(e->comm));
	if (hook >= 0)
		subjects[hook].put(&o, e);
	number(&o, "tid", e->tid);
	number(&o, "uid", e->uid);
	number(&o, "gid", e->gid);
	string(&o, "cgroup", cgroup, 4096);
	if (view->json)
		number(&o, "cgroup_id", e->cgroup);
	string(&o, "policy", e->policy, sizeof(e->policy));
	number(&o, "rule", e->rule);
	if (*e->label)
		string(&o, "label", e->label, sizeof(e->label));
	if (hook >= 0 && subjects[hook].more)
		subjects[hook].more(&o, e);
	if (view->json)
		*o.at++ = '}';
	*o.at++ = '\n';
	return (size_t)(o.at - text);
}

size_t event_lost(char text[CGG_EVENT_TEXT], __u64 count, const struct cgg_event_view *view)
{
	struct out o = { .at = text, .view = view };

	put(&o, view->json ? "{\"lost\":" : "[LOST ");
	put_unsigned(&o, count);
	put(&o, view->json ? "}\n" : "]\n");
	return (size_t)(o.at - text);
}
