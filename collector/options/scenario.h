/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** What the workload is told to do. */

#include <stddef.h>
#include <stdint.h>

struct scenario {
	const char *name;
	const char *title;
	const char *const *arguments; /**< NULL-ended */
	const char *program;          /**< one of ours: workload/ */
};

/** All scenarios, ended by a NULL name. */
extern const struct scenario scenario_table[];

/** The scenario of that name, or NULL. */
const struct scenario *scenario_find(const char *name);

/**
 * The memory that mandelbrot needs with these @arguments, bytes: the RGBA raster and, in a guest
 * whose files live in memory, the picture. Options it does not know are passed over; absurd sizes
 * give UINT64_MAX.
 */
uint64_t scenario_memory(char *const *arguments);
