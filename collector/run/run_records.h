/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the probes report while a run lasts. */

#include "collector/probes/probe_set.h"
#include "collector/run/run_internal.h"

/** Thread @tid is lane @lane: it is counted from now on. */
void run_lane_thread(struct run *run, int lane, pid_t tgid, pid_t tid);

/** The probes' callbacks, for @run. */
struct probe_callbacks run_callbacks(struct run *run);

/** The sums of exits become the result's. */
void run_take_exits(struct run *run);
