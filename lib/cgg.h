/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgg.h - includes the whole library, one header for each folder, in the order of dependencies.
 *
 * The library prints nothing and never exits. A function that returns int returns 0, or an exit
 * status (enum cgg_status) with the error in cgg_error, unless its comment says otherwise. A
 * struct cgg_guard owns its maps and descriptors until guard_close(). Callers free rules with
 * rules_free(), and other results where the comment says so.
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
#include "sets/sets.h"
#include "guard/guard.h"
#include "sockets/sockets.h"
#include "events/events.h"
#include "learn/learn.h"

#endif
