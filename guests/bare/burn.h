/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * The calibrator: instead of rendering, burn time in functions with known names, in known shares,
 * in stacks of known depth, on known vCPUs, as known threads. What a profiler finds can be held
 * against that. See docs/bare.md for the options and the markers.
 */

#include <stdbool.h>

/** Does the command line ask for it (-burn or -crash)? */
bool burn_wanted(int argc, char **argv);

/** Let the kernel take as long for its boot as the command line asks for (-wait-kernel). */
void burn_wait_kernel(int argc, char **argv);

/** Do it, report it. Returns the exit status: 0, 1 (failed), 2 (wrong usage). */
int burn_main(int argc, char **argv);
