/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What a stack knows of its own boot: which steps it takes, and what outside tells where each ends.
 * Static data of the stack's file (guest_ops.boot).
 */

#include <stddef.h>

#include "common/boot_step.h"

/** A line of the console that says that a step is over. */
struct guest_boot_line {
	enum boot_step ends;
	const char *text; /**< is anywhere in the line */
};

struct guest_boot {
	enum boot_step steps[BOOT_STEP_COUNT]; /**< in order of time; the last is BOOT_PROGRAM */
	size_t n_steps;
	const struct guest_boot_line *lines; /**< of the console; may be NULL */
	size_t n_lines;
	/** VMs: the emulator's function that executes guest code, by its name in the ELF. */
	const char *emulation;
	/** Containers: what the process is called that watches one container (15 characters). */
	const char *monitor;
};
