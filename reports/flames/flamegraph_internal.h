/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/** How the frames of a flame graph are coloured, and what is said of each. */

#include <stdio.h>

#include "reports/flames/flamegraph.h"

/** A colour, and a texture that says the same without it. */
struct flame_color {
	const char *class;
	const char *color;
	const char *texture; /**< markup in a square of 8 */
	const char *legend;  /**< NULL: its neighbour's says it */
};

/** Room for what stands before a frame's name. */
#define FLAME_SIGN 24

struct flame_look {
	const struct flame_color *colors;
	size_t n_colors;
	bool whole_legend;  /**< else of the colours that there are */
	double legend_step; /**< px from a colour to its name */
	size_t frame_bytes; /**< as measured: what a frame takes beside its names */

	/** Which of the colours the frame has; @sign, empty so far: what stands before its name. */
	size_t (*color)(const struct stack_tree *tree, const struct stack_node *node,
		const struct flamegraph_options *options, char sign[FLAME_SIGN]);

	/** What is said of it below its name. */
	void (*title)(const struct stack_tree *tree, const struct stack_node *node,
		const struct flamegraph_options *options, FILE *out);
};

/** By side: host and guest, kernel and program. */
extern const struct flame_look flame_look_sides;

/** By change from A to B: what takes longer in B is red, marked "+" and says so in its text; what
 * takes less is blue and marked "-"; grey is what the sampling alone may explain. */
extern const struct flame_look flame_look_change;
