/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The guest's own scheduler during a run: what of it is kept. */

#include "collector/run/run_internal.h"

/**
 * The last phase that is known has just begun, or, if @end, has just ended: read what the guest's threads are
 * and have done so far. It takes a millisecond or so. Nothing is kept while it is not known where they are.
 */
void run_sched_take(struct run *run, bool end);

/**
 * Within a phase: look at the guest's threads if it is time to. How long that is until the next look, ms; INT_MAX: there
 * is none to come.
 */
int run_sched_glance(struct run *run);

/** A sample of the phase @phase: what it saw of the guest's run queues. */
void run_sched_sample(struct run *run, const struct record_sample *s, unsigned phase);

/** The run is over: what the probes have summed up. */
void run_sched_close(struct run *run);
