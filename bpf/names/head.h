/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* head.h - the head of a message. */
#ifndef CGG_NAMES_HEAD_H
#define CGG_NAMES_HEAD_H

#include "maps.h"

struct message {
	__u16 id, flags, questions, answers, authority, additional;
};
#define IS_ANSWER 0x8000 /* in flags, in host order */
#define OPERATION 0x7800
#define TRUNCATED 0x0200
#define CODE 0x000f

#define RAW 256 /* bytes of a question that are read */
#define CLASS_INTERNET 1

#endif
