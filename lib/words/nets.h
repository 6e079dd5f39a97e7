/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* nets.h - a part of words.h: addresses, nets, ports, protocols, owners, and lists of them. */
#ifndef CGG_NETS_H
#define CGG_NETS_H

#include "../util/util.h"

/* The words that stand for nets; rules print them in this order, before addresses. */
enum cgg_net_word {
	CGG_NET_ADDRESSES, /* none: addr, len and last say which */
	CGG_NET_LOCAL,
	CGG_NET_PRIVATE,
	CGG_NET_LINK_LOCAL,
	CGG_NET_MULTICAST,
	CGG_NET_METADATA,
	CGG_NET_GLOBAL,
	CGG_NET_WORDS,
	CGG_NET_SET = 0xff, /* no word: what the set called `set' contains */
};
#define CGG_NET_USAGE "ADDR[/LEN]|ADDR-ADDR|local|private|link-local|multicast|metadata|global"

/* addr.c: addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d */
struct cgg_net {
	union {
		struct {
			__u8 addr[16];
			__u8 last[16]; /* of a range; else 0 */
		};
		char set[CGG_NAME];
	};
	__u8 len; /* bits, 0 to 128; for IPv4 96 + the prefix length; 0 for a range */
	__u8 word; /* enum cgg_net_word */
	bool range;
};
CGG_SAME(CGG_NAME == 32);
#define CGG_NET_TEXT 96
bool addr_is_padded(const char *word);
bool addr_is_ip4(const __u8 addr[16]);
bool net_is_address(const struct cgg_net *net);
void addr_print(const __u8 addr[16], char text[CGG_NET_TEXT]);
bool net_is_word(const char *word); /* private, global... */
int net_parse(struct cgg_net *net, const char *word);
void net_print(const struct cgg_net *net, char text[CGG_NET_TEXT]);
int port_parse(__u16 *min, __u16 *max, const char *word);
int proto_find(__u16 *proto, const char *word); /* by name; -1: none */
int proto_parse(__u16 *proto, const char *word);
void proto_print(__u16 proto, char text[CGG_NET_TEXT]);

/* owner.c: users and groups; rule_resolve() looks a name up and clears it */
#define CGG_OWNER_MOST 0xfffffffeUL /* 0xffffffff is no user */
struct cgg_owner {
	__u32 min, max;
	char name[32];
};
int uid_parse(struct cgg_owner *owner, const char *word);
int gid_parse(struct cgg_owner *owner, const char *word);
void owner_print(const struct cgg_owner *owner, char text[CGG_NET_TEXT]);

/* list.c: lists of more than one element, sorted, each element once; an array to be freed */
struct cgg_port {
	__u16 min, max;
};
#define CGG_RULE_ENTRIES 262144u /* combinations of the elements of a rule's lists */
struct cgg_nets {
	struct cgg_net *net;
	unsigned count;
};
struct cgg_ports {
	struct cgg_port *port;
	unsigned count;
};
#define CGG_PROTOS 256
struct cgg_protos {
	__u8 bits[CGG_PROTOS / 8]; /* by number */
};
int nets_parse(struct cgg_net *first, struct cgg_nets *list, const char *word);
int nets_and_sets_parse(struct cgg_net *first, struct cgg_nets *list, const char *word);
int ports_parse(__u16 *min, __u16 *max, struct cgg_ports *list, const char *word);
void nets_take(struct cgg_net *first, struct cgg_nets *list, struct cgg_net *net, unsigned count);
void ports_take(__u16 *min, __u16 *max, struct cgg_ports *list, struct cgg_port *port,
		unsigned count);
int protos_parse(__u16 *first, struct cgg_protos *list, const char *word);
bool protos_any(const struct cgg_protos *list);
bool protos_have(const struct cgg_protos *list, unsigned proto);
unsigned protos_next(const struct cgg_protos *list, unsigned proto);

/* prefixes.c: what a net means, as prefixes; local and sets mean none here */
struct cgg_prefix {
	__u8 addr[16];
	__u8 len; /* in 128 */
};
struct cgg_prefixes {
	struct cgg_prefix *prefix; /* to be freed */
	unsigned count;
	size_t room;
};
int prefixes_add(struct cgg_prefixes *all, const struct cgg_net *net);
void prefixes_join(struct cgg_prefixes *all);
int prefixes_divide(struct cgg_prefixes *all);

#endif
