/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The counters of the lanes. */

#include "collector/run/run_internal.h"

/** Read the counters, once, when the last phase ends. */
void run_take_counters(struct run *run);

/**
 * After probe_set_finish(): what the probes themselves counted of all of a lane's threads, from its
 * first instant on, is better than what was read of the one that counters were opened for.
 */
void run_count_lanes(struct run *run);
