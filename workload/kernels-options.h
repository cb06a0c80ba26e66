/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The command line of kernels. */

#include <stdbool.h>
#include <stdio.h>

#include "common/error.h"
#include "workload/flags.h"
#include "workload/kernels.h"

struct kernels_options {
	enum options_action action;
	const struct kernel *kernel;
	enum kernel_class class;
	unsigned cores; /**< 0: all that the program may use */
	const struct schedule *schedule;
	const char *pin;  /**< as in struct options */
	bool markers;     /**< write marker lines */
	bool rows;        /**< not heeded: there are no rows */
	const char *file; /**< not heeded: there is no picture */
};

/** Read the command line; as options_parse() does. */
int kernels_options_parse(int argc, char **argv, struct kernels_options *ret, struct error *error);

/** Write the help text. */
void kernels_options_help(FILE *to);
