/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** From the stack's start to its end: what it says, and why it ended. */

#include "collector/run/run_internal.h"

/** Read the console and the probes until the stack's first process ends, or its time is over. */
void run_watch(struct run *run);

/** Once it was reaped: if the run failed, why. */
void run_explain_end(struct run *run);
