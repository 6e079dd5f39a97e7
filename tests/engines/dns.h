/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dns.h - writes messages of DNS, for the engines that ask and answer (RFC 1035). */
#pragma once

#include <string.h>
#include <sys/socket.h>

#include "engine.h"

#ifndef DNS_MOST
#define DNS_MOST 4096 /* bytes of a message */
#endif
#define DNS_ADDRESSES 60 /* of an answer */
enum dns_type { DNS_A = 1, DNS_CNAME = 5, DNS_AAAA = 28 };

struct dns_message {
	size_t len;
	uint8_t byte[DNS_MOST];
};

static inline void dns_put(struct dns_message *m, const void *bytes, size_t len)
{
	if (m->len + len > sizeof(m->byte))
		errx(3, "a message is too long");
	memcpy(m->byte + m->len, bytes, len);
	m->len += len;
}

static inline void dns_put16(struct dns_message *m, unsigned n)
{
	dns_put(m, (const uint8_t[]){ (uint8_t)(n >> 8), (uint8_t)n }, 2);
}

static inline void dns_put_name(struct dns_message *m, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");
		uint8_t size = (uint8_t)len;

		dns_put(m, &size, 1);
		dns_put(m, name, len);
		name += len + (name[len] == '.');
	}
	dns_put(m, "", 1);
}

static inline void dns_head(struct dns_message *m, unsigned id, unsigned flags, unsigned answers)
{
	m->len = 0;
	dns_put16(m, id);
	dns_put16(m, flags);
	dns_put16(m, 1);
	dns_put16(m, answers);
	dns_put16(m, 0);
	dns_put16(m, 0);
}

static inline void dns_ask(struct dns_message *m, unsigned id, const char *name, enum dns_type type)
{
	dns_head(m, id, 0x0100, 0);
	dns_put_name(m, name);
	dns_put16(m, type);
	dns_put16(m, 1);
}

/* dns_record - write a record of the name that the question has */
static inline void dns_record(struct dns_message *m, enum dns_type type, const void *data,
			      size_t len)
{
	dns_put16(m, 0xc00c);
	dns_put16(m, type);
	dns_put16(m, 1);
	dns_put16(m, 0);
	dns_put16(m, 60);
	dns_put16(m, (unsigned)len);
	dns_put(m, data, len);
}

/* dns_address - return an address by its number: of what is allowed, or of what is not */
static inline struct sockaddr_in6 dns_address(enum dns_type type, int allowed, uint32_t number)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	uint8_t *a = to.sin6_addr.s6_addr;

	if (type == DNS_A) {
		a[10] = a[11] = 0xff;
		a[12] = 198;
		a[13] = allowed ? 18 : 19;
	} else {
		memcpy(a, (const uint8_t[]){ 0x20, 1, 0xd, 0xb8 }, 4);
		a[8] = allowed ? 1 : 2;
	}
	a[14] = (uint8_t)(number >> 8);
	a[15] = (uint8_t)number;
	return to;
}

/* resolver - return 127.0.0.53, port 53 */
static inline struct sockaddr_in dns_resolver(void)
{
	struct sockaddr_in at = loopback("53");

	at.sin_addr.s_addr = htonl(0x7f000035);
	return at;
}
