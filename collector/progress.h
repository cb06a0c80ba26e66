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

#include "collector/run.h"

struct progress {
	size_t total;
	size_t done;
	uint64_t begin_ns;
	bool terminal;
};

void progress_begin(struct progress *p, size_t total);

/** A run is about to start. */
void progress_run(struct progress *p, const struct run_request *request);

/** The probes watch a process that ran already; from now on it may be let go. */
void progress_attached(pid_t pid, const struct run_request *request);

/** It is over. */
void progress_done(
	struct progress *p, const struct run_request *request, const struct run_result *result);
