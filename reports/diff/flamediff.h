/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Differential flame graphs: two cells in one drawing. Each frame is as wide as the larger of both
 * sides (diff_tree.h), so that what is gone stays visible; times are means per run, and every run
 * does the same work. What takes longer in B is red, marked "+" and says so in its text; what takes
 * less is blue and marked "-"; grey is what the sampling alone may explain. It zooms and searches
 * as flamegraph.h's do, with the same style and script.
 */

#include <stdbool.h>
#include <stdio.h>

#include "reports/diff/diff_tree.h"

struct flamediff_options {
	const char *id; /**< unique in its document: [A-Za-z][A-Za-z0-9-]* */
	const char *title;
	const char *subtitle;
	const char *names[DIFF_SIDES]; /**< of both sides, for people: "native", "osv" */
	double narrowest_px; /**< narrower frames are left out; 0: FLAMEGRAPH_NARROWEST_PX */
	bool sampled;    /**< times are by sampling, and have its error; else they are measured */
	bool standalone; /**< a file of its own; else it needs flamegraph_style() and _script() */
};

/** About how many bytes of a page the drawing takes. */
size_t flamediff_bytes(const struct diff_tree *tree, double narrowest_px);

/** Draw @tree. 0, -EIO or -ENOMEM. */
int flamediff_write(
	const struct diff_tree *tree, const struct flamediff_options *options, FILE *out);
