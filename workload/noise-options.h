/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The command line of noise. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "workload/flags.h"
#include "workload/noise.h"

struct noise_options {
	enum options_action action;
	const struct noise_kernel *kernel;
	unsigned cores;      /**< 0: all that the program may use */
	double seconds;      /**< how long it measures */
	double quantum_us;   /**< of fixed quanta */
	int64_t quanta;      /**< how many, on each worker; 0: as many as fit into seconds */
	int64_t records;     /**< detours that each worker keeps at most */
	double threshold_us; /**< of detours; 0: measured */
	const char *pin;     /**< as in struct options */
	bool markers;        /**< write marker lines */
	bool rows;           /**< not heeded: there are no rows */
	const char *file;    /**< not heeded: there is no picture */
};

/** Read the command line; as options_parse() does. */
int noise_options_parse(int argc, char **argv, struct noise_options *ret, struct error *error);

/** Write the help text. */
void noise_options_help(FILE *to);
