/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What of closed books the user has to be warned of. */

#include "collector/run/run_internal.h"

/** Lanes of the plan that never had a thread. */
void run_check_lanes(struct run *run);

/** Off-CPU stacks that do not cover what the books say. */
void run_check_offcpu(struct run *run);

/** What was lost, reconstructed or garbled on its way, and threads that should have been lanes. */
void run_check_losses(struct run *run);
