// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sockopt.c - parses and prints socket options by level and name, as the system headers spell them.
 *
 * UDP accepts its options at UDP-Lite's level, too: both levels are SOL_UDP here and in
 * bpf/sockopt.bpf.c.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <linux/udp.h>
#include <asm/socket.h>
#include <string.h>

#include "operand.h"

#define SOL_IP_LEVEL 0
#define SOL_TCP_LEVEL 6
#define SOL_UDP_LEVEL 17
#define SOL_UDPLITE_LEVEL 136
#define SOL_IPV6_LEVEL 41
#define SOL_RAW_LEVEL 255
#define SOL_TLS_LEVEL 282

struct option_name {
	const char *word;
	int number;
};

/* Where two names have the same number, sockopt_print() prints the first. */
#define O(name)                                                                                    \
	{                                                                                          \
#name, name                                                                        \
	}

static const struct option_name levels[] = {
	{ "SOL_SOCKET", SOL_SOCKET },	    { "SOL_IP", SOL_IP_LEVEL },
	{ "SOL_TCP", SOL_TCP_LEVEL },	    { "SOL_UDP", SOL_UDP_LEVEL },
	{ "SOL_IPV6", SOL_IPV6_LEVEL },	    { "SOL_RAW", SOL_RAW_LEVEL },
	{ "SOL_TLS", SOL_TLS_LEVEL },	    { "IPPROTO_IP", SOL_IP_LEVEL },
	{ "IPPROTO_TCP", SOL_TCP_LEVEL },   { "IPPROTO_UDP", SOL_UDP_LEVEL },
	{ "SOL_UDPLITE", SOL_UDP_LEVEL },   { "IPPROTO_UDPLITE", SOL_UDP_LEVEL },
	{ "IPPROTO_IPV6", SOL_IPV6_LEVEL }, { 0, 0 }
};

static const struct option_name socket_names[] = { O(SO_DEBUG),
						   O(SO_REUSEADDR),
						   O(SO_TYPE),
						   O(SO_ERROR),
						   O(SO_DONTROUTE),
						   O(SO_BROADCAST),
						   O(SO_SNDBUF),
						   O(SO_RCVBUF),
						   O(SO_SNDBUFFORCE),
						   O(SO_RCVBUFFORCE),
						   O(SO_KEEPALIVE),
						   O(SO_OOBINLINE),
						   O(SO_NO_CHECK),
						   O(SO_PRIORITY),
						   O(SO_LINGER),
						   O(SO_BSDCOMPAT),
						   O(SO_REUSEPORT),
						   O(SO_PASSCRED),
						   O(SO_PEERCRED),
						   O(SO_RCVLOWAT),
						   O(SO_SNDLOWAT),
						   O(SO_BINDTODEVICE),
						   O(SO_ATTACH_FILTER),
						   O(SO_DETACH_FILTER),
						   O(SO_PEERNAME),
						   O(SO_ACCEPTCONN),
						   O(SO_PEERSEC),
						   O(SO_PASSSEC),
						   O(SO_MARK),
						   O(SO_PROTOCOL),
						   O(SO_DOMAIN),
						   O(SO_RXQ_OVFL),
						   O(SO_WIFI_STATUS),
						   O(SO_PEEK_OFF),
						   O(SO_NOFCS),
						   O(SO_LOCK_FILTER),
						   O(SO_SELECT_ERR_QUEUE),
						   O(SO_BUSY_POLL),
						   O(SO_MAX_PACING_RATE),
						   O(SO_BPF_EXTENSIONS),
						   O(SO_INCOMING_CPU),
						   O(SO_ATTACH_BPF),
						   O(SO_ATTACH_REUSEPORT_CBPF),
						   O(SO_ATTACH_REUSEPORT_EBPF),
						   O(SO_CNX_ADVICE),
						   O(SO_MEMINFO),
						   O(SO_INCOMING_NAPI_ID),
						   O(SO_COOKIE),
						   O(SO_PEERGROUPS),
						   O(SO_ZEROCOPY),
						   O(SO_TXTIME),
						   O(SO_BINDTOIFINDEX),
						   O(SO_DETACH_REUSEPORT_BPF),
						   O(SO_PREFER_BUSY_POLL),
						   O(SO_BUSY_POLL_BUDGET),
						   O(SO_NETNS_COOKIE),
						   O(SO_BUF_LOCK),
						   O(SO_RESERVE_MEM),
						   { 0, 0 } };

