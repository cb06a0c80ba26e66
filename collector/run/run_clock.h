/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The counter that the program's clock is made of, on the host's clock: read beside each other while the run goes on. */

#include "collector/run/run_internal.h"

/** Compare the two clocks of this machine, if that was not done just now. To be called often. */
void run_clock_look(struct run *run);

/** While the guest still runs, and before: by how much its counters differ from the host's. To be called at its
 * phases' begins and at the end. */
void run_clock_guest(struct run *run);

/** Lay the lines: r->clocks. */
void run_clock_close(struct run *run);
