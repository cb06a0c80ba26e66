/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Which runs, in which order: randomised complete blocks. Every configuration (a stack on a number
 * of cores, in a variant) is measured once in each block, in an order shuffled by the seed, so that drift of the
 * machine hits all configurations alike. Before the first block come the warm-ups, which are
 * measured but not counted: they fill the caches that the first run of a stack would have to.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/run/run.h"

struct plan {
	struct run_request *runs;
	size_t n;
};

/** A configuration: one for each guest, number of cores and variant. */
struct plan_configuration {
	const struct guest_ops *ops;
	enum accel accel;
	unsigned lanes;
	const struct placement *placement;
	const char *variant; /**< its name; NULL: there are none */
};

struct plan_request {
	const struct plan_configuration *configurations;
	size_t n_configurations;
	unsigned repeat; /**< blocks */
	unsigned
		warmup; /**< warm-ups of each stack and variant, on the most lanes that it is measured on */
	bool aa; /**< A/A control: each configuration is two, labelled "a" and "b" */
	uint64_t seed;
	unsigned shard, shards; /**< blocks shard, shard + shards, ... only; @shards 0: all */
};

/**
 * Make the plan. Runs are numbered (id, position) over the whole of it, so that a run has the same
 * number in whichever shard it is; only the warm-ups are every shard's own. -ENOMEM.
 */
int plan_make(struct plan *ret, const struct plan_request *request);

void plan_done(struct plan *p);
