/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgguard.h - the structures of all maps that programs and commands share.
 *
 * If you change one, raise CGG_LAYOUT: commands refuse a guard of another layout. Numbers are in
 * host byte order and times are nanoseconds of CLOCK_BOOTTIME unless a comment says otherwise.
 */
#ifndef CGGUARD_H
#define CGGUARD_H

#include "contract/limits.h"
#include "contract/hooks.h"
#include "contract/query.h"
#include "contract/rule.h"
#include "contract/refs.h"
#include "contract/index.h"
#include "contract/names.h"
#include "contract/hash.h"
#include "contract/sets.h"
#include "contract/policy.h"
#include "contract/bucket.h"
#include "contract/event.h"
#include "contract/datagrams.h"
#include "contract/ring.h"

#endif
