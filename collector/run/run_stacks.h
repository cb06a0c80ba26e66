/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** How call stacks of a run's samples were walked, module by module, and why they end. */

#include "collector/run/run_internal.h"

/** From now on the code that lookups call @module, which is interned, is walked that way. */
void run_stacks_way(struct run *run, enum stack_side side, const char *module, enum unwind_way way);

/** Count the stacks of the guest's code in @e. */
void run_stacks_count_guest(struct run *run, const struct profile_entry *e);

/** Count the host's, when all samples are there. */
void run_stacks_close(struct run *run);