static const struct option_name ip_names[] = { O(IP_TOS),
					       O(IP_TTL),
					       O(IP_HDRINCL),
					       O(IP_OPTIONS),
					       O(IP_RECVOPTS),
					       O(IP_RETOPTS),
					       O(IP_PKTINFO),
					       O(IP_MTU_DISCOVER),
					       O(IP_RECVERR),
					       O(IP_RECVTTL),
					       O(IP_RECVTOS),
					       O(IP_MTU),
					       O(IP_FREEBIND),
					       O(IP_IPSEC_POLICY),
					       O(IP_XFRM_POLICY),
					       O(IP_PASSSEC),
					       O(IP_TRANSPARENT),
					       O(IP_MINTTL),
					       O(IP_NODEFRAG),
					       O(IP_CHECKSUM),
					       O(IP_BIND_ADDRESS_NO_PORT),
					       O(IP_RECVFRAGSIZE),
					       O(IP_RECVERR_RFC4884),
					       O(IP_MULTICAST_IF),
					       O(IP_MULTICAST_TTL),
					       O(IP_MULTICAST_LOOP),
					       O(IP_ADD_MEMBERSHIP),
					       O(IP_DROP_MEMBERSHIP),
					       O(IP_UNBLOCK_SOURCE),
					       O(IP_BLOCK_SOURCE),
					       O(IP_ADD_SOURCE_MEMBERSHIP),
					       O(IP_DROP_SOURCE_MEMBERSHIP),
					       O(IP_MSFILTER),
					       O(IP_MULTICAST_ALL),
					       O(IP_UNICAST_IF),
					       { "IP_LOCAL_PORT_RANGE", 51 },
					       { 0, 0 } };

static const struct option_name tcp_names[] = { O(TCP_NODELAY),
						O(TCP_MAXSEG),
						O(TCP_CORK),
						O(TCP_KEEPIDLE),
						O(TCP_KEEPINTVL),
						O(TCP_KEEPCNT),
						O(TCP_SYNCNT),
						O(TCP_LINGER2),
						O(TCP_DEFER_ACCEPT),
						O(TCP_WINDOW_CLAMP),
						O(TCP_INFO),
						O(TCP_QUICKACK),
						O(TCP_CONGESTION),
						O(TCP_MD5SIG),
						O(TCP_USER_TIMEOUT),
						O(TCP_REPAIR),
						O(TCP_REPAIR_QUEUE),
						O(TCP_QUEUE_SEQ),
						O(TCP_REPAIR_OPTIONS),
						O(TCP_FASTOPEN),
						O(TCP_TIMESTAMP),
						O(TCP_NOTSENT_LOWAT),
						O(TCP_CC_INFO),
						O(TCP_SAVE_SYN),
						O(TCP_SAVED_SYN),
						O(TCP_REPAIR_WINDOW),
						O(TCP_FASTOPEN_CONNECT),
						O(TCP_ULP),
						O(TCP_MD5SIG_EXT),
						O(TCP_FASTOPEN_KEY),
						O(TCP_FASTOPEN_NO_COOKIE),
						O(TCP_ZEROCOPY_RECEIVE),
						O(TCP_INQ),
						O(TCP_TX_DELAY),
						{ 0, 0 } };

static const struct option_name udp_names[] = {
	O(UDP_CORK), O(UDP_ENCAP), O(UDP_NO_CHECK6_TX), O(UDP_NO_CHECK6_RX), O(UDP_SEGMENT),
	O(UDP_GRO),  { 0, 0 }
};

