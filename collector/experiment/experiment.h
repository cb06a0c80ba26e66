/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** An experiment: all runs of a command line, from the check of what they need to the report. */

#include <signal.h>

#include "collector/machine/topology.h"
#include "collector/options/options.h"
#include "common/error.h"

/** What goes on with an experiment: "collector --resume" where runs of its plan are left, "report" if only the report is missing. */
struct experiment_next {
	char *folder; /**< malloced, the last argument */
	const char *program;
};

/**
 * Measure. Progress goes to standard error, the summary to standard output. Returns the exit status
 * (enum exit_status) where the experiment was made, even if runs failed; a negative errno with a
 * message where it could not begin or not go on. What @o leaves open (seed, cores) is filled in,
 * and with --resume all that the experiment's plan says. *ret_next is what
 * is left to be done, where there is something; it is not touched else.
 */
int experiment_measure(struct options *o, const struct topology *topology, char **argv,
	const volatile sig_atomic_t *interrupted, struct experiment_next *ret_next,
	struct error *error);

/** Print every run in order with its exact command line, and start nothing. 0 or a negative errno.
 */
int experiment_dry_run(struct options *o, const struct topology *topology, struct error *error);
