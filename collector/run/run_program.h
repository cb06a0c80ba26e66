/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * A program of the user's own, which need not know of us: it has one phase, "run", from its exec to
 * the end of its process. Natively and in containers the probes see both, and lanes are the CPUs
 * that it was given; in virtual machines our init says when, and lanes are vCPUs. If the program
 * turns out to write markers, what was "run" so far becomes part of the boot, and all is as with
 * mandelbrot: phases by its markers, lanes by its workers' names.
 */

#include "collector/run/run_internal.h"

#define PROGRAM_PHASE "run"

/** Ask for what the probes have to do, before they are opened. */
struct probe_options;
void run_program_prepare(struct run *run, struct probe_options *options);

/** Has the program begun or ended meanwhile? Whenever something was read. */
void run_program_look(struct run *run);

/** A phase begins by a marker: @by is who says so, or NULL, the program itself. */
void run_program_marked(struct run *run, const char *by);

/** Could its lanes be what they are to be? -EINVAL with a message if not; after the run. */
int run_program_verdict(const struct run *run, struct error *error);

/** The probes' lanes are the CPUs, not the workers. */
bool run_lanes_are_cpus(const struct run *run);

/** The probes' record of a lane. */
const struct lane_record *run_lane(const struct run *run, unsigned lane);

/** Which lane of the run a lane of the probes' is, or PROBE_LANE_NONE. */
int run_lane_of(const struct run *run, int probes_lane);
