/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Flame graphs as interactive SVG: root at the bottom, width is time, rows are frames in order of
 * calls, siblings in order of names. The drawing is complete without its script.
 */

#include <stdbool.h>
#include <stdio.h>

#include "reports/stack_tree.h"

struct flamegraph_options {
	const char *id; /**< unique in its document: [A-Za-z][A-Za-z0-9-]* */
	const char *title;
	const char *subtitle; /**< what was measured, in which runs */
	const char *count_of; /**< what the samples' counts count: "samples", "intervals" */
	bool standalone; /**< a file of its own, with style and script; else for flamegraph_assets()
			  */
};

/** Draw @tree. Frames narrower than 0.1 px are left out and counted. 0, -EIO or -ENOMEM. */
int flamegraph_write(
	const struct stack_tree *tree, const struct flamegraph_options *options, FILE *out);

/** The style sheet that graphs inlined in a page need once. Without its <style> tag. */
const char *flamegraph_style(void);

/** The script, likewise. */
const char *flamegraph_script(void);
