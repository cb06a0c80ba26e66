/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The probes of a run: how they are opened for its stack, and when their books begin and end. */

#include "collector/run/run_internal.h"

/** Load the probes, gate closed. */
int run_open_probes(struct run *run, struct error *error);

/** The gate opens, the first phase begins. */
void run_begin(struct run *run, const char *phase);

/** The books end now (@end_ns) or at the latest published boundary; idempotent. */
void run_finish_probes(struct run *run, uint64_t end_ns);
