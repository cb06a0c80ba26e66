/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Which runs, in which order: randomised complete blocks. Every cell (a stack on a number of cores)
 * is measured once in each block, in an order shuffled by the seed, so that drift of the machine
 * hits all cells alike.
 */

#include <stddef.h>
#include <stdint.h>

#include "collector/run.h"

struct plan {
	struct run_request *runs;
	size_t n;
};

/** One cell for each guest and number of cores. */
struct plan_cell {
	const struct guest_ops *ops;
	enum accel accel;
	unsigned lanes;
	const struct placement *placement;
};

/** @repeat blocks of @cells. -ENOMEM. */
int plan_make(struct plan *ret, const struct plan_cell *cells, size_t n_cells, unsigned repeat,
	uint64_t seed);

void plan_done(struct plan *p);
