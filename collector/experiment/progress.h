/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * What the user sees on standard error while an experiment runs: one line that is written over on a
 * terminal, a plain line for each run elsewhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/experiment/stopping.h"
#include "collector/run/run.h"

struct progress {
	size_t total;
	size_t done;
	size_t timed;     /**< of these, by us: the others were before we went on */
	uint64_t runs_ns; /**< how long those took */
	uint64_t run_begin_ns;
	unsigned rest_s;
	bool resting; /**< the rest before the next run is still to come, or not over */
	bool terminal;
	char aim[160]; /**< with --until: how far that is; else "" */
};

/** @done of @total runs are there already; between two is a rest of @rest_s. */
void progress_begin(struct progress *p, size_t total, size_t done, unsigned rest_s);

/**
 * With --until: so far that is, after the runs so far; @looked: they were looked at, which is told
 * in a line of its own.
 */
void progress_aim(struct progress *p, const struct stopping *s, bool looked);

/** The rest before the next run goes on for @seconds. */
void progress_rest(struct progress *p, uint64_t seconds);

/** A run is about to start. */
void progress_run(struct progress *p, const struct run_request *request);

/** For struct run_settings: the probes watch a process that ran already. */
void progress_attached(const char *what, const struct run_request *request, unsigned seconds);

/** For struct debug_servers: the debug file of @path is waited for. */
void progress_fetching(const char *path, uint64_t done_bytes, uint64_t all_bytes);

/** The experiment ends before its last run: what stands on the terminal's line is erased. */
void progress_stop(const struct progress *p);

/** It is over. */
void progress_done(
	struct progress *p, const struct run_request *request, const struct run_result *result);
