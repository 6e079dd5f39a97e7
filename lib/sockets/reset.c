// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reset.c - lets the other end know of a connection that was ended, where egress refuses the reset.
 *
 * The reset that the kernel sends when it ends a socket is a packet of this socket, so the policy
 * that refuses the connection may drop it. Then the other end would wait for ever. So a segment is
 * sent that does not fit in the connection. The other end answers it with an acknowledgement
 * (RFC 5961). There is no socket for that any more, so the kernel answers with a reset, which comes
 * from no cgroup. All this is as if the socket's process had died and the host had been restarted.
 */
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"

/* Add 16-bit words to a sum of RFC 1071. */
static __u32 sum_add(__u32 sum, const void *data, size_t len)
{
	const __u8 *byte = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (__u32)byte[i] << 8 | byte[i + 1];
	return sum;
}

static __u16 sum_end(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16)~sum);
}

/* Make the segment: an acknowledgement of nothing. Mapped addresses have the sum of IPv4 ones. */
static struct tcphdr segment_make(const struct cgg_socket *s, bool is_ip4)
{
	size_t from = is_ip4 ? 12 : 0;
	struct tcphdr tcp = { .source = htons(s->local.port),
			      .dest = htons(s->peer.port),
			      .doff = sizeof(tcp) / 4,
			      .ack = 1 };
	__u32 sum = IPPROTO_TCP + sizeof(tcp);

	sum = sum_add(sum, s->local.addr + from, sizeof(s->local.addr) - from);
	sum = sum_add(sum, s->peer.addr + from, sizeof(s->peer.addr) - from);
	tcp.check = sum_end(sum_add(sum, &tcp, sizeof(tcp)));
	return tcp;
}

static void send_ip4(const struct cgg_socket *s)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} packet = { .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP },
		     .tcp = segment_make(s, true) };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	memcpy(&packet.ip.saddr, s->local.addr + 12, sizeof(packet.ip.saddr));
	memcpy(&packet.ip.daddr, s->peer.addr + 12, sizeof(packet.ip.daddr));
	to.sin_addr.s_addr = packet.ip.daddr;
	if (fd < 0)
		return;
	sendto(fd, &packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	close(fd);
}

static void send_ip6(const struct cgg_socket *s)
{
	struct {
		struct ip6_hdr ip;
		struct tcphdr tcp;
	} packet = { .ip.ip6_ctlun.ip6_un1 = { .ip6_un1_flow = htonl(6u << 28),
					       .ip6_un1_plen = htons(sizeof(struct tcphdr)),
					       .ip6_un1_nxt = IPPROTO_TCP,
					       .ip6_un1_hlim = 64 },
		     .tcp = segment_make(s, false) };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = s->iface };
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	memcpy(&packet.ip.ip6_src, s->local.addr, sizeof(packet.ip.ip6_src));
	memcpy(&packet.ip.ip6_dst, s->peer.addr, sizeof(packet.ip.ip6_dst));
	to.sin6_addr = packet.ip.ip6_dst;
	if (fd < 0)
		return;
	sendto(fd, &packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	close(fd);
}

/* Make the other end notice that this end is gone. If this is lost, its next packet tells it. */
void peer_provoke(const struct cgg_socket *s)
{
	if (addr_is_ip4(s->peer.addr))
		send_ip4(s);
	else
		send_ip6(s);
}
