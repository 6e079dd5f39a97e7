/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sockets.h - functions of cgg-sockets and of --cut. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include "../lib/cgg.h"

#define SOCKET_END (CGG_NET_TEXT + 16)
void end_print(const struct cgg_end *end, char text[SOCKET_END]);
int sockets_cut_print(struct cgg_guard *guard, int place, const __u64 *targets, size_t count,
		      bool verbose);
void socket_print(FILE *to, const struct cgg_sockets *all, const struct cgg_socket *s);

#endif