static const struct option_name ipv6_names[] = { O(IPV6_2292HOPOPTS),
						 O(IPV6_2292DSTOPTS),
						 O(IPV6_2292RTHDR),
						 O(IPV6_2292PKTOPTIONS),
						 O(IPV6_RECVRTHDR),
						 O(IPV6_FLOWLABEL_MGR),
						 O(IPV6_ADDRFORM),
						 O(IPV6_2292PKTINFO),
						 O(IPV6_CHECKSUM),
						 O(IPV6_UNICAST_HOPS),
						 O(IPV6_MULTICAST_IF),
						 O(IPV6_MULTICAST_HOPS),
						 O(IPV6_MULTICAST_LOOP),
						 O(IPV6_ADD_MEMBERSHIP),
						 O(IPV6_DROP_MEMBERSHIP),
						 O(IPV6_ROUTER_ALERT),
						 O(IPV6_MTU_DISCOVER),
						 O(IPV6_MTU),
						 O(IPV6_RECVERR),
						 O(IPV6_V6ONLY),
						 O(IPV6_JOIN_ANYCAST),
						 O(IPV6_LEAVE_ANYCAST),
						 O(IPV6_FLOWINFO_SEND),
						 O(IPV6_IPSEC_POLICY),
						 O(IPV6_XFRM_POLICY),
						 O(IPV6_HDRINCL),
						 O(IPV6_RECVPKTINFO),
						 O(IPV6_PKTINFO),
						 O(IPV6_RECVHOPLIMIT),
						 O(IPV6_HOPLIMIT),
						 O(IPV6_RTHDR),
						 O(IPV6_DSTOPTS),
						 O(IPV6_HOPOPTS),
						 O(IPV6_TCLASS),
						 O(IPV6_AUTOFLOWLABEL),
						 O(IPV6_ADDR_PREFERENCES),
						 O(IPV6_MINHOPCOUNT),
						 O(IPV6_TRANSPARENT),
						 O(IPV6_UNICAST_IF),
						 O(IPV6_FREEBIND),
						 { 0, 0 } };

static const struct option_name none[] = { { 0, 0 } };

static const struct option_name *names_of(long level)
{
	switch (level) {
	case SOL_SOCKET:
		return socket_names;
	case SOL_IP_LEVEL:
		return ip_names;
	case SOL_TCP_LEVEL:
		return tcp_names;
	case SOL_UDP_LEVEL:
		return udp_names;
	case SOL_IPV6_LEVEL:
		return ipv6_names;
	}
	return none;
}

/* Return the level that replaces its synonyms. */
static long level_one(long level)
{
	return level == SOL_UDPLITE_LEVEL ? SOL_UDP_LEVEL : level;
}

/* Read a number, a name from the table, or * as -1, into *value. Return 0 or -1. */
static int half(long *value, const char *text, size_t len, const struct option_name *names)
{
	unsigned long n;

	*value = -1;
	if (len == 1 && *text == '*')
		return 0;
	for (; names->word; names++) {
		if (strlen(names->word) == len && !strncmp(names->word, text, len)) {
			*value = names->number;
			return 0;
		}
	}
	if (number_parse(&n, text, len, 2147483647))
		return -1;
	*value = (long)n;
	return 0;
}

int sockopt_parse(struct cgg_rule *rule, const char *word)
{
	const char *colon = strchr(word, ':');

	if (!colon)
		return set_error(CGG_USAGE,
				 "%.80s: not an option: LEVEL:NAME, like SOL_SOCKET:SO_MARK", word);
	if (half(&rule->major, word, (size_t)(colon - word), levels))
		return set_error(
			CGG_USAGE,
			"%.80s: not a level of options (a number, or a name like SOL_SOCKET)",
			word);
	rule->major = level_one(rule->major);
	if (half(&rule->minor, colon + 1, strlen(colon + 1), names_of(rule->major)))
		return set_error(CGG_USAGE,
				 "%.80s: not an option of its level (a number, a name, or *)",
				 word);
	if (rule->major < 0 && rule->minor >= 0)
		return set_error(CGG_USAGE, "%.80s: an option needs its level", word);
	return 0;
}

static void name_print(const struct option_name *names, long number, char *text, size_t size)
{
	while (names->word && names->number != number)
		names++;
	if (number < 0)
		snprintf(text, size, "*");
	else if (names->word)
		snprintf(text, size, "%s", names->word);
	else
		snprintf(text, size, "%ld", number);
}

void sockopt_print(long level, long name, char text[256])
{
	size_t used;

	level = level_one(level);
	name_print(levels, level, text, 100);
	used = strlen(text);
	text[used++] = ':';
	name_print(names_of(level), name, text + used, 256 - used);
}
