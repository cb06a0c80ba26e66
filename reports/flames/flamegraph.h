/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/**
 * Flame graphs as interactive SVG: root at the bottom, width is time, rows are frames in order of
 * calls, siblings in order of names. The drawing is complete without its script.
 *
 * A tree of two sides makes a differential flame graph: times are means per run, and every run does
 * the same work; what is gone in one side stays visible.
 */

#include <stdbool.h>
#include <stdio.h>

#include "reports/flames/stack_tree.h"

#define FLAMEGRAPH_NARROWEST_PX 0.1

struct flamegraph_options {
	const char *id; /**< unique in its document: [A-Za-z][A-Za-z0-9-]* */
	const char *title;
	const char *subtitle; /**< what was measured, in which runs */
	double narrowest_px;  /**< narrower frames are left out; 0: FLAMEGRAPH_NARROWEST_PX */
	const char *count_of; /**< what the samples' counts count: "samples", "intervals" */
	const char *names[TREE_SIDES]; /**< of two sides, for people: "native", "osv" */
	bool sampled; /**< of two sides: times are by sampling, and have its error; else measured */
	bool standalone; /**< a file of its own, with style and script; else for flamegraph_assets()
			  */
};

/** Draw @tree. Frames that are too narrow are left out and counted. 0, -EIO or -ENOMEM. */
int flamegraph_write(
	const struct stack_tree *tree, const struct flamegraph_options *options, FILE *out);

/** About how many bytes of a page the drawing takes. */
size_t flamegraph_bytes(const struct stack_tree *tree, double narrowest_px);

/** Where each node begins, from the left edge, in the unit of their widths. Malloced; NULL: no memory. */
double *flamegraph_starts(const struct stack_tree *tree);

/** The colour of a frame in a graph of one side, #rrggbb, and what it stands for. */
const char *frame_color(const struct stack_node *node, const char **ret_meaning);

/** As in the store's frame.side; and the class of its frames in a drawing. */
const char *frame_side_word(enum frame_side side);
const char *frame_side_class(enum frame_side side);

/** What a side is called, for people: "guest kernel". */
const char *frame_side_title(enum frame_side side);

/** The style sheet that graphs inlined in a page need once. Without its <style> tag. */
const char *flamegraph_style(void);

/** The script, likewise. */
const char *flamegraph_script(void);
