/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The collector's command line. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/scenario.h"
#include "common/error.h"
#include "guests/guest.h"

#define OPTIONS_LIST_MAX 64

enum exit_status {
	EXIT_ALL_MEASURED = 0,
	EXIT_RUN_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_MISSING = 3,
	EXIT_INTERRUPTED = 130,
};

enum action {
	ACTION_MEASURE,
	ACTION_DRY_RUN,
	ACTION_DOCTOR,
	ACTION_LIST_GUESTS,
	ACTION_LIST_COUNTERS,
};

struct options {
	enum action action;
	const struct guest_ops *guests[OPTIONS_LIST_MAX];
	size_t n_guests;
	unsigned cores[OPTIONS_LIST_MAX]; /**< empty: all of the machine */
	size_t n_cores;
	const struct scenario *scenario;
	unsigned repeat;
	enum accel accel;
	const char *program; /**< the workload, or NULL: searched */
	const char *kernel;
	const char *symbols;
	const char *disk;
	bool oncpu, offcpu;
	bool count;
	const char *counters; /**< or NULL: the default set */
	unsigned frequency_hz;
	const char *pin;
	bool has_seed;
	uint64_t seed;
	unsigned timeout_s;
	const char *output;    /**< or NULL: made from the time */
	char **container_args; /**< NULL-ended, or NULL */
	size_t n_container_args;
	bool exact_split;
	bool boot_only; /**< a run is over at the first marker */
	pid_t attach;   /**< or 0 */
	bool json;
	char **arguments; /**< of the workload: after "--", or the scenario's; NULL-ended */
	bool own_arguments;
};

/**
 * Parse. Prints --help and --version itself and exits, as argp does. Mistakes: -EINVAL with a
 * message marked as the user's.
 */
int options_parse(int argc, char **argv, struct options *ret, struct error *error);

void options_done(struct options *o);
