/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * subject.h - the part of an event that is passed from a hook to the rings.
 *
 * A hook fills in the fields of its operation, as in struct cgg_event but without the bytes of a
 * name. report() fills in the rest. It lies on the stack, which is small. So texts, the process and
 * its user are written directly into the record.
 */
#ifndef CGG_SUBJECT_H
#define CGG_SUBJECT_H

#include "cgguard.h"

union cgg_subject {
	struct {
		__u64 time;
		__u32 rule;
		__u8 verdict;
		__u8 program;
		__u16 place; /* of the policy */
		__u32 label; /* where the rule's name is: as in struct cgg_decision */
		__u8 index;
		__u8 image;
		__u16 buffer; /* with the name of a question of DNS */
		union {
#if defined(CGG_NAMED)
			struct {
				__u8 write;
				__u8 zero[3];
				__u32 len;
			} named;
			__u64 words[1];
#else
			struct cgg_event_net net;
			struct cgg_event_device device;
			struct cgg_event_socket socket;
			struct cgg_event_sockopt sockopt;
			__u64 words[6];
#endif
		};
	};
};

#endif
