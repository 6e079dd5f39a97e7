/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgg.h - the whole library; each folder has a header, and includes those before it.
 *
 * The library prints nothing and never exits. A function that returns int gives
 * 0, or the exit status that the refusal deserves (enum cgg_status) with its
 * sentence in cgg_error. A struct cgg_guard owns what it maps and opens until
 * guard_close(); nothing else is to be freed but rules, by rules_free().
 */
#ifndef CGG_H
#define CGG_H

#include "util/util.h"
#include "words/words.h"
#include "host/host.h"
#include "sandbox/sandbox.h"
#include "index/index.h"
#include "files/files.h"
#include "pins/pins.h"
#include "guard/guard.h"
#include "events/events.h"
#include "learn/learn.h"

#endif
