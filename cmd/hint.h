/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hint.h - hint.c, of cgg-rule and cgg-set. */
#ifndef HINT_H
#define HINT_H

#include "cmd.h"

const char *subcommand_hint(const char *typed, bool set); /* "; write ...", or "" */
_Noreturn void option_refuse(const char *typed, bool set);

#endif
