/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** The command line of mandelbrot: gobrot's options in Go's manner, and a few of our own. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "workload/flags.h"
#include "workload/palette.h"
#include "workload/runtime.h"

struct options {
	enum options_action action;
	unsigned cores; /**< 0: all that the program may use */
	int64_t width, height, smoothness, iteration;
	double radius, xpos, ypos, step;
	const struct palette *palette;
	const char *file; /**< points into argv; NULL: no picture is written */
	const struct schedule *schedule;
	const char *pin; /**< where workers are bound: "cores", "none", or a list of PUs */
	bool sha256;     /**< print the raster's SHA-256 */
	bool markers;    /**< write marker lines */
	bool rows;       /**< and in them what each row did */
};

/**
 * Read the command line. On success width and height are those of the raster (smoothness is
 * multiplied in), at most 1,000,000 each. -EINVAL or -ERANGE with a message; ret->markers is set
 * then if the command line asks for markers anywhere, so that a host can be told of the failure.
 */
int options_parse(int argc, char **argv, struct options *ret, struct error *error);

/** Write the help text. */
void options_help(FILE *to);
