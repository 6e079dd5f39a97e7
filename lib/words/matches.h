/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* matches.h - a part of words.h: matches of packets and values, and how often a rule matches. */
#ifndef CGG_MATCHES_H
#define CGG_MATCHES_H

#include "nets.h"

/* own_side.c: matches of packets; lists as in a rule. rule_resolve() looks the interface up. */
struct cgg_own_side {
	__u16 sport_min, sport_max;
	struct cgg_ports sports;
	struct cgg_net self;
	struct cgg_nets selfs;
	char iface[16];
	__u32 iface_number;
};
int sport_parse(struct cgg_own_side *own, const char *word);
int iface_parse(struct cgg_own_side *own, const char *word);
int self_parse(struct cgg_own_side *own, const char *word);

/* value.c: numbers that sysctls and socket options are set to */
struct cgg_value {
	__s64 min, max;
};
int value_parse(struct cgg_value *value, const char *word);
void value_print(const struct cgg_value *value, char text[CGG_NET_TEXT]);

/* rate.c: how often a rule may match */
struct cgg_rate {
	__u32 count, burst; /* count 0: as often as it can */
	__u8 unit; /* s, m, h, d */
};
int rate_parse(struct cgg_rate *rate, const char *word);
int burst_parse(struct cgg_rate *rate, const char *word);
int rate_check(struct cgg_rate *rate);
__u64 rate_interval(const struct cgg_rate *rate);
void rate_print(const struct cgg_rate *rate, char text[CGG_NET_TEXT]);

#endif
