/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The gate opens, and phases begin. A phase is published to the programs a moment before it begins. A
 * boundary that came too late to be seen by all of them divides nothing: what lies between it and the
 * next one is a part of the phase before. User space keeps which part is of which phase.
 */

#include <stdint.h>

#include "collector/probes/probe_set.h"

/** Open the gate: phase 0 and all lanes begin now. Returns that instant, CLOCK_MONOTONIC ns. */
uint64_t probe_set_start(struct probe_set *p);

/**
 * A new phase begins a moment from now; returns the instant (ns), or 0 if there are too many
 * phases. The books are split exactly there.
 */
uint64_t probe_set_phase(struct probe_set *p);

/** The program that is watched has begun phase 1. */
void probe_set_begin_program(struct probe_set *p);

/**
 * It turns out to mark its phases, and name its workers, itself: all so far is phase 0, lanes are
 * threads from now on, and it is the caller who ends the books.
 */
void probe_set_leave_program(struct probe_set *p);
