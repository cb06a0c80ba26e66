/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * When an experiment with --until has runs enough: looks at the planned numbers of blocks whether
 * all intervals are as narrow as was asked for (common/until.h has the statistics), notes each look
 * in the store, and says when one of the bounds comes first. What it decides depends on the runs'
 * times alone, but for --max-time: an experiment that goes on decides the same.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/experiment/plan.h"
#include "collector/options/options.h"
#include "collector/run/run.h"
#include "common/until.h"

/** Why there are no more blocks. */
enum stopping_end {
	STOPPING_NOT,
	STOPPING_REACHED,
	STOPPING_RUNS, /**< --max-runs */
	STOPPING_TIME, /**< --max-time */
};

struct stopping {
	const struct options *o; /**< o->until.share 0: nothing is asked, and nothing stops */
	const struct run_request *runs;
	size_t n_runs;    /**< of the plan */
	size_t n_samples; /**< configurations, an A/A control's halves apart */
	struct until_sample *samples;
	size_t *runs_of; /**< of each configuration, one of its runs */
	unsigned looks[UNTIL_LOOKS_MAX];
	size_t n_looks, n_levels; /**< planned; and with that which --max-time may add */
	unsigned blocks;          /**< that are whole */
	double width;             /**< after the last of them, of the widest */
	char widest[320];         /**< what that is of: "native on 2 cores" */
	json_t *done;             /**< looks so far */
	enum stopping_end end;
	uint64_t begin_ns;
	unsigned first_block; /**< that was measured since then; 0: none yet */
};

/**
 * Begin, before the first run. Borrows options and plan. A comparison of what is not in the plan is
 * a user error, -EINVAL; -ENOMEM.
 */
int stopping_begin(
	struct stopping *s, const struct options *o, const struct plan *plan, struct error *error);

/** A run of the plan is in the store: its time, NAN where it failed; @fresh: it was measured now. */
void stopping_add(struct stopping *s, const struct run_request *request, double ns, bool fresh);

/** @request is in the store. Where it ends a block: look, if that is planned. True: that was a look, or the end. */
bool stopping_look(struct stopping *s, const struct run_request *request);

/** All of it for the store's key "until"; a new reference, NULL if out of memory. */
json_t *stopping_record(const struct stopping *s);

/** How many runs there will be, if the intervals go on to become narrower as they do. */
size_t stopping_expected(const struct stopping *s);

void stopping_done(struct stopping *s);
